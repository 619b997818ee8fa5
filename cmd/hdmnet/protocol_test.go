package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hdmnet/internal/config"
	"hdmnet/internal/model"
)

// asked is what the settings say about episodes when `eval` has these flags.
func asked(t *testing.T, flags ...string) (*config.Config, error) {
	t.Helper()
	o := &evalOptions{}
	cmd := newEvalWith(Streams{}, o)
	if err := cmd.ParseFlags(flags); err != nil {
		t.Fatal(err)
	}
	options, err := o.options(nil)
	if err != nil {
		t.Fatal(err)
	}
	options.Config = o.config
	if err := o.read(&options, o.fold); err != nil {
		return nil, err
	}
	c, err := loadConfig(options)
	if err != nil {
		return nil, err
	}
	return c, o.apply(c)
}

func TestProtocols(t *testing.T) {
	all := []int{510, 365, 382, 322, 988, 98, 742, 17, 595, 106}
	for _, c := range []struct {
		flags    string
		episodes int
		seeds    []int
	}{
		{"--config pascal5i_resnet50", 1000, all},
		{"--config coco20i_resnet50", 10000, all},
		{"--config shapes5i", 200, all[:3]},
		{"--config pascal5i_resnet50 --protocol hdmnet", 1000, all},
		{"--config shapes5i --protocol hdmnet", 1000, all},
		{"--config coco20i_vgg16 --protocol hdmnet", 10000, all},
		{"--config coco20i_vgg16 --protocol val", 1000, []int{321}},
		{"--config coco20i_vgg16 --protocol bam", 1000, all[:5]},
		{"--config coco20i_vgg16 --protocol quick", 200, all[:1]},
		{"--config pascal5i_resnet50 --protocol bam --seeds 4,5", 1000, []int{4, 5}},
		{"--config coco20i_vgg16 --protocol hdmnet --episodes 12", 12, all},
	} {
		got, err := asked(t, strings.Fields(c.flags)...)
		if err != nil || got.Eval.Episodes != c.episodes || !slices.Equal(got.Eval.Seeds, c.seeds) {
			t.Errorf("%s: %v, %+v; want %d episodes, seeds %v", c.flags, err, got.Eval, c.episodes, c.seeds)
		}
	}
	w := untrainedWeights(t, tiny(1), map[string]string{"fold": "2"})
	for flags, want := range map[string][]string{
		"--protocol HDMNet":                                           {`"HDMNet"`, "bam, hdmnet, quick, val"},
		"--protocol val --set eval.seeds=1":                           {"--protocol val", "--set eval.seeds"},
		"--protocol val --set eval.episodes=1":                        {"--protocol val", "--set eval.episodes"},
		"--episodes 0":                                                {"eval.episodes is 0"},
		"--episodes 5x":                                               {"5x", "number", "file"},
		"--episodes e.jsonl --protocol val":                           {"e.jsonl", "leave --protocol out"},
		"--episodes e.jsonl --set eval.episodes=5":                    {"e.jsonl", "leave --set eval.episodes out"},
		"--episodes 5 --set eval.episodes=5":                          {"eval.episodes", "leave one out"},
		"--split panet":                                               {"--split", "shapes5i has one"},
		"--split fbw --config coco20i_resnet50":                       {"dataset.fold_scheme", "fbw", "panet"},
		"--save-episodes e --fold all --run a":                        {"--save-episodes", "one fold"},
		"--episodes e.jsonl --fold all --run a":                       {"e.jsonl", "one fold"},
		"--set eval.emulated_dataloader_workers=-1":                   {"eval.emulated_dataloader_workers"},
		"--set eval.emulated_dataloader_workers=8 --set eval.seeds=x": {"eval.seeds"},
	} {
		args := []string{"eval", "--weights", w}
		if strings.Contains(flags, "--run") {
			args = args[:1]
		}
		fails(t, exitUsage, append(args, strings.Fields(flags)...), want...)
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

	out, errs, code = hdmnet(t, args(other, "--episodes", saved, "--save-episodes", filepath.Join(dir, "again.jsonl"))...)
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
	out, _, code = hdmnet(t, args(list, "--episodes", saved, "--seeds", "5")...)
	if v := decode(t, out); code != 0 || v["episodes_total"] != 20.0 || fmt.Sprint(v["seeds"]) != "[5]" {
		t.Errorf("one seed of the file: code %d, %v", code, v)
	}

	fails(t, exitUsage, args(list, "--episodes", saved, "--seeds", "6"), saved, "seed 6", "[4 5]")
	fails(t, exitUsage, args(list, "--episodes", saved, "--shots", "1"), saved, "2 supports", "--shots")
	fails(t, exitUsage, args(list, "--episodes", saved, "--fold", "1"), saved, "fold 0", "--fold asks for 1")
	short := write(t, filepath.Join(moved, "short.txt"), []byte(strings.Join(lines[:14], "\n"))) // without p0
	fails(t, exitError, args(short, "--episodes", saved), "class 1 (aeroplane)", "need 3")
	cut := write(t, filepath.Join(dir, "cut.jsonl"), []byte(text[:len(text)/2]))
	fails(t, exitError, args(list, "--episodes", cut), "cut.jsonl")
	gone := write(t, filepath.Join(dir, "gone.jsonl"), []byte(strings.Replace(text, `"p7.jpg"`, `"q7.jpg"`, 1)))
	fails(t, exitError, args(list, "--episodes", gone), "gone.jsonl:", "q7.jpg", "not in the list")
	fails(t, exitError, args(list, "--fold", "0", "--save-episodes", filepath.Join(dir, "none", "e.jsonl")), "e.jsonl")
}

// TestReplayOfScenes: scenes that are made on the fly have equal names in other sets.
func TestReplayOfScenes(t *testing.T) {
	w := untrainedWeights(t, tiny(1), map[string]string{"fold": "1"})
	saved := filepath.Join(t.TempDir(), "e.jsonl")
	args := with([]string{"eval", "--weights", w}, small)
	if _, errs, code := hdmnet(t, with(args, []string{"--episodes", "2", "--seeds", "1", "--save-episodes", saved})...); code != 0 {
		t.Fatalf("code %d: %s", code, errs)
	}
	if _, errs, code := hdmnet(t, with(args, []string{"--episodes", saved})...); code != 0 {
		t.Errorf("replay: code %d, %s", code, errs)
	}
	fails(t, exitError, with(args, []string{"--episodes", saved, "--set", "dataset.synth_seed=2"}), saved, "seed 1", "seed 2")
	other := untrainedWeights(t, tiny(1), map[string]string{"fold": "2"})
	fails(t, exitUsage, with([]string{"eval", "--weights", other}, small, []string{"--episodes", saved}), "fold 2", "fold 1")
}

// TestSplitOfWeights: weights for one split of COCO-20i know novel classes of the other.
func TestSplitOfWeights(t *testing.T) {
	w := untrainedWeights(t, model.Options{Backbone: "tiny", BaseClasses: 61, Shots: 1}, map[string]string{"fold": "1", "split": "panet"})
	args := []string{"eval", "--weights", w, "--config", "coco20i_resnet50", "--set", "model.backbone=tiny", "--device", "cpu"}
	fails(t, exitUsage, args, "panet", "fwb", "--split panet")
	fails(t, exitUsage, append(args, "--split", "panet"), "--list")
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
	fails(t, exitUsage, []string{"train", "--fold", "0", "--split", "panet"}, "--split", "shapes5i")
	fails(t, exitUsage, []string{"train", "--fold", "0", "--config", "coco20i_vgg16", "--split", "pannet"}, "dataset.fold_scheme", "pannet")
	fails(t, exitUsage, []string{"train", "--fold", "0", "--filter-intersection=maybe"}, "--filter-intersection", "maybe")
}
