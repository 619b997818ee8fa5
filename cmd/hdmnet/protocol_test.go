package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hdmnet/internal/cli/ui"
	"hdmnet/internal/model"
)

// TestProtocolsBadInput: flags about episodes that mean nothing, or do not go together.
func TestProtocolsBadInput(t *testing.T) {
	w := untrainedWeights(t, tiny(1), map[string]string{"fold": "2"})
	for flags, want := range map[string][]string{
		"--protocol HDMNet":                                           {`"HDMNet"`, "bam, hdmnet, quick, val"},
		"--protocol val --set eval.seeds=1":                           {"--protocol val", "--set eval.seeds"},
		"--protocol val --set eval.episodes=1":                        {"--protocol val", "--set eval.episodes"},
		"--episodes 0":                                                {"eval.episodes is 0"},
		"--episodes 5x":                                               {"5x", "number", "file"},
		"--episodes-file e.jsonl --protocol val":                      {"e.jsonl", "leave --protocol out"},
		"--episodes-file e.jsonl --set eval.episodes=5":               {"e.jsonl", "leave --set eval.episodes out"},
		"--episodes 5 --set eval.episodes=5":                          {"eval.episodes", "leave one out"},
		"--fold-scheme panet":                                         {"--fold-scheme", "shapes5i has one"},
		"--fold-scheme fbw --config coco20i_resnet50":                 {"dataset.fold_scheme", "fbw", "panet"},
		"--save-episodes e --fold all --run a":                        {"--save-episodes", "one fold"},
		"--episodes-file e.jsonl --fold all --run a":                  {"e.jsonl", "one fold"},
		"--set eval.emulated_dataloader_workers=-1":                   {"eval.emulated_dataloader_workers"},
		"--set eval.emulated_dataloader_workers=8 --set eval.seeds=x": {"eval.seeds"},
	} {
		args := []string{"eval", "--weights", w}
		if strings.Contains(flags, "--run") {
			args = args[:1]
		}
		fails(t, ui.ExitUsage, append(args, strings.Fields(flags)...), want...)
	}
}

// TestReplay: the episodes that were saved give the same scores again, over another list.
func TestReplay(t *testing.T) {
	dir := t.TempDir()
	w := untrainedWeights(t, tiny(1), nil)
	var lines []string
	for i := range 15 {
		name := fmt.Sprintf("p%d", i)
		photo(t, filepath.Join(dir, "a", name+".jpg"), 60+i, 50)
		classMask(t, filepath.Join(dir, "a", name+".png"), 60+i, 50, uint8(i%5+1))
		lines = append(lines, name+".jpg "+name+".png")
	}
	list := write(t, filepath.Join(dir, "a", "list.txt"), []byte(strings.Join(lines, "\n")))
	slices.Reverse(lines)
	moved := filepath.Join(dir, "b")
	if err := os.CopyFS(moved, os.DirFS(filepath.Join(dir, "a"))); err != nil {
		t.Fatal(err)
	}
	other := write(t, filepath.Join(moved, "other.txt"), []byte(strings.Join(lines, "\n")))
	args := func(list string, more ...string) []string {
		return with([]string{"eval", "--weights", w, "--config", "pascal5i_resnet50", "--set", "model.backbone=tiny", "--set", "model.size=33",
			"--set", "dataset.min_area=100", "--data-root", filepath.Dir(list), "--list", list, "--device", "cpu", "--json"}, more)
	}
	saved := filepath.Join(dir, "episodes.jsonl")
	out, errs, code := hdmnet(t, args(list, "--fold", "0", "--shots", "2", "--episodes", "20", "--seeds", "4,5", "--save-episodes", saved)...)
	if code != 0 {
		t.Fatalf("code %d: %s", code, errs)
	}
	want := decode(t, out)
	if want["draws"] != "the release's, 8 workers" {
		t.Errorf("draws %v", want["draws"])
	}
	text := string(read(t, saved))
	if n := strings.Count(text, "\n"); n != 41 || !strings.HasPrefix(text, `{"format":"hdmnet episodes 1","dataset":"pascal","fold":0,"novel":[1,2,3,4,5],"shots":2,"list":"list.txt","episodes":40}`) {
		t.Errorf("%d lines: %.300s", n, text)
	}

	out, errs, code = hdmnet(t, args(other, "--episodes-file", saved, "--save-episodes", filepath.Join(dir, "again.jsonl"))...)
	if code != 0 {
		t.Fatalf("replay: code %d, %s", code, errs)
	}
	got := decode(t, out)
	for _, key := range []string{"miou", "miou_std", "fb_iou", "miou_meta", "miou_base", "episodes", "episodes_total", "shots", "fold"} {
		if got[key] != want[key] || want[key] == nil {
			t.Errorf("%s is %v, replayed %v", key, want[key], got[key])
		}
	}
	if fmt.Sprint(got["seeds"]) != "[4 5]" || !strings.Contains(got["draws"].(string), saved) {
		t.Errorf("replayed: seeds %v, draws %v", got["seeds"], got["draws"])
	}
	if again := string(read(t, filepath.Join(dir, "again.jsonl"))); again != strings.Replace(text, `"list.txt"`, `"other.txt"`, 1) {
		t.Errorf("saved again while replayed:\n%.400s", again)
	}
	out, _, code = hdmnet(t, args(list, "--episodes-file", saved, "--seeds", "5")...)
	if v := decode(t, out); code != 0 || v["episodes_total"] != 20.0 || fmt.Sprint(v["seeds"]) != "[5]" {
		t.Errorf("one seed of the file: code %d, %v", code, v)
	}

	fails(t, ui.ExitUsage, args(list, "--episodes-file", saved, "--seeds", "6"), saved, "seed 6", "[4 5]")
	fails(t, ui.ExitUsage, args(list, "--episodes-file", saved, "--shots", "1"), saved, "2 supports", "--shots")
	fails(t, ui.ExitUsage, args(list, "--episodes-file", saved, "--fold", "1"), saved, "fold 0", "--fold asks for 1")
	short := write(t, filepath.Join(moved, "short.txt"), []byte(strings.Join(lines[:14], "\n"))) // without p0
	fails(t, ui.ExitError, args(short, "--episodes-file", saved), "class 1 (aeroplane)", "need 3")
	cut := write(t, filepath.Join(dir, "cut.jsonl"), []byte(text[:len(text)/2]))
	fails(t, ui.ExitError, args(list, "--episodes-file", cut), "cut.jsonl")
	gone := write(t, filepath.Join(dir, "gone.jsonl"), []byte(strings.Replace(text, `"p7.jpg"`, `"q7.jpg"`, 1)))
	fails(t, ui.ExitError, args(list, "--episodes-file", gone), "gone.jsonl:", "q7.jpg", "not in the list")
	fails(t, ui.ExitError, args(list, "--fold", "0", "--save-episodes", filepath.Join(dir, "none", "e.jsonl")), "e.jsonl")
}

// TestReplayOfScenes: scenes that are made on the fly have equal names in other sets.
func TestReplayOfScenes(t *testing.T) {
	w := untrainedWeights(t, tiny(1), map[string]string{"fold": "1"})
	saved := filepath.Join(t.TempDir(), "e.jsonl")
	args := with([]string{"eval", "--weights", w}, small)
	if _, errs, code := hdmnet(t, with(args, []string{"--episodes", "2", "--seeds", "1", "--save-episodes", saved})...); code != 0 {
		t.Fatalf("code %d: %s", code, errs)
	}
	if _, errs, code := hdmnet(t, with(args, []string{"--episodes-file", saved})...); code != 0 {
		t.Errorf("replay: code %d, %s", code, errs)
	}
	fails(t, ui.ExitError, with(args, []string{"--episodes-file", saved, "--set", "dataset.synth_seed=2"}), saved, "seed 1", "seed 2")
	other := untrainedWeights(t, tiny(1), map[string]string{"fold": "2"})
	fails(t, ui.ExitUsage, with([]string{"eval", "--weights", other}, small, []string{"--episodes-file", saved}), "fold 2", "fold 1")
}

// TestSplitOfWeights: weights for one split of COCO-20i know novel classes of the other.
func TestSplitOfWeights(t *testing.T) {
	w := untrainedWeights(t, model.Options{Backbone: "tiny", BaseClasses: 61, Shots: 1}, map[string]string{"fold": "1", "split": "panet"})
	args := []string{"eval", "--weights", w, "--config", "coco20i_resnet50", "--set", "model.backbone=tiny", "--device", "cpu"}
	fails(t, ui.ExitUsage, args, "panet", "fwb", "--fold-scheme panet")
	fails(t, ui.ExitUsage, append(args, "--fold-scheme", "panet"), "--list")
}

func TestTrainFlagsOfTheData(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	args := with([]string{"train", "--fold", "0", "--out", dir, "--stage", "base", "--set", "train.base.max_steps=1", "--filter-intersection=false"}, small)
	if _, errs, code := hdmnet(t, args...); code != 0 {
		t.Fatalf("code %d: %s", code, errs)
	}
	if text := string(read(t, filepath.Join(dir, "config.yaml"))); !strings.Contains(text, "filter_intersection: false") {
		t.Errorf("settings of the run:\n%s", text)
	}
	fails(t, ui.ExitUsage, []string{"train", "--fold", "0", "--fold-scheme", "panet"}, "--fold-scheme", "shapes5i")
	fails(t, ui.ExitUsage, []string{"train", "--fold", "0", "--config", "coco20i_vgg16", "--fold-scheme", "pannet"}, "dataset.fold_scheme", "pannet")
	fails(t, ui.ExitUsage, []string{"train", "--fold", "0", "--filter-intersection=maybe"}, "--filter-intersection", "maybe")
}
