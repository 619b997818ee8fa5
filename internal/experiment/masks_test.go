package experiment

import (
	"errors"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"

	"hdmnet/internal/config"
	"hdmnet/internal/data"
	"hdmnet/internal/dist"
	"hdmnet/internal/dist/disttest"
)

// counting is a source that counts how often its masks are read.
type counting struct {
	data.SizedSource
	reads  *atomic.Int64
	broken int // the mask that cannot be read; −1: none
	short  int // pictures that are missing at the end
}

func (c *counting) Len() int { return c.SizedSource.Len() - c.short }

func (c *counting) LoadMask(i int) ([]uint8, error) {
	c.reads.Add(1)
	if i == c.broken {
		return nil, errors.New("mask 4: cut off")
	}
	return c.SizedSource.LoadMask(i)
}

// together calls f in three processes, with a set that reads masks together.
func together(t *testing.T, c *config.Config, f func(rank int, set *Dataset, src *counting)) (reads int64) {
	t.Helper()
	var n atomic.Int64
	disttest.Run(t, 3, func(link dist.Link) {
		set, err := Open(&c.Dataset, 0)
		if err != nil {
			t.Error(err)
			return
		}
		src, err := set.Source(data.Val, Monitor{})
		if err != nil {
			t.Error(err)
			return
		}
		set.ReadTogether(link)
		f(link.Place().Rank, set, &counting{src, &n, -1, 0})
	})
	return n.Load()
}

// TestReadTogether: processes read every mask once, and have the index of one that reads all.
func TestReadTogether(t *testing.T) {
	c := load(t, "shapes5i", "dataset.synth_val=23", "dataset.synth_size=64", "dataset.min_area=20")
	alone, err := Open(&c.Dataset, 0)
	if err != nil {
		t.Fatal(err)
	}
	src, err := alone.Source(data.Val, Monitor{})
	if err != nil {
		t.Fatal(err)
	}
	want, err := alone.Index(t.Context(), src, data.Val, Monitor{})
	if err != nil {
		t.Fatal(err)
	}
	reads := together(t, c, func(rank int, set *Dataset, src *counting) {
		last := 0
		m := Monitor{Progress: func(_, _ string, done, total int) {
			if last = done; done > total || total != 23 {
				t.Errorf("%d of %d", done, total)
			}
		}}
		if got, err := set.Index(t.Context(), src, data.Val, m); err != nil || !reflect.DeepEqual(got, want) || last < 21 {
			t.Errorf("process %d: %v, %+v, want %+v", rank, err, got, want)
		}
	})
	if reads != 23 {
		t.Errorf("%d masks of 23 were read", reads)
	}
}

// TestReadTogetherFails: a mask that one process cannot read, and another list, are errors in all.
func TestReadTogetherFails(t *testing.T) {
	c := load(t, "shapes5i", "dataset.synth_val=12", "dataset.synth_size=64", "dataset.min_area=20")
	index := func(set *Dataset, src *counting, want string) {
		if _, err := set.Index(t.Context(), src, data.Val, Monitor{}); err == nil || !strings.Contains(err.Error(), want) || !dist.Known(err) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	together(t, c, func(_ int, set *Dataset, src *counting) {
		src.broken = 4
		index(set, src, "mask 4: cut off")
	})
	together(t, c, func(rank int, set *Dataset, src *counting) {
		src.short = rank / 2
		index(set, src, "process 2 reads another list")
	})
}
