package dist

import (
	"errors"
	"maps"
	"math"
	"slices"
	"testing"
)

// beside is the group of this process and one other, which brings the same bytes that this
// one would with its values.
type beside struct {
	Solo
	other []byte
	err   error
}

func (beside) Place() Place { return Place{Size: 2, LocalSize: 2} }

func (b beside) Gather(mine []byte) ([][]byte, error) { return [][]byte{mine, b.other}, b.err }

// brought is what f brings to a Gather.
func brought(t *testing.T, f func(l Link) error) (b []byte) {
	t.Helper()
	spy := spy{got: &b}
	if err := f(spy); err != nil {
		t.Fatal(err)
	}
	return b
}

type spy struct {
	beside
	got *[]byte
}

func (s spy) Gather(mine []byte) ([][]byte, error) {
	*s.got = slices.Clone(mine)
	return [][]byte{mine, mine}, nil
}

func TestAny(t *testing.T) {
	for _, c := range []struct{ mine, other, want bool }{{false, false, false}, {true, false, true}, {false, true, true}, {true, true, true}} {
		other := brought(t, func(l Link) error { _, err := Any(l, c.other); return err })
		if got, err := Any(beside{other: other}, c.mine); got != c.want || err != nil {
			t.Errorf("Any(%v) beside %v = %v, %v", c.mine, c.other, got, err)
		}
	}
	if got, err := Any(Solo{}, true); !got || err != nil {
		t.Errorf("alone: %v, %v", got, err)
	}
	gone := errors.New("gone")
	if _, err := Any(beside{err: gone}, true); !errors.Is(err, gone) {
		t.Errorf("beside a process that has ended: %v", err)
	}
}

func TestSums(t *testing.T) {
	other := brought(t, func(l Link) error { return SumFloats(l, map[string]float64{"b": math.NaN(), "c": 0.25, "a": 1e300}) })
	v := map[string]float64{"c": 1, "a": 3, "b": 5}
	if err := SumFloats(beside{other: other}, v); err != nil || v["a"] != 1e300 || !math.IsNaN(v["b"]) || v["c"] != 1.25 {
		t.Errorf("SumFloats = %v, %v", v, err)
	}
	if err := SumFloats(beside{other: other}, map[string]float64{"a": 1}); err == nil {
		t.Error("sums of one and three values are no error")
	}
	other = brought(t, func(l Link) error { return SumInts(l, []int64{-1, 1 << 60}) })
	n := []int64{3, 1}
	if err := SumInts(beside{other: other}, n); err != nil || n[0] != 2 || n[1] != 1<<60+1 {
		t.Errorf("SumInts = %v, %v", n, err)
	}
	n = []int64{3, 1}
	if err := MaxInts(beside{other: other}, n); err != nil || n[0] != 3 || n[1] != 1<<60 {
		t.Errorf("MaxInts = %v, %v", n, err)
	}
	if err := SumInts(beside{other: other}, []int64{1}); err == nil {
		t.Error("sums of one and two values are no error")
	}
	alone := map[string]float64{"a": 0.1}
	if err := SumFloats(Solo{}, alone); err != nil || !maps.Equal(alone, map[string]float64{"a": 0.1}) {
		t.Errorf("alone: %v, %v", alone, err)
	}
}

// TestShard: the processes together take every position once, and the blocks that they
// take at a time follow each other.
func TestShard(t *testing.T) {
	for _, c := range []struct{ n, block, size int }{{23, 3, 2}, {8, 4, 1}, {5, 3, 2}, {12, 1, 3}, {2, 1, 4}, {25, 3, 4}} {
		var all []int
		for rank := range c.size {
			s := Shard{Rank: rank, Size: c.size, Block: c.block}
			for i := range s.Len(c.n) {
				p := s.Position(i)
				if round := p / (c.block * c.size); round != i/c.block {
					t.Errorf("%+v: position %d is taken in round %d", s, p, i/c.block)
				}
				all = append(all, p)
			}
		}
		slices.Sort(all)
		for i, p := range all {
			if p != i {
				t.Fatalf("%+v: the positions taken are %v", c, all)
			}
		}
		if len(all) != c.n {
			t.Errorf("%+v: %d positions are taken", c, len(all))
		}
	}
}
