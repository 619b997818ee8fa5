package eval

import (
	"bytes"
	"cmp"
	"image"
	"image/jpeg"
	"io"
	"slices"
	"time"

	"hdmnet/internal/cli/flags"
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

// resultKeeper collects what --save-results writes.
type resultKeeper struct {
	out     flags.Output
	trained *experiment.Trained
	begun   time.Time
	file    results.File
	count   map[int]int // of episodes, by run
	worst   []shownEpisode
	best    []shownEpisode
}

// shownEpisode is an episode with its picture.
type shownEpisode struct {
	index   int // in the file
	iou     float64
	picture image.Image
}

// keepResults returns nil without --save-results.
func (o *options) keepResults(t *experiment.Trained) *resultKeeper {
	if o.results.Path == "" {
		return nil
	}
	return &resultKeeper{out: o.results, trained: t, begun: time.Now(), count: map[int]int{}}
}

func (k *resultKeeper) add(s *eval.Seen) error {
	e := results.Episode{
		Seed: k.trained.Eval.Seeds[s.Run], Position: k.count[s.Run], Query: s.Episode.QueryName, Supports: slices.Clone(s.Episode.SupportNames),
		Class: s.Class(),
	}
	k.count[s.Run]++
	e.Score(s.Final, s.Episode.Label, s.Object)
	show := shownEpisode{index: len(k.file.Episodes), iou: e.IoU()}
	k.file.Episodes = append(k.file.Episodes, e)
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

// write writes the file.
func (k *resultKeeper) write(dev op.Device) error {
	for _, e := range slices.Concat(k.worst, k.best) {
		var b bytes.Buffer
		if err := jpeg.Encode(&b, e.picture, &jpeg.Options{Quality: 85}); err != nil {
			return err
		}
		k.file.Episodes[e.index].Picture = b.Bytes()
	}
	t := k.trained
	k.file.Header = results.Header{
		Dataset: t.Dataset.Name, Fold: t.Fold, Shots: t.Model.Shots, Backbone: t.Model.Backbone, Weights: t.Path,
		Device: dev.Name(), Seconds: time.Since(k.begun).Seconds(), PeakMemory: op.PeakMemory(dev),
	}
	return k.out.Write(func(w io.Writer) error { return k.file.Write(w) })
}
