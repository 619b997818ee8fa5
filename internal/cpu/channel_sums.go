package cpu

// The sums of channels over the rows of a slice, in float64. Each adds to what is there.

// sumStrip is how many elements the assembly reads of all channels before it goes on:
// it takes blocks of channels in turn, and the lines beside a block stay in the cache.
const sumStrip = 4096

// addChannelSums adds the rows of x, ld elements apart, to sum; x ends with the last
// row's channel len(sum) at the earliest.
func addChannelSums(sum []float64, x []float32, ld int) {
	c := len(sum)
	rows := (len(x) - c + ld) / ld
	if f := rowLoops(c).channelSums; f != nil {
		for r, strip := 0, max(1, sumStrip/c); r < rows; r += strip {
			f(&sum[0], &x[r*ld], c, ld, min(strip, rows-r))
		}
		return
	}
	for r := range rows {
		for i, v := range x[r*ld:][:len(sum)] {
			sum[i] += float64(v)
		}
	}
}

// addChannelSquares adds (x − mean)² of the rows of x to sum.
func addChannelSquares(sum []float64, x, mean []float32) {
	c := len(sum)
	mean = mean[:c]
	rows := len(x) / c
	if f := rowLoops(c).channelSquares; f != nil {
		for r, strip := 0, max(1, sumStrip/c); r < rows; r += strip {
			f(&sum[0], &x[r*c], &mean[0], c, c, min(strip, rows-r))
		}
		return
	}
	for r := range rows {
		x, m := x[r*c:][:len(sum)], mean[:len(sum)]
		for i := range sum {
			v := float64(x[i] - m[i])
			sum[i] += v * v
		}
	}
}

// addChannelDots adds g·(x − mean) of the rows to dot and g to sum.
func addChannelDots(dot, sum []float64, g, x, mean []float32) {
	c := len(dot)
	sum, mean, x = sum[:c], mean[:c], x[:len(g)]
	rows := len(g) / c
	if f := rowLoops(c).channelDots; f != nil {
		for r, strip := 0, max(1, sumStrip/c); r < rows; r += strip {
			f(&dot[0], &sum[0], &g[r*c], &x[r*c], &mean[0], c, c, min(strip, rows-r))
		}
		return
	}
	for r := range rows {
		g, x, m, sum := g[r*c:][:len(dot)], x[r*c:][:len(dot)], mean[:len(dot)], sum[:len(dot)]
		for i := range dot {
			v := float64(g[i])
			dot[i] += v * float64(x[i]-m[i])
			sum[i] += v
		}
	}
}
