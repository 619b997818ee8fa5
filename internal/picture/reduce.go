package picture

// sink takes the rows of a picture from the top and writes them, or the means of every
// n×n pixels, to a picture [h,w,3].
type sink struct {
	dst  []uint8
	size Size
	n    int
	line []uint8  // the row at hand, where n > 1
	sums []uint32 // of the n rows at hand, [w,3]
	last int      // the row at hand, -1: none yet
}

func newSink(memory []uint8, s Size) *sink {
	h, w := s.Read()
	k := &sink{dst: sized(memory, h*w*3), size: s, n: s.Factor(), last: -1}
	if k.n > 1 {
		k.line, k.sums = make([]uint8, 3*s.W), make([]uint32, 3*w)
	}
	return k
}

// row is the memory for row y; the row before is complete.
func (k *sink) row(y int) []uint8 {
	if k.n == 1 {
		return k.dst[y*k.size.W*3:][:k.size.W*3]
	}
	k.flush()
	k.last = y
	return k.line
}

// flush adds the row at hand to the sums, and writes these after n rows or the last.
func (k *sink) flush() {
	if k.n == 1 || k.last < 0 {
		return
	}
	for x := 0; x < k.size.W; x += k.n {
		sum := k.sums[x/k.n*3:][:3]
		for at := 3 * x; at < 3*min(x+k.n, k.size.W); at += 3 {
			sum[0] += uint32(k.line[at])
			sum[1] += uint32(k.line[at+1])
			sum[2] += uint32(k.line[at+2])
		}
	}
	if rows := uint32(k.last%k.n + 1); int(rows) == k.n || k.last == k.size.H-1 {
		out := k.dst[k.last/k.n*len(k.sums):][:len(k.sums)]
		for i, sum := range k.sums {
			count := rows * uint32(min(k.n, k.size.W-i/3*k.n))
			out[i] = uint8((sum + count/2) / count)
		}
		clear(k.sums)
	}
	k.last = -1
}

// middle tells which row or column of a reduced mask comes from place i of length; false:
// none.
func middle(i, n, length int) (int, bool) {
	return i / n, i == min(i/n*n+n/2, length-1)
}

// sized gives a slice of n elements, in the old memory where it suffices. The contents are unspecified.
func sized[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}
