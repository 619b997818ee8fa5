package data

// Stage is what the batches are for.
type Stage int

// The stages of training.
const (
	Meta Stage = iota // episodes for HDMNet: a query and its supports
	Base              // single pictures for the base learner (PSPNet)
)

// String gives "meta" or "base".
func (s Stage) String() string {
	if s == Base {
		return "base"
	}
	return "meta"
}

// Sample is one picture as the network sees it, size×size.
type Sample struct {
	Image []float32 // [size,size,3] RGB, gray levels 0..255, Mean outside the picture; the device normalizes
	Mask  []uint8   // [size,size] 1 the episode's class, 0 not, 255 ignore; nil for the query of the base stage
}

// Episode is one entry of a batch, before and behind the tensors. Its size×size
// slices are parts of the batch's: they are valid until Release.
type Episode struct {
	Query     Sample
	Supports  []Sample // the network's order: last drawn first; empty in the base stage
	BaseLabel []uint8  // [size,size] of the query: place in Fold.Base + 1, else 0, 255 ignore

	Class      int // class id; 0 in the base stage
	ClassIndex int // place of Class in Fold.Base (training) or Fold.Novel (validation); 0 in the base stage

	QueryName    string
	SupportNames []string // the network's order
	Position     int      // place in the epoch

	// Validation only, at the query's own size.
	H, W          int
	Picture       []uint8 // [H,W,3] RGB, where LoaderOptions.KeepPictures asks for it
	Label         []uint8 // [H,W] 1, 0, 255 as Query.Mask; nil in the base stage
	FullBaseLabel []uint8 // [H,W] as BaseLabel
}

// Batch is one step's input, contiguous, rows of the batch outermost.
// B = Size, K = Shots, S = Side.
type Batch struct {
	Size, Shots int // B and K; B is smaller in the last batch of an epoch that is not dropped; K is 0 in the base stage
	Side        int // S, pixels

	Query       []float32 // [B,S,S,3]
	Support     []float32 // [B,K,S,S,3]
	QueryMask   []uint8   // [B,S,S] 0, 1, 255; empty in the base stage
	SupportMask []uint8   // [B,K,S,S] 0, 1, 255
	BaseLabel   []uint8   // [B,S,S] 0..len(Fold.Base), 255
	ClassIndex  []int     // [B]; see Episode.ClassIndex

	Episodes    []*Episode // [B]
	Epoch, Step int        // from 0

	full buffers // the memory behind the slices, for the loader's next use
}

// First is the batch of the first n episodes, a part of b's memory.
func (b *Batch) First(n int) *Batch {
	if n == b.Size {
		return b
	}
	return &Batch{
		Size: n, Shots: b.Shots, Side: b.Side, Epoch: b.Epoch, Step: b.Step,
		Query: first(b.Query, n, b.Size), Support: first(b.Support, n, b.Size), QueryMask: first(b.QueryMask, n, b.Size),
		SupportMask: first(b.SupportMask, n, b.Size), BaseLabel: first(b.BaseLabel, n, b.Size), ClassIndex: first(b.ClassIndex, n, b.Size),
		Episodes: first(b.Episodes, n, b.Size),
	}
}

// first is the part of v, the rows of a batch of size, that belongs to its first n.
func first[T any](v []T, n, size int) []T { return v[:len(v)/size*n] }

// buffers hold a batch of the largest size.
type buffers struct {
	query, support                    []float32
	queryMask, supportMask, baseLabel []uint8
	cat                               []int
}

func newBuffers(batch, shots, size int, stage Stage) buffers {
	px := size * size
	f := buffers{
		query:     make([]float32, batch*px*3),
		baseLabel: make([]uint8, batch*px),
		cat:       make([]int, batch),
	}
	if stage == Meta {
		f.support = make([]float32, batch*shots*px*3)
		f.queryMask = make([]uint8, batch*px)
		f.supportMask = make([]uint8, batch*shots*px)
	}
	return f
}

// newBatch lays a batch of n episodes over the buffers.
func newBatch(f buffers, n, shots, size int, stage Stage) *Batch {
	px := size * size
	b := &Batch{Size: n, Side: size, Query: f.query[:n*px*3], BaseLabel: f.baseLabel[:n*px], ClassIndex: f.cat[:n], full: f}
	if stage == Meta {
		b.Shots = shots
		b.Support = f.support[:n*shots*px*3]
		b.QueryMask = f.queryMask[:n*px]
		b.SupportMask = f.supportMask[:n*shots*px]
	}
	b.Episodes = make([]*Episode, n)
	for i := range b.Episodes {
		e := &Episode{
			Query:     Sample{Image: b.Query[i*px*3 : (i+1)*px*3]},
			BaseLabel: b.BaseLabel[i*px : (i+1)*px],
		}
		if stage == Meta {
			e.Query.Mask = b.QueryMask[i*px : (i+1)*px]
			for k := range shots {
				at := (i*shots + k) * px
				e.Supports = append(e.Supports, Sample{
					Image: b.Support[at*3 : (at+px)*3],
					Mask:  b.SupportMask[at : at+px],
				})
			}
		}
		b.Episodes[i] = e
	}
	return b
}
