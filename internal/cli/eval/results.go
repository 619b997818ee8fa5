package eval

import (
	"bytes"
	"cmp"
	"image"
	"image/jpeg"
	"slices"
	"time"

	"hdmnet/internal/cli/flags"
	"hdmnet/internal/dist"
	"hdmnet/internal/eval"
	"hdmnet/internal/experiment"
	"hdmnet/internal/op"
	"hdmnet/internal/results"
)

// How many of the worst, and of the best, episodes are shown in a file of results, and the
// side of their pictures.
const (
	shownEpisodes = 8
	shownSide     = 160
)

// resultKeeper collects what --save-results writes, of the episodes of this process.
type resultKeeper struct {
	out     flags.Output
	trained *experiment.Trained
	begun   time.Time
	found   []found
	worst   []shownEpisode
	best    []shownEpisode
}

// found is an episode's result with its place among those of all runs and processes.
type found struct {
	Place int
	results.Episode
}

// shownEpisode is an episode with its picture.
type shownEpisode struct {
	index   int // in found
	iou     float64
	picture image.Image
}

// keepResults returns nil without --save-results.
func (o *options) keepResults(t *experiment.Trained) *resultKeeper {
	if !o.keeps {
		return nil
	}
	return &resultKeeper{out: o.results, trained: t, begun: time.Now()}
}

func (k *resultKeeper) add(s *eval.Seen) error {
	e := found{s.Episode.Position, results.Episode{
		Seed: k.trained.Eval.Seeds[s.Run], Query: s.Episode.QueryName, Supports: slices.Clone(s.Episode.SupportNames), Class: s.Class(),
	}}
	e.Score(s.Final, s.Episode.Label, s.Object)
	show := shownEpisode{index: len(k.found), iou: e.IoU()}
	k.found = append(k.found, e)
	picture := func() image.Image {
		if show.picture == nil {
			show.picture = s.Strip(shownSide)
		}
		return show.picture
	}
	k.worst = insert(k.worst, show, picture, func(a, b float64) int { return cmp.Compare(a, b) })
	k.best = insert(k.best, show, picture, func(a, b float64) int { return cmp.Compare(b, a) })
	return nil
}

// insert puts an episode into a list that holds the first ones in an order; the picture is
// drawn where it is kept.
func insert(list []shownEpisode, e shownEpisode, picture func() image.Image, order func(a, b float64) int) []shownEpisode {
	if n := len(list); n == shownEpisodes && order(e.iou, list[n-1].iou) >= 0 {
		return list
	}
	at := 0
	for at < len(list) && order(list[at].iou, e.iou) <= 0 {
		at++
	}
	e.picture = picture()
	list = slices.Insert(list, at, e)
	return list[:min(len(list), shownEpisodes)]
}

// write writes the file, in process 0, with what all processes have found.
func (k *resultKeeper) write(p *flags.Processes, dev op.Device) error {
	all, err := k.gather(p)
	if err != nil {
		return err
	}
	if !p.First() {
		return p.Agree(nil)
	}
	t := k.trained
	file := results.File{Episodes: merge(all), Header: results.Header{
		Dataset: t.Dataset.Name, Fold: t.Fold, Shots: t.Model.Shots, Backbone: t.Model.Backbone, Weights: t.Path,
		Device: dev.Name(), Seconds: time.Since(k.begun).Seconds(), PeakMemory: op.PeakMemory(dev),
	}}
	return p.Agree(k.out.Write(file.Write))
}

// gather gives to every process what each has found; the worst and the best episodes of each
// have their pictures.
func (k *resultKeeper) gather(p *flags.Processes) ([]found, error) {
	for _, e := range slices.Concat(k.worst, k.best) {
		var b bytes.Buffer
		if err := jpeg.Encode(&b, e.picture, &jpeg.Options{Quality: 85}); err != nil {
			return nil, err
		}
		k.found[e.index].Picture = b.Bytes()
	}
	parts, err := dist.Exchange(p, k.found)
	return slices.Concat(parts...), err
}

// merge is the episodes of a file, as one process alone would have found them: in the order
// of their places, numbered within their seed, and only the worst and best of all shown.
func merge(all []found) []results.Episode {
	slices.SortFunc(all, func(a, b found) int { return cmp.Compare(a.Place, b.Place) })
	out, count := make([]results.Episode, len(all)), map[int]int{}
	var shown []int // by any process
	for i := range all {
		out[i] = all[i].Episode
		out[i].Position = count[out[i].Seed]
		count[out[i].Seed]++
		if len(out[i].Picture) > 0 {
			shown = append(shown, i)
		}
	}
	kept := map[int]bool{}
	for _, better := range []int{-1, 1} { // first the worst, then the best
		order := slices.Clone(shown)
		slices.SortStableFunc(order, func(a, b int) int { return better * cmp.Compare(out[b].IoU(), out[a].IoU()) })
		for _, i := range order[:min(len(order), shownEpisodes)] {
			kept[i] = true
		}
	}
	for _, i := range shown {
		if !kept[i] {
			out[i].Picture = nil
		}
	}
	return out
}
