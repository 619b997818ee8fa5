package metric

import (
	"errors"
	"math/rand/v2"
	"reflect"
	"testing"
)

// TestCombine: parts that are combined have the scores of the whole, to the last bit.
func TestCombine(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	draw := func(n int) []uint8 {
		v := make([]uint8, 40)
		for i := range v {
			v[i] = uint8(rng.IntN(n))
		}
		return v
	}
	classes := []int{7, 3, 9, 4} // 9 and 4 in one part alone, 4 in none
	whole, parts := New(classes), []*IoU{New(classes), New(classes)}
	semantic, halves := NewSemantic(5), []*Confusion{NewSemantic(5), NewSemantic(5)}
	general, sides := NewGeneralized(3, classes), []*Generalized{NewGeneralized(3, classes), NewGeneralized(3, classes)}
	for i, class := range []int{7, 3, 3, 7, 9, 7} {
		pred, label := draw(2), draw(2)
		whole.Add(class, pred, label)
		parts[i%2].Add(class, pred, label)
		pred, label = draw(5), draw(5)
		semantic.Add(pred, label)
		halves[i%2].Add(pred, label)
		general.Add(class, pred, label)
		sides[i%2].Add(class, pred, label)
	}
	combine(t, parts[0].Combine, parts[1].Combine)
	combine(t, halves[0].Combine, halves[1].Combine)
	combine(t, sides[0].Combine, sides[1].Combine)
	for i := range 2 {
		if !reflect.DeepEqual(parts[i], whole) || !reflect.DeepEqual(halves[i], semantic) || !reflect.DeepEqual(sides[i], general) {
			t.Errorf("part %d is not the whole after all parts were combined", i)
		}
	}
	gone := errors.New("gone")
	if err := whole.Combine(func([]int64) error { return gone }); !errors.Is(err, gone) {
		t.Error(err)
	}
}

// combine runs two accumulators side by side, each with the sums of both.
func combine(t *testing.T, a, b func(Sum) error) {
	t.Helper()
	mine, sums := make(chan []int64), make(chan []int64)
	errs := make(chan error)
	go func() {
		errs <- a(func(v []int64) error {
			mine <- append([]int64(nil), v...)
			copy(v, <-sums)
			return nil
		})
	}()
	err := b(func(v []int64) error {
		other := <-mine
		for i := range v {
			v[i] += other[i]
		}
		sums <- append([]int64(nil), v...)
		return nil
	})
	if err := errors.Join(err, <-errs); err != nil {
		t.Fatal(err)
	}
}
