package cpu

// Attention and correlation share their arithmetic: scores between row positions and
// column positions, in blocks that stay in the cache, as products of small matrices
// with the tile kernel of the matrix products. One head at a time is laid out as
//
//	rows     [positions][d]               the left operand of a product
//	panels   [positions/nr][d][nr]        the right operand of scores = rows·rowsᵀ
//	columns  [d/nr][positions][nr]        the right operand of sums = scores·rows
//
// Positions are padded with zeros to whole blocks, columns to whole panels.

// tiling is how scores are cut: blocks of rows×cols, whole numbers of mr×nr tiles.
type tiling struct {
	isa        *instructionSet
	rows, cols int
}

func newTiling() tiling {
	isa := currentISA()
	return tiling{isa: isa, rows: 56 / isa.mr * isa.mr, cols: 64 / isa.nr * isa.nr}
}

// extent is n positions padded to whole blocks, as rows and as columns, and whole panels.
func (t tiling) extent(n int) int {
	return roundUp(max(roundUp(n, t.rows), roundUp(n, t.cols)), t.isa.nr)
}

// width is d channels padded to whole panels.
func (t tiling) width(d int) int { return roundUp(d, t.isa.nr) }

func (t tiling) rowBlocks(n int) int { return (n + t.rows - 1) / t.rows }

func roundUp(n, unit int) int { return (n + unit - 1) / unit * unit }

// product computes c = a·b, or c += a·b, for one block of rows: a [rows][k] with rows
// lda apart; b in panels that are panel elements apart, [k][nr] each; c [rows][n] with
// rows ldc apart, of which whole tiles are written. Of pairs of bf16 k counts pairs.
func (t tiling) product(c []float32, ldc int, a []float32, lda int, b []float32, panel, n, k int, accumulate bool) {
	flags := 0
	if accumulate {
		flags = flagAccumulate
	}
	for j := 0; j < n; j += t.isa.nr {
		p := &b[j/t.isa.nr*panel]
		if t.isa.column != nil {
			var work [tileRows * tileRows]float32
			t.isa.column(&tileConfig[0], k/tileStep, &a[0], lda, p, &c[j], ldc, nil, nil, flags, t.rows, min(t.isa.nr, n-j), &work[0])
			continue
		}
		tile, _ := t.isa.tileFor(n - j)
		for i := 0; i < t.rows; i += t.isa.mr {
			tile(k, &a[i*lda], lda, 1, p, &c[i*ldc+j], ldc, nil, nil, flags)
		}
	}
}

// scores computes the block s [rows][cols] between row positions from i and column
// positions from j.
func (t tiling) scores(s, rows []float32, i int, panels []float32, j, d int) {
	t.product(s, t.cols, rows[i*d:], d, panels[j*d:], t.isa.nr*d, t.cols, d, false)
}

// sums computes acc [rows][width] += s·x for the column positions of block s from j;
// columns holds x of extent positions and d channels. The first block overwrites acc.
func (t tiling) sums(acc, s, columns []float32, extent, j, d int) {
	t.product(acc, t.width(d), s, t.cols, columns[j*t.isa.nr:], extent*t.isa.nr, d, t.cols, j > 0)
}

// transposed computes acc [n][width] = sᵀ·x, or adds it, for the first valid rows of block
// s and a whole number n of tiles of its columns; columns holds x of t.rows positions and
// d channels. What it writes to the rows past the block's columns has no meaning.
func (t tiling) transposed(acc, s []float32, n int, columns []float32, valid, d int, accumulate bool) {
	flags, width := 0, t.width(d)
	if accumulate {
		flags = flagAccumulate
	}
	for c := 0; c < d; c += t.isa.nr {
		tile, _ := t.isa.tileFor(d - c)
		x := &columns[c*t.rows]
		for j := 0; j < n; j += t.isa.mr {
			tile(valid, &s[j], 1, t.cols, x, &acc[j*width+c], width, nil, nil, flags)
		}
	}
}

// gatherRows copies one head of the listed positions (nil: the first n) to rows and
// fills them with zeros to the end. x starts at the head's first channel; its
// positions are stride apart.
func gatherRows(rows, x []float32, stride int, positions []int32, n, d int) {
	for i := range n {
		at := i
		if positions != nil {
			at = int(positions[i])
		}
		copy(rows[i*d:i*d+d], x[at*stride:at*stride+d])
	}
	clear(rows[n*d:])
}

// panelsOf lays rows out as panels.
func (t tiling) panelsOf(panels, rows []float32, d int) {
	for at := 0; at < len(panels); at += t.isa.nr * d {
		t.isa.transposePanel(panels[at:], rows[at:], d, t.isa.nr, d)
	}
}

// columnsOf lays rows out as columns of the given number of positions.
func columnsOf(columns, rows []float32, extent, d, nr int) {
	for c := 0; c < d; c += nr {
		p := columns[c*extent : (c+nr)*extent]
		w := min(nr, d-c)
		for i := range extent {
			copy(p[i*nr:i*nr+w], rows[i*d+c:i*d+c+w])
			clear(p[i*nr+w : i*nr+nr])
		}
	}
}

// dotProduct is Σ a·b of two short vectors, in four interleaved sums.
func dotProduct(a, b []float32) float32 {
	var s0, s1, s2, s3 float32
	for b = b[:len(a)]; len(a) >= 4 && len(b) >= 4; a, b = a[4:], b[4:] {
		s0 += a[0] * b[0]
		s1 += a[1] * b[1]
		s2 += a[2] * b[2]
		s3 += a[3] * b[3]
	}
	for i, x := range a {
		s0 += x * b[i]
	}
	return (s0 + s1) + (s2 + s3)
}
