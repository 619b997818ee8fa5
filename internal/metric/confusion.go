package metric

import (
	"fmt"

	"hdmnet/internal/labelmap"
)

// Confusion counts the pixels of a semantic segmentation by label and prediction.
type Confusion struct {
	classes int
	pixels  []int64 // [label, prediction]
}

// NewSemantic returns an empty confusion matrix for the classes 0 … classes−1, of
// which 0 is the background. It panics unless 1 ≤ classes ≤ 255.
func NewSemantic(classes int) *Confusion {
	if classes < 1 || classes > labelmap.Ignore {
		panic(fmt.Sprintf("metric: %d classes, expected 1 to %d", classes, labelmap.Ignore))
	}
	return &Confusion{classes, make([]int64, classes*classes)}
}

// Add scores one picture. pred holds 0 … classes−1, label that or 255, in the same
// order. It panics on other values and on different lengths.
func (c *Confusion) Add(pred, label []uint8) {
	if len(pred) != len(label) {
		panic(fmt.Sprintf("metric: %d predicted pixels for %d labels", len(pred), len(label)))
	}
	runs(pred, label, func(at, n int) {
		l, p := int(label[at]), int(pred[at])
		if l == labelmap.Ignore {
			return
		}
		if l >= c.classes || p >= c.classes {
			panic(fmt.Sprintf("metric: pixel %d has label %d and prediction %d, expected less than %d", at, l, p, c.classes))
		}
		c.pixels[l*c.classes+p] += int64(n)
	})
}

// Merge adds the pixels of other, which is left as it is. It panics when the two
// have different numbers of classes.
func (c *Confusion) Merge(other *Confusion) {
	if c.classes != other.classes {
		panic(fmt.Sprintf("metric: merge of %d and %d classes", c.classes, other.classes))
	}
	for i, n := range other.pixels {
		c.pixels[i] += n
	}
}

// PerClass is IoU_c = intersection / union over all pictures, in [0, 1], of every
// class, background included, that some label shows. Classes that no label shows are
// not in the map; predictions of them still cost the other classes.
func (c *Confusion) PerClass() map[int]float64 {
	out := map[int]float64{}
	for k := range c.classes {
		var labeled, predicted int64
		for j := range c.classes {
			labeled += c.pixels[k*c.classes+j]
			predicted += c.pixels[j*c.classes+k]
		}
		if labeled > 0 {
			hit := c.pixels[k*c.classes+k]
			out[k] = counts{hit, labeled + predicted - hit}.iou()
		}
	}
	return out
}

// MIoU is the mean of PerClass without the background: the figure that BAM reports
// for its base learner. 0 when no label shows a class.
func (c *Confusion) MIoU() float64 {
	classes := c.PerClass()
	delete(classes, 0)
	return mean(classes)
}

// MIoUWithBackground is the mean of PerClass.
func (c *Confusion) MIoUWithBackground() float64 { return mean(c.PerClass()) }

// Missing lists, in ascending order, the classes but the background that no label
// shows and that are therefore left out of the means.
func (c *Confusion) Missing() []int {
	seen := c.PerClass()
	var out []int
	for k := 1; k < c.classes; k++ {
		if _, ok := seen[k]; !ok {
			out = append(out, k)
		}
	}
	return out
}
