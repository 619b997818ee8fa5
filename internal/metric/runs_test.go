package metric

import (
	"math/rand/v2"
	"testing"

	"hdmnet/internal/labelmap"
)

// blobs are n labels in stretches of random lengths up to longest.
func blobs(rng *rand.Rand, n, longest int, values []uint8) []uint8 {
	var v []uint8
	for len(v) < n {
		value := values[rng.IntN(len(values))]
		for range 1 + rng.IntN(longest) {
			v = append(v, value)
		}
	}
	return v[:n]
}

// TestRuns: every pixel comes once, in order, in stretches as long as they can be.
func TestRuns(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for n := range 400 {
		longest := 1 + rng.IntN(40)
		pred, label := blobs(rng, n, longest, []uint8{0, 1}), blobs(rng, n, longest, []uint8{0, 1, labelmap.Ignore})
		next := 0
		runs(pred, label, func(at, count int) {
			if at != next || count < 1 {
				t.Fatalf("%d pixels: a stretch of %d at %d, want one at %d", n, count, at, next)
			}
			for i := at; i < at+count; i++ {
				if pred[i] != pred[at] || label[i] != label[at] {
					t.Fatalf("%d pixels: pixel %d is not as pixel %d", n, i, at)
				}
			}
			next = at + count
			if next < n && pred[next] == pred[at] && label[next] == label[at] {
				t.Fatalf("%d pixels: the stretch at %d ends before pixel %d, which is the same", n, at, next)
			}
		})
		if next != n {
			t.Fatalf("%d pixels: the stretches end at %d", n, next)
		}
	}
}

func BenchmarkAdd(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 2))
	const pixels = 375 * 500
	iou, confusion := New([]int{1}), NewSemantic(16)
	for _, c := range []struct {
		name    string
		longest int
	}{{"objects", 200}, {"noise", 1}} {
		pred, label := blobs(rng, pixels, c.longest, []uint8{0, 1}), blobs(rng, pixels, c.longest, []uint8{0, 1, labelmap.Ignore})
		b.Run("IoU/"+c.name, func(b *testing.B) {
			for b.Loop() {
				iou.Add(1, pred, label)
			}
		})
		b.Run("Confusion/"+c.name, func(b *testing.B) {
			for b.Loop() {
				confusion.Add(pred, label)
			}
		})
	}
}
