package data

import "math"

// texture is a surface of shapes5i: a mixture of an object's two colors.
type texture int

const (
	rimmed texture = iota
	striped
	checkered
	dotted
	textures // how many there are
)

var textureNames = [textures]string{"rimmed", "striped", "checkered", "dotted"}

// mixture is the share of the second color at (x,y) pixels from the object's
// center in the object's own, rotated axes, depth pixels inside its outline; r
// is the object's radius and pitch the distance between two stripes or dots,
// both in pixels. Range 0..1, edges one pixel wide.
func (t texture) mixture(x, y, depth, r, pitch float32) float32 {
	switch t {
	case rimmed:
		return clamp01(0.5 + 0.13*r - depth)
	case striped:
		return clamp01(0.5 + pitch/4 - wave(x, pitch))
	case checkered:
		// A square wave in x times one in y: equal halves differ, unequal ones agree.
		cell := 1.5 * pitch
		a := clamp01(0.5 + cell/4 - wave(x, cell))
		b := clamp01(0.5 + cell/4 - wave(y, cell))
		return a + b - 2*a*b
	case dotted:
		dx, dy := wave(x, pitch), wave(y, pitch)
		return clamp01(0.5 + 0.31*pitch - sqrt32(dx*dx+dy*dy))
	}
	panic("data: unknown texture")
}

// wave is the distance from v to the nearest multiple of period.
func wave(v, period float32) float32 {
	n := v / period
	return abs32(n-floor32(n+0.5)) * period
}

func clamp01(v float32) float32 { return min32(max32(v, 0), 1) }

// max32 and min32 are max and min of numbers that are no NaN, in half the time.
func max32(a, b float32) float32 {
	if a > b {
		return a
	}
	return b
}

func min32(a, b float32) float32 {
	if a < b {
		return a
	}
	return b
}

func abs32(v float32) float32 { return math.Float32frombits(math.Float32bits(v) &^ (1 << 31)) }

func sqrt32(v float32) float32 { return float32(math.Sqrt(float64(v))) }

func floor32(v float32) float32 { return float32(math.Floor(float64(v))) }
