package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hdmnet/internal/cli/ui"
	"hdmnet/internal/model"
)

func TestUsage(t *testing.T) {
	w := untrainedWeights(t, tiny(1), map[string]string{"fold": "2"})
	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{"tarin"}, []string{`"tarin"`, "--help"}},
		{[]string{"evl"}, []string{"did you mean eval"}},
		{[]string{"config", "lst"}, []string{"did you mean list"}},
		{[]string{"eval", "--shot", "1"}, []string{"unknown flag: --shot", "hdmnet eval --help"}},
		{[]string{"eval", "--shots", "x"}, []string{"--shots", `"x"`}},
		{[]string{"eval", "5"}, []string{`"5"`}},
		{[]string{"eval", "--weights", w, "--fold", "4"}, []string{"fold 4", "choose 0, 1, 2 or 3"}},
		{[]string{"eval", "--weights", w, "--fold", "-1"}, []string{"fold -1"}},
		{[]string{"eval", "--weights", w, "--fold", "1"}, []string{"fold 2", "fold 1", w}},
		{[]string{"eval", "--weights", w, "--fold", "all"}, []string{"one run per fold"}},
		{[]string{"eval", "--weights", untrainedWeights(t, tiny(1), nil)}, []string{"--fold"}},
		{[]string{"eval", "--weights", w, "--run", "r"}, []string{"not both"}},
		{[]string{"eval", "--run", "a", "--run", "b"}, []string{"--fold all"}},
		{[]string{"eval", "--run", "a", "--config", "b"}, []string{"--config"}},
		{[]string{"eval", "--weights", w, "--set", "model.shot=1"}, []string{"model.shot", "did you mean model.shots"}},
		{[]string{"eval", "--weights", w, "--set", "model.size=100"}, []string{"100", "8n + 1"}},
		{[]string{"eval", "--weights", w, "--shots", "0"}, []string{"model.shots"}},
		{[]string{"eval", "--weights", w, "--shots", "2", "--set", "model.shots=3"}, []string{"model.shots", "leave one out"}},
		{[]string{"eval", "--weights", w, "--seeds", "1,1"}, []string{"eval.seeds"}},
		{[]string{"eval", "--weights", w, "--device", "gpu"}, []string{"gpu", "cuda"}},
		{[]string{"eval", "--weights", w, "--precision", "fp16"}, []string{"precision", "fp16", "fp32, bf16x3, tf32, bf16"}},
		{[]string{"eval", "--weights", w, "--list", "l.txt"}, []string{"shapes5i", "--config"}},
		{[]string{"eval", "--weights", untrainedWeights(t, model.Options{Backbone: "tiny", BaseClasses: 16, Shots: 1}, nil), "--fold", "0",
			"--config", "pascal5i_resnet50", "--set", "model.backbone=tiny"}, []string{"--data-root", "--list"}},
		{[]string{"predict", "--query", "q", "--out", "o", "--weights", w}, []string{"--support image:mask"}},
		{[]string{"predict", "--support", "a:b", "--out", "o", "--weights", w}, []string{"--query"}},
		{[]string{"predict", "--support", "a:b", "--query", "q", "--weights", w}, []string{"--out"}},
		{[]string{"predict", "--support", "a:b", "--query", "q", "--out", "o"}, []string{"--run", "--weights"}},
		{[]string{"predict", "--support", "a:b", "--query", "q", "--out", "o", "--run", "r", "--config", "c"}, []string{"--config"}},
		{[]string{"predict", "--support", "ab", "--query", "q", "--out", "o", "--weights", w}, []string{`"ab"`, "image:mask"}},
		{[]string{"predict", "--support", "a.jpg:box=1,2,3", "--query", "q", "--out", "o", "--weights", w}, []string{"a.jpg:box=1,2,3", "LEFT,TOP,RIGHT,BOTTOM"}},
		{[]string{"predict", "--support", "a.jpg:circle=1,2,3", "--query", "q", "--out", "o", "--weights", w}, []string{`"circle"`, "image:point="}},
	} {
		fails(t, ui.ExitUsage, c.args, c.want...)
	}
	out, errs, code := hdmnetEnv(t, []string{"HDMNET_MODEL_SHOT=2"}, "config", "show")
	if code != ui.ExitUsage || out != "" || !strings.Contains(errs, "HDMNET_MODEL_SHOTS") {
		t.Errorf("unknown variable: code %d, %s", code, errs)
	}
}

func TestDeviceIsNeverReplaced(t *testing.T) {
	w := untrainedWeights(t, tiny(1), map[string]string{"fold": "0"})
	fails(t, ui.ExitError, []string{"eval", "--weights", w, "--device", "cuda:0"}, "cuda:0", "-tags cuda")
	fails(t, ui.ExitError, []string{"eval", "--weights", w, "--device", "cpu", "--precision", "tf32"}, "the CPU has no tf32", "choose fp32")
}

func TestBadWeights(t *testing.T) {
	dir := t.TempDir()
	good := untrainedWeights(t, tiny(1), nil)
	whole, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	half := write(t, filepath.Join(dir, "half.safetensors"), whole[:len(whole)/2])
	text := write(t, filepath.Join(dir, "text.safetensors"), []byte("these are no weights"))
	missing := untrainedWeights(t, tiny(1), nil, "down_query.0.weight", "gram_merge.weight")
	bad := untrainedWeights(t, tiny(1), map[string]string{"fold": "9"})
	for _, c := range []struct {
		file string
		want []string
	}{
		{filepath.Join(dir, "none.safetensors"), []string{"none.safetensors", "no such file"}},
		{half, []string{half, "truncated"}},
		{text, []string{text}},
		{missing, []string{missing, "2 missing", "down_query.0.weight", "gram_merge.weight"}},
		{bad, []string{bad, "fold 9"}},
	} {
		fails(t, ui.ExitError, with([]string{"eval", "--fold", "0", "--weights", c.file}, small), c.want...)
	}
	fails(t, ui.ExitError, []string{"eval", "--run", dir}, dir, "config.yaml")
	t.Chdir(dir)
	fails(t, ui.ExitError, []string{"eval"}, "no run under runs", "--run DIR")
}

func TestBadLists(t *testing.T) {
	dir := t.TempDir()
	w := untrainedWeights(t, tiny(1), map[string]string{"fold": "0"})
	var lines strings.Builder
	for i, class := range []uint8{1, 1, 2, 2, 3, 3, 4, 4, 5, 5} {
		name := string(rune('a' + i))
		photo(t, filepath.Join(dir, name+".jpg"), 70, 60)
		classMask(t, filepath.Join(dir, name+".png"), 70, 60, class)
		lines.WriteString(name + ".jpg " + name + ".png\n")
	}
	list := write(t, filepath.Join(dir, "list.txt"), []byte(lines.String()))
	args := func(list string, more ...string) []string {
		return with([]string{"eval", "--weights", w, "--config", "pascal5i_resnet50", "--set", "model.backbone=tiny", "--set", "model.size=33",
			"--set", "dataset.min_area=100", "--data-root", dir, "--list", list, "--episodes", "3", "--seeds", "1", "--device", "cpu"}, more)
	}
	out, errs, code := hdmnet(t, with(args(list), []string{"--json"})...)
	if code != 0 || decode(t, out)["episodes_total"] != 3.0 {
		t.Fatalf("good list: code %d, %s%s", code, out, errs)
	}

	fails(t, ui.ExitError, args(list, "--shots", "2"), "class 1 (aeroplane)", "fold 0", "has 2", "need 3")
	fails(t, ui.ExitError, args(filepath.Join(dir, "none.txt")), "none.txt")
	extra := func(line string) string {
		return write(t, filepath.Join(dir, "extra.txt"), []byte(lines.String()+line+"\n"))
	}
	fails(t, ui.ExitError, args(extra("a.jpg")), "extra.txt:11")
	fails(t, ui.ExitError, args(extra("a.jpg b.png")), "extra.txt:11", "a.jpg", "line 1")
	fails(t, ui.ExitError, args(extra("gone.jpg a.png")), "extra.txt:11", "gone.jpg")
	photo(t, filepath.Join(dir, "z.jpg"), 70, 60)
	classMask(t, filepath.Join(dir, "small.png"), 70, 50, 1)
	fails(t, ui.ExitError, args(extra("z.jpg small.png")), "z.jpg", "small.png", "70×60", "70×50")
	classMask(t, filepath.Join(dir, "21.png"), 70, 60, 21)
	fails(t, ui.ExitError, args(extra("z.jpg 21.png")), "21.png", "value 21", "0..20")
	content, err := os.ReadFile(filepath.Join(dir, "a.jpg"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "a.jpg"), content[:bytes.Index(content, []byte("\xff\xda"))]) // nothing behind the header
	fails(t, ui.ExitError, args(list, "--episodes", "20"), "a.jpg", "cut short")
}

// TestReadOnlyOutput: a folder that cannot be written is found before any work.
func TestReadOnlyOutput(t *testing.T) {
	dir := t.TempDir()
	w := untrainedWeights(t, tiny(1), nil)
	support := photo(t, filepath.Join(dir, "s.jpg"), 50, 40) + ":" + classMask(t, filepath.Join(dir, "s.png"), 50, 40, 1)
	file := write(t, filepath.Join(dir, "file"), nil)
	args := func(out string) []string {
		return with([]string{"predict", "--weights", w, "--query", filepath.Join(dir, "s.jpg"), "--support", support, "--out", out}, small)
	}
	fails(t, ui.ExitError, args(filepath.Join(file, "out")), file, "--out")
	if os.Geteuid() == 0 {
		t.Skip("this user may write everywhere")
	}
	closed := filepath.Join(dir, "closed")
	if err := os.Mkdir(closed, 0o555); err != nil {
		t.Fatal(err)
	}
	fails(t, ui.ExitError, args(closed), closed, "cannot be written")
}
