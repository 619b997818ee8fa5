package metric

import (
	"fmt"
	"maps"
	"slices"
)

// Generalized accumulates the scores of generalized few-shot episodes: every picture is
// segmented into background, the base classes and the one novel class that its episode
// asks for. Labels and predictions are 0 the background, 1 … base the base classes,
// base+1 the episode's novel class.
//
// The pixels of base+1 belong to the novel class that was asked for; those of the base
// classes are pooled over all episodes, whatever they asked for. This is how BAM's
// test_GFSS.py counts.
type Generalized struct {
	base  int
	novel map[int]*Confusion // the episodes of each novel class
}

// NewGeneralized returns an empty accumulator for so many base classes and these novel
// ones. It panics unless 1 ≤ base < 254.
func NewGeneralized(base int, novel []int) *Generalized {
	g := &Generalized{base, map[int]*Confusion{}}
	for _, c := range novel {
		g.novel[c] = NewSemantic(base + 2)
	}
	return g
}

// Add scores one episode of a novel class. pred holds 0 … base+1, label that or 255,
// in the same order. It panics on other values, on different lengths, and on a class
// that NewGeneralized was not given.
func (g *Generalized) Add(class int, pred, label []uint8) {
	c, ok := g.novel[class]
	if !ok {
		panic(fmt.Sprintf("metric: class %d is not one of %v", class, slices.Sorted(maps.Keys(g.novel))))
	}
	c.Add(pred, label)
}

// Novel is the IoU, in [0, 1], of every novel class that some episode of it shows.
func (g *Generalized) Novel() map[int]float64 {
	out := map[int]float64{}
	for class, c := range g.novel {
		if v, ok := c.PerClass()[g.base+1]; ok {
			out[class] = v
		}
	}
	return out
}

// Base is the IoU, in [0, 1], of every base class that some picture shows, by its label
// 1 … base.
func (g *Generalized) Base() map[int]float64 {
	all := NewSemantic(g.base + 2)
	for _, c := range g.novel {
		all.Merge(c)
	}
	out := all.PerClass()
	delete(out, 0)
	delete(out, g.base+1)
	return out
}

// MIoU are the means over the novel classes, over the base classes and over all of
// them together. Classes that no label shows are left out.
func (g *Generalized) MIoU() (novel, base, all float64) {
	n, b := g.Novel(), g.Base()
	if len(n)+len(b) > 0 {
		all = (mean(n)*float64(len(n)) + mean(b)*float64(len(b))) / float64(len(n)+len(b))
	}
	return mean(n), mean(b), all
}
