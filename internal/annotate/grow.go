package annotate

import "math"

// The numbers of the rule that Mask states; shares are of the picture's diagonal.
const (
	workSide    = 200  // pixels of the longer side that is looked at
	seedShare   = 0.01 // radius of a point
	reachShare  = 0.04 // around the marks the colors are the object's
	frameShare  = 0.03 // width of the frame, whose colors are the background's
	spreadShare = 0.35 // distance at which the object is 1/e as likely
	farWeight   = 0.2  // of colors far from the marks for the background
	rounds      = 2    // runs of the walker
	tones       = 12   // histogram cells of a color channel
	lightness   = 0.7  // its weight against the two opponent colors in an edge
	trust       = 0.05 // weight of a pixel's own color against a neighbor of the same color
	leak        = 1e-3 // least weight of a neighbor
	sweeps      = 80   // Gauss–Seidel sweeps of the walker's equations
	relaxation  = 1.7  // their over-relaxation
)

// What is said about a pixel.
const (
	object     = 1
	background = -1 // a point of the background
	outside    = -2 // of all boxes
)

// grower finds the object around seeds.
type grower struct {
	h, w         int
	seed         []int8    // [h,w] object, background, outside or 0, not said
	boxed        bool      // whether there is an outside
	color        []float32 // [h,w,3] lightness and two opponent colors
	cell         []int     // [h,w] histogram cell of the color
	right, below []float32 // [h,w] how much a pixel belongs together with that neighbor
	near, wrong  []float64 // [h,w] distance to the next seed of the object, of the background
	x            []float32 // [h,w] probability of the object
}

// newGrower takes the picture rgb [h,w,3], 0..255.
func newGrower(h, w int, rgb []float32, seed []int8, boxed bool) *grower {
	n := h * w
	g := &grower{h: h, w: w, seed: seed, boxed: boxed, color: make([]float32, 3*n), cell: make([]int, n),
		right: make([]float32, n), below: make([]float32, n), near: distances(seed, object, h, w), wrong: distances(seed, background, h, w), x: make([]float32, n)}
	for i := range n {
		red, green, blue := rgb[3*i], rgb[3*i+1], rgb[3*i+2]
		c := [3]float32{(red + green + blue) / 3, (red-green)/2 + 128, (red+green)/4 - blue/2 + 128}
		for _, v := range c {
			g.cell[i] = g.cell[i]*tones + max(0, min(tones-1, int(v)*tones/256))
		}
		c[0] *= lightness
		copy(g.color[3*i:], c[:])
	}
	// Contrast is measured against what is usual in this picture.
	sum, pairs := 0.0, 0
	g.neighbors(func(_ *float32, difference float64) { sum += difference; pairs++ })
	usual := 2*sum/float64(max(pairs, 1)) + 1
	g.neighbors(func(weight *float32, difference float64) {
		*weight = float32(math.Exp(-difference/usual)) + leak
	})
	// The border of a box is no border of the object: it does not pull at what is inside.
	for i, s := range seed {
		if i%w+1 < w && (s == outside) != (seed[i+1] == outside) {
			g.right[i] = 0
		}
		if i+w < n && (s == outside) != (seed[i+w] == outside) {
			g.below[i] = 0
		}
	}
	return g
}

// neighbors calls f with the weight of every pair of neighbors and the square of the
// distance between their colors.
func (g *grower) neighbors(f func(weight *float32, difference float64)) {
	difference := func(i, j int) float64 {
		sum := 0.0
		for c := range 3 {
			d := float64(g.color[3*i+c] - g.color[3*j+c])
			sum += d * d
		}
		return sum
	}
	for i := range g.x {
		if i%g.w+1 < g.w {
			f(&g.right[i], difference(i, i+1))
		}
		if i+g.w < len(g.x) {
			f(&g.below[i], difference(i, i+g.w))
		}
	}
}

// object returns the probability of the object where it is above one half and hangs
// together with a seed, and 0 elsewhere.
func (g *grower) object() []float32 {
	for round := range rounds {
		likely := g.likely(round == 0)
		if round == 0 {
			copy(g.x, likely)
		}
		g.walk(likely)
	}
	return g.connected()
}

// likely is what the color of each pixel says, and its distance from the seeds. The
// first colors are those around the seeds and of the frame, later ones those of the
// result so far.
func (g *grower) likely(first bool) []float32 {
	frame := max(1, int(frameShare*math.Hypot(float64(g.h), float64(g.w))))
	yes := g.histogram(func(i int) bool {
		return g.seed[i] == object || g.seed[i] == 0 && (first && g.near[i] < reachShare || !first && g.x[i] > 0.5)
	}, nil)
	no := g.histogram(func(i int) bool {
		return g.seed[i] < 0 || g.seed[i] == 0 &&
			(first && !g.boxed && g.border(i) < frame && g.near[i] > 2*reachShare || !first && g.x[i] <= 0.5)
	}, func(i int) bool { return first && g.seed[i] == 0 && g.near[i] > 4*reachShare })
	around := g.histogram(func(i int) bool { return g.seed[i] != object && g.wrong[i] < reachShare }, nil)
	out := make([]float32, len(g.x))
	for i, c := range g.cell {
		prior := 0.5 * math.Exp(-g.near[i]/spreadShare)
		is := yes[c] * prior
		isNot := no[c]*(1-prior) + around[c]*0.5*math.Exp(-g.wrong[i]/spreadShare)
		out[i] = float32(is / (is + isNot))
	}
	return out
}

// border is how many pixels away the picture's border is.
func (g *grower) border(i int) int {
	y, x := i/g.w, i%g.w
	return min(y, x, g.h-1-y, g.w-1-x)
}

// histogram is the share of every color cell among the pixels of which in holds, and
// those of which far holds (nil: none) with a fifth of the weight, smoothed by (1, 2, 1)
// along each channel and nowhere 0.
func (g *grower) histogram(in, far func(i int) bool) []float64 {
	h := make([]float64, tones*tones*tones)
	for i, c := range g.cell {
		if in(i) {
			h[c]++
		} else if far != nil && far(i) {
			h[c] += farWeight
		}
	}
	for _, stride := range []int{1, tones, tones * tones} {
		old := append([]float64(nil), h...)
		for c := range h {
			before, after := old[c], old[c]
			if c/stride%tones > 0 {
				before = old[c-stride]
			}
			if c/stride%tones+1 < tones {
				after = old[c+stride]
			}
			h[c] = (before + 2*old[c] + after) / 4
		}
	}
	sum := 1e-6
	for _, v := range h {
		sum += v
	}
	for c := range h {
		h[c] = h[c]/sum + 1e-5
	}
	return h
}

// walk solves, from the last solution on, the walker's equations: x is the mean of its
// neighbors and of what is likely, weighted; seeds are fixed.
func (g *grower) walk(likely []float32) {
	for i, s := range g.seed {
		if s != 0 {
			g.x[i] = float32(max(0, s))
		}
	}
	for range sweeps {
		for y := range g.h {
			for i := y * g.w; i < (y+1)*g.w; i++ {
				if g.seed[i] != 0 {
					continue
				}
				sum, weight := trust*likely[i], float32(trust)
				if i > y*g.w {
					sum, weight = sum+g.right[i-1]*g.x[i-1], weight+g.right[i-1]
				}
				if i+1 < (y+1)*g.w {
					sum, weight = sum+g.right[i]*g.x[i+1], weight+g.right[i]
				}
				if y > 0 {
					sum, weight = sum+g.below[i-g.w]*g.x[i-g.w], weight+g.below[i-g.w]
				}
				if y+1 < g.h {
					sum, weight = sum+g.below[i]*g.x[i+g.w], weight+g.below[i]
				}
				g.x[i] += relaxation * (sum/weight - g.x[i])
			}
		}
	}
}

// connected is x where it is above one half and reached from a seed over such pixels.
func (g *grower) connected() []float32 {
	out := make([]float32, len(g.x))
	var open []int
	visit := func(i int) {
		if out[i] == 0 && g.x[i] > 0.5 {
			out[i] = g.x[i]
			open = append(open, i)
		}
	}
	for i, s := range g.seed {
		if s == object {
			visit(i)
		}
	}
	for len(open) > 0 {
		i := open[len(open)-1]
		open = open[:len(open)-1]
		if i%g.w > 0 {
			visit(i - 1)
		}
		if i%g.w+1 < g.w {
			visit(i + 1)
		}
		if i >= g.w {
			visit(i - g.w)
		}
		if i+g.w < len(g.x) {
			visit(i + g.w)
		}
	}
	return out
}
