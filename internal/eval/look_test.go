package eval

import (
	"context"
	"fmt"
	"math"
	"testing"

	"hdmnet/internal/data"
	"hdmnet/internal/labelmap"
	"hdmnet/internal/model"
	"hdmnet/internal/nn"
	"hdmnet/internal/refine"
	"hdmnet/internal/tta"
)

// voter gives the logits of its votes, row by row, again and again.
type voter struct {
	votes int
	final [][8]float32 // [2,2,2] each
	calls int
}

func (v *voter) Forward(t *nn.Tape, in model.Input) *model.Output {
	v.calls++
	n := in.Query.Shape()[0]
	x := t.Arena.Float32(n*v.votes, 2, 2, 2)
	var all []float32
	for _, row := range v.final {
		all = append(all, row[:]...)
	}
	t.Dev.Upload(x, all)
	base := t.Arena.Zeros(n, 2, 2, 16)
	return &model.Output{Final: t.Const(x), Meta: t.Const(x), Base: t.Const(base), Votes: v.votes}
}

// TestVotesAndViews: the mean of probabilities decides, not the mean of logits, and not the
// majority; a flipped view votes for the mirrored pixel.
func TestVotesAndViews(t *testing.T) {
	// Pixels 0 and 2: object with 0.95, 0.3, 0.3: mean 0.517. Pixels 1, 3: never.
	logit := func(p float64) float32 { return float32(math.Log(p / (1 - p))) }
	row := func(p float64) [8]float32 {
		return [8]float32{0, logit(p), 0, -9, 0, logit(p), 0, -9}
	}
	src := func() *list {
		return &list{batches: []*data.Batch{episodes(&data.Episode{Class: 1, H: 2, W: 2, Label: []uint8{1, 0, 1, 0}, FullBaseLabel: make([]uint8, 4)})}}
	}
	votes := &voter{votes: 3, final: [][8]float32{row(0.95), row(0.3), row(0.3)}}
	r, err := Meta(context.Background(), votes, newTape(t), src(), Options{Fold: fold(t), Total: 1})
	if err != nil || r[0].Final.MIoU() != 1 {
		t.Errorf("votes: mIoU %g, %v", r[0].Final.MIoU(), err)
	}
	// Plain says the left column, the flipped view, mirrored, the right one, less surely.
	views := &voter{votes: 1, final: [][8]float32{row(0.8)}}
	r, err = Meta(context.Background(), views, newTape(t), src(), Options{Fold: fold(t), Total: 1, Views: []tta.View{tta.Plain, {Flip: true, Scale: 1}}})
	if err != nil || views.calls != 2 {
		t.Fatalf("%d passes, %v", views.calls, err)
	}
	if got := r[0].Final.MIoU(); got != 0 { // 0.8/2 + e^-9 on both sides: no object
		t.Errorf("views that contradict each other: mIoU %g", got)
	}
}

// TestViaInput: the way through the input's side changes labels between two nodes.
func TestViaInput(t *testing.T) {
	tape := newTape(t)
	tape.Begin(false, 0)
	x := tape.Arena.Float32(1, 3, 3, 2)
	v := make([]float32, 18)
	for i := range 9 {
		v[2*i+1] = []float32{3, -1, 3, -1, 3, -1, 3, -1, 3}[i]
	}
	tape.Dev.Upload(x, v)
	e := &data.Episode{H: 40, W: 40}
	once, twice := Options{}, Options{ViaInput: true}
	var first, second prediction
	once.labels(tape, &first, x, 0, e, 8) // 9 would have the nodes of the logits among its own
	twice.labels(tape, &second, x, 0, e, 8)
	a, b := first.labels, second.labels
	different := 0
	for i := range a {
		if a[i] != b[i] {
			different++
		}
	}
	if different == 0 || different > len(a)/10 {
		t.Errorf("%d of %d labels differ", different, len(a))
	}
	if got := once.between(9); got != 0 || twice.between(9) != 9 {
		t.Errorf("between: %d and %d", got, twice.between(9))
	}
}

// TestRefine: the outline of a coarse map moves to the edge of the picture; boundaries are
// scored.
func TestRefine(t *testing.T) {
	const side = 32
	e := &data.Episode{Class: 1, H: side, W: side, Label: make([]uint8, side*side), FullBaseLabel: make([]uint8, side*side), Picture: make([]uint8, 3*side*side)}
	for i := range e.Label {
		if i%side < 12 { // the logits say 16
			e.Label[i] = 1
			e.Picture[3*i], e.Picture[3*i+1], e.Picture[3*i+2] = 220, 220, 220
		}
	}
	score := func(g *refine.Guided) (miou, boundary float64) {
		b := episodes(e)
		b.Side = side
		b.Query, b.Support, b.SupportMask = make([]float32, side*side*3), make([]float32, side*side*3), make([]uint8, side*side)
		net := &voter{votes: 1, final: [][8]float32{{0, 2, 0, -2, 0, 2, 0, -2}}}
		r, err := Meta(context.Background(), net, newTape(t), &list{batches: []*data.Batch{b}}, Options{Fold: fold(t), Total: 1, Refine: g, Boundary: true})
		if err != nil {
			t.Fatal(err)
		}
		return r[0].Final.MIoU(), *Summarize(r).BoundaryMIoU
	}
	plain, plainBoundary := score(nil)
	refined, refinedBoundary := score(&refine.Guided{Radius: 1, Epsilon: 1e-3})
	if !(refined > plain+0.1) || !(refinedBoundary > plainBoundary+0.1) {
		t.Errorf("mIoU %g and %g of boundaries, refined %g and %g", plain, plainBoundary, refined, refinedBoundary)
	}
}

// TestLoss: the loss is the cross entropy over the labeled pixels, at the label's size.
func TestLoss(t *testing.T) {
	tape := newTape(t)
	tape.Begin(false, 0)
	x := tape.Arena.Float32(1, 2, 1, 2)
	tape.Dev.Upload(x, []float32{2, 0, -1, 1.5})
	e := &data.Episode{H: 2, W: 1, Label: []uint8{0, labelmap.Ignore}}
	p := prediction{truth: e.Label}
	o := Options{Loss: true}
	o.labels(tape, &p, x, 0, e, 9)
	if want := math.Log(1 + math.Exp(-2)); math.Abs(p.loss-want) > 1e-6 || fmt.Sprint(p.labels) != "[0 1]" {
		t.Errorf("loss %g, want %g; labels %v", p.loss, want, p.labels)
	}
}
