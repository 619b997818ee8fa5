package data

import (
	"fmt"
	"math"
	"sync"
)

// shapesMinArea is the least number of pixels for which a class of shapes5i
// counts at the default scene size; the field's 2048 is meant for photographs.
const shapesMinArea = 300

// ShapesOptions says which scenes of the synthetic set to make.
type ShapesOptions struct {
	Fold  Fold   // from Shapes5i
	Split Split  // Train: base classes only. Val: a novel class and a base class at least.
	Seed  uint64 // other seeds give other scenes
	Count int    // how many scenes, >= 1
	Size  int    // side of a scene in pixels; 0 means 160
}

// Shapes is the synthetic set shapes5i: scenes of one to four textured shapes
// (two to four in validation) of random color, size, place and angle on a
// cluttered background under uneven light, some partly hidden. A class is a silhouette with a texture; color
// says nothing. Scene i is a pure function of (seed, fold, split, i); nothing
// is read from or written to disk.
type Shapes struct {
	opt    ShapesOptions
	canvas sync.Pool // *[]float32 of Size·Size·3, so that a scene allocates only what it returns
}

// NewShapes makes the set. It fails on a fold of another data set and on sizes
// out of range.
func NewShapes(opt ShapesOptions) (*Shapes, error) {
	if opt.Size == 0 {
		opt.Size = 160
	}
	if opt.Fold.Dataset != "shapes5i" {
		return nil, fmt.Errorf("synthetic set: fold of data set %q given, expected one made by Shapes5i", opt.Fold.Dataset)
	}
	if opt.Count < 1 {
		return nil, fmt.Errorf("shapes5i: %d scenes asked for, expected at least 1", opt.Count)
	}
	if opt.Size < 64 || opt.Size > 1024 {
		return nil, fmt.Errorf("shapes5i: scene size %d, expected 64..1024 pixels", opt.Size)
	}
	s := &Shapes{opt: opt}
	s.canvas.New = func() any {
		c := make([]float32, opt.Size*opt.Size*3)
		return &c
	}
	return s, nil
}

// Len is the number of scenes.
func (s *Shapes) Len() int { return s.opt.Count }

// Name gives for instance "shapes5i/fold0/train/17".
func (s *Shapes) Name(i int) string {
	return fmt.Sprintf("shapes5i/fold%d/%s/%d", s.opt.Fold.Index, s.opt.Split, i)
}

// object is one shape of a scene; lengths in pixels.
type object struct {
	class      int
	x, y, r    float32 // center and circumscribed radius
	cos, sin   float32 // rotation
	pitch      float32 // texture period
	color      [2]rgb
	silhouette silhouette
	texture    texture
}

type rgb [3]float32 // 0..255

// Load draws scene i.
func (s *Shapes) Load(i int) (*Scene, error) {
	rng, err := s.rand(i)
	if err != nil {
		return nil, err
	}
	n := s.opt.Size
	objects := s.layout(rng, i)
	scene := &Scene{Name: s.Name(i), H: n, W: n, Image: make([]uint8, n*n*3), Mask: make([]uint8, n*n)}
	canvas := s.canvas.Get().(*[]float32)
	defer s.canvas.Put(canvas)
	background(*canvas, n, rng)
	for k := range objects {
		objects[k].paint(*canvas, scene.Mask, n)
	}
	light(scene.Image, *canvas, n, rng)
	return scene, nil
}

// LoadMask draws the mask of scene i alone.
func (s *Shapes) LoadMask(i int) ([]uint8, error) {
	rng, err := s.rand(i)
	if err != nil {
		return nil, err
	}
	n := s.opt.Size
	mask := make([]uint8, n*n)
	for _, o := range s.layout(rng, i) {
		o.paint(nil, mask, n)
	}
	return mask, nil
}

func (s *Shapes) rand(i int) (*Rand, error) {
	if i < 0 || i >= s.opt.Count {
		return nil, fmt.Errorf("shapes5i: scene %d does not exist: there are %d", i, s.opt.Count)
	}
	return newRand(s.opt.Seed, streamScene, uint64(s.opt.Fold.Index), uint64(s.opt.Split), uint64(i)), nil
}

// layout chooses the objects of scene i in painting order. The first class goes
// round the fold's classes, so that all are equally frequent.
func (s *Shapes) layout(rng *Rand, i int) []object {
	fold := s.opt.Fold
	pick := func(classes []int) int { return classes[rng.Intn(len(classes))] }
	var classes []int
	if s.opt.Split == Val {
		classes = append(classes, fold.Novel[i%len(fold.Novel)], pick(fold.Base))
		for more := rng.Intn(3); more > 0; more-- {
			if rng.Intn(2) == 0 {
				classes = append(classes, pick(fold.Novel))
			} else {
				classes = append(classes, pick(fold.Base))
			}
		}
	} else {
		classes = append(classes, fold.Base[i%len(fold.Base)])
		for more := rng.Intn(4); more > 0; more-- {
			classes = append(classes, pick(fold.Base))
		}
	}
	objects := make([]object, 0, len(classes))
	for _, c := range classes {
		objects = append(objects, s.place(rng, c, objects))
	}
	order := rng.Perm(len(objects))
	shuffled := make([]object, len(objects))
	for k, j := range order {
		shuffled[k] = objects[j]
	}
	return shuffled
}

// place gives an object of a class a look, and a place that hides at most a
// small part of the others: centers stay 0.75 of the summed radii apart. Where
// no place is found it shrinks; with at most four objects one is always found.
func (s *Shapes) place(rng *Rand, class int, others []object) object {
	size := float64(s.opt.Size)
	o := object{class: class, pitch: float32(rng.Uniform(0.062, 0.078) * size)}
	o.silhouette, o.texture = shapeOf(class)
	angle := rng.Uniform(0, 2*math.Pi)
	o.cos, o.sin = float32(math.Cos(angle)), float32(math.Sin(angle))
	o.color = contrast(rng)
	r := rng.Uniform(0.15, 0.26) * size
	for try := 0; ; try++ {
		x, y := rng.Uniform(0.8*r, size-0.8*r), rng.Uniform(0.8*r, size-0.8*r)
		free := true
		for _, b := range others {
			if math.Hypot(x-float64(b.x), y-float64(b.y)) < 0.75*(r+float64(b.r)) {
				free = false
			}
		}
		if free || try == 200 {
			o.x, o.y, o.r = float32(x), float32(y), float32(r)
			return o
		}
		if try%20 == 19 {
			r = max(0.92*r, 0.14*size)
		}
	}
}

// contrast gives two random colors whose brightness differs by 100 or more.
func contrast(rng *Rand) [2]rgb {
	dark := rng.Uniform(25, 95)
	bright := dark + rng.Uniform(100, 135)
	a, b := tint(rng, dark), tint(rng, bright)
	if rng.Intn(2) == 0 {
		a, b = b, a
	}
	return [2]rgb{a, b}
}

// tint gives a random color of a given mean over its channels.
func tint(rng *Rand, mean float64) rgb {
	var c [3]float64
	for k := range c {
		c[k] = rng.Uniform(-45, 45)
	}
	shift := mean - (c[0]+c[1]+c[2])/3
	return rgb{float32(c[0] + shift), float32(c[1] + shift), float32(c[2] + shift)}
}

// paint draws the object with a smooth edge into canvas (nil: not at all) and
// its class into the mask wherever a pixel's center lies inside the outline.
func (o *object) paint(canvas []float32, mask []uint8, n int) {
	x0, x1 := max(0, int(o.x-o.r-1)), min(n-1, int(o.x+o.r+1))
	y0, y1 := max(0, int(o.y-o.r-1)), min(n-1, int(o.y+o.r+1))
	inv := 1 / o.r
	for y := y0; y <= y1; y++ {
		dy := float32(y) - o.y
		sy, cy := o.sin*dy, o.cos*dy
		for x := x0; x <= x1; x++ {
			dx := float32(x) - o.x
			u, v := o.cos*dx+sy, cy-o.sin*dx
			d := o.silhouette.distance(u*inv, v*inv) * o.r
			if d >= 0.5 {
				continue
			}
			if d < 0 {
				mask[y*n+x] = uint8(o.class)
			}
			if canvas == nil {
				continue
			}
			cover := min32(0.5-d, 1)
			m := o.texture.mixture(u, v, -d, o.r, o.pitch)
			p := canvas[(y*n+x)*3:][:3]
			for k := range p {
				c := o.color[0][k] + m*(o.color[1][k]-o.color[0][k])
				p[k] += cover * (c - p[k])
			}
		}
	}
}
