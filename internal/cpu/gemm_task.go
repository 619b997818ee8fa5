package cpu

import (
	"runtime"

	"hdmnet/internal/op"
)

// chunkCount says in how many chunks the inner dimension is summed: one if C
// alone makes enough tasks. It depends on the shape alone.
func (p *product) chunkCount() int {
	blocks := ((p.m + splitRows - 1) / splitRows) * ((p.n + splitColumns - 1) / splitColumns)
	if !p.splitK || blocks > splitTasks/2 {
		return 1
	}
	return max(1, min(splitTasks/blocks, p.kBlocks/2))
}

// compute runs the tasks of columns [n0, n1).
func (p *product) compute(n0, n1 int) {
	p.n0, p.nEnd = n0, n1
	mr, nr := p.isa.mr, p.isa.nr
	fit, colsLimit := machineBlocking(), colsMax
	if p.privateB {
		colsLimit = fit.columns
	}
	mPanels, nPanels := (p.m+mr-1)/mr, (n1-n0+nr-1)/nr
	mTasks := (mPanels*mr + fit.rows - 1) / fit.rows
	nTasks := (nPanels*nr + colsLimit - 1) / colsLimit
	// Enough tasks for every processor to have a few, as long as they stay
	// large enough to pay for packing A: at least 4 panels of either.
	procs := runtime.GOMAXPROCS(0)
	for procs > 1 && mTasks*nTasks*p.chunks < 4*procs {
		if mPanels >= 8*mTasks {
			mTasks++
		} else if nPanels >= 8*nTasks {
			nTasks++
		} else {
			break
		}
	}
	if spare := mTasks * nTasks * p.chunks % procs; spare != 0 && mTasks > procs {
		mTasks += procs - mTasks%procs
	}
	mStep, nStep := (mPanels+mTasks-1)/mTasks, (nPanels+nTasks-1)/nTasks
	p.mStep, p.nStep = mStep*mr, nStep*nr
	p.mTasks, p.nTasks = (mPanels+mStep-1)/mStep, (nPanels+nStep-1)/nStep
	parallelFor(p.mTasks*p.nTasks*p.chunks, 1, p.taskBody)
}

// runTasks runs tasks [lo,hi); rows vary fastest, so that neighbors share B.
func (p *product) runTasks(lo, hi int) {
	buf := buffers.get()
	buf.tile = growAligned(buf.tile, maxMR*maxNR)
	for t := lo; t < hi; t++ {
		chunk, block := t/(p.mTasks*p.nTasks), t%(p.mTasks*p.nTasks)
		m0 := block % p.mTasks * p.mStep
		n0 := p.n0 + block/p.mTasks*p.nStep
		p.runTask(buf, chunk, m0, min(m0+p.mStep, p.m), n0, min(n0+p.nStep, p.nEnd))
	}
	buffers.put(buf)
}

// runTask computes C[m0:m1, n0:n1] over one chunk of the inner dimension.
func (p *product) runTask(buf *blockBuffers, chunk, m0, m1, n0, n1 int) {
	out := target{c: p.c, ldc: p.ldc, epi: p.epi}
	accumulate := p.accumulate
	if p.chunks > 1 {
		out = target{c: p.partial[chunk*p.m*p.n:], ldc: p.n}
		accumulate = false
	}
	if p.half.y {
		buf.c = growAligned(buf.c, (m1-m0)*(n1-n0))
		out.c, out.ldc, out.m0, out.n0 = buf.c, n1-n0, m0, n0
	}
	rows := roundUp(m1-m0, p.isa.mr)
	buf.a = growAligned(buf.a, rows*kStride(p.kBlock))
	first, last := chunk*p.kBlocks/p.chunks, (chunk+1)*p.kBlocks/p.chunks-1
	for pass := first; pass <= last; pass++ {
		k0 := pass * p.kBlock
		kc := min(p.kBlock, p.k-k0)
		a, step := p.rowsInPlace(m0, rows, k0, kc), p.k
		rs, ks := p.k, 1
		if a == nil {
			a, step = buf.a, kStride(kc)
			if rs, ks = p.a.packA(p.isa, a, m0, m1, k0, k0+kc); ks == 1 {
				clear(a[(m1-m0)*rs : rows*rs])
				p.isa.fillSteps(a, m1-m0, rs, kc)
			}
		}
		if p.packed == nil {
			p.packPrivate(buf, n0, n1, k0, kc)
		}
		out.flags = 0
		if accumulate || pass > first {
			out.flags = flagAccumulate
		}
		if pass == last {
			out.flags |= out.epi.flags()
			out.last = true
		}
		p.runPass(buf, &out, k0, kc, a, step, rs, ks, m0, m1, n0, n1)
	}
}

// runPass computes C[m0:m1, n0:n1] over steps [k0, k0+kc). Rows of a are step elements apart
// before they are in panels, and rs and ks inside of one.
//
// A panel of rows stays in the first-level cache while it meets the panels of B, as many as the
// second-level cache holds, and then the next one does: so C and the residual, which are in no
// cache, are read and written along their rows, not in columns of a few lines with kilobytes
// between them. A kernel of whole columns (AMX) takes a panel of B with all rows instead.
func (p *product) runPass(buf *blockBuffers, out *target, k0, kc int, a []float32, step, rs, ks, m0, m1, n0, n1 int) {
	mr, nr := p.isa.mr, p.isa.nr
	rows, columns := mr, max(machineBlocking().near/2/max(kc, 1)/nr*nr, nr)
	if p.isa.column != nil {
		rows, columns = m1-m0, nr
	}
	depth := roundUp(kc, p.isa.step)
	for g := n0; g < n1; g += columns {
		panels, end := p.panelsOfB(buf, k0, g-n0, n0, depth), min(g+columns, n1)
		for i0 := m0; i0 < m1; i0 += rows {
			i1 := min(i0+rows, m1)
			for j := g; j < end; j += nr {
				b, j1 := panels[(j-g)*depth:], min(j+nr, n1)
				if p.isa.column != nil {
					p.runColumn(buf, out, kc, a, rs, b, i0, i1, j, j1)
					continue
				}
				if r := i1 + (j-g)/nr; ks == 1 && kc > 0 && r < min(i1+mr, m1) {
					p.isa.prefetch(&a[(r-m0)*step], kc) // a row of the next panel of A for every panel of B
				}
				for i := i0; i < i1; i += mr {
					p.runTile(buf, out, kc, a[(i-m0)*step:], rs, ks, b, i, min(i+mr, i1), j, j1)
				}
			}
			if out.last {
				p.finish(out, i0, i1, g, end)
			}
		}
	}
}

// finish does to C[i0:i1, j0:j1] what kernels leave: GELU, and the rounding to halves.
func (p *product) finish(out *target, i0, i1, j0, j1 int) {
	gelu := out.epi.activation == op.GELUActivation
	if p.half.y {
		pair := p.isa.alongRows[0]
		if gelu {
			pair = p.isa.gelu
		}
		pair(&p.c[(i0*p.ldc+j0)/2], p.ldc/2, &out.c[out.at(i0, j0)], out.ldc, i1-i0, j1-j0)
		return
	}
	for i := i0; gelu && i < i1; i++ {
		row := out.c[out.at(i, j0):out.at(i, j1)]
		geluRow(row, row)
	}
}

// panelsOfB returns the panels, depth steps from k0 on, of columns n0+skip and after, of a task
// whose columns begin at n0. Panels follow each other.
func (p *product) panelsOfB(buf *blockBuffers, k0, skip, n0, depth int) []float32 {
	if p.packed != nil {
		return p.packed.panelsFrom(k0, (n0+skip-p.packed.n0)/p.isa.nr)
	}
	return buf.b[skip*depth:]
}

// rowsInPlace returns A from row m0 and step k0 on if the kernel can read it where it lies: rows
// without gaps, as many as whole tiles read, that do not all fall in one set of the first-level
// cache. Then there is nothing to pack.
func (p *product) rowsInPlace(m0, rows, k0, kc int) []float32 {
	if d := &p.denseA; p.a == d && !d.transposed && 0 < kc && kc%p.isa.step == 0 && d.ld == p.k && (kc == p.k || p.k%sameSet != 0) && (m0+rows)*p.k <= len(d.data) {
		return d.data[m0*p.k+k0:]
	}
	return nil
}

// sameSet is a distance of elements that fall in one set of usual first-level caches.
const sameSet = 1024

// packPrivate packs this task's part of B.
func (p *product) packPrivate(buf *blockBuffers, n0, n1, k0, kc int) {
	nr := p.isa.nr
	buf.b = growAligned(buf.b, (n1-n0+nr-1)/nr*nr*p.kBlock)
	strip := packStrip
	if p.isa.terms != nil {
		strip = max(strip, p.isa.terms.whole())
	}
	depth := roundUp(kc, p.isa.step)
	for k := 0; k < kc; k += strip {
		for j := n0; j < n1; j += nr {
			p.b.packB(p.isa, buf.b[(j-n0)*depth+k*nr:], j, min(j+nr, n1), k0+k, k0+min(k+strip, kc))
		}
	}
	for j := n0; j < n1; j += nr {
		clear(buf.b[(j-n0)*depth+kc*nr : (j-n0+nr)*depth])
	}
}

// target is where and how a task stores its tiles.
type target struct {
	c      []float32
	ldc    int
	m0, n0 int // the element of C that c begins with
	epi    epilogue
	flags  int
	last   bool // C is complete behind this pass
}

// at is where in c the element (i,j) of C is.
func (t *target) at(i, j int) int { return (i-t.m0)*t.ldc + j - t.n0 }

// runTile computes C[i0:i1, j0:j1]; a tile that the matrix's edge cuts goes
// through a buffer, so that nothing outside is read or written.
func (p *product) runTile(buf *blockBuffers, out *target, kc int, a []float32, rs, ks int, b []float32, i0, i1, j0, j1 int) {
	var bp *float32
	if kc > 0 {
		bp = &b[0]
	}
	tile, width := p.isa.tileFor(j1 - j0)
	if i1-i0 < p.isa.mr || j1-j0 < width {
		nr := p.isa.nr
		tile(kc, &a[0], rs, ks, bp, &buf.tile[0], nr, nil, nil, 0)
		epi := epilogue{}
		if out.flags&^flagAccumulate != 0 {
			epi = out.epi
		}
		for i := i0; i < i1; i++ {
			at := out.at(i, j0)
			epi.finishRow(out.c[at:at+j1-j0], buf.tile[(i-i0)*nr:], out.flags&flagAccumulate != 0, at, j0)
		}
		return
	}
	at := out.at(i0, j0)
	var bias, residual *float32
	if out.flags&flagBias != 0 {
		bias = &out.epi.bias[j0]
	}
	if out.flags&flagResidual != 0 {
		residual = &out.epi.residual[at]
	}
	tile(kc, &a[0], rs, ks, bp, &out.c[at], out.ldc, bias, residual, out.flags)
}

// sumChunks adds the chunks of rows [lo,hi) in order and stores them.
func (p *product) sumChunks(lo, hi int) {
	for i := lo; i < hi; i++ {
		sum := p.partial[i*p.n : (i+1)*p.n]
		for chunk := 1; chunk < p.chunks; chunk++ {
			addRow(sum, p.partial[(chunk*p.m+i)*p.n:])
		}
		p.epi.finishRow(p.c[i*p.ldc:i*p.ldc+p.n], sum, p.accumulate, i*p.ldc, 0)
	}
}
