// Package eval scores networks over episodes and pictures: preprocessing as in
// validation, logits resized to the label's own size, argmax, IoU at full resolution.
package eval

import (
	"context"
	"errors"
	"fmt"
	"io"

	"hdmnet/internal/data"
	"hdmnet/internal/metric"
	"hdmnet/internal/model"
	"hdmnet/internal/nn"
	"hdmnet/internal/op"
	"hdmnet/internal/refine"
	"hdmnet/internal/tta"
)

// Source gives the batches of one evaluation and ends with io.EOF; *data.Loader over an
// index of data.Val is one.
type Source interface {
	Next(ctx context.Context) (*data.Batch, error)
	Release(b *data.Batch)
}

// FewShot is a network that segments queries by supports; *model.HDMNet is one.
type FewShot interface {
	Forward(t *nn.Tape, in model.Input) *model.Output
}

// Semantic is a network that segments pictures into the base classes; *model.PSPNet is one.
type Semantic interface {
	Forward(t *nn.Tape, x op.Tensor) *nn.Var
}

// Options of an evaluation.
type Options struct {
	Fold  data.Fold // of the source: names its classes
	Total int       // episodes or pictures that are scored, for Progress
	// Runs is the number of runs (seeds) whose episodes the source gives interleaved, each
	// with a result of its own, and Run tells by its position which one an episode belongs
	// to; see data.Interleaved. 0 and nil: one run.
	Runs int
	Run  func(position int) int
	// Views are those of test-time augmentation; none: the episode as it is.
	Views []tta.View
	// Refine moves the outlines of final and meta output to the edges of the query's picture,
	// which the source must give (data.LoaderOptions.KeepPictures); nil: they stay.
	Refine *refine.Guided
	// Boundary scores the boundaries of the final output as well.
	Boundary bool
	// ViaInput resizes logits to the side of the network's input before the label's size, as
	// the released program does. Labels differ in a few pixels of a million.
	ViaInput bool
	// Loss also takes the cross entropy of the final output of Meta, or of Base, over each
	// picture's labeled pixels. Where several views or votes count there is none.
	Loss bool
	// Probabilities gives those of the final output to Seen.
	Probabilities bool
	// Seen gets every episode of Meta after it was scored; nil: nobody does. An error of it
	// ends the evaluation.
	Seen func(*Seen) error
	// Together is the processes that score a part of the source each; nil: this one alone
	// scores all of it.
	Together *Together
	// Progress is told after every batch how many of Total are done and the mean of the
	// runs' mIoU so far; nil: nobody is told.
	Progress func(done, total int, running float64)
}

// Seen is one episode and what the network says of it, at the label's size. It is valid
// until the function that gets it returns.
type Seen struct {
	Episode *data.Episode
	Run     int       // that the episode belongs to
	Final   []uint8   // [H,W] 1 object, 0 background
	Object  []float32 // [H,W] probability of the object, where Options.Probabilities asks for it
	fold    data.Fold
}

// Class is the name of the episode's class.
func (s *Seen) Class() string { return s.fold.ClassName(s.Episode.Class) }

// Together is the processes that score one network on parts of one source. All of them get
// the result of the whole.
type Together struct {
	Processes int
	Batches   int                              // of the longest part
	Sum       metric.Sum                       // over the processes
	SumFloats func(v map[string]float64) error // likewise, in an order that is always the same
	Agree     func(err error) error            // makes the error of one process the error of all
}

// sum replaces a number by its sum over the processes.
func (t *Together) sum(x *float64) error {
	v := map[string]float64{"": *x}
	err := t.SumFloats(v)
	*x = v[""]
	return err
}

// agreeEvery is the batches between two agreements: an error in one process ends the others
// before long, and they need not wait for each other at every picture.
const agreeEvery = 16

// report tells the progress; the other processes are about as far as this one.
func (o *Options) report(done int, running float64) {
	if o.Progress == nil {
		return
	}
	if o.Together != nil {
		done = min(done*o.Together.Processes, o.Total)
	}
	o.Progress(done, o.Total, running)
}

// results makes one result for every run.
func results[R any](o *Options, one func() R) []R {
	all := make([]R, max(o.Runs, 1))
	for i := range all {
		all[i] = one()
	}
	return all
}

// run is the number of the run that e belongs to.
func (o *Options) run(e *data.Episode) int {
	if o.Run == nil {
		return 0
	}
	return o.Run(e.Position)
}

// ErrNotFinite is in the error of a network that gives no numbers.
var ErrNotFinite = errors.New("NaN or Inf")

// Meta scores HDMNet on the episodes of src. `final` and `meta` are scored as binary
// maps of the episode's class (metric.IoU). The base learner knows no novel class, so
// its output is scored as what it is, a semantic segmentation: the argmax over
// background and base classes against the query's base label, in which novel classes
// are background (metric.Confusion). A fold without base classes has no such score.
//
// Every map is resized to the label's size, bilinearly with aligned corners, before its
// argmax; label 255 is ignored. There is one result for every run of o.
//
// Errors: those of the source; a network that gives NaN (ErrNotFinite), naming the episode;
// a batch that the device's memory cannot hold (*nn.MemoryError). The tape's last pass is
// lost.
func Meta(ctx context.Context, net FewShot, tape *nn.Tape, src Source, o Options) ([]*Result, error) {
	all := results(&o, func() *Result { return newResult(&o) })
	err := o.each(ctx, tape, src, func(b *data.Batch) error {
		seen, err := o.look(net, tape, b, o.wantLabels)
		if err != nil {
			return err
		}
		for i, e := range b.Episodes {
			r := all[o.run(e)]
			r.loss += seen[i].final.loss
			r.Final.Add(e.Class, seen[i].final.labels, e.Label)
			r.Meta.Add(e.Class, seen[i].meta.labels, e.Label)
			if r.Base != nil {
				r.Base.Add(seen[i].base.labels, e.FullBaseLabel)
			}
			if r.Boundary != nil {
				r.Boundary.Add(e.Class, metric.Boundary(seen[i].final.labels, e.H, e.W, metric.BoundaryRatio), metric.Boundary(e.Label, e.H, e.W, metric.BoundaryRatio))
			}
			if o.Seen == nil {
				continue
			}
			if err := o.Seen(&Seen{Episode: e, Run: o.run(e), Final: seen[i].final.labels, Object: seen[i].final.object(), fold: o.Fold}); err != nil {
				return err
			}
		}
		return nil
	}, func() { o.progress(all) })
	if err != nil {
		return nil, err
	}
	return all, o.combine(len(all), func(i int, t *Together) error { return all[i].combine(t) })
}

// Base scores a base learner on the pictures of src (stage data.Base): semantic IoU of
// the argmax over background and base classes, at the label's own size. Errors as Meta.
func Base(ctx context.Context, net Semantic, tape *nn.Tape, src Source, o Options) (*BaseResult, error) {
	r := &BaseResult{Confusion: metric.NewSemantic(len(o.Fold.Base) + 1), fold: o.Fold}
	err := o.each(ctx, tape, src, func(b *data.Batch) error {
		logits := net.Forward(tape, upload(tape, b, tta.Plain).Query)
		if i := notFinite(tape.Dev, logits.Value, b.Size); i >= 0 {
			return fmt.Errorf("picture %s: the base learner gives %w; its weights are damaged or their training diverged",
				b.Episodes[i].QueryName, ErrNotFinite)
		}
		for i, e := range b.Episodes {
			p := prediction{}
			if o.Loss {
				p.truth = e.FullBaseLabel
			}
			o.labels(tape, &p, logits.Value, i, e, b.Side)
			r.Confusion.Add(p.labels, e.FullBaseLabel)
			r.loss += p.loss
			r.Pictures++
		}
		return nil
	}, func() { o.report(r.Pictures, r.Confusion.MIoU()) })
	if err != nil {
		return nil, err
	}
	return r, o.combine(1, func(_ int, t *Together) error {
		pictures := []int64{int64(r.Pictures)}
		err := errors.Join(t.Sum(pictures), r.Confusion.Combine(t.Sum), t.sum(&r.loss))
		r.Pictures = int(pictures[0])
		return err
	})
}

// combine adds up n results over the processes.
func (o *Options) combine(n int, one func(i int, t *Together) error) error {
	if o.Together == nil {
		return nil
	}
	for i := range n {
		if err := one(i, o.Together); err != nil {
			return err
		}
	}
	return nil
}

// each calls f with every batch of src, then done, and gives the batch back. The error of
// a batch that the device's memory cannot hold is a *nn.MemoryError. Processes that score
// together agree on errors now and then, and at the end.
func (o *Options) each(ctx context.Context, t *nn.Tape, src Source, f func(*data.Batch) error, done func()) error {
	if o.Together == nil {
		for {
			if err := one(ctx, t, src, f, done); err != nil {
				return ended(err)
			}
		}
	}
	var err error
	for i := range o.Together.Batches {
		if i%agreeEvery == 0 {
			if err := o.Together.Agree(ended(err)); err != nil {
				return err
			}
		}
		if err == nil {
			err = one(ctx, t, src, f, done)
		}
	}
	return o.Together.Agree(ended(err))
}

// ended is nil for the end of a source, which is no error.
func ended(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// one is one batch of each. It returns io.EOF at the end of the source.
func one(ctx context.Context, t *nn.Tape, src Source, f func(*data.Batch) error, done func()) error {
	b, err := src.Next(ctx)
	if err != nil {
		return err
	}
	full := t.Fit(1, b.Size, func(n int) { err = f(b.First(n)) })
	src.Release(b)
	if full != nil {
		return full
	}
	if err == nil {
		done()
	}
	return err
}

// upload starts a pass and brings a view of a batch to the device, in the network's range.
func upload(t *nn.Tape, b *data.Batch, v tta.View) model.Input {
	t.Begin(false, 0)
	in := model.Upload(t, v.Batch(b))
	if b.Shots > 0 {
		in.Names = pictureNames(b, v)
	}
	in.Normalize(t)
	return in
}

// pictureNames names the queries and then the supports, which the network may see masked,
// each with the view.
func pictureNames(b *data.Batch, v tta.View) []string {
	view := v.String()
	if view != "" {
		view = ", " + view
	}
	var queries, supports []string
	for _, e := range b.Episodes {
		queries = append(queries, e.QueryName+view)
		for _, s := range e.SupportNames {
			supports = append(supports, fmt.Sprintf("%s, class %d%s", s, e.Class, view))
		}
	}
	return append(queries, supports...)
}

// notFinite returns the first of n samples of x [n,...] that holds NaN or Inf, or −1.
func notFinite(dev op.Device, x op.Tensor, n int) int {
	v := make([]float32, op.Len(x))
	dev.Download(v, x)
	for i, f := range v {
		if f-f != 0 {
			return i / (len(v) / n)
		}
	}
	return -1
}
