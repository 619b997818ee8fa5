package main

import (
	"strings"
	"testing"

	"hdmnet/internal/cli/ui"
)

// TestAmbiguity: a network with ambiguity elimination, from training with a varying number of
// supports to prediction; the run remembers the setting, and weights without it are refused.
func TestAmbiguity(t *testing.T) {
	t.Chdir(t.TempDir())
	const on, off = "model.ambiguity=true", "model.ambiguity=false"
	stopped := with([]string{"train", "--fold", "1", "--out", "a", "--shots", "1-3", "--set", on, "--set", "train.meta.max_steps=3"}, short)
	if _, errs, code := hdmnet(t, stopped...); code != 0 || !strings.Contains(errs, "contrast") && !strings.Contains(string(read(t, "a/metrics.jsonl")), `"contrast"`) {
		t.Fatalf("train: code %d, %s", code, errs)
	}
	if config := string(read(t, "a/config.yaml")); !strings.Contains(config, "ambiguity: true") {
		t.Errorf("the run does not remember the setting:\n%s", config)
	}
	fails(t, ui.ExitError, []string{"train", "--fold", "1", "--out", "a", "--resume", "--set", off}, "model.ambiguity was true and is false now")
	out, errs, code := hdmnet(t, "weights", "inspect", "a/best.safetensors", "--json")
	if v := decode(t, out); code != 0 || v["ambiguity"] != true || len(v["missing"].([]any)) != 0 || !strings.Contains(v["layout"].(string), "ambiguity elimination") {
		t.Errorf("inspect: code %d, %s\n%s", code, errs, out)
	}
	if _, errs, code := hdmnet(t, "weights", "convert", "a/best.safetensors", "b.pth"); code != 0 {
		t.Errorf("convert: code %d, %s", code, errs)
	}
	score := func(args ...string) float64 {
		t.Helper()
		out, errs, code := hdmnet(t, append(append([]string{"eval", "--json"}, args...), "--episodes", "6")...)
		if code != 0 {
			t.Fatalf("eval %v: code %d, %s", args, code, errs)
		}
		return decode(t, out)["miou"].(float64)
	}
	if a, b := score("--run", "a"), score(with([]string{"--weights", "b.pth", "--fold", "1", "--set", on}, small)...); a != b {
		t.Errorf("the run scores %g, its weights as .pth file %g", a, b)
	}
	score("--run", "a", "--shots", "5")
	score("--run", "a", "--shots", "3", "--shot-fusion", "vote", "--tta", "flip")

	fails(t, ui.ExitError, with([]string{"eval", "--weights", "b.pth", "--fold", "1"}, small), "b.pth", on)
	fails(t, ui.ExitError, []string{"eval", "--run", "a", "--set", off}, "a/best.safetensors", on)
	plain := untrainedWeights(t, tiny(1), map[string]string{"fold": "1"})
	fails(t, ui.ExitError, with([]string{"eval", "--weights", plain, "--set", on}, small), plain, off)

	support := photo(t, "s.jpg", 50, 40) + ":" + classMask(t, "s.png", 50, 40, 1)
	query := photo(t, "q.jpg", 30, 70)
	if out, errs, code := hdmnet(t, "predict", "--run", "a", "--support", support, "--support", support, "--query", query, "--out", "o"); code != 0 || !strings.Contains(out, "q_overlay.png") {
		t.Errorf("predict: code %d, %s%s", code, out, errs)
	}
}
