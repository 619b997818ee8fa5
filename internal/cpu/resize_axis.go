package cpu

import "sync"

// resizeAxis is one axis of a bilinear resize from in to out positions: output i is
// (1−far[i])·x[near[i]] + far[i]·x[near[i]+1].
type resizeAxis struct {
	in   int
	near []int32
	far  []float32 // 0 where there is no next position
}

var resizeAxes sync.Pool

// newResizeAxis fills a pooled axis; put it back with release. Sources are computed
// as fractions of integers in float64, so that coinciding centers are exact.
func newResizeAxis(in, out int, alignCorners bool) *resizeAxis {
	a, _ := resizeAxes.Get().(*resizeAxis)
	if a == nil {
		a = new(resizeAxis)
	}
	if cap(a.near) < out {
		a.near, a.far = make([]int32, out), make([]float32, out)
	}
	a.in, a.near, a.far = in, a.near[:out], a.far[:out]
	for i := range out {
		src := 0.0
		switch {
		case !alignCorners:
			src = max(0, float64((2*i+1)*in-out)/float64(2*out))
		case out > 1:
			src = float64(i*(in-1)) / float64(out-1)
		}
		near := min(int(src), in-1)
		a.near[i], a.far[i] = int32(near), float32(src-float64(near))
		if near == in-1 {
			a.far[i] = 0
		}
	}
	return a
}

// next is the position after near[i], or near[i] at the end, where it weighs 0.
func (a *resizeAxis) next(i int) int { return min(int(a.near[i])+1, a.in-1) }

// readers returns the range of outputs that read position p. near never decreases, so
// they are consecutive.
func (a *resizeAxis) readers(p int) (lo, hi int) {
	lo = a.firstFrom(p - 1)
	return lo, a.firstFrom(p + 1)
}

// firstFrom is the first output whose near is at least p.
func (a *resizeAxis) firstFrom(p int) int {
	lo, hi := 0, len(a.near)
	for lo < hi {
		if mid := (lo + hi) / 2; int(a.near[mid]) < p {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

func (a *resizeAxis) release() { resizeAxes.Put(a) }
