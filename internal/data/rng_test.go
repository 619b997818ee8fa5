package data

import (
	"math"
	"slices"
	"testing"
)

func TestRandIsAFunctionOfItsKey(t *testing.T) {
	first := newRand(1, 2, 3).Uint64()
	if newRand(1, 2, 3).Uint64() != first {
		t.Fatal("the same key gives another number")
	}
	seen := map[uint64][]uint64{}
	for _, key := range [][]uint64{{1, 2, 3}, {3, 2, 1}, {1, 2}, {1, 2, 3, 0}, {0, 1, 2, 3}, {}, {0}, {0, 0}, {1, 2, 4}} {
		v := newRand(key...).Uint64()
		if other, ok := seen[v]; ok {
			t.Fatalf("keys %v and %v give the same number", key, other)
		}
		seen[v] = key
	}
}

func TestRandIsUniform(t *testing.T) {
	r := newRand(9)
	const n, bins = 70000, 7
	var count [bins]int
	sum := 0.0
	for range n {
		count[r.Intn(bins)]++
		v := r.Uniform(-1, 3)
		if v < -1 || v >= 3 {
			t.Fatalf("%g is outside [-1,3)", v)
		}
		sum += v
	}
	for k, c := range count {
		if math.Abs(float64(c)-n/bins) > 500 { // five standard deviations
			t.Errorf("%d came %d times of %d, expected %d", k, c, n, n/bins)
		}
	}
	// With 3·2^61 a quarter of the draws is rejected; the rest must stay even.
	var third [3]int
	for range n {
		third[r.Intn(3<<61)>>61]++
	}
	for k, c := range third {
		if math.Abs(float64(c)-n/3) > 650 {
			t.Errorf("third %d came %d times of %d", k, c, n)
		}
	}
	if mean := sum / n; math.Abs(mean-1) > 0.025 {
		t.Errorf("mean %g, expected 1", mean)
	}
}

func TestPermAndChoose(t *testing.T) {
	p := newRand(4).Perm(50)
	if slices.IsSorted(p) {
		t.Error("the order was not changed")
	}
	for i, v := range slices.Sorted(slices.Values(p)) {
		if v != i {
			t.Fatalf("not a permutation: %v", p)
		}
	}
	images := []int{2, 4, 6, 8}
	firsts := map[int]int{}
	for key := range uint64(400) {
		got := choose(newRand(key), images, 6, 3)
		firsts[got[0]]++
		if s := slices.Sorted(slices.Values(got)); !slices.Equal(s, []int{2, 4, 8}) {
			t.Fatalf("3 supports of %v but 6: %v", images, got)
		}
	}
	for _, i := range []int{2, 4, 8} {
		if firsts[i] < 90 {
			t.Errorf("%d was drawn first %d times of 400", i, firsts[i])
		}
	}
	if !slices.Equal(images, []int{2, 4, 6, 8}) {
		t.Error("choose changed the index")
	}
}
