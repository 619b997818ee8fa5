package rows

import "golang.org/x/sys/cpu"

// vector tells whether the assembly can run.
var vector = cpu.X86.HasAVX2

// The functions below run the assembly and say how much of the row it did.

func mixVector(out, a, b []float32, g, f float32) int {
	n := len(out) / 8
	if !vector || n == 0 {
		return 0
	}
	lerp8(&out[0], &a[0], &b[0], n, g, f)
	return 8 * n
}

func binomialVector(out, a, b, c, d, e []float32) int {
	n := len(out) / 8
	if !vector || n == 0 {
		return 0
	}
	binomial8(&out[0], &a[0], &b[0], &c[0], &d[0], &e[0], n)
	return 8 * n
}

func floatVector(out []float32, in []uint8) int {
	n := len(in) / 8
	if !vector || n == 0 {
		return 0
	}
	float8(&out[0], &in[0], n)
	return 8 * n
}

func gatherVector(out, in []float32, taps []Tap) int {
	n := min(len(taps), (len(out)-1)/3)
	for n > 0 && int(max(taps[n-1].A, taps[n-1].B))+4 > len(in) {
		n--
	}
	if !vector || n <= 0 || min(taps[0].A, taps[0].B) < 0 {
		return 0
	}
	gather1(&out[0], &in[0], &taps[0].A, n)
	return n
}

func turnVector(out, in []float32, width int, xs, ys []int32, x, y int32) int {
	n := min(len(xs), (len(out)-1)/3)
	if !vector || n <= 0 || !inside(in, width, x+xs[0], y+ys[0]) || !inside(in, width, x+xs[n-1], y+ys[n-1]) {
		return 0
	}
	remap1(&out[0], &in[0], width, &xs[0], &ys[0], x, y, &Shares, n)
	return n
}

// inside tells whether a place has what remap1 reads around it. All places
// between two such ones have it, since they are on a line.
func inside(in []float32, width int, x, y int32) bool {
	column, row := int(x>>10), int(y>>10)
	return column >= 0 && column+2 < width && row >= 0 && (row+2)*width*3 <= len(in)
}

func colorVector(rgb, luma, cb, cr []uint8) int {
	n := len(luma) / 8
	if !vector || n == 0 {
		return 0
	}
	color8(&rgb[0], &luma[0], &cb[0], &cr[0], n)
	return 8 * n
}
