package report

import (
	_ "embed" // of the page
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"slices"
	"time"

	"hdmnet/internal/results"
	"hdmnet/internal/train"
)

//go:embed page.html
var source string

var page = template.Must(template.New("report").Funcs(template.FuncMap{
	"percent": func(v float64) string { return fmt.Sprintf("%.1f", 100*v) },
	"width":   func(v float64) template.CSS { return template.CSS(fmt.Sprintf("width:%.2f%%", 100*v)) },
	"color":   func(i int) int { return i % colors },
}).Parse(source))

// view is what the page shows.
type view struct {
	Entries    []*entry
	Scores     []scoreRow // of the entries that have results
	Without    []string   // names of those that have none
	Paired     string     // whom differences are taken from; empty: there are none
	Settings   []setting
	Curves     []stageCurves
	Classes    []classRow
	Reliable   template.HTML
	Errors     []calibrationRow
	Shown      []shownEntry
	Costs      []costRow
	Resamples  int
	HasResults bool
	Palette    [colors]struct{}
}

type scoreRow struct {
	Index       int
	Name        string
	About       results.Header
	Episodes    int
	MIoU, FBIoU interval
	Difference  *interval // of mIoU, from the first entry's; nil: not of the same episodes
	Certain     bool      // 0 lies outside the interval
}

type stageCurves struct {
	Title string
	Chart template.HTML
}

type classRow struct {
	Name string
	Bars []bar
}

type bar struct {
	Index int
	Value float64
	Has   bool
}

type calibrationRow struct {
	Index int
	Name  string
	Error float64
}

type shownEntry struct {
	Index       int
	Name        string
	Worst, Best []shownEpisode
}

type shownEpisode struct {
	*results.Episode
	Data template.URL
}

type costRow struct {
	Index                int
	Name                 string
	Steps                int
	Step                 string // median of a step
	Training, Validation string
	Memory               string
	Episode, EvalMemory  string
}

// Write reads runs and files of results and writes the page. Errors name the file.
func Write(w io.Writer, paths []string) error {
	var entries []*entry
	for _, path := range paths {
		e, err := open(path)
		if err != nil {
			return err
		}
		entries = append(entries, e)
	}
	shorten(entries)
	return page.Execute(w, newView(entries))
}

func newView(entries []*entry) *view {
	v := &view{Entries: entries, Settings: differing(entries), Resamples: resamples}
	all := make([]*episodes, len(entries))
	for i, e := range entries {
		if e.results == nil || len(e.results.Episodes) == 0 {
			v.Without = append(v.Without, e.Name)
			continue
		}
		all[i] = arrange(e.results)
	}
	v.score(all)
	for _, stage := range []struct{ name, title string }{{train.Meta, "few-shot network"}, {train.Base, "base learner"}} {
		v.curves(stage.name, stage.title)
	}
	for i, e := range entries {
		v.Costs = append(v.Costs, cost(i, e))
	}
	return v
}

// score fills in what the results say.
func (v *view) score(all []*episodes) {
	reliability := &chart{title: "share of object pixels by probability", xLabel: "probability that the network gives", percent: true, diagonal: true, xMax: 1, yMax: 1}
	var first *episodes
	var firstMIoU float64
	var firstSamples []float64
	for i, s := range all {
		if s == nil {
			continue
		}
		e := v.Entries[i]
		miou, fbIoU := s.scores(s.seeds)
		samples, fbSamples := s.bootstrap()
		row := scoreRow{Index: i, Name: e.Name, About: e.results.Header, Episodes: len(s.all), MIoU: between(miou, samples), FBIoU: between(fbIoU, fbSamples)}
		if first == nil {
			first, firstMIoU, firstSamples = s, miou, samples
		} else if s.same(first) {
			v.Paired = v.Scores[0].Name
			differences := make([]float64, len(samples))
			for n := range differences {
				differences[n] = samples[n] - firstSamples[n]
			}
			d := between(miou-firstMIoU, differences)
			row.Difference, row.Certain = &d, d.Low > 0 || d.High < 0
		}
		v.Scores = append(v.Scores, row)
		c := s.calibrate()
		reliability.lines = append(reliability.lines, line{entry: i, name: e.Name, points: c.points, marks: true})
		v.Errors = append(v.Errors, calibrationRow{i, e.Name, c.Error})
		v.Shown = append(v.Shown, pictures(i, e.Name, s))
	}
	if v.HasResults = len(v.Scores) > 0; !v.HasResults {
		return
	}
	v.Reliable = reliability.svg()
	perClass := make([]map[string]float64, len(all))
	for i, s := range all {
		if s != nil {
			perClass[i] = s.perClass()
		}
	}
	for _, name := range classNames(all) {
		row := classRow{Name: name}
		for i := range all {
			if perClass[i] != nil {
				value, has := perClass[i][name]
				row.Bars = append(row.Bars, bar{i, value, has})
			}
		}
		v.Classes = append(v.Classes, row)
	}
}

// pictures are the episodes of an entry that have one, the worst and the best.
func pictures(index int, name string, s *episodes) shownEntry {
	var all []shownEpisode
	for _, e := range s.all {
		if len(e.Picture) > 0 {
			all = append(all, shownEpisode{e, template.URL("data:image/jpeg;base64," + base64.StdEncoding.EncodeToString(e.Picture))})
		}
	}
	slices.SortStableFunc(all, func(a, b shownEpisode) int {
		switch x, y := a.IoU(), b.IoU(); {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	})
	half := (len(all) + 1) / 2
	best := slices.Clone(all[half:])
	slices.Reverse(best)
	return shownEntry{index, name, all[:half], best}
}

// smoothed is the most points that a curve of losses has.
const smoothed = 200

// curves draws loss and validation of a stage, of the runs that have it.
func (v *view) curves(stage, title string) {
	loss := &chart{title: "training loss of the " + title, xLabel: "step"}
	miou := &chart{title: "validation mIoU of the " + title, xLabel: "step", percent: true}
	for i, e := range v.Entries {
		var losses, scores []point
		for _, r := range e.metrics {
			switch {
			case r.Stage != stage:
			case r.Kind == "step":
				losses = append(losses, point{float64(r.Step), r.Losses["total"]})
			default:
				scores = append(scores, point{float64(r.Step), r.Scores["miou"]})
			}
		}
		if len(losses) > 0 {
			loss.lines = append(loss.lines, line{entry: i, name: e.Name, points: thin(losses, smoothed)})
		}
		if len(scores) > 0 {
			miou.lines = append(miou.lines, line{entry: i, name: e.Name, points: scores, marks: len(scores) <= 60})
		}
	}
	for _, c := range []struct {
		*chart
		title string
	}{
		{loss, "Training loss, " + title},
		{miou, "Validation mIoU, " + title},
	} {
		if len(c.lines) > 0 {
			c.fit()
			v.Curves = append(v.Curves, stageCurves{c.title, c.svg()})
		}
	}
}

// cost is the time and memory of an entry.
func cost(index int, e *entry) costRow {
	row := costRow{Index: index, Name: e.Name, Memory: e.memory}
	var steps []float64
	var training, validation float64
	for _, r := range e.metrics {
		if r.Kind == "step" {
			training += r.Seconds
			if r.Stage == train.Meta {
				steps = append(steps, r.Seconds)
			}
			row.Steps++
		} else {
			validation += r.Seconds
		}
	}
	if len(steps) > 0 {
		slices.Sort(steps)
		row.Step = fmt.Sprintf("%.3g s", steps[len(steps)/2])
	}
	if row.Steps > 0 {
		row.Training, row.Validation = duration(training), duration(validation)
	}
	if r := e.results; r != nil && len(r.Episodes) > 0 {
		row.Episode = fmt.Sprintf("%.3g s", r.Seconds/float64(len(r.Episodes)))
		if r.PeakMemory > 0 {
			row.EvalMemory = fmt.Sprintf("%.3g GiB", float64(r.PeakMemory)/(1<<30))
		}
	}
	return row
}

func duration(seconds float64) string {
	return time.Duration(seconds * float64(time.Second)).Round(time.Second).String()
}
