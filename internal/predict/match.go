package predict

import (
	"errors"

	"hdmnet/internal/data"
	"hdmnet/internal/model"
	"hdmnet/internal/nn"
	"hdmnet/internal/op"
	"hdmnet/internal/tta"
)

// ErrForgotten is the error of a query without picture whose features were kept and are not
// there any more, such as where a file of theirs is damaged: give the picture.
var ErrForgotten = model.ErrForgotten

// errNaN is the error of a network that gives no numbers.
var errNaN = errors.New("the network gives NaN; its weights are damaged or their training diverged")

// Example is a picture as the network sees it, for Match.
type Example struct {
	// Name is under which the network may keep the features. It says all that they depend
	// on: the picture and, of a support, the mask.
	Name  string
	Image []float32 // [S,S,3] gray levels; nil where the features are kept (Kept)
	Mask  []uint8   // [S,S] 1 the object, 0 background, 255 ignored; nil of a query
}

// Map is the object's probability over a picture in [h,w] cells. Resized bilinearly with
// aligned corners it has the picture's size.
type Map struct {
	H, W int
	P    []float32
}

// Match looks for the object of K supports in B queries, all [S,S] with S = size, in one
// pass for each view (none: the pictures as they are). The maps are the network's own cells or, where
// several views or votes count, the mean of their probabilities, [S,S].
//
// Errors: errNaN, ErrForgotten.
func Match(net Network, tape *nn.Tape, views []tta.View, size int, supports, queries []Example) (_ []Map, err error) {
	defer func() {
		if r := recover(); r != nil {
			if e, ok := r.(error); !ok || !errors.Is(e, ErrForgotten) {
				panic(r)
			}
			err = ErrForgotten
		}
	}()
	px, k, n := size*size, len(supports), len(queries)
	b := &data.Batch{Size: n, Shots: k, Side: size, Query: make([]float32, n*px*3), Support: make([]float32, n*k*px*3), SupportMask: make([]uint8, n*k*px)}
	var names []string
	absent := make([]bool, n*(k+1)) // of queries and supports
	for i, q := range queries {
		copy(b.Query[i*px*3:], q.Image)
		names, absent[i] = append(names, q.Name), q.Image == nil
	}
	for i := range n {
		for j, s := range supports {
			copy(b.Support[(i*k+j)*px*3:], s.Image)
			copy(b.SupportMask[(i*k+j)*px:], s.Mask)
			names, absent[len(names)] = append(names, s.Name), s.Image == nil
		}
	}
	maps := make([]Map, n)
	views = viewsOf(views)
	for _, view := range views {
		out := pass(net, tape, view, b, names, absent)
		votes := max(out.Votes, 1)
		if votes*len(views) == 1 {
			download(tape, maps, out.Final.Value)
			break
		}
		for i := range maps {
			full := tta.FullSize(tape, out.Final.Value, i*votes, (i+1)*votes, size, size, 0)
			if maps[i].P == nil {
				maps[i] = Map{H: size, W: size, P: make([]float32, px*op.Last(full.Logits))}
			}
			full.Accumulate(tape, maps[i].P, view.Flip, 1/float32(votes*len(views)))
			full.Free(tape)
		}
	}
	for i := range maps {
		m := &maps[i]
		for j := range m.H * m.W { // of background and object the latter, unless download has done it
			if len(m.P) > m.H*m.W {
				m.P[j] = m.P[2*j+1]
			}
			if m.P[j] != m.P[j] {
				return nil, errNaN
			}
		}
		m.P = m.P[:m.H*m.W]
	}
	return maps, nil
}

// download makes maps of logits [n,h,w,2].
func download(tape *nn.Tape, maps []Map, logits op.Tensor) {
	s := logits.Shape()
	all := make([]float32, op.Len(logits))
	tape.Dev.Download(all, logits)
	for i := range maps {
		maps[i] = Map{H: s[1], W: s[2], P: foreground(all[i*s[1]*s[2]*2:][:s[1]*s[2]*2])}
	}
}

// Kept tells whether the network keeps the features of an example in all views, so that
// Match needs no picture of it.
func Kept(net interface{ KeepsFeatures(name string) bool }, views []tta.View, name string) bool {
	for _, view := range viewsOf(views) {
		if !net.KeepsFeatures(featureName(view, name)) {
			return false
		}
	}
	return true
}

// viewsOf is one plain view for none.
func viewsOf(views []tta.View) []tta.View {
	if len(views) == 0 {
		return []tta.View{tta.Plain}
	}
	return views
}

// featureName is the name of a picture's features in a view.
func featureName(view tta.View, name string) string { return view.String() + " " + name }

// pass runs the network once. The names are those of the queries and then of the supports, and
// so is which of them have no picture (nil: none).
func pass(net Network, tape *nn.Tape, view tta.View, b *data.Batch, names []string, absent []bool) *model.Output {
	tape.Begin(false, 0)
	in := model.Upload(tape, view.Batch(b))
	in.Absent = absent
	for _, name := range names {
		in.Names = append(in.Names, featureName(view, name))
	}
	in.Normalize(tape)
	return net.Forward(tape, in)
}
