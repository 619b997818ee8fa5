package main

import (
	"bytes"
	"context"
	"fmt"
	"hdmnet/internal/cli/root"
	"hdmnet/internal/cli/ui"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// short are the settings of a training that takes a second.
var short = with(small, []string{
	"--set", "train.base.size=33", "--epochs", "2", "--set", "train.base.validate_every=1",
	"--set", "train.meta.validate_episodes=6", "--set", "train.meta.batch=8", "--set", "eval.episodes=6",
})

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestTrainEvalPredict: what a person does first, at a size that takes seconds.
func TestTrainEvalPredict(t *testing.T) {
	t.Chdir(t.TempDir())
	out, errs, code := hdmnet(t, with([]string{"train", "--fold", "2"}, short)...)
	if code != 0 {
		t.Fatalf("train: code %d, %s", code, errs)
	}
	runs, _ := filepath.Glob("runs/shapes5i_fold2_*")
	if len(runs) != 1 || !strings.Contains(out, runs[0]) {
		t.Fatalf("runs %v, output %q", runs, out)
	}
	for _, name := range []string{"config.yaml", "metrics.jsonl", "log", "curves.png", "base.safetensors", "best.safetensors", "checkpoints/last.safetensors"} {
		if len(read(t, filepath.Join(runs[0], name))) == 0 {
			t.Errorf("%s is empty", name)
		}
	}

	out, errs, code = hdmnet(t, "eval", "--json")
	v := decode(t, out)
	if code != 0 || v["fold"] != 2.0 || v["shots"] != 1.0 || v["episodes"] != 6.0 || !strings.Contains(errs, runs[0]) {
		t.Errorf("eval of the newest run: code %d, %s\n%s", code, errs, out)
	}
	out, errs, code = hdmnet(t, "eval", "--run", runs[0], "--shots", "3", "--untrained", "--json")
	if u := decode(t, out); code != 0 || u["untrained"] != true || u["miou_base"] == nil {
		t.Errorf("untrained: code %d, %s\n%s", code, errs, out)
	}
	fails(t, ui.ExitUsage, []string{"eval", "--run", runs[0], "--fold", "0"}, "fold 2", "fold 0")
	fails(t, ui.ExitUsage, []string{"eval", "--fold", "all", "--run", runs[0], "--run", runs[0], "--run", runs[0], "--run", runs[0]}, "each fold", runs[0])

	support := photo(t, "s.jpg", 50, 40) + ":" + classMask(t, "s.png", 50, 40, 1)
	out, errs, code = hdmnet(t, "predict", "--run", runs[0], "--support", support, "--query", photo(t, "q.jpg", 30, 70), "--out", "o")
	if code != 0 || !strings.Contains(out, "q_overlay.png") {
		t.Errorf("predict: code %d, %s%s", code, out, errs)
	}
}

// TestEvalAllFolds averages one network per fold.
func TestEvalAllFolds(t *testing.T) {
	if testing.Short() {
		t.Skip("scores four networks in four ways")
	}
	t.Chdir(t.TempDir())
	args := []string{"eval", "--fold", "all", "--episodes", "3", "--shots", "1", "--seeds", "1,2"}
	for _, f := range []string{"2", "0", "3", "1"} {
		weights := read(t, untrainedWeights(t, tiny(1), map[string]string{"fold": f}))
		config, _, _ := hdmnet(t, with([]string{"config", "show"}, small)...)
		write(t, filepath.Join(f, "config.yaml"), []byte(config))
		write(t, filepath.Join(f, "best.safetensors"), weights)
		args = append(args, "--run", f)
	}
	out, errs, code := hdmnet(t, append(args, "--json")...)
	if code != 0 {
		t.Fatalf("code %d: %s", code, errs)
	}
	v := decode(t, out)
	sum := 0.0
	for i, f := range v["folds"].([]any) {
		fold := f.(map[string]any)
		if fold["fold"] != float64(i) || fold["episodes_total"] != 6.0 {
			t.Errorf("fold %d: %v", i, fold)
		}
		sum += fold["miou"].(float64)
	}
	if got := v["miou"].(float64); v["fold"] != "all" || got-sum/4 > 1e-12 || sum/4-got > 1e-12 || v["episodes_total"] != 24.0 {
		t.Errorf("all folds: %v", v)
	}
	if table, _, code := hdmnet(t, args...); code != 0 || !strings.Contains(table, "fold 3") {
		t.Errorf("table: code %d\n%s", code, table)
	}
	fails(t, ui.ExitUsage, args[:len(args)-2], "one run per fold", "got 3")

	out, errs, code = hdmnet(t, append(args, "--gfss", "--tau", "0.5", "--json")...)
	if v = decode(t, out); code != 0 || v["fold"] != "all" || v["per_class"] != nil || len(v["folds"].([]any)) != 4 || v["episodes_total"] != 24.0 {
		t.Errorf("GFSS of all folds: code %d, %s%v", code, errs, v)
	}
	base := append([]string{"eval", "--stage", "base", "--set", "train.base.size=33", "--fold", "all"}, args[9:]...)
	out, errs, code = hdmnet(t, append(base, "--json")...)
	if v = decode(t, out); code != 0 || v["fold"] != "all" || v["pictures"] != 160.0 || len(v["folds"].([]any)) != 4 {
		t.Errorf("base learners of all folds: code %d, %s%v", code, errs, v)
	}
	if table, _, code := hdmnet(t, base...); code != 0 || !strings.Contains(table, "fold 3") {
		t.Errorf("table: code %d\n%s", code, table)
	}
}

// TestTrainAllFolds: one command trains every fold and prints the table of the papers;
// stopped in the third fold it goes on there, and complete it only scores.
func TestTrainAllFolds(t *testing.T) {
	if testing.Short() {
		t.Skip("trains four folds")
	}
	t.Chdir(t.TempDir())
	args := with([]string{"train", "--fold", "all", "--out", "folds"}, short, []string{"--epochs", "1", "--set", "dataset.synth_train=36"})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var out, errs bytes.Buffer
	watch := watcher{&errs, func(text string) {
		if strings.Contains(text, "fold 2 of 4") {
			cancel()
		}
	}}
	if code := root.Execute(ctx, args, ui.Streams{Out: &out, Err: watch}); code != ui.ExitInterrupted || !strings.Contains(errs.String(), "hdmnet train --fold all --resume --out folds") {
		t.Fatalf("interrupted: code %d, %s", code, errs.String())
	}
	before := read(t, "folds/fold1/best.safetensors")
	table, more, code := hdmnet(t, append(args, "--resume")...)
	if code != 0 || !bytes.Equal(before, read(t, "folds/fold1/best.safetensors")) {
		t.Fatalf("resumed: code %d, %s", code, more)
	}
	for _, want := range []string{"fold 0", "fold 3", "mean", "mIoU, 1 shot", "mIoU, 5 shots", "FB-IoU, 5 shots"} {
		if !strings.Contains(table, want) {
			t.Errorf("no %q in %s", want, table)
		}
	}
	report, _, code := hdmnet(t, "eval", "--fold", "all", "--run", "folds", "--json")
	v := decode(t, report)
	rows, _ := v["rows"].([]any)
	if code != 0 || len(rows) != 2 || rows[1].(map[string]any)["shots"] != 5.0 || rows[1].(map[string]any)["shot_fusion"] != "scaled" || len(rows[0].(map[string]any)["folds"].([]any)) != 4 {
		t.Errorf("code %d, %s", code, report)
	}
}

func TestTrainRefuses(t *testing.T) {
	dir := t.TempDir()
	done := filepath.Join(dir, "done")
	write(t, filepath.Join(done, "config.yaml"), nil)
	write(t, filepath.Join(done, ".lock"), nil)
	file := write(t, filepath.Join(dir, "file"), nil)
	train := func(args ...string) []string { return with([]string{"train"}, args) }
	fails(t, ui.ExitUsage, train(), "--fold 0, 1, 2 or 3")
	fails(t, ui.ExitUsage, train("--fold", "4"), "fold 4")
	fails(t, ui.ExitUsage, train("--fold", "-1"), "fold -1")
	fails(t, ui.ExitUsage, train("--fold", "x"), "--fold", `"x"`)
	fails(t, ui.ExitUsage, train("--fold", "0", "--resume"), "--out")
	fails(t, ui.ExitUsage, train("--fold", "0", "--stage", "best"), "train.stage", "base")
	fails(t, ui.ExitUsage, train("--fold", "0", "--set", "train.meta.lrr=1"), "did you mean train.meta.lr?")
	fails(t, ui.ExitUsage, train("--fold", "0", "--config", "pascal5i_resnet50"), "--data-root", "--list")
	fails(t, ui.ExitUsage, train("--fold", "0", "--data-root", dir), "shapes5i", "--config")
	fails(t, ui.ExitUsage, train("--fold", "0", "--config", write(t, filepath.Join(dir, "bad.yaml"), []byte("train:\n  mega: 1\n"))), "bad.yaml:2", "train.mega")
	fails(t, ui.ExitError, train("--fold", "0", "--config", filepath.Join(dir, "none.yaml")), "none.yaml")
	fails(t, ui.ExitUsage, train("--fold", "0", "--list", "a.txt", "--val-list", "b.txt"), "--list", "leave it out")
	fails(t, ui.ExitError, train("--fold", "0", "--config", "pascal5i_resnet50", "--train-list", filepath.Join(dir, "t.txt")), "t.txt")
	fails(t, ui.ExitError, train("--fold", "0", "--config", "pascal5i_resnet50", "--list", filepath.Join(dir, "none.txt")), "none.txt")
	fails(t, ui.ExitError, train("--fold", "0", "--device", "cuda:3", "--out", filepath.Join(dir, "gpu")), "cuda:3", "-tags cuda")
	fails(t, ui.ExitError, train("--fold", "0", "--out", done), done, "--resume")
	fails(t, ui.ExitError, train("--fold", "0", "--out", filepath.Join(file, "x")), file, "--out")
}

// scarceList writes list.txt and its pictures for fold 0 in which of the base classes 7 has two pictures and 8
// one, and of the novel classes 1 one and the others two.
func scarceList(t *testing.T, dir string) {
	t.Helper()
	var lines strings.Builder
	for i, class := range []uint8{7, 7, 8, 1, 2, 2, 3, 3, 4, 4, 5, 5} {
		name := fmt.Sprintf("p%d", i)
		photo(t, filepath.Join(dir, name+".jpg"), 70, 60)
		classMask(t, filepath.Join(dir, name+".png"), 70, 60, class)
		fmt.Fprintf(&lines, "%s.jpg %s.png\n", name, name)
	}
	write(t, filepath.Join(dir, "list.txt"), []byte(lines.String()))
}

// TestTrainOnScarceClasses: a novel class without a support is an error before any work,
// a base class is left out with a warning.
func TestTrainOnScarceClasses(t *testing.T) {
	dir := t.TempDir()
	scarceList(t, dir)
	args := with([]string{"train", "--fold", "0", "--config", "pascal5i_resnet50", "--stage", "meta", "--epochs", "1",
		"--data-root", dir, "--list", "list.txt", "--out", filepath.Join(dir, "run"), "--device", "cpu",
		"--set", "model.backbone=tiny", "--set", "model.size=33", "--set", "dataset.min_area=100",
		"--set", "train.meta.batch=1", "--set", "train.meta.accumulate=1"})
	none := with(args, []string{"--shots", "4", "--set", "train.meta.validate_every=0"})
	fails(t, ui.ExitError, none, "class 7 (car) has 2", "fold 0", "need 5")
	fails(t, ui.ExitError, args, "validation", "class 1 (aeroplane) has 1", "train.meta.validate_every=0")
	_, errs, code := hdmnet(t, append(args, "--set", "train.meta.validate_every=0")...)
	if config := string(read(t, filepath.Join(dir, "run", "config.yaml"))); !strings.Contains(config, "train_list: "+filepath.Join(dir, "list.txt")) {
		t.Errorf("the list was not looked for under the data root:\n%s", config)
	}
	if code != 0 || !strings.Contains(errs, "leaves out") || !strings.Contains(errs, "bus (0)") || !strings.Contains(errs, "cat (1)") || strings.Contains(errs, "car (2)") {
		t.Errorf("code %d: %s", code, errs)
	}
}

func TestInterruptedTraining(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	args := with([]string{"train", "--fold", "0", "--out", dir}, short)
	ctx, cancel := context.WithCancel(context.Background())
	var out, errs bytes.Buffer
	watch := watcher{&errs, func(line string) {
		if strings.Contains(line, "stage base, epoch 1") {
			cancel()
		}
	}}
	if code := root.Execute(ctx, args, ui.Streams{Out: &out, Err: watch}); code != ui.ExitInterrupted || !strings.Contains(errs.String(), "--fold 0 --resume --out "+dir) {
		t.Fatalf("code %d: %s", code, errs.String())
	}
	fails(t, ui.ExitError, args, "--resume")
	fails(t, ui.ExitError, with(args, []string{"--resume", "--seed", "5"}), "train.seed was 321 and is 5 now")
	// The run's own settings go on without being repeated.
	text, errText, code := hdmnet(t, "train", "--fold", "0", "--out", dir, "--resume")
	if code != 0 || !strings.Contains(errText, "going on from") || !strings.Contains(text, "complete") {
		t.Errorf("resumed: code %d, %s%s", code, text, errText)
	}
}

// watcher passes on what is written and shows it to a function.
type watcher struct {
	to   *bytes.Buffer
	seen func(string)
}

func (w watcher) Write(p []byte) (int, error) {
	w.seen(string(p))
	return w.to.Write(p)
}

// binary builds the program.
func binary(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "hdmnet")
	if runtime.GOOS == "windows" {
		path += ".exe"
	}
	if out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return path
}

// TestKillAndResume: killed without notice at random moments and resumed each time, a
// run ends with the same bits as one that was left alone.
func TestKillAndResume(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the program and trains twice")
	}
	program, dir := binary(t), t.TempDir()
	start := func(out string, resume ...string) (*exec.Cmd, *bytes.Buffer) {
		args := with([]string{"train", "--fold", "1", "--out", filepath.Join(dir, out)}, short, resume)
		cmd, log := exec.Command(program, args...), &bytes.Buffer{}
		cmd.Stdout, cmd.Stderr = log, log
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd, log
	}
	begun := time.Now()
	cmd, log := start("whole")
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, log)
	}
	whole := time.Since(begun)

	r := rand.New(rand.NewPCG(1, 2))
	for i := range 10 {
		cmd, log := start("killed", "--resume")
		time.Sleep(time.Duration(r.Int64N(int64(whole) / 3)))
		_ = cmd.Process.Kill() // it may have ended already
		if err := cmd.Wait(); err != nil && err.Error() != "signal: killed" {
			t.Fatalf("start %d: %v\n%s", i, err, log)
		}
	}
	cmd, log = start("killed", "--resume")
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, log)
	}
	for _, name := range []string{"base.safetensors", "best.safetensors", "checkpoints/last.safetensors"} {
		if !bytes.Equal(read(t, filepath.Join(dir, "whole", name)), read(t, filepath.Join(dir, "killed", name))) {
			t.Errorf("%s differs", name)
		}
	}
	left, _ := filepath.Glob(filepath.Join(dir, "killed", "*", ".*partial*"))
	if len(left) > 0 {
		t.Errorf("unfinished files: %v", left)
	}
}

// TestSignal: the first SIGINT lets the program save and ends it with code 130.
func TestSignal(t *testing.T) {
	if testing.Short() || runtime.GOOS == "windows" {
		t.Skip("builds the program and sends it a signal")
	}
	dir := filepath.Join(t.TempDir(), "run")
	cmd := exec.Command(binary(t), with([]string{"train", "--fold", "1", "--out", dir, "--epochs", "1000"}, small)...)
	var log bytes.Buffer
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	metrics := filepath.Join(dir, "metrics.jsonl")
	for wait := 0; ; wait++ {
		if info, err := os.Stat(metrics); err == nil && info.Size() > 0 {
			break
		}
		if wait == 1000 {
			_ = cmd.Process.Kill()
			t.Fatalf("no step in 10 s\n%s", log.String())
		}
		time.Sleep(10 * time.Millisecond)
	}
	_ = cmd.Process.Signal(os.Interrupt)
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != ui.ExitInterrupted || !strings.Contains(log.String(), "--resume") {
		t.Errorf("code %d\n%s", code, log.String())
	}
	if len(read(t, filepath.Join(dir, "checkpoints", "last.safetensors"))) == 0 {
		t.Error("nothing was saved")
	}
}
