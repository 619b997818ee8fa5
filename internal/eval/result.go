package eval

import (
	"errors"

	"hdmnet/internal/data"
	"hdmnet/internal/metric"
)

// Result is the score of HDMNet over the episodes of one fold under one seed.
type Result struct {
	Final, Meta *metric.IoU       // of the two binary outputs; Meta is nil of a Finder
	Base        *metric.Confusion // of the base learner, background and base classes; nil without base classes
	Boundary    *metric.IoU       // of the final output's boundaries; nil where they are not scored
	fold        data.Fold
	loss        float64 // sum over the episodes
}

// Loss is the mean cross entropy of the final output, where Options.Loss asks for it.
func (r *Result) Loss() float64 { return r.loss / float64(max(r.Final.Episodes(), 1)) }

func newResult(o *Options) *Result {
	fold := o.Fold
	r := newFound(o)
	r.Meta = metric.New(fold.Novel)
	if len(fold.Base) > 0 {
		r.Base = metric.NewSemantic(len(fold.Base) + 1)
	}
	return r
}

// newFound is the result of a Finder, which has one output.
func newFound(o *Options) *Result {
	r := &Result{Final: metric.New(o.Fold.Novel), fold: o.Fold}
	if o.Boundary {
		r.Boundary = metric.New(o.Fold.Novel)
	}
	return r
}

// combine adds what other processes have counted.
func (r *Result) combine(t *Together) error {
	err := errors.Join(r.Final.Combine(t.Sum), t.sum(&r.loss))
	if r.Meta != nil {
		err = errors.Join(err, r.Meta.Combine(t.Sum))
	}
	if r.Base != nil {
		err = errors.Join(err, r.Base.Combine(t.Sum))
	}
	if r.Boundary != nil {
		err = errors.Join(err, r.Boundary.Combine(t.Sum))
	}
	return err
}

// Scores are the headline figures by name, in [0, 1]: miou, fb_iou and, of a network,
// miou_meta, fb_iou_meta and, where there are base classes, miou_base.
func (r *Result) Scores() map[string]float64 {
	scores := map[string]float64{"miou": r.Final.MIoU(), "fb_iou": r.Final.FBIoU()}
	if r.Meta != nil {
		scores["miou_meta"], scores["fb_iou_meta"] = r.Meta.MIoU(), r.Meta.FBIoU()
	}
	if r.Base != nil {
		scores["miou_base"] = r.Base.MIoU()
	}
	return scores
}

// BaseResult is the score of a base learner.
type BaseResult struct {
	Confusion *metric.Confusion
	Pictures  int
	fold      data.Fold
	loss      float64 // sum over the pictures
}

// Loss is the mean cross entropy, where Options.Loss asks for it.
func (r *BaseResult) Loss() float64 { return r.loss / float64(max(r.Pictures, 1)) }

// Scores are the headline figures by name, in [0, 1]: miou over the base classes, and
// miou_with_background.
func (r *BaseResult) Scores() map[string]float64 {
	return map[string]float64{
		"miou": r.Confusion.MIoU(), "miou_with_background": r.Confusion.MIoUWithBackground(),
	}
}

// PerClass is the IoU of every base class that some label shows, by name.
func (r *BaseResult) PerClass() map[string]float64 {
	labels := r.Confusion.PerClass()
	delete(labels, 0)
	return byName(r.fold, labels)
}

// Missing names the base classes that no label shows.
func (r *BaseResult) Missing() []string {
	var names []string
	for _, label := range r.Confusion.Missing() {
		names = append(names, r.fold.ClassName(r.fold.Base[label-1]))
	}
	return names
}

// byName gives values of the base labels 1 … len(fold.Base) the names of their classes.
func byName(fold data.Fold, labels map[int]float64) map[string]float64 {
	out := map[string]float64{}
	for label, v := range labels {
		out[fold.ClassName(fold.Base[label-1])] = v
	}
	return out
}

// Summary is the score of one fold over all seeds, or of several folds: means in [0, 1],
// and the standard deviation over the seeds.
type Summary struct {
	MIoU      float64  `json:"miou"`
	MIoUStd   float64  `json:"miou_std"`
	FBIoU     float64  `json:"fb_iou"`
	FBIoUStd  float64  `json:"fb_iou_std"`
	MIoUMeta  *float64 `json:"miou_meta,omitempty"` // nil of a Finder, as FBIoUMeta
	FBIoUMeta *float64 `json:"fb_iou_meta,omitempty"`
	MIoUBase  *float64 `json:"miou_base,omitempty"` // nil without base classes
	// BoundaryMIoU is that of the boundaries; nil where they were not scored.
	BoundaryMIoU *float64           `json:"boundary_miou,omitempty"`
	PerClass     map[string]float64 `json:"per_class"` // IoU of `final` by class name
	Missing      []string           `json:"classes_without_episode,omitempty"`
	Episodes     int                `json:"episodes_total"` // of all seeds (and folds) together
}

// Summarize combines the results of several seeds of one fold.
func Summarize(seeds []*Result) Summary {
	var final, meta []*metric.IoU
	var base, boundary []float64
	for _, r := range seeds {
		if r.Boundary != nil {
			boundary = append(boundary, r.Boundary.MIoU())
		}
		final = append(final, r.Final)
		if r.Meta != nil {
			meta = append(meta, r.Meta)
		}
		if r.Base != nil {
			base = append(base, r.Base.MIoU())
		}
	}
	f := metric.Summarize(final)
	s := Summary{
		MIoU: f.MIoU, MIoUStd: f.MIoUStd, FBIoU: f.FBIoU, FBIoUStd: f.FBIoUStd,
		PerClass: map[string]float64{}, Episodes: f.Episodes,
	}
	if len(meta) > 0 {
		m := metric.Summarize(meta)
		s.MIoUMeta, s.FBIoUMeta = &m.MIoU, &m.FBIoU
	}
	s.MIoUBase, s.BoundaryMIoU = meanOf(base), meanOf(boundary)
	for c, v := range f.PerClass {
		s.PerClass[seeds[0].fold.ClassName(c)] = v
	}
	for _, c := range f.Missing {
		s.Missing = append(s.Missing, seeds[0].fold.ClassName(c))
	}
	return s
}

// meanOf is the mean of values, nil of none.
func meanOf(v []float64) *float64 {
	if len(v) == 0 {
		return nil
	}
	mean, _ := metric.MeanStd(v)
	return &mean
}

// Average is the mean over folds, as the papers' tables have it. The deviations are the
// means of the folds' deviations over their seeds, not the spread between folds, which
// says how hard the folds are and not how sure the mean is.
func Average(folds []Summary) Summary {
	var base, boundary, meta, fbMeta []float64
	for _, f := range folds {
		if f.MIoUMeta != nil {
			meta, fbMeta = append(meta, *f.MIoUMeta), append(fbMeta, *f.FBIoUMeta)
		}
		if f.MIoUBase != nil {
			base = append(base, *f.MIoUBase)
		}
		if f.BoundaryMIoU != nil {
			boundary = append(boundary, *f.BoundaryMIoU)
		}
	}
	mean := func(of func(*Summary) float64) float64 {
		var v []float64
		for i := range folds {
			v = append(v, of(&folds[i]))
		}
		m, _ := metric.MeanStd(v)
		return m
	}
	s := Summary{
		MIoU:     mean(func(s *Summary) float64 { return s.MIoU }),
		MIoUStd:  mean(func(s *Summary) float64 { return s.MIoUStd }),
		FBIoU:    mean(func(s *Summary) float64 { return s.FBIoU }),
		FBIoUStd: mean(func(s *Summary) float64 { return s.FBIoUStd }),
		MIoUMeta: meanOf(meta), FBIoUMeta: meanOf(fbMeta),
		MIoUBase: meanOf(base), BoundaryMIoU: meanOf(boundary),
		PerClass: map[string]float64{},
	}
	for _, f := range folds {
		for c, v := range f.PerClass {
			s.PerClass[c] = v
		}
		s.Missing = append(s.Missing, f.Missing...)
		s.Episodes += f.Episodes
	}
	return s
}
