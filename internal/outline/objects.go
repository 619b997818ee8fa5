// Package outline turns label maps into objects: connected regions, and polygons around
// them.
package outline

// Object is one connected region of a label map.
type Object struct {
	Class          uint8
	X0, Y0, X1, Y1 int // its box: columns X0..X1−1, rows Y0..Y1−1
	Area           int // pixels
	id             int32
	regions        *regions
}

// regions says for every pixel to which object it belongs, 0 being none.
type regions struct {
	id   []int32
	h, w int
}

// Objects returns the regions of labels [h,w] that touch by side or corner, have the same
// value other than 0, and at least minArea pixels; in the order of their first pixels.
// Pixels of smaller ones become 0 in labels.
func Objects(labels []uint8, h, w, minArea int) []Object {
	r := &regions{id: make([]int32, h*w), h: h, w: w}
	var all []Object
	var open []int
	next := int32(0)
	for first, class := range labels {
		if class == 0 || r.id[first] != 0 {
			continue
		}
		next++
		o := Object{Class: class, X0: w, Y0: h, id: next, regions: r}
		r.id[first] = next
		open = append(open[:0], first)
		for done := 0; done < len(open); done++ {
			at := open[done]
			x, y := at%w, at/w
			o.X0, o.Y0, o.X1, o.Y1 = min(o.X0, x), min(o.Y0, y), max(o.X1, x+1), max(o.Y1, y+1)
			for ny := max(y-1, 0); ny <= min(y+1, h-1); ny++ {
				for nx := max(x-1, 0); nx <= min(x+1, w-1); nx++ {
					if n := ny*w + nx; labels[n] == class && r.id[n] == 0 {
						r.id[n] = next
						open = append(open, n)
					}
				}
			}
		}
		if o.Area = len(open); o.Area < minArea {
			for _, at := range open {
				labels[at] = 0
			}
			continue
		}
		all = append(all, o)
	}
	return all
}

// Mask is the object within its box: [Y1−Y0, X1−X0], 1 inside.
func (o *Object) Mask() []uint8 {
	h, w := o.Y1-o.Y0, o.X1-o.X0
	mask := make([]uint8, h*w)
	for y := range h {
		for x := range w {
			if o.has(o.X0+x, o.Y0+y) {
				mask[y*w+x] = 1
			}
		}
	}
	return mask
}

// has tells whether a pixel, which may lie outside of the map, is the object's.
func (o *Object) has(x, y int) bool {
	r := o.regions
	return x >= 0 && y >= 0 && x < r.w && y < r.h && r.id[y*r.w+x] == o.id
}
