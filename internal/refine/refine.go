// Package refine moves the outline of a prediction to the edges of its picture. The
// network predicts at an eighth of its input's side, so outlines are coarse.
package refine

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Guided is the guided filter (He, Sun and Tang, TPAMI 2013): in every window of the
// picture's gray levels I the refined probability is a·I + b, as near to the predicted one
// as the penalty ε on a allows; where windows overlap their mean counts. Its time does not
// depend on the radius.
type Guided struct {
	Radius  float64 // of the window, in cells of the network's output (8 pixels of its input)
	Epsilon float64 // ε for gray levels in [0, 1]: edges weaker than about its root are smoothed over
}

// usual is the filter that --refine guided means: a quarter of a cell was the best on shapes5i,
// whose objects have textures that a larger window takes for edges.
var usual = Guided{Radius: 0.25, Epsilon: 1e-2}

// Parse reads what --refine says: guided, guided,radius=R,eps=E, or nothing, which is nil.
func Parse(text string) (*Guided, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	g := usual
	for i, part := range strings.Split(text, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		if i == 0 && name == "guided" && value == "" {
			continue
		}
		v, err := strconv.ParseFloat(value, 64)
		switch {
		case i > 0 && name == "radius" && err == nil && v > 0 && v <= 64:
			g.Radius = v
		case i > 0 && name == "eps" && err == nil && v > 0 && v <= 1:
			g.Epsilon = v
		default:
			return nil, fmt.Errorf("refinement %q: %q is not understood; expected guided, or guided,radius=R,eps=E with R in cells (0 to 64) and E in (0, 1]", text, part)
		}
	}
	return &g, nil
}

// Apply refines the probabilities p [h,w] of a picture [h,w,3], RGB 0..255, in place; side
// is that of the network's input. The results stay in [0, 1].
func (g Guided) Apply(p []float32, picture []uint8, h, w, side int) {
	cell := 8 * float64(max(h, w)) / float64(side)
	r := max(1, int(math.Round(g.Radius*cell)))
	n := h * w
	gray := make([]float32, n)
	for i := range gray {
		gray[i] = (0.299*float32(picture[3*i]) + 0.587*float32(picture[3*i+1]) + 0.114*float32(picture[3*i+2])) / 255
	}
	product := func(a, b []float32) []float32 {
		out := make([]float32, n)
		for i := range out {
			out[i] = a[i] * b[i]
		}
		return out
	}
	square, mixed := product(gray, gray), product(gray, p)
	meanI, meanP := append([]float32(nil), gray...), append([]float32(nil), p...)
	for _, m := range [][]float32{square, mixed, meanI, meanP} {
		boxMean(m, h, w, r)
	}
	a, b := square, mixed // their memory
	for i := range a {
		variance, covariance := square[i]-meanI[i]*meanI[i], mixed[i]-meanI[i]*meanP[i]
		slope := covariance / (max(variance, 0) + float32(g.Epsilon))
		a[i], b[i] = slope, meanP[i]-slope*meanI[i]
	}
	boxMean(a, h, w, r)
	boxMean(b, h, w, r)
	for i := range p {
		p[i] = min(max(a[i]*gray[i]+b[i], 0), 1)
	}
}

// boxMean replaces every value by the mean over the window of radius r around it, as far
// as that lies in the map.
func boxMean(m []float32, h, w, r int) {
	along(m, h, w, 1, w, r)
	along(m, w, h, w, 1, r)
}

// along averages the n values, step apart, of each of the lines, next apart.
func along(m []float32, lines, n, step, next, r int) {
	line := make([]float32, n)
	for l := range lines {
		at := m[l*next:]
		for i := range line {
			line[i] = at[i*step]
		}
		sum, from, to := 0.0, 0, 0 // of line[from:to]
		for i := range n {
			for ; to < min(i+r+1, n); to++ {
				sum += float64(line[to])
			}
			for ; from < i-r; from++ {
				sum -= float64(line[from])
			}
			at[i*step] = float32(sum / float64(to-from))
		}
	}
}
