package cpu

//go:generate go run asm/winograd.go asm/isa.go -out winograd_amd64.s -stubs winograd_amd64.go -pkg cpu

import (
	"runtime"
	"unsafe"

	"hdmnet/internal/op"
)

// Winograd's algorithm F(2×2, 3×3) (Lavin and Gray, arXiv 1509.09308): the four outputs
// of a tile are
//
//	Y = Aᵀ[(G w Gᵀ) ⊙ (Bᵀ d B)]A
//
// of its 4×4 inputs d, in 16 products where the definition takes 36. Summed over the
// input channels, the 16 are matrix products over all tiles. A dilated convolution is a
// dense one on each of Dil×Dil interleaved sub-grids, so its tiles are spaced apart.

// winogradWeights are U = G w Gᵀ: 16 operands B, Cin × Cout.
type winogradWeights struct{ u [16]*packedB }

// winogradChannels is the least number of channels, in and out, for which the products
// outweigh the transforms.
const winogradChannels = 128

// winogradPays says which convolutions are computed by the algorithm: 3×3, one step at
// a time, the result as large as the input.
func winogradPays(shape []int, p op.ConvParams) bool {
	return shape[1] == 3 && shape[2] == 3 && p.Stride == 1 && p.Pad == p.Dilation &&
		shape[0] >= winogradChannels && shape[3] >= winogradChannels &&
		shape[0]%loopLanes == 0 && kBlockSize(shape[3])%loopLanes == 0
}

// winogradStrip is how many input channels of the weights are transformed at a time.
const winogradStrip = 64

// newWinogradWeights transforms w [cout,3,3,cin] in float64 and packs the result, panel
// by panel: no matrix U exists as a whole.
func newWinogradWeights(w []float32, cout, cin int) *winogradWeights {
	ws, isa := new(winogradWeights), currentISA()
	for t := range ws.u {
		ws.u[t] = new(packedB)
		ws.u[t].reset(isa, cin, 0, cout)
	}
	panels, kBlock := ws.u[0].panels(), ws.u[0].kBlock
	parallelFor(panels*((cin+kBlock-1)/kBlock), 1, func(lo, hi int) {
		const depth = winogradStrip
		u := borrow(16 * isa.nr * depth)
		for task := lo; task < hi; task++ {
			k0, j := task/panels*kBlock, task%panels
			o0, kEnd := j*isa.nr, min(k0+kBlock, cin)
			n := min(isa.nr, cout-o0)
			for c0 := k0; c0 < kEnd; c0 += depth {
				channels := min(depth, kEnd-c0)
				for i := range n {
					winogradKernel(u[i*depth:], isa.nr*depth, w[(o0+i)*9*cin+c0:], cin, channels)
				}
				for t := range ws.u {
					isa.transposePanel(ws.u[t].panel(k0, j)[(c0-k0)*isa.nr:], u[t*isa.nr*depth:], depth, n, channels)
				}
			}
		}
		giveBack(u)
	})
	return ws
}

// winogradKernel writes the 16 elements of G w Gᵀ for n ≤ winogradStrip channels to
// u[t·size:], rounded once; tap t of the channels is w[t·stride:].
func winogradKernel(u []float32, size int, w []float32, stride, n int) {
	var rows [4][3][winogradStrip]float64 // G w
	for x := range 3 {
		top, middle, bottom := w[x*stride:][:n], w[(3+x)*stride:][:n], w[(6+x)*stride:][:n]
		r0, r1, r2, r3 := &rows[0][x], &rows[1][x], &rows[2][x], &rows[3][x]
		for c, v := range top {
			a, b, d := float64(v), float64(middle[c]), float64(bottom[c])
			r0[c], r1[c], r2[c], r3[c] = a, (a+d+b)/2, (a+d-b)/2, d
		}
	}
	for y := range rows {
		left, middle, right := rows[y][0][:n], rows[y][1][:n], rows[y][2][:n]
		u0, u1, u2, u3 := u[4*y*size:][:n], u[(4*y+1)*size:][:n], u[(4*y+2)*size:][:n], u[(4*y+3)*size:][:n]
		for c, a := range left {
			b, d := middle[c], right[c]
			u0[c], u1[c], u2[c], u3[c] = float32(a), float32((a+d+b)/2), float32((a+d-b)/2), float32(d)
		}
	}
}

// A task computes winogradTiles tiles, with winogradDepth input channels at a time: the
// transformed inputs and products, 16 matrices each, stay in the last-level cache while
// the weights pass once.
const (
	winogradTiles = 112
	winogradDepth = 512
)

// winogradGrid numbers the tiles: sub-grid by sub-grid, then by rows and columns.
type winogradGrid struct {
	convShape
	rows, cols int // tiles of the largest sub-grid
	tiles      int
}

func newWinogradGrid(s convShape) winogradGrid {
	extent := func(n int) int { return ((n+s.Dil-1)/s.Dil + 1) / 2 }
	g := winogradGrid{convShape: s, rows: extent(s.H), cols: extent(s.W)}
	g.tiles = s.B * s.Dil * s.Dil * g.rows * g.cols
	return g
}

// at returns the image of tile n and the position of its first output.
func (g *winogradGrid) at(n int) (b, y, x int) {
	col, row := n%g.cols, n/g.cols%g.rows
	n /= g.cols * g.rows
	sub := n % (g.Dil * g.Dil)
	return n / (g.Dil * g.Dil), sub/g.Dil + 2*row*g.Dil, sub%g.Dil + 2*col*g.Dil
}

// convWinograd computes y = relu(conv(x) + bias? + residual?). The order of all sums
// depends on the shape alone.
func convWinograd(s convShape, y, x []float32, w *winogradWeights, bias, residual []float32, relu bool) {
	s.check("FrozenConv2D", x, nil, y)
	isa := currentISA()
	g := newWinogradGrid(s)
	step := winogradTiles / isa.mr * isa.mr
	// A last round that leaves processors idle is spread over all of them.
	procs := runtime.GOMAXPROCS(0)
	tasks := (g.tiles + step - 1) / step
	tasks = (tasks + procs - 1) / procs * procs
	step = ((g.tiles+tasks-1)/tasks + isa.mr - 1) / isa.mr * isa.mr
	parallelFor((g.tiles+step-1)/step, 1, func(lo, hi int) {
		for task := lo; task < hi; task++ {
			t := winogradTask{isa: isa, grid: &g, first: task * step, last: min((task+1)*step, g.tiles)}
			t.run(y, x, w, bias, residual, relu)
		}
	})
}

// winogradTask is tiles [first, last) of a convolution.
type winogradTask struct {
	isa         *instructionSet
	grid        *winogradGrid
	first, last int
}

func (t *winogradTask) run(y, x []float32, w *winogradWeights, bias, residual []float32, relu bool) {
	g, nr := t.grid, t.isa.nr
	n := t.last - t.first
	rows := (n + t.isa.mr - 1) / t.isa.mr * t.isa.mr
	depth := min(winogradDepth, g.Cin)
	inStride, outStride := kStride(depth), (g.Cout+nr-1)/nr*nr
	v, m := borrow(16*rows*inStride), borrow(16*rows*outStride)
	zeros := borrow(max(g.Cin, g.Cout))
	clear(zeros)
	kBlock := w.u[0].kBlock
	depth = max(depth/kBlock, 1) * kBlock // whole passes
	for c0 := 0; c0 < g.Cin; c0 += depth {
		channels := min(depth, g.Cin-c0)
		t.transformInput(v, rows*inStride, inStride, x, zeros, c0, channels)
		for k := range w.u {
			for pass := c0; pass < c0+channels; pass += kBlock {
				kc, flags := min(kBlock, g.Cin-pass), flagAccumulate
				if pass == 0 {
					flags = 0
				}
				for j := 0; j < outStride; j += nr {
					panel := w.u[k].panel(pass, j/nr)
					for i := 0; i < rows; i += t.isa.mr {
						t.isa.tile(kc, &v[(k*rows+i)*inStride+pass-c0], inStride, 1, &panel[0],
							&m[(k*rows+i)*outStride+j], outStride, nil, nil, flags)
					}
				}
			}
		}
	}
	t.transformOutput(y, m, rows*outStride, outStride, bias, residual, zeros, relu)
	giveBack(zeros)
	giveBack(m)
	giveBack(v)
}

// transformInput writes Bᵀ d B of the tiles' channels [c0, c0+channels) to v, matrix k at
// v[k·size], tile i in row i. Rows beyond the last tile keep what they hold: their
// products are not read.
func (t *winogradTask) transformInput(v []float32, size, stride int, x, zeros []float32, c0, channels int) {
	g := t.grid
	var in [16]*float32
	for i := range t.last - t.first {
		b, y0, x0 := g.at(t.first + i)
		for p := range in {
			r, q := y0+(p/4-1)*g.Dil, x0+(p%4-1)*g.Dil
			if r < 0 || r >= g.H || q < 0 || q >= g.W {
				in[p] = &zeros[c0]
			} else {
				in[p] = &x[((b*g.H+r)*g.W+q)*g.Cin+c0]
			}
		}
		t.isa.winogradInput(&v[i*stride], size*4, &in, channels)
	}
}

// transformOutput writes relu(Aᵀ m A + bias? + residual?) to the tiles' places in y.
func (t *winogradTask) transformOutput(y, m []float32, size, stride int, bias, residual, zeros []float32, relu bool) {
	g := t.grid
	var out, add [4]*float32
	spare := borrow(g.Cout) // for outputs outside the map
	from := &zeros[0]
	if bias != nil {
		from = &bias[0]
	}
	floor := float32(0)
	if !relu {
		floor = -maxFloat32
	}
	for i := range t.last - t.first {
		b, y0, x0 := g.at(t.first + i)
		for p := range out {
			r, q := y0+p/2*g.Dil, x0+p%2*g.Dil
			out[p], add[p] = &spare[0], &zeros[0]
			if r < g.H && q < g.W {
				at := ((b*g.H+r)*g.W + q) * g.Cout
				out[p] = &y[at]
				if residual != nil {
					add[p] = &residual[at]
				}
			}
		}
		t.isa.winogradOutput(&out, &m[i*stride], size*4, from, &add, g.Cout, floor)
	}
	giveBack(spare)
}

const maxFloat32 = 0x1p127 * (1 + (1 - 0x1p-23))

// winogradInputGo and winogradOutputGo are the transforms in plain Go. size is the
// distance of two matrices in bytes.
func winogradInputGo(v *float32, size int, in *[16]*float32, n int) {
	var d [16][]float32
	for p := range d {
		d[p] = unsafe.Slice(in[p], n)
	}
	var to [16][]float32
	for k := range to {
		to[k] = unsafe.Slice((*float32)(unsafe.Add(unsafe.Pointer(v), k*size)), n)
	}
	for c := range n {
		for i := range 4 {
			var r [4]float32
			for j := range r {
				switch i {
				case 0:
					r[j] = d[j][c] - d[8+j][c]
				case 1:
					r[j] = d[4+j][c] + d[8+j][c]
				case 2:
					r[j] = d[8+j][c] - d[4+j][c]
				case 3:
					r[j] = d[4+j][c] - d[12+j][c]
				}
			}
			to[4*i][c], to[4*i+1][c], to[4*i+2][c], to[4*i+3][c] = r[0]-r[2], r[1]+r[2], r[2]-r[1], r[1]-r[3]
		}
	}
}

func winogradOutputGo(out *[4]*float32, m *float32, size int, bias *float32, add *[4]*float32, n int, floor float32) {
	var from [16][]float32
	for k := range from {
		from[k] = unsafe.Slice((*float32)(unsafe.Add(unsafe.Pointer(m), k*size)), n)
	}
	b := unsafe.Slice(bias, n)
	for p := range out {
		to, plus := unsafe.Slice(out[p], n), unsafe.Slice(add[p], n)
		for c := range n {
			var s [4]float32
			for j := range s {
				if p < 2 {
					s[j] = from[j][c] + from[4+j][c] + from[8+j][c]
				} else {
					s[j] = from[4+j][c] - from[8+j][c] - from[12+j][c]
				}
			}
			v := s[0] + s[1] + s[2]
			if p%2 == 1 {
				v = s[1] - s[2] - s[3]
			}
			to[c] = max(v+b[c]+plus[c], floor)
		}
	}
}
