package report

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"hdmnet/internal/results"
)

// made is a file of n episodes of two seeds and two classes, whose IoU depends on better.
func made(n int, better float64) *results.File {
	f := &results.File{}
	for i := range n {
		e := results.Episode{Seed: 5 + i%2, Position: i / 2, Query: fmt.Sprint("q", i), Class: []string{"cat", "dog"}[i/2%2]}
		e.Union = 100
		e.Intersection = int64(40 + i*7%30 + int(20*better))
		e.BackgroundIntersection, e.BackgroundUnion = 900, 1000
		e.Probability[8] = results.Bin{Pixels: 10, Object: 6, Sum: 8.5}
		e.Probability[1] = results.Bin{Pixels: 30, Object: 3, Sum: 4.5}
		f.Episodes = append(f.Episodes, e)
	}
	return f
}

// TestScores: means over the seeds of the means over the classes; intervals around them, and
// paired differences that are surer than the scores.
func TestScores(t *testing.T) {
	a, b := arrange(made(120, 0)), arrange(made(120, 0.5))
	miou, fb := a.scores(a.seeds)
	sums := map[string][2]float64{}
	for _, e := range a.all {
		key := fmt.Sprint(e.Seed, e.Class)
		s := sums[key]
		sums[key] = [2]float64{s[0] + float64(e.Intersection), s[1] + float64(e.Union)}
	}
	want := 0.0
	for _, s := range sums {
		want += s[0] / s[1] / float64(len(sums))
	}
	if math.Abs(miou-want) > 1e-12 || len(sums) != 4 {
		t.Errorf("mIoU %g, want %g", miou, want)
	}
	if fb <= miou/2 || fb >= 1 {
		t.Errorf("FB-IoU %g", fb)
	}
	sa, _ := a.bootstrap()
	sb, _ := b.bootstrap()
	ia := between(miou, sa)
	if !(ia.Low < miou && miou < ia.High) || ia.High-ia.Low > 0.1 {
		t.Errorf("%+v", ia)
	}
	if !a.same(b) || a.same(arrange(made(118, 0))) {
		t.Error("which episodes are the same")
	}
	for i := range sb {
		if d := sb[i] - sa[i]; math.Abs(d-0.1) > 1e-9 {
			t.Fatalf("the resample %d differs by %g: it is not of the same episodes", i, d)
		}
	}
	again, _ := a.bootstrap()
	if again[7] != sa[7] {
		t.Error("the resamples are others the second time")
	}
}

func TestCalibration(t *testing.T) {
	c := arrange(made(10, 0)).calibrate()
	if len(c.points) != 2 || math.Abs(c.points[1].x-0.85) > 1e-12 || math.Abs(c.points[1].y-0.6) > 1e-12 {
		t.Errorf("%+v", c.points)
	}
	if want := 0.25*0.25 + 0.75*0.05; math.Abs(c.Error-want) > 1e-12 {
		t.Errorf("error %g, want %g", c.Error, want)
	}
}

func TestSettingsThatDiffer(t *testing.T) {
	got := differing([]*entry{{settings: map[string]string{"a": "1", "b": "2"}}, {settings: map[string]string{"a": "1", "b": "3"}}, {}})
	if fmt.Sprint(got) != "[{b [2 3 ]}]" {
		t.Error(got)
	}
	names := []*entry{{Name: "runs/x/one"}, {Name: "runs/x/two"}}
	shorten(names)
	if names[0].Name != "one" || names[1].Name != "two" {
		t.Error(names[0].Name, names[1].Name)
	}
}

func TestTicks(t *testing.T) {
	for _, c := range []struct{ extent, want float64 }{{1, 0.2}, {0.03, 0.01}, {1500, 500}, {7, 2}} {
		if got := step(c.extent, 5); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%g: steps of %g, want %g", c.extent, got, c.want)
		}
	}
	c := &chart{title: `a<b`, xLabel: "step", lines: []line{{name: `"x"&y`, points: []point{{1, 2}, {3, 4}}, marks: true}}}
	c.fit()
	if svg := string(c.svg()); strings.Contains(svg, "a<b") || !strings.Contains(svg, "&#34;x&#34;&amp;y") || strings.Count(svg, "<circle") != 2 || strings.Contains(svg, "NaN") {
		t.Error(svg)
	}
}
