package eval

import (
	"slices"

	"hdmnet/internal/data"
	"hdmnet/internal/metric"
)

// GFSSResult is the generalized few-shot score of one fold under one seed.
type GFSSResult struct {
	Score    *metric.Generalized
	Episodes int
	Novel    int64 // pixels predicted as a novel class; 0 says that τ is never reached
	fold     data.Fold
}

// PerClass is the IoU of every class that some label shows, by name.
func (r *GFSSResult) PerClass() map[string]float64 {
	out := byName(r.fold, r.Score.Base())
	for c, v := range r.Score.Novel() {
		out[r.fold.ClassName(c)] = v
	}
	return out
}

// GFSSSummary is the generalized few-shot score of one fold over all seeds, or of
// several folds: means in [0, 1], and the standard deviation over the seeds.
type GFSSSummary struct {
	Novel    float64            `json:"miou_novel"`
	NovelStd float64            `json:"miou_novel_std"`
	Base     float64            `json:"miou_base"`
	BaseStd  float64            `json:"miou_base_std"`
	All      float64            `json:"miou_all"`
	AllStd   float64            `json:"miou_all_std"`
	PerClass map[string]float64 `json:"per_class,omitempty"` // of one fold; mean over the seeds that show the class
	Missing  []string           `json:"classes_without_pixels,omitempty"`
	Episodes int                `json:"episodes_total"`
	// NovelPixels is how many pixels were taken for a novel class; 0 says that τ is out of reach.
	NovelPixels int64 `json:"novel_pixels"`
}

// SummarizeGFSS combines the results of several seeds of one fold.
func SummarizeGFSS(seeds []*GFSSResult) GFSSSummary {
	s := GFSSSummary{PerClass: map[string]float64{}}
	var novel, base, all []float64
	perClass := map[string][]float64{}
	for _, r := range seeds {
		n, b, a := r.Score.MIoU()
		novel, base, all = append(novel, n), append(base, b), append(all, a)
		for name, v := range r.PerClass() {
			perClass[name] = append(perClass[name], v)
		}
		s.Episodes += r.Episodes
		s.NovelPixels += r.Novel
	}
	s.Novel, s.NovelStd = metric.MeanStd(novel)
	s.Base, s.BaseStd = metric.MeanStd(base)
	s.All, s.AllStd = metric.MeanStd(all)
	for name, values := range perClass {
		s.PerClass[name], _ = metric.MeanStd(values)
	}
	fold := seeds[0].fold
	for _, c := range slices.Concat(fold.Novel, fold.Base) {
		if name := fold.ClassName(c); len(perClass[name]) == 0 {
			s.Missing = append(s.Missing, name)
		}
	}
	return s
}

// AverageGFSS is the mean over folds, in which a class is novel once and base
// otherwise: it has no score per class. The deviations are those of Average.
func AverageGFSS(folds []GFSSSummary) GFSSSummary {
	var s GFSSSummary
	n := float64(len(folds))
	for _, f := range folds {
		s.Novel, s.NovelStd = s.Novel+f.Novel/n, s.NovelStd+f.NovelStd/n
		s.Base, s.BaseStd = s.Base+f.Base/n, s.BaseStd+f.BaseStd/n
		s.All, s.AllStd = s.All+f.All/n, s.AllStd+f.AllStd/n
		s.Episodes += f.Episodes
		s.NovelPixels += f.NovelPixels
	}
	return s
}
