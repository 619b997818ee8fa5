package data

import (
	"slices"
	"testing"
)

// fiveSupports draws the supports 0..4 for every query.
type fiveSupports struct{}

func (fiveSupports) Draw(_, position int) Draw {
	return Draw{Query: position, Supports: []int{0, 1, 2, 3, 4}}
}

// TestShotRange: a batch has one number of supports, all numbers of the range come, epochs
// and seeds differ, and whoever asks twice gets the same.
func TestShotRange(t *testing.T) {
	counts := func(epoch int, seed uint64) []int {
		d := NewShotRange(fiveSupports{}, 2, 5, 4, seed)
		var out []int
		for p := range 400 {
			k := len(d.Draw(epoch, p).Supports)
			if p%4 == 0 {
				out = append(out, k)
			} else if k != out[len(out)-1] {
				t.Fatalf("position %d has %d supports, its batch %d", p, k, out[len(out)-1])
			}
		}
		return out
	}
	first := counts(0, 7)
	seen := map[int]int{}
	for _, k := range first {
		seen[k]++
	}
	if len(seen) != 4 || seen[2] < 10 || seen[3] < 10 || seen[4] < 10 || seen[5] < 10 {
		t.Errorf("numbers of supports of 100 batches: %v", seen)
	}
	if !slices.Equal(first, counts(0, 7)) || slices.Equal(first, counts(1, 7)) || slices.Equal(first, counts(0, 8)) {
		t.Error("the numbers are no function of seed and epoch")
	}
}
