package data

import (
	"fmt"

	"hdmnet/internal/labelmap"
)

// Annotation says how the supports' objects are marked.
type Annotation int

// The ways to mark an object.
const (
	AnnotationMask Annotation = iota // by their masks
	AnnotationBBox                   // by boxes, see boxMask
)

// String gives "mask" or "bbox".
func (a Annotation) String() string {
	if a == AnnotationBBox {
		return "bbox"
	}
	return "mask"
}

// ParseAnnotation is the reverse of String. It fails on any other name.
func ParseAnnotation(name string) (Annotation, error) {
	for _, a := range []Annotation{AnnotationMask, AnnotationBBox} {
		if name == a.String() {
			return a, nil
		}
	}
	return 0, fmt.Errorf("annotation %q, expected mask or bbox", name)
}

// boxMask fills, in place, the bounding box of every 8-connected component of
// the ones in mask [h,w] (0, 1 and 255); pixels of 255 stay so and belong to no
// component. A box reaches one pixel farther right and down than its component,
// as far as the picture goes: so does the release's ann_type bbox, which hands
// OpenCV's width and height to a function that takes corners.
func boxMask(mask []uint8, h, w int) {
	for _, b := range boxes(mask, h, w) {
		for y := b.top; y <= min(b.bottom+1, h-1); y++ {
			row := mask[y*w+b.left : y*w+min(b.right+2, w)]
			for x, v := range row {
				if v != labelmap.Ignore {
					row[x] = 1
				}
			}
		}
	}
}

// box is a bounding box; all four sides belong to it.
type box struct{ left, top, right, bottom int }

// run is a stretch of ones in a row, from left to right inclusive. Runs of one
// component form a tree whose root has the component's box.
type run struct {
	left, right, parent int
	box                 box
}

// boxes gives the bounding boxes of the 8-connected components of ones.
func boxes(mask []uint8, h, w int) []box {
	var runs []run
	root := func(i int) int {
		for runs[i].parent != i {
			runs[i].parent = runs[runs[i].parent].parent
			i = runs[i].parent
		}
		return i
	}
	above := 0 // first run of the row above
	for y := range h {
		row := mask[y*w : (y+1)*w]
		start := len(runs)
		old := above
		for x := 0; x < w; x++ {
			if row[x] != 1 {
				continue
			}
			left := x
			for x+1 < w && row[x+1] == 1 {
				x++
			}
			here := len(runs)
			runs = append(runs, run{left, x, here, box{left, y, x, y}})
			for old < start && runs[old].right < left-1 {
				old++
			}
			for k := old; k < start && runs[k].left <= x+1; k++ {
				a, b := root(k), root(here)
				runs[b].parent = a
				runs[a].box = runs[a].box.union(runs[b].box)
			}
		}
		above = start
	}
	var found []box
	for i, r := range runs {
		if r.parent == i {
			found = append(found, r.box)
		}
	}
	return found
}

func (b box) union(c box) box {
	return box{min(b.left, c.left), min(b.top, c.top), max(b.right, c.right), max(b.bottom, c.bottom)}
}
