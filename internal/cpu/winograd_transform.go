package cpu

import "unsafe"

// F(4×4, 3×3) by the points 0, ±a, ±b and infinity. a = 5/8 and b = 3/2 give sums in
// float32 the smallest error of all pairs of eighths, half of that of the usual 1 and 2
// (see Barabasz, Anderson, Soodhalter and Gregg, arXiv 1803.10986), and every multiplier
// is exact in float32. asm/winograd.go has the same ones.
const (
	winogradTile = 4                           // outputs of a tile in each direction
	winogradSide = winogradTile + 2            // inputs of a tile in each direction
	winogradSize = winogradSide * winogradSide // products of a tile and channels

	winogradA, winogradB = 5. / 8, 3. / 2
	winogradA2           = winogradA * winogradA
	winogradB2           = winogradB * winogradB
)

// winogradWork is how many elements of work memory a transform takes.
const winogradWork = winogradSize * loopLanes

// winogradKernelTap is G·(w0, w1, w2): the values of w0 + w1·p + w2·p² at the points p,
// divided by the product of p's distances from the other points.
func winogradKernelTap(w0, w1, w2 float64) (u0, u1, u2, u3, u4, u5 float64) {
	const (
		first  = 1 / (winogradA2 * winogradB2)
		second = 1 / (2 * winogradA2 * (winogradA2 - winogradB2))
		third  = 1 / (2 * winogradB2 * (winogradB2 - winogradA2))
	)
	even, odd := second*(w0+winogradA2*w2), second*winogradA*w1
	u1, u2 = even+odd, even-odd
	even, odd = third*(w0+winogradB2*w2), third*winogradB*w1
	return first * w0, u1, u2, even + odd, even - odd, w2
}

// winogradKernel writes the elements of G w Gᵀ for n ≤ winogradStrip channels to
// u[t·size:], rounded once; tap t of the channels is w[t·stride:].
func winogradKernel(u []float32, size int, w []float32, stride, n int) {
	var rows [winogradSide][3][winogradStrip]float64 // G w
	for x := range 3 {
		top, middle, bottom := w[x*stride:][:n], w[(3+x)*stride:][:n], w[(6+x)*stride:][:n]
		for c, v := range top {
			rows[0][x][c], rows[1][x][c], rows[2][x][c], rows[3][x][c], rows[4][x][c], rows[5][x][c] =
				winogradKernelTap(float64(v), float64(middle[c]), float64(bottom[c]))
		}
	}
	for y := range rows {
		left, middle, right := rows[y][0][:n], rows[y][1][:n], rows[y][2][:n]
		var to [winogradSide][]float32
		for x := range to {
			to[x] = u[(winogradSide*y+x)*size:][:n]
		}
		for c, v := range left {
			u0, u1, u2, u3, u4, u5 := winogradKernelTap(v, middle[c], right[c])
			to[0][c], to[1][c], to[2][c] = float32(u0), float32(u1), float32(u2)
			to[3][c], to[4][c], to[5][c] = float32(u3), float32(u4), float32(u5)
		}
	}
}

// winogradInputRow is Bᵀ·d.
func winogradInputRow(d *[winogradSide]float32) [winogradSide]float32 {
	const product, sum = winogradA2 * winogradB2, winogradA2 + winogradB2
	evenA, oddA := d[4]-winogradB2*d[2], winogradA*(d[3]-winogradB2*d[1])
	evenB, oddB := d[4]-winogradA2*d[2], winogradB*(d[3]-winogradA2*d[1])
	return [winogradSide]float32{d[4] - sum*d[2] + product*d[0],
		evenA + oddA, evenA - oddA, evenB + oddB, evenB - oddB, d[5] - sum*d[3] + product*d[1]}
}

// winogradOutputRow is Aᵀ·m.
func winogradOutputRow(m *[winogradSide]float32) [winogradTile]float32 {
	sumA, differenceA, sumB, differenceB := m[1]+m[2], m[1]-m[2], m[3]+m[4], m[3]-m[4]
	return [winogradTile]float32{m[0] + sumA + sumB,
		winogradA*differenceA + winogradB*differenceB,
		winogradA2*sumA + winogradB2*sumB,
		m[5] + winogradA2*winogradA*differenceA + winogradB2*winogradB*differenceB}
}

// winogradInputGo writes Bᵀ d B for n channels: matrix k lies k·size bytes after v.
func winogradInputGo(v *float32, size int, in *[winogradSize]*float32, n int, _ *float32) {
	var d [winogradSide][winogradSide]float32 // turned
	for c := range n {
		for j := range d {
			var column [winogradSide]float32
			for i := range column {
				column[i] = unsafe.Slice(in[winogradSide*i+j], n)[c]
			}
			d[j] = winogradInputRow(&column)
		}
		for i := range winogradSide {
			var row [winogradSide]float32
			for j := range row {
				row[j] = d[j][i]
			}
			for j, value := range winogradInputRow(&row) {
				unsafe.Slice((*float32)(unsafe.Add(unsafe.Pointer(v), (winogradSide*i+j)*size)), n)[c] = value
			}
		}
	}
}

// winogradOutputGo writes max(Aᵀ m A + bias + add, floor) for n channels: matrix k lies
// k·size bytes after m.
func winogradOutputGo(out *[winogradTile * winogradTile]*float32, m *float32, size int, bias *float32,
	add *[winogradTile * winogradTile]*float32, n int, floor float32, _ *float32) {
	var t [winogradSide][winogradTile]float32
	b := unsafe.Slice(bias, n)
	for c := range n {
		for i := range t {
			var row [winogradSide]float32
			for j := range row {
				row[j] = unsafe.Slice((*float32)(unsafe.Add(unsafe.Pointer(m), (winogradSide*i+j)*size)), n)[c]
			}
			t[i] = winogradOutputRow(&row)
		}
		for j := range winogradTile {
			var column [winogradSide]float32
			for i := range column {
				column[i] = t[i][j]
			}
			for i, value := range winogradOutputRow(&column) {
				p := winogradTile*i + j
				unsafe.Slice(out[p], n)[c] = max(value+b[c]+unsafe.Slice(add[p], n)[c], floor)
			}
		}
	}
}
