package eval

import (
	"fmt"

	"hdmnet/internal/data"
	"hdmnet/internal/model"
	"hdmnet/internal/nn"
	"hdmnet/internal/op"
	"hdmnet/internal/refine"
	"hdmnet/internal/tta"
)

// outputs are what the network says of one episode, at its label's size.
type outputs struct{ final, meta, base prediction }

// prediction is one output's label map [H,W], or, where several views or votes count or
// probabilities are asked for, the mean probabilities [H,W,C] as well.
type prediction struct {
	labels        []uint8
	probabilities []float32
	truth         []uint8 // [H,W] that loss compares with; nil: there is no loss
	loss          float64 // cross entropy
}

// look runs the network on every view of a batch. For each output that want chooses it
// gives the label maps.
func (o *Options) look(net FewShot, t *nn.Tape, b *data.Batch, want func(*outputs, *model.Output) []wanted) ([]outputs, error) {
	views := o.Views
	if len(views) == 0 {
		views = []tta.View{tta.Plain}
	}
	seen := make([]outputs, len(b.Episodes))
	for _, view := range views {
		in := upload(t, b, view)
		var out *model.Output
		op.CaptureGraph(t.Dev, func() { out = net.Forward(t, in) }) // labels' sizes differ: what follows is no part of it
		votes := max(out.Votes, 1)
		if err := finite(t, out.Final.Value, b, votes); err != nil {
			return nil, err
		}
		for i, e := range b.Episodes {
			for _, w := range want(&seen[i], out) {
				n := 1
				if w.voted {
					n = votes
				}
				if n*len(views) == 1 && !w.probabilities && !(o.Refine != nil && w.voted) { // the logits themselves say it
					if o.Loss && w.voted {
						w.to.truth = e.Label
					}
					o.labels(t, w.to, w.logits, i, e, b.Side)
					if !o.Probabilities || w.to != &seen[i].final {
						continue
					}
				}
				c := op.Last(w.logits)
				if w.to.probabilities == nil {
					w.to.probabilities = make([]float32, e.H*e.W*c)
				}
				full := tta.FullSize(t, w.logits, i*n, (i+1)*n, e.H, e.W, o.between(view.Side(b.Side)))
				full.Accumulate(t, w.to.probabilities, view.Flip, 1/float32(n*len(views)))
				full.Free(t)
			}
		}
	}
	for i := range seen {
		if o.Refine != nil {
			seen[i].final.refine(o.Refine, b.Episodes[i], b.Side)
			seen[i].meta.refine(o.Refine, b.Episodes[i], b.Side)
		}
		for _, p := range []*prediction{&seen[i].final, &seen[i].meta, &seen[i].base} {
			p.decide(b.Episodes[i])
		}
	}
	return seen, nil
}

// wanted is an output that is to be read.
type wanted struct {
	to            *prediction
	logits        op.Tensor
	voted         bool // every episode has as many rows as there are votes
	probabilities bool // they are needed, not only the labels
}

// wantLabels are the label maps of all outputs.
func (o *Options) wantLabels(s *outputs, out *model.Output) []wanted {
	return []wanted{
		{to: &s.final, logits: out.Final.Value, voted: true}, {to: &s.meta, logits: out.Meta.Value, voted: true}, {to: &s.base, logits: out.Base.Value},
	}
}

// refine moves the outline of a binary output to the edges of the query's picture.
func (p *prediction) refine(g *refine.Guided, e *data.Episode, side int) {
	if p.probabilities == nil {
		return // an output that nobody wants
	}
	object := make([]float32, e.H*e.W)
	for i := range object {
		object[i] = p.probabilities[2*i+1]
	}
	g.Apply(object, e.Picture, e.H, e.W, side)
	for i, v := range object {
		p.probabilities[2*i], p.probabilities[2*i+1] = 1-v, v
	}
}

// object is the probability of the object [H,W], of a binary output; nil where there is none.
func (p *prediction) object() []float32 {
	if p.probabilities == nil {
		return nil
	}
	out := make([]float32, len(p.probabilities)/2)
	for i := range out {
		out[i] = p.probabilities[2*i+1]
	}
	return out
}

// decide takes the label of every pixel from the probabilities, where there are any and the
// logits have not said it.
func (p *prediction) decide(e *data.Episode) {
	if p.probabilities == nil || p.labels != nil {
		return
	}
	c := len(p.probabilities) / (e.H * e.W)
	p.labels = make([]uint8, e.H*e.W)
	for i := range p.labels {
		at := p.probabilities[i*c : (i+1)*c]
		for k, v := range at {
			if v > at[p.labels[i]] {
				p.labels[i] = uint8(k)
			}
		}
	}
}

// labels gives p, at the size of episode e's label, the argmax [H,W] over the channels of
// sample i of logits [B,h,w,C] for inputs of a side, and the loss where there is a truth.
func (o *Options) labels(t *nn.Tape, p *prediction, logits op.Tensor, i int, e *data.Episode, side int) {
	full := tta.FullSize(t, logits, i, i+1, e.H, e.W, o.between(side))
	block := t.Arena.Uint8(tta.RoundUp(e.H * e.W))
	labels := op.Span(block, 0, 1, e.H, e.W)
	if p.truth != nil {
		p.loss = crossEntropy(t, full.Logits, labels, p.truth)
	}
	t.Dev.Argmax(labels, full.Logits)
	p.labels = make([]uint8, e.H*e.W)
	t.Dev.Download(p.labels, labels)
	full.Free(t)
	t.Arena.Free(block)
}

// crossEntropy is the mean over the labeled pixels of truth, for which label [1,H,W] is room.
func crossEntropy(t *nn.Tape, logits, label op.Tensor, truth []uint8) float64 {
	loss, v := t.Arena.Float32(2), make([]float32, 2)
	t.Dev.Upload(label, truth)
	t.Dev.CrossEntropy(loss, logits, label)
	t.Dev.Download(v, loss)
	t.Arena.Free(loss)
	return float64(v[0])
}

// between is the side that logits are resized to on the way, 0 for none.
func (o *Options) between(side int) int {
	if o.ViaInput {
		return side
	}
	return 0
}

// finite fails, naming the episode, when the logits of a batch hold NaN or Inf.
func finite(t *nn.Tape, logits op.Tensor, b *data.Batch, votes int) error {
	i := notFinite(t.Dev, logits, b.Size*votes)
	if i < 0 {
		return nil
	}
	e := b.Episodes[i/votes]
	return fmt.Errorf("episode %d (query %s): the network gives %w; its weights are damaged or their training diverged",
		e.Position, e.QueryName, ErrNotFinite)
}
