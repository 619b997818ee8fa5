package annotate

import "math"

// shrink averages pix [h,w,3] over the cells of a grid of sh×sw, sh ≤ h and sw ≤ w.
func shrink(pix []uint8, h, w, sh, sw int) []float32 {
	sum := make([]float32, sh*sw*3)
	count := make([]float32, sh*sw)
	for i := range h * w {
		c := i/w*sh/h*sw + i%w*sw/w
		count[c]++
		for k := range 3 {
			sum[3*c+k] += float32(pix[3*i+k])
		}
	}
	for i := range sum {
		sum[i] /= count[i/3]
	}
	return sum
}

// enlarge resizes x [sh,sw] to [h,w], bilinearly with half-pixel centers, and returns 1
// where it is above one half.
func enlarge(x []float32, sh, sw, h, w int) []uint8 {
	out := make([]uint8, h*w)
	axis := func(i, from, to int) (low, high int, share float32) {
		at := max(0, (float64(i)+0.5)*float64(from)/float64(to)-0.5)
		low = min(int(at), from-1)
		return low, min(low+1, from-1), float32(at - float64(low))
	}
	for row := range h {
		y0, y1, dy := axis(row, sh, h)
		for column := range w {
			x0, x1, dx := axis(column, sw, w)
			above := x[y0*sw+x0]*(1-dx) + x[y0*sw+x1]*dx
			under := x[y1*sw+x0]*(1-dx) + x[y1*sw+x1]*dx
			if above*(1-dy)+under*dy > 0.5 {
				out[row*w+column] = 1
			}
		}
	}
	return out
}

// distances is, for every pixel, the length of the shortest way over the eight
// neighbors to a pixel of seed value, as a share of the diagonal; +Inf when there is none.
func distances(seed []int8, value int8, h, w int) []float64 {
	d := make([]float64, h*w)
	for i, s := range seed {
		if s != value {
			d[i] = math.Inf(1)
		}
	}
	step := 1 / math.Hypot(float64(h), float64(w))
	// There and back: every shortest way of these steps is found in two passes.
	for _, dir := range []int{-1, 1} {
		for k := range d {
			i := k
			if dir == 1 {
				i = len(d) - 1 - k
			}
			y, x := i/w, i%w
			for _, n := range [4][3]int{{0, dir, 0}, {dir, -1, 1}, {dir, 0, 0}, {dir, 1, 1}} {
				if ny, nx := y+n[0], x+n[1]; ny >= 0 && ny < h && nx >= 0 && nx < w {
					length := step
					if n[2] == 1 {
						length *= math.Sqrt2
					}
					d[i] = min(d[i], d[ny*w+nx]+length)
				}
			}
		}
	}
	return d
}
