package cpu

//go:generate go run asm/winograd.go asm/isa.go -out winograd_amd64.s -stubs winograd_amd64.go -pkg cpu

import (
	"runtime"
	"sync/atomic"

	"hdmnet/internal/op"
)

// Winograd's algorithm F(4×4, 3×3) (Lavin and Gray, arXiv 1509.09308): the 16 outputs of
// a tile are
//
//	Y = Aᵀ[(G w Gᵀ) ⊙ (Bᵀ d B)]A
//
// of its 6×6 inputs d, in 36 products where the definition takes 144. Summed over the
// input channels, the 36 are matrix products over all tiles. A dilated convolution is a
// dense one on each of Dil×Dil interleaved sub-grids, so its tiles are spaced apart.

// winogradWeights are U = G w Gᵀ: 36 operands B, Cin × Cout.
type winogradWeights struct{ u [winogradSize]*packedB }

// winogradChannels is the least number of channels, in and out, for which the products
// outweigh the transforms.
const winogradChannels = 64

// winogradPays says which convolutions are computed by the algorithm: 3×3, one step at
// a time, the result as large as the input. Maps of three pixels and more, in a sub-grid
// and direction, take fewer products than by F(2×2, 3×3), and about half of the
// definition's where the last tile is one pixel wide.
func winogradPays(shape []int, p op.ConvParams) bool {
	return shape[1] == 3 && shape[2] == 3 && p.Stride == 1 && p.Pad == p.Dilation &&
		shape[0] >= winogradChannels && shape[3] >= winogradChannels &&
		shape[0]%loopLanes == 0 && currentISA().kBlockSize(shape[3])%loopLanes == 0
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
		u := takeScratch(winogradSize * isa.nr * depth)
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
					isa.transposePanel(ws.u[t].panelsFrom(k0, j)[(c0-k0)*isa.nr:], u[t*isa.nr*depth:], depth, n, channels)
				}
			}
		}
		freeScratch(u)
	})
	in, out, _ := ws.strides()
	room := int64(winogradSize * (in + out) * machineBlocking().rows * 9 / 8)
	for old := winogradRoom.Load(); old < room && !winogradRoom.CompareAndSwap(old, room); old = winogradRoom.Load() {
	}
	return ws
}

// winogradDepth is how many input channels a task transforms at a time. The transformed
// inputs and the products, 36 matrices each, may exceed the last-level cache: they pass in
// order, which the processor foresees.
const winogradDepth = 512

// winogradRoom is the memory, in elements, that a task of the largest convolution frozen so
// far usually takes. Every task gets as much, so that layers of all sizes share it.
var winogradRoom atomic.Int64

// tilesPerTask is how many tiles a task should have: as many as fit the second-level cache
// kBlockMax deep, since the weights come from memory once for a task. Where weights are
// small it has only as many as let the transformed inputs and the products stay in that
// cache, if this halves what passes from and to larger memory, every tile's inputs and
// products twice, and its share of the weights.
func (w *winogradWeights) tilesPerTask() int {
	u, fit := w.u[0], machineBlocking()
	in, out, _ := w.strides()
	tile, weights := winogradSize*(in+out), winogradSize*u.k*u.n
	near := min(fit.near/tile, fit.rows)
	if near >= u.isa.mr && weights/near < (2*tile+weights/fit.rows)/2 {
		return near
	}
	return fit.rows
}

// taskCount says into how many tasks panels of tiles are cut: as many for every processor.
func (w *winogradWeights) taskCount(panels int) int {
	procs, most := runtime.GOMAXPROCS(0), max(w.tilesPerTask()/w.u[0].isa.mr, 1)
	tasks := max((panels+most/2)/most, 1)
	return min((tasks+procs-1)/procs*procs, panels)
}

// strides returns the distances of rows in the matrices of inputs and of products, and how
// many channels are transformed at a time: whole passes.
func (w *winogradWeights) strides() (in, out, depth int) {
	u := w.u[0]
	depth = min(max(winogradDepth/u.kBlock, 1)*u.kBlock, u.k)
	return kStride(depth), u.panels() * u.isa.nr, depth
}

// winogradGrid numbers the tiles: sub-grid by sub-grid, then by rows and columns.
type winogradGrid struct {
	convShape
	rows, cols int // tiles of the largest sub-grid
	tiles      int
}

func newWinogradGrid(s convShape) winogradGrid {
	extent := func(n int) int { return ((n+s.Dil-1)/s.Dil + winogradTile - 1) / winogradTile }
	g := winogradGrid{convShape: s, rows: extent(s.H), cols: extent(s.W)}
	g.tiles = s.B * s.Dil * s.Dil * g.rows * g.cols
	return g
}

// at returns the image of tile n and the position of its first output.
func (g *winogradGrid) at(n int) (b, y, x int) {
	col, row := n%g.cols, n/g.cols%g.rows
	n /= g.cols * g.rows
	sub := n % (g.Dil * g.Dil)
	return n / (g.Dil * g.Dil), sub/g.Dil + winogradTile*row*g.Dil, sub%g.Dil + winogradTile*col*g.Dil
}

// convWinograd computes y = relu(conv(x) + bias? + residual?), y in pairs of bf16 if half. The
// order of all sums depends on the shape alone.
func convWinograd(s convShape, y, x []float32, w *winogradWeights, bias, residual []float32, relu, half bool) {
	isa := currentISA()
	g := newWinogradGrid(s)
	panels := (g.tiles + isa.mr - 1) / isa.mr
	tasks := w.taskCount(panels)
	winogradRuns.run(tasks, 1, winogradArgs{grid: g, isa: isa, y: y, x: x, w: w, bias: bias, residual: residual, relu: relu, half: half,
		panels: panels, tasks: tasks})
}

type winogradArgs struct {
	grid           winogradGrid
	isa            *instructionSet
	y, x           []float32
	w              *winogradWeights
	bias, residual []float32
	relu, half     bool
	panels, tasks  int
}

var winogradRuns = newLoop(func(a *winogradArgs, lo, hi int) {
	t := winogradTasks.get()
	for task := lo; task < hi; task++ {
		t.isa, t.grid = a.isa, &a.grid
		t.first, t.last = task*a.panels/a.tasks*a.isa.mr, min((task+1)*a.panels/a.tasks*a.isa.mr, a.grid.tiles)
		t.run(a.y, a.x, a.w, a.bias, a.residual, a.relu, a.half)
	}
	*t = winogradTask{memory: t.memory}
	winogradTasks.put(t)
})

// winogradTask is tiles [first, last) of a convolution.
type winogradTask struct {
	isa         *instructionSet
	grid        *winogradGrid
	first, last int
	memory      []float32 // of the transformed inputs and the products

	in       [winogradSize]*float32 // what a tile reads
	out, add [winogradTile * winogradTile]*float32
}

var winogradTasks freeList[winogradTask]

func (t *winogradTask) run(y, x []float32, w *winogradWeights, bias, residual []float32, relu, half bool) {
	g, mr, nr := t.grid, t.isa.mr, t.isa.nr
	rows := (t.last - t.first + mr - 1) / mr * mr
	kBlock := w.u[0].kBlock
	inStride, outStride, depth := w.strides()
	inSize, outSize := winogradSize*rows*inStride, winogradSize*rows*outStride
	t.memory = growAligned(t.memory, max(inSize+outSize, int(winogradRoom.Load())))
	v, m := t.memory[:inSize], t.memory[inSize:inSize+outSize]
	zeros := takeScratch(max(g.Cin, g.Cout))
	clear(zeros)
	for c0 := 0; c0 < g.Cin; c0 += depth {
		channels := min(depth, g.Cin-c0)
		t.transformInput(v, rows*inStride, inStride, x, zeros, c0, channels)
		for k := range w.u {
			for pass := c0; pass < c0+channels; pass += kBlock {
				kc, flags := min(kBlock, g.Cin-pass), flagAccumulate
				if pass == 0 {
					flags = 0
				}
				panels := w.u[k].panelsFrom(pass, 0)
				for j := 0; j < outStride; j += nr {
					for i := 0; i < rows; i += mr {
						t.isa.tile(kc, &v[(k*rows+i)*inStride+pass-c0], inStride, 1, &panels[j*kc],
							&m[(k*rows+i)*outStride+j], outStride, nil, nil, flags)
					}
				}
			}
		}
	}
	t.transformOutput(y, m, rows*outStride, outStride, bias, residual, zeros, relu, half)
	freeScratch(zeros)
}

// transformInput writes Bᵀ d B of the tiles' channels [c0, c0+channels) to v, matrix k at
// v[k·size], tile i in row i. Rows beyond the last tile keep what they hold: their
// products are not read.
func (t *winogradTask) transformInput(v []float32, size, stride int, x, zeros []float32, c0, channels int) {
	g := t.grid
	work := takeScratch(winogradWork)
	in := &t.in
	for i := range t.last - t.first {
		b, y0, x0 := g.at(t.first + i)
		for p := 0; p < len(in); p += winogradSide {
			row := in[p:][:winogradSide]
			r := y0 + (p/winogradSide-1)*g.Dil
			if uint(r) >= uint(g.H) {
				for j := range row {
					row[j] = &zeros[c0]
				}
				continue
			}
			line := x[(b*g.H+r)*g.W*g.Cin+c0:]
			for j := range row {
				if q := x0 + (j-1)*g.Dil; uint(q) < uint(g.W) {
					row[j] = &line[q*g.Cin]
				} else {
					row[j] = &zeros[c0]
				}
			}
		}
		t.isa.winogradInput(&v[i*stride], size*4, in, channels, &work[0])
	}
	freeScratch(work)
}

// transformOutput writes relu(Aᵀ m A + bias? + residual?) to the tiles' places in y, which
// are of pairs of bf16 if half.
func (t *winogradTask) transformOutput(y, m []float32, size, stride int, bias, residual, zeros []float32, relu, half bool) {
	g := t.grid
	var tile []float32
	if half {
		tile = takeScratch(len(t.out) * g.Cout)
		defer freeScratch(tile)
	}
	work, spare := takeScratch(winogradWork), takeScratch(g.Cout) // spare is for outputs outside the map
	out, add := &t.out, &t.add
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
			out[p], add[p] = &spare[0], &zeros[0]
		}
		for p := 0; p < len(out); p += winogradTile {
			r := y0 + p/winogradTile*g.Dil
			for j, q := 0, x0; j < winogradTile && r < g.H && q < g.W; j, q = j+1, q+g.Dil {
				at := ((b*g.H+r)*g.W + q) * g.Cout
				if half {
					out[p+j] = &tile[(p+j)*g.Cout]
					continue
				}
				out[p+j] = &y[at]
				if residual != nil {
					add[p+j] = &residual[at]
				}
			}
		}
		t.isa.winogradOutput(out, &m[i*stride], size*4, from, add, g.Cout, floor, &work[0])
		if half {
			t.roundTile(y, tile, b, y0, x0)
		}
	}
	freeScratch(work)
	freeScratch(spare)
}

// roundTile writes a tile's outputs, 16 pixels, to their places in y as pairs of bf16.
func (t *winogradTask) roundTile(y, tile []float32, b, y0, x0 int) {
	g := t.grid
	columns := min(winogradTile, ceilDiv(g.W-x0, g.Dil))
	if columns <= 0 { // the sub-grid has no such tile, though the largest one has
		return
	}
	for line := range winogradTile {
		if r := y0 + line*g.Dil; r < g.H {
			isaOf(op.BF16).pairRows(rounded.a, y[((b*g.H+r)*g.W+x0)*g.Cout/2:], g.Dil*g.Cout/2,
				tile[line*winogradTile*g.Cout:], g.Cout, columns, g.Cout)
		}
	}
}

const maxFloat32 = 0x1p127 * (1 + (1 - 0x1p-23))
