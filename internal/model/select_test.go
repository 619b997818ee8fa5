package model

import (
	"path/filepath"
	"strings"
	"testing"

	"hdmnet/internal/weights"
)

// wrapped are files of PyTorch in which one tiny network lies in some wrapper.
func wrapped(name string) string { return filepath.Join("..", "weights", "testdata", "torch", name) }

func TestSelect(t *testing.T) {
	for name, want := range map[string]string{
		"averaged.pth": "/module.", "compiled.pth": "net/module.", "ema.pth": "model_ema.module/", "ema_module.pth": "ema/module.", "numpy.pth": "params/", "numpy5.pkl": "model/",
		"ema_beside.pth#state_dict": "state_dict/", "ema_beside.pth#state_dict_ema": "state_dict_ema/module.",
		"lightning.pth#state_dict.ema": "state_dict/ema.module.", "lightning.pth#state_dict.model": "state_dict/model.",
	} {
		f := openFile(t, wrapped(name))
		l, view, err := Recognize(f)
		if err != nil || l.Kind != Network || view.Within()+"/"+view.Prefix() != want {
			t.Errorf("%s: %v, %v; want %s", name, l, err, want)
			continue
		}
		v, _, err := view.Float32("layer0.0.weight")
		if err != nil || len(v) != 2 || v[0] != 0.5152631998062134 {
			t.Errorf("%s: %v %v", name, v, err)
		}
	}
	for name, want := range map[string]string{
		"ema_beside.pth": "2 networks: state_dict (HDMNet", "lightning.pth": "state_dict.ema.module (HDMNet", "lightning.pth#state_dict": "choose one with --key",
	} {
		if l, _, err := Recognize(openFile(t, wrapped(name))); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v should say %q", name, l, err, want)
		}
	}
}

// TestPrefixes: whatever wrappers' prefixes lie before the names, in both formats.
func TestPrefixes(t *testing.T) {
	tensors := []weights.Tensor{
		{Name: "layer0.0.weight", Shape: []int{1}, Float32: []float32{1}},
		{Name: "transformer.mix_transformer.cls.0.weight", Shape: []int{1}, Float32: []float32{2}},
	}
	for _, prefix := range []string{"", "_orig_mod.", "module.", "model.", "net.", "module._orig_mod.", "_orig_mod.module.", "model.net._orig_mod.", "student.model.module."} {
		for _, file := range []string{"net.pth", "net.safetensors"} {
			path := saveAs(t, file, tensors, func(name string) string { return prefix + name })
			l, view, err := Recognize(openFile(t, path))
			if err != nil || l.Kind != Network || view.Prefix() != prefix {
				t.Errorf("%s under %q: %v, prefix %q, %v", file, prefix, l, view.Prefix(), err)
			}
		}
	}
	inside := func(name string) string {
		return strings.Replace(name, "mix_transformer.", "mix_transformer._orig_mod.", 1)
	}
	if l, _, err := Recognize(openFile(t, saveAs(t, "net.pth", tensors, inside))); err != nil || l.Kind != Network {
		t.Errorf("a compiled part: %v, %v", l, err)
	}
	both := append(tensors, weights.Tensor{Name: "ema.layer0.0.weight", Shape: []int{1}, Float32: []float32{3}},
		weights.Tensor{Name: "ema.transformer.mix_transformer.cls.0.weight", Shape: []int{1}, Float32: []float32{4}},
		weights.Tensor{Name: "optimizer.layer0.0.weight", Shape: []int{1}, Float32: []float32{5}})
	path := saveAs(t, "net.safetensors", both, func(name string) string { return name })
	if _, _, err := Recognize(openFile(t, path)); err == nil || !strings.Contains(err.Error(), "2 networks: . (HDMNet") {
		t.Errorf("a network and its average: %v", err)
	}
	for key, want := range map[string]float32{".": 1, "ema": 3} {
		_, view, err := Recognize(openFile(t, path+"#"+key))
		if err != nil {
			t.Errorf("key %s: %v", key, err)
			continue
		}
		if v, _, err := view.Float32("layer0.0.weight"); err != nil || v[0] != want {
			t.Errorf("key %s: %v %v", key, v, err)
		}
	}
}
