package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hdmnet/internal/cli/ui"
	"hdmnet/internal/results"
)

// TestSaveResultsAndReport: the results of every episode add up to what eval prints, and the
// page shows runs and files of results without any other file.
func TestSaveResultsAndReport(t *testing.T) {
	dir := t.TempDir()
	run := filepath.Join(dir, "runs", "one")
	runs(t, with([]string{"train", "--fold", "0", "--out", run, "--epochs", "1", "--set", "train.base.size=33", "--set", "train.meta.validate_episodes=4"}, small)...)
	score := func(out string, more ...string) map[string]any {
		return decode(t, runs(t, append([]string{"eval", "--run", run, "--json", "--episodes", "6", "--seeds", "1,2", "--save-results", out}, more...)...))
	}
	own, other := filepath.Join(run, "results.jsonl"), filepath.Join(dir, "untrained.jsonl")
	got := score(own)
	score(other, "--untrained")
	f, err := results.Read(own)
	if err != nil {
		t.Fatal(err)
	}
	var fbIoU float64
	pictures := 0
	for _, seed := range []int{1, 2} {
		var sums [4]float64
		for i := range f.Episodes {
			if e := &f.Episodes[i]; e.Seed == seed {
				for k, v := range []int64{e.Intersection, e.Union, e.BackgroundIntersection, e.BackgroundUnion} {
					sums[k] += float64(v)
				}
				if len(e.Picture) > 0 {
					pictures++
				}
			}
		}
		fbIoU += (sums[0]/sums[1] + sums[2]/sums[3]) / 4
	}
	if d := fbIoU - got["fb_iou"].(float64); len(f.Episodes) != 12 || d > 1e-9 || d < -1e-9 || pictures < 8 {
		t.Errorf("%d episodes, %d pictures, FB-IoU %g, eval says %v", len(f.Episodes), pictures, fbIoU, got["fb_iou"])
	}
	if f.Fold != 0 || f.Shots != 1 || f.Dataset != "shapes5i" || len(f.Episodes[0].Supports) != 1 {
		t.Errorf("%+v", f.Header)
	}
	without := decode(t, runs(t, "eval", "--run", run, "--json", "--episodes", "6", "--seeds", "1,2"))
	if without["miou"] != got["miou"] {
		t.Errorf("mIoU %v with results, %v without", got["miou"], without["miou"])
	}

	page := filepath.Join(dir, "report.html")
	runs(t, "report", run, other, "--out", page)
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Comparison of 2 runs", "Differences are from runs/one", "Worst and best", "data:image/jpeg;base64,", "Training loss, few-shot network", "<svg", "Peak memory", "rimmed disc"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the page has no %q", want)
		}
	}
	for _, never := range []string{"http:", "https:", "<script", "ZgotmplZ", "NaN"} {
		if strings.Contains(string(text), never) {
			t.Errorf("the page has %q", never)
		}
	}
	fails(t, ui.ExitUsage, []string{"report", run, "--out", page}, "is there already", "--force")
	fails(t, ui.ExitUsage, []string{"report", "--out", page}, "no run is given")
	fails(t, ui.ExitUsage, []string{"report", run}, "--out report.html")
	fails(t, ui.ExitError, []string{"report", filepath.Join(dir, "none"), "--out", filepath.Join(dir, "x.html")}, "none")
	fails(t, ui.ExitError, []string{"report", dir, "--out", filepath.Join(dir, "x.html")}, dir)
	fails(t, ui.ExitUsage, []string{"eval", "--run", run, "--save-results", own}, "results.jsonl is there already")
	fails(t, ui.ExitUsage, []string{"eval", "--run", run, "--fold", "all", "--save-results", filepath.Join(dir, "y")}, "one fold")
	fails(t, ui.ExitUsage, []string{"eval", "--run", run, "--gfss", "--save-results", filepath.Join(dir, "y")}, "leave one out")
}
