package main

import (
	"encoding/json"
	"hdmnet/internal/cli/ui"
	"path/filepath"
	"strings"
	"testing"
)

func TestBenchData(t *testing.T) {
	quick := []string{"bench", "data", "--seconds", "0.01", "--runs", "2", "--shots", "2", "--batch", "3", "--workers", "2"}
	for _, mode := range []string{"train", "val"} {
		args := with(quick, small, []string{"--split", mode})
		out, errs, code := hdmnet(t, append(args, "--json")...)
		var r benchDataReport
		if err := json.Unmarshal([]byte(out), &r); code != ui.ExitOK || err != nil {
			t.Fatalf("code %d, %v: %s%s", code, err, out, errs)
		}
		if len(r.Runs) != 2 || r.ImagesPerSecond != (r.Runs[0]+r.Runs[1])/2 || r.ImagesPerSecond <= 0 || r.Images < 2*9 || r.Images%9 != 0 {
			t.Errorf("%s: %+v", mode, r)
		}
		if r.Dataset != "shapes5i" || r.Split != mode || r.Shots != 2 || r.Size != 33 || r.Batch != 3 || r.Workers != 2 {
			t.Errorf("not the given settings: %+v", r)
		}
		if r.DecodeMS <= 0 || r.Seconds < 0.02 || r.PeakMiB < 1 {
			t.Errorf("%s: %+v", mode, r)
		}
		out, _, code = hdmnet(t, args...)
		if code != ui.ExitOK || !strings.Contains(out, "shapes5i fold 0, "+mode+", 2-shot, 33×33, batch 3, workers 2: ") || !strings.Contains(out, "peak memory") {
			t.Errorf("code %d: %s", code, out)
		}
	}
}

func TestBenchDataBadInput(t *testing.T) {
	root := t.TempDir()
	photo(t, filepath.Join(root, "a.jpg"), 100, 80)
	classMask(t, filepath.Join(root, "a.png"), 100, 80, 3)
	list := write(t, filepath.Join(root, "list.txt"), []byte("a.jpg a.png\n"))
	voc := []string{"bench", "data", "--config", "pascal5i_resnet50", "--data-root", root}
	for _, c := range []struct {
		code int
		args []string
		want []string
	}{
		{ui.ExitUsage, []string{"bench", "dta"}, []string{"did you mean data"}},
		{ui.ExitUsage, []string{"bench", "data", "x"}, []string{`"x"`}},
		{ui.ExitUsage, []string{"bench", "data", "--split", "test"}, []string{`"test"`, "train or val"}},
		{ui.ExitUsage, []string{"bench", "data", "--seconds", "0"}, []string{"--seconds 0"}},
		{ui.ExitUsage, []string{"bench", "data", "--seconds", "NaN"}, []string{`"NaN" for "--seconds"`, "decimal"}},
		{ui.ExitUsage, []string{"bench", "data", "--runs", "0"}, []string{"--runs 0"}},
		{ui.ExitUsage, []string{"bench", "data", "--size", "40"}, []string{"40", "8n + 1"}},
		{ui.ExitUsage, []string{"bench", "data", "--workers", "0"}, []string{"train.workers"}},
		{ui.ExitUsage, []string{"bench", "data", "--fold", "4"}, []string{"fold 4"}},
		{ui.ExitUsage, voc, []string{"--list"}},
		{ui.ExitError, append(voc, "--list", "none.txt"), []string{"none.txt"}},
		{ui.ExitError, append(voc, "--list", list, "--split", "val"), []string{"pascal5i, fold 0", "1-shot", "--shots"}},
	} {
		fails(t, c.code, c.args, c.want...)
	}
}
