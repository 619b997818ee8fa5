package cpu

// copyRowsFunc copies the first n of every ld elements of src to the first n of
// every width elements of dst, rows times, and zeroes the elements from n to
// fill after each copy; n ≤ fill ≤ copyMax, which is at least maxMR and maxNR.
type copyRowsFunc func(dst *float32, width int, src *float32, ld, rows, n, fill int)

// transpose8Func writes 8 rows of src, ld elements apart, as columns 0 to 7 of
// dst, whose rows are width elements apart. The rows have 8·blocks elements.
type transpose8Func func(dst *float32, width int, src *float32, ld, blocks int)

// copyPanel is copyRows on slices.
func (isa *instructionSet) copyPanel(dst []float32, width int, src []float32, ld, rows, n, fill int) {
	if rows <= 0 || fill <= 0 {
		return
	}
	dst = dst[:(rows-1)*width+fill]
	if n == 0 {
		src, ld = dst, 0 // not read
	} else {
		src = src[:(rows-1)*ld+n]
	}
	isa.copyRows(&dst[0], width, &src[0], ld, rows, n, fill)
}

// copyBlock copies the first n of every ld elements of src to the first n of every
// width elements of dst, rows times, whatever n.
func (isa *instructionSet) copyBlock(dst []float32, width int, src []float32, ld, rows, n int) {
	for j := 0; j < n; {
		part := min(isa.copyMax, n-j)
		isa.copyPanel(dst[j:], width, src[j:], ld, rows, part, part)
		j += part
	}
}

// prefetchFunc asks for n > 0 elements from p on in the second-level cache.
type prefetchFunc func(p *float32, n int)

// prefetchNone is the prefetchFunc of processors that are not known.
func prefetchNone(*float32, int) {}

// transposePanel writes n rows of src, ld elements apart and k long, as the
// columns of a panel isa.nr wide, and zeroes the other columns.
func (isa *instructionSet) transposePanel(dst, src []float32, ld, n, k int) {
	nr := isa.nr
	blocks := k / 8
	j := 0
	for ; j+8 <= n && blocks > 0; j += 8 {
		rows := src[j*ld:][:7*ld+8*blocks]
		panel := dst[j:][:(8*blocks-1)*nr+8]
		isa.transpose8(&panel[0], nr, &rows[0], ld, blocks)
	}
	for col := range n {
		first := 0
		if col < j {
			first = 8 * blocks
		}
		for i := first; i < k; i++ {
			dst[i*nr+col] = src[col*ld+i]
		}
	}
	isa.copyPanel(dst[n:], nr, nil, 0, k, 0, nr-n)
}
