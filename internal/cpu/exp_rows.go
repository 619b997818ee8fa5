package cpu

// expRows computes, for every row of c elements of x, top = max x, e = exp(x − top) and
// sum = Σ e. Short rows are laid side by side to fill the vectors. NaN in a row makes
// its sum NaN.
func expRows(e, top, sum, x []float32, c int) {
	e, sum = e[:len(x)], sum[:len(top)]
	if c >= vecLanes {
		for r := range top {
			row := x[r*c : (r+1)*c]
			top[r] = rowMax(row)
			sum[r] = expSum(e[r*c:(r+1)*c], row, top[r])
		}
		return
	}
	if c == 2 {
		for r := range top {
			a, b := x[2*r], x[2*r+1]
			t := max(a, b)
			top[r], e[2*r], e[2*r+1] = t, a-t, b-t
		}
		expTo(e, e, 0)
		for r := range sum {
			sum[r] = e[2*r] + e[2*r+1]
		}
		return
	}
	for r := range top {
		row, to := x[r*c:(r+1)*c], e[r*c:(r+1)*c]
		t := rowMax(row)
		for i, v := range row {
			to[i] = v - t
		}
		top[r] = t
	}
	expTo(e, e, 0)
	for r := range sum {
		sum[r] = rowSum(e[r*c : (r+1)*c])
	}
}
