package engine

import (
	"math"

	"hdmnet/internal/picture"
	"hdmnet/internal/predict"
)

// refineSide is the longer side, in pixels, of the copy whose edges outlines follow.
const refineSide = 1024

// refine makes the outline of a result follow the picture's edges.
func (e *Engine) refine(t *Task, m predict.Map) {
	p, err := t.query.Load(t.ctx)
	if err != nil {
		t.finish(predict.Map{}, err)
		return
	}
	pix, h, w := picture.Shrink(p.Pix, p.H, p.W, refineSide)
	out := Enlarge(&m, h, w)
	e.o.Refine.Apply(out.P, pix, h, w, e.o.Size)
	t.finish(out, nil)
}

// Enlarge resizes a map's log-odds to h×w, bilinearly with aligned corners, as the network's
// output is resized.
func Enlarge(m *predict.Map, h, w int) predict.Map {
	out := predict.Map{H: h, W: w, P: make([]float32, h*w)}
	odds := LogOdds(m.P)
	Rows(odds, m.H, m.W, h, w, 0, h, func(y int, row []float32) {
		for x, v := range row {
			out.P[y*w+x] = float32(1 / (1 + math.Exp(-float64(v))))
		}
	})
	return out
}

// LogOdds are log(p/(1−p)), finite.
func LogOdds(p []float32) []float32 {
	odds := make([]float32, len(p))
	for i, v := range p {
		q := min(max(float64(v), 1e-6), 1-1e-6)
		odds[i] = float32(math.Log(q / (1 - q)))
	}
	return odds
}

// Rows resizes a map [mh,mw] to h×w, bilinearly with aligned corners, and gives the rows
// from y0 to before y1 one after the other, in memory that is used again.
func Rows(m []float32, mh, mw, h, w, y0, y1 int, each func(y int, row []float32)) {
	type tap struct {
		a, b int
		f    float32
	}
	place := func(i, from, to int) tap {
		if to == 1 {
			return tap{}
		}
		at := float64(i) * float64(from-1) / float64(to-1)
		a := min(int(at), from-1)
		return tap{a, min(a+1, from-1), float32(at - float64(a))}
	}
	columns := make([]tap, w)
	for x := range columns {
		columns[x] = place(x, mw, w)
	}
	line, row := make([]float32, mw), make([]float32, w)
	for y := y0; y < y1; y++ {
		t := place(y, mh, h)
		above, below := m[t.a*mw:][:mw], m[t.b*mw:][:mw]
		for x := range line {
			line[x] = above[x] + t.f*(below[x]-above[x])
		}
		for x, c := range columns {
			row[x] = line[c.a] + c.f*(line[c.b]-line[c.a])
		}
		each(y, row)
	}
}
