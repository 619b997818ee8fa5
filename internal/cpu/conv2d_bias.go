package cpu

// sumRows is how many rows of a gradient are summed before the partial sums
// are: it fixes the order of summation.
const sumRows = 256

// columnSums is one sum over the rows of x [rows, n].
type columnSums struct {
	x       []float32
	n       int
	partial []float32 // one row for every sumRows rows of x
	body    func(lo, hi int)
}

var columnSumsFree freeList[columnSums]

// addColumnSums adds the sum of x's rows of len(sum) elements to sum.
func addColumnSums(sum, x []float32) {
	c := columnSumsFree.get()
	if c.body == nil {
		c.body = c.sumChunk
	}
	c.x, c.n = x, len(sum)
	rows := len(x) / c.n
	chunks := (rows + sumRows - 1) / sumRows
	c.partial = growAligned(c.partial, chunks*c.n)
	parallelFor(rows, sumRows, c.body)
	for i := range chunks {
		addRow(sum, c.partial[i*c.n:(i+1)*c.n])
	}
	c.x = nil
	columnSumsFree.put(c)
}

// sumChunk sums rows [lo,hi), at most sumRows of them.
func (c *columnSums) sumChunk(lo, hi int) {
	sum := c.partial[lo/sumRows*c.n:][:c.n]
	clear(sum)
	for ; lo+4 <= hi; lo += 4 {
		x := c.x[lo*c.n:]
		x0, x1, x2, x3 := x[:len(sum)], x[c.n:][:len(sum)], x[2*c.n:][:len(sum)], x[3*c.n:][:len(sum)]
		for j := range sum {
			sum[j] += (x0[j] + x1[j]) + (x2[j] + x3[j])
		}
	}
	for ; lo < hi; lo++ {
		addRow(sum, c.x[lo*c.n:(lo+1)*c.n])
	}
}
