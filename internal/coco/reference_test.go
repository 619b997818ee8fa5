package coco

import "math"

// walked is what polygon draws, by its definition: every step of the outline is walked.
func walked(xy []float64, h, w int) []uint8 {
	var us, vs []int
	n := len(xy) / 2
	for i := range n {
		xs, ys := onGrid(xy[2*i]), onGrid(xy[2*i+1])
		xe, ye := onGrid(xy[2*((i+1)%n)]), onGrid(xy[2*((i+1)%n)+1])
		dx, dy := abs(xe-xs), abs(ye-ys)
		steps := max(dx, dy)
		for d := 0; d <= steps && steps > 0; d++ {
			t := d
			x0, y0, x1, y1 := xs, ys, xe, ye
			if (dx >= dy && xs > xe) || (dx < dy && ys > ye) {
				t = steps - d
				x0, y0, x1, y1 = xe, ye, xs, ys
			}
			if dx >= dy {
				slope := float64(y1-y0) / float64(dx)
				us, vs = append(us, x0+t), append(vs, int(float64(y0)+float64(slope*float64(t))+.5))
			} else {
				slope := float64(x1-x0) / float64(dy)
				us, vs = append(us, int(float64(x0)+float64(slope*float64(t))+.5)), append(vs, y0+t)
			}
		}
	}
	toggles := make([]int, h*w+1)
	for j := 1; j < len(us); j++ {
		if us[j] == us[j-1] {
			continue
		}
		x := (float64(min(us[j], us[j-1]))+.5)/5 - .5
		if x != math.Floor(x) || x < 0 || x > float64(w-1) {
			continue
		}
		y := (float64(min(vs[j], vs[j-1]))+.5)/5 - .5
		toggles[int(x)*h+int(math.Ceil(min(max(y, 0), float64(h))))]++
	}
	pix := make([]uint8, h*w)
	inside := 0
	for p := range h * w {
		inside += toggles[p]
		pix[p%h*w+p/h] = uint8(inside % 2)
	}
	return pix
}
