package foundation

import (
	"hdmnet/internal/nn"
	"hdmnet/internal/op"
)

// chunk is how many rows of a table of similarities are there at once: of 4096 patches 4 MiB.
const chunk = 256

// Product multiplies features on the device, in its precision.
type Product struct{ t *nn.Tape }

// Times computes x·wᵀ [n,m] of x [n,c] and w [m,c] in blocks of rows: each gets the first row of a block
// and its values [rows,m], which are valid until it returns.
func (p Product) Times(x, w []float32, c int, each func(first int, values []float32)) {
	n, m := len(x)/c, len(w)/c
	weight := p.upload(w, m, c)
	defer p.t.Arena.Free(weight)
	host := make([]float32, min(chunk, n)*m)
	for lo := 0; lo < n; lo += chunk {
		rows := min(chunk, n-lo)
		in, out := p.upload(x[lo*c:(lo+rows)*c], rows, c), p.t.Arena.Float32(rows, m)
		p.t.Dev.Linear(out, in, weight, nil)
		values := host[:rows*m]
		p.t.Dev.Download(values, out)
		p.t.Arena.Free(out)
		p.t.Arena.Free(in)
		each(lo, values)
	}
}

// Nearest finds for every row of x [n,c] the row of w [m,c] whose product with it is largest, the first of
// several, and that product.
func (p Product) Nearest(x, w []float32, c int) (at []int, product []float32) {
	n, m := len(x)/c, len(w)/c
	at, product = make([]int, n), make([]float32, n)
	p.Times(x, w, c, func(first int, values []float32) {
		for i := range len(values) / m {
			row := values[i*m : (i+1)*m]
			best := 0
			for j, v := range row {
				if v > row[best] {
					best = j
				}
			}
			at[first+i], product[first+i] = best, row[best]
		}
	})
	return at, product
}

// Upper computes the upper triangle of x·xᵀ, x [n,c], in blocks of rows: each gets the first row of a block
// and its values [rows, n−first], from the column first on.
func (p Product) Upper(x []float32, c int, each func(first int, values []float32)) {
	n := len(x) / c
	all := p.upload(x, n, c)
	defer p.t.Arena.Free(all)
	for lo := 0; lo < n; lo += chunk {
		hi := min(lo+chunk, n)
		out := p.t.Arena.Float32(hi-lo, n-lo)
		p.t.Dev.Linear(out, op.Rows(all, lo, hi), op.Rows(all, lo, n), nil)
		values := make([]float32, (hi-lo)*(n-lo))
		p.t.Dev.Download(values, out)
		p.t.Arena.Free(out)
		each(lo, values)
	}
}

func (p Product) upload(v []float32, n, c int) op.Tensor {
	x := p.t.Arena.Float32(n, c)
	p.t.Dev.Upload(x, v)
	return x
}
