package dist

import (
	"errors"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"hdmnet/internal/cpu"
	"hdmnet/internal/op"
)

// beside is the group of this process and one other, which brings the values other.
type beside struct {
	Solo
	dev   op.Device
	other []float32
	err   error
}

func (beside) Size() int { return 2 }

func (b beside) AllReduce(t op.Tensor) error {
	v := make([]float32, op.Len(t))
	b.dev.Download(v, t)
	if len(v) != len(b.other) {
		return errors.New("the processes make different calls")
	}
	for i := range v {
		v[i] += b.other[i]
	}
	b.dev.Upload(t, v)
	return b.err
}

func device(t *testing.T) op.Device {
	t.Helper()
	dev, err := cpu.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dev.Close() })
	return dev
}

func TestAny(t *testing.T) {
	dev := device(t)
	for _, c := range []struct {
		mine, want bool
		other      float32
	}{{false, false, 0}, {true, true, 0}, {false, true, 1}, {true, true, 1}} {
		if got, err := Any(beside{dev: dev, other: []float32{c.other}}, dev, c.mine); got != c.want || err != nil {
			t.Errorf("Any(%v) beside %v = %v, %v", c.mine, c.other, got, err)
		}
	}
	if got, err := Any(Solo{}, dev, true); !got || err != nil {
		t.Errorf("alone: %v, %v", got, err)
	}
	gone := errors.New("gone")
	if _, err := Any(beside{dev: dev, other: []float32{0}, err: gone}, dev, true); !errors.Is(err, gone) || !strings.Contains(err.Error(), "other processes") {
		t.Errorf("beside a process that has ended: %v", err)
	}
}

func TestMean(t *testing.T) {
	dev := device(t)
	nan := float32(math.NaN())
	v := map[string]float64{"c": 1, "a": 3, "b": 5} // in the order of names: 3, 5, 1
	if err := Mean(beside{dev: dev, other: []float32{1, nan, 0}}, dev, v); err != nil || v["a"] != 2 || !math.IsNaN(v["b"]) || v["c"] != 0.5 {
		t.Errorf("Mean = %v, %v", v, err)
	}
	alone := map[string]float64{"a": 0.1}
	if err := Mean(Solo{}, dev, alone); err != nil || !maps.Equal(alone, map[string]float64{"a": 0.1}) {
		t.Errorf("alone: %v, %v", alone, err)
	}
}

// TestShard: the processes together draw the epoch but its incomplete end, every sample
// once, and in each step neighboring batches.
func TestShard(t *testing.T) {
	for _, c := range []struct{ epoch, batch, size, want int }{{23, 3, 2, 9}, {8, 4, 1, 8}, {5, 3, 2, 0}, {12, 1, 3, 4}} {
		var all []int
		for rank := range c.size {
			s := Shard{Rank: rank, Size: c.size, Batch: c.batch}
			if s.Len(c.epoch) != c.want {
				t.Errorf("%+v: Len(%d) = %d, want %d", s, c.epoch, s.Len(c.epoch), c.want)
			}
			for i := range s.Len(c.epoch) {
				p := s.Position(i)
				if step := p / (c.batch * c.size); step != i/c.batch {
					t.Errorf("%+v: sample %d is of step %d", s, i, step)
				}
				all = append(all, p)
			}
		}
		slices.Sort(all)
		for i, p := range all {
			if p != i {
				t.Fatalf("%+v: the positions drawn are %v", c, all)
			}
		}
	}
}
