package data

import "math"

// background fills canvas [n,n,3] with what no class looks like: a mottled
// ground, soft elongated blobs of flat color and thin lines.
func background(canvas []float32, n int, rng *Rand) {
	ground := tint(rng, rng.Uniform(70, 170))
	mottle(canvas, n, ground, rng)
	for k := 3 + rng.Intn(4); k > 0; k-- {
		blob(canvas, n, rng)
	}
	for k := 3 + rng.Intn(4); k > 0; k-- {
		line(canvas, n, rng)
	}
}

// mottle is the ground color plus smooth noise on a grid of 9×9 knots.
func mottle(canvas []float32, n int, ground rgb, rng *Rand) {
	const knots = 9
	var grid [knots][knots]rgb
	for i := range grid {
		for j := range grid[i] {
			grid[i][j] = tint(rng, rng.Uniform(-28, 28))
			for k, g := range ground {
				grid[i][j][k] = 0.6*grid[i][j][k] + g
			}
		}
	}
	step := float32(knots-1) / float32(n)
	for y := range n {
		fy := float32(y) * step
		i := int(fy)
		fy -= float32(i)
		var row [knots]rgb // this line's values at the knots
		for j := range row {
			for k := range row[j] {
				row[j][k] = grid[i][j][k] + fy*(grid[i+1][j][k]-grid[i][j][k])
			}
		}
		p := canvas[y*n*3:][:n*3]
		for x, j := 0, 0; x < n; j++ { // the pixels from knot j to the next
			left, right := row[j], row[j+1]
			d0, d1, d2 := right[0]-left[0], right[1]-left[1], right[2]-left[2]
			for ; x < n; x++ {
				fx := float32(x)*step - float32(j)
				if fx >= 1 {
					break
				}
				q := p[x*3:][:3]
				q[0], q[1], q[2] = left[0]+fx*d0, left[1]+fx*d1, left[2]+fx*d2
			}
		}
	}
}

// blob lays a long ellipse with a wide soft edge over the canvas.
func blob(canvas []float32, n int, rng *Rand) {
	size := float64(n)
	long := rng.Uniform(0.12, 0.3) * size
	short := long * rng.Uniform(0.25, 0.5)
	cx, cy := float32(rng.Uniform(0, size)), float32(rng.Uniform(0, size))
	angle := rng.Uniform(0, math.Pi)
	cos, sin := float32(math.Cos(angle)), float32(math.Sin(angle))
	color := tint(rng, rng.Uniform(40, 200))
	opacity := float32(rng.Uniform(0.3, 0.7))
	invL, invS := float32(1/long), float32(1/short)
	reach := float32(long)
	for y := max(0, int(cy-reach)); y <= min(n-1, int(cy+reach)); y++ {
		dy := float32(y) - cy
		sy, ky := sin*dy, cos*dy
		for x := max(0, int(cx-reach)); x <= min(n-1, int(cx+reach)); x++ {
			dx := float32(x) - cx
			u, v := (cos*dx+sy)*invL, (ky-sin*dx)*invS
			inside := 3 * (1 - u*u - v*v)
			if inside <= 0 {
				continue
			}
			cover := opacity * min32(inside, 1)
			p := canvas[(y*n+x)*3:][:3]
			for k := range p {
				p[k] += cover * (color[k] - p[k])
			}
		}
	}
}

// line draws a straight line, one to three pixels wide, across the canvas.
func line(canvas []float32, n int, rng *Rand) {
	size := float64(n)
	x, y := rng.Uniform(0, size), rng.Uniform(0, size)
	angle := rng.Uniform(0, math.Pi)
	dx, dy := math.Cos(angle), math.Sin(angle)
	half := float32(rng.Uniform(0.5, 1.5))
	length := rng.Uniform(0.3, 0.9) * size
	color := tint(rng, rng.Uniform(30, 220))
	// Walk along the longer axis; the width is measured along the other one.
	steep := math.Abs(dy) > math.Abs(dx)
	if steep {
		x, y, dx, dy = y, x, dy, dx
	}
	if dx < 0 {
		dx, dy = -dx, -dy
	}
	slope := float32(dy / dx)
	half /= float32(dx)
	for a := max(0, int(x)); a < min(n, int(x+length*dx)); a++ {
		center := float32(y) + slope*float32(a-int(x))
		for b := max(0, int(center-half)); b <= min(n-1, int(center+half+1)); b++ {
			cover := clamp01(half + 0.5 - abs32(float32(b)-center))
			at := (b*n + a) * 3
			if steep {
				at = (a*n + b) * 3
			}
			for k := range 3 {
				canvas[at+k] += cover * (color[k] - canvas[at+k])
			}
		}
	}
}

// light writes canvas into image under a light that falls off to one side, with
// sensor noise of ±9 gray levels.
func light(image []uint8, canvas []float32, n int, rng *Rand) {
	angle, fall := rng.Uniform(0, 2*math.Pi), rng.Uniform(0, 0.5)
	gx, gy := float32(fall*math.Cos(angle)/float64(n)), float32(fall*math.Sin(angle)/float64(n))
	level := float32(rng.Uniform(0.85, 1.1))
	for y := range n {
		row := level + gy*(float32(y)-float32(n)/2)
		to, from := image[y*n*3:][:n*3], canvas[y*n*3:][:n*3]
		for x := range n {
			gain := row + gx*(float32(x)-float32(n)/2)
			bits := rng.Uint64()
			p, c := to[x*3:][:3], from[x*3:][:3]
			p[0] = gray(c[0]*gain + noise[(bits&0xFF+bits>>8&0xFF)&511])
			p[1] = gray(c[1]*gain + noise[(bits>>16&0xFF+bits>>24&0xFF)&511])
			p[2] = gray(c[2]*gain + noise[(bits>>32&0xFF+bits>>40&0xFF)&511])
		}
	}
}

// noise is the sensor's by the sum of two random bytes: a triangular distribution of
// ±9 gray levels.
var noise = func() (levels [512]float32) {
	for sum := range levels {
		levels[sum] = (float32(sum) - 255) * (9.0 / 255)
	}
	return levels
}()

// gray rounds to the nearest of 0..255.
func gray(v float32) uint8 { return uint8(min(max(int32(v+0.5), 0), 255)) }
