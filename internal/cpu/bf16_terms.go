package cpu

// bf16Terms says which bf16 terms of a float32 meet in a product: term a[i] of A's value and
// term b[i] of B's. Term 0 is the value rounded to bf16, term 1 is what is left, rounded.
type bf16Terms struct{ a, b []int }

var (
	rounded = &bf16Terms{[]int{0}, []int{0}}             // bf16
	split   = &bf16Terms{[]int{0, 1, 0}, []int{1, 0, 0}} // bf16x3: the small products first
)

// splitGroup is how many values stand for each other's terms: 32 values are 16 pairs of their
// first term, then 16 of the second, and so on. Groups begin anew in every vector: of the
// channels of a pixel, or of the inner dimension of a dense operand.
const splitGroup = 32

// pairsOf is the number of pairs that k values make.
func pairsOf(k int) int { return (k + 1) / 2 }

// depth is the number of pairs that a vector of k values becomes.
func (s *bf16Terms) depth(k int) int { return len(s.a) * pairsOf(k) }

// whole is the least number of pairs that a pass over the inner dimension may end after, so
// that it holds whole groups.
func (s *bf16Terms) whole() int {
	if len(s.a) == 1 {
		return 1
	}
	return len(s.a) * splitGroup / 2
}

// values is where in a vector of k values the pair number pairs, the first of a group or
// behind the last, stands.
func (s *bf16Terms) values(pairs, k int) int { return min(2*pairs/len(s.a), k) }

// pairingFunc makes pairs of one term of float32s. Along rows the two values of a pair follow
// each other in a row: of n > 0 values of each of rows > 0 rows of src, ld elements apart, the
// ⌈n/2⌉ pairs go to dst[i·width:] for row i. Across rows a pair is from two rows: of rows 2i
// and 2i+1 the n pairs go to dst[i·width:]. The first value of a pair is in the low half; of
// an odd number the last pair's second value is 0.
type pairingFunc func(dst *float32, width int, src *float32, ld, rows, n int)

// pairRows writes the terms of n values of each of some rows, which lie along the rows, to
// s.depth(n) pairs a row.
func (isa *instructionSet) pairRows(terms []int, dst []float32, width int, src []float32, ld, rows, n int) {
	if rows <= 0 || n <= 0 {
		return
	}
	if len(terms) == 1 {
		isa.alongRows[terms[0]](&dst[0], width, &src[0], ld, rows, n)
		return
	}
	at := 0
	for v := 0; v < n; v += splitGroup {
		group := min(splitGroup, n-v)
		for _, t := range terms {
			isa.alongRows[t](&dst[at], width, &src[v], ld, rows, group)
			at += pairsOf(group)
		}
	}
}

// pairColumns writes the terms of rows × n values, vectors of which are the columns, to
// s.depth(rows) rows of n pairs.
func (isa *instructionSet) pairColumns(terms []int, dst []float32, width int, src []float32, ld, rows, n int) {
	if rows <= 0 || n <= 0 {
		return
	}
	if len(terms) == 1 {
		isa.acrossRows[terms[0]](&dst[0], width, &src[0], ld, rows, n)
		return
	}
	at := 0
	for v := 0; v < rows; v += splitGroup {
		group := min(splitGroup, rows-v)
		for _, t := range terms {
			isa.acrossRows[t](&dst[at*width], width, &src[v*ld], ld, group, n)
			at += pairsOf(group)
		}
	}
}

// pairing is an operand on its way to pairs, as a whole.
type pairing struct {
	isa     *instructionSet
	terms   []int
	dst     []float32
	src     []float32
	ld      int // of src
	rows, n int
}

// rowPairing makes pairs along the rows of src.
var rowPairing = newLoop(func(p *pairing, lo, hi int) {
	width := p.isa.terms.depth(p.n)
	p.isa.pairRows(p.terms, p.dst[lo*width:], width, p.src[lo*p.ld:], p.ld, hi-lo, p.n)
})

// columnPairing makes pairs across the rows of src, by groups of rows.
var columnPairing = newLoop(func(p *pairing, lo, hi int) {
	s := p.isa.terms
	v := lo * splitGroup
	p.isa.pairColumns(p.terms, p.dst[s.depth(v)*p.n:], p.n, p.src[v*p.ld:], p.ld, min(hi*splitGroup, p.rows)-v, p.n)
})

// alongRows is the pairs of rows × n values, vectors of which are the rows, in work memory.
func (p pairing) alongRows() []float32 {
	p.dst = takeScratch(p.rows * p.isa.terms.depth(p.n))
	if p.n > 0 {
		rowPairing.run(p.rows, rowGrain(p.n), p)
	}
	return p.dst
}

// acrossRows is the same for vectors that are the columns.
func (p pairing) acrossRows() []float32 {
	p.dst = takeScratch(p.isa.terms.depth(p.rows) * p.n)
	if p.n > 0 {
		columnPairing.run((p.rows+splitGroup-1)/splitGroup, rowGrain(p.n*splitGroup), p)
	}
	return p.dst
}
