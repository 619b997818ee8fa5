// Package metric scores segmentations: class and foreground-background IoU of
// few-shot episodes, semantic mIoU of a base learner, and generalized few-shot mIoU.
//
// Every score is a ratio of whole pixel counts, so the order in which pictures are
// added changes nothing. Pixels labeled 255 count nowhere.
package metric

import (
	"fmt"
	"maps"
	"slices"

	"hdmnet/internal/labelmap"
)

// counts are pixels: where prediction and label agree on a class, and where either
// shows it.
type counts struct{ intersection, union int64 }

func (c *counts) add(o counts) {
	c.intersection += o.intersection
	c.union += o.union
}

// iou is intersection / union, 0 when the class shows nowhere.
func (c counts) iou() float64 {
	if c.union == 0 {
		return 0
	}
	return float64(c.intersection) / float64(c.union)
}

// IoU accumulates the scores of one-way episodes. Each episode asks for one class;
// prediction and label are binary maps.
type IoU struct {
	classes                []int
	episodes               map[int]int
	perClass               map[int]counts // foreground of the class's episodes
	foreground, background counts         // all episodes
}

// New returns an empty accumulator for episodes of these classes, usually the novel
// classes of a fold.
func New(classes []int) *IoU {
	m := &IoU{classes: slices.Clone(classes), episodes: map[int]int{}, perClass: map[int]counts{}}
	slices.Sort(m.classes)
	m.classes = slices.Compact(m.classes)
	return m
}

// Add scores one episode of class. pred holds 0 or 1, label 0, 1 or 255, both at
// the resolution of the label, in the same order. It panics on other values, on
// different lengths, and on a class that New was not given: those are defects of
// the caller, and would make the score wrong without a sign.
func (m *IoU) Add(class int, pred, label []uint8) {
	if len(pred) != len(label) {
		panic(fmt.Sprintf("metric: %d predicted pixels for %d labels", len(pred), len(label)))
	}
	if _, ok := slices.BinarySearch(m.classes, class); !ok {
		panic(fmt.Sprintf("metric: class %d is not one of %v", class, m.classes))
	}
	var pixels [2][2]int64 // [label][prediction]
	runs(pred, label, func(at, n int) {
		l, p := label[at], pred[at]
		if l == labelmap.Ignore {
			return
		}
		if l > 1 || p > 1 {
			panic(fmt.Sprintf("metric: pixel %d has label %d and prediction %d, expected 0 or 1", at, l, p))
		}
		pixels[l][p] += int64(n)
	})
	differ := pixels[0][1] + pixels[1][0]
	fg := counts{pixels[1][1], pixels[1][1] + differ}
	sum := m.perClass[class]
	sum.add(fg)
	m.perClass[class] = sum
	m.episodes[class]++
	m.foreground.add(fg)
	m.background.add(counts{pixels[0][0], pixels[0][0] + differ})
}

// Merge adds all episodes of another accumulator of the same classes.
func (m *IoU) Merge(o *IoU) {
	for class, c := range o.perClass {
		sum := m.perClass[class]
		sum.add(c)
		m.perClass[class] = sum
		m.episodes[class] += o.episodes[class]
	}
	m.foreground.add(o.foreground)
	m.background.add(o.background)
}

// MIoU is the mean of PerClass, in [0, 1]; 0 before the first episode.
func (m *IoU) MIoU() float64 { return mean(m.PerClass()) }

// FBIoU is the mean of foreground IoU and background IoU, each pooled over all
// episodes of all classes, in [0, 1].
func (m *IoU) FBIoU() float64 { return (m.foreground.iou() + m.background.iou()) / 2 }

// PerClass is IoU_c = Σ intersection / Σ union of the foreground over the episodes
// of class c, in [0, 1]. Classes without an episode are not in the map; Missing
// lists them.
func (m *IoU) PerClass() map[int]float64 {
	out := make(map[int]float64, len(m.perClass))
	for class, c := range m.perClass {
		out[class] = c.iou()
	}
	return out
}

// Missing lists, in ascending order, the classes that had no episode and are
// therefore left out of MIoU.
func (m *IoU) Missing() []int {
	var out []int
	for _, c := range m.classes {
		if m.episodes[c] == 0 {
			out = append(out, c)
		}
	}
	return out
}

// Episodes is the number of episodes added.
func (m *IoU) Episodes() int {
	n := 0
	for _, e := range m.episodes {
		n += e
	}
	return n
}

// mean of the values, in key order so that it never depends on map order.
func mean(values map[int]float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sum := 0.0
	for _, k := range slices.Sorted(maps.Keys(values)) {
		sum += values[k]
	}
	return sum / float64(len(values))
}
