package train

import (
	"path/filepath"
	"strings"
	"testing"

	"hdmnet/internal/model"
	"hdmnet/internal/nn"
	"hdmnet/internal/weights"
)

// TestWeightsFromElsewhere: backbone.weights and base.weights take PyTorch files under
// the names of others, and a plain ResNet's stem is warned of.
func TestWeightsFromElsewhere(t *testing.T) {
	dir := t.TempDir()
	plain, base := filepath.Join(dir, "resnet.pth"), filepath.Join(dir, "base.pth")
	o := trial(t, "", "train.stage=base", "dataset.synth_train=4", "train.base.epochs=1", "backbone.weights="+plain)
	net, err := model.NewPSPNet(model.Options{Backbone: "tiny", BaseClasses: len(o.Fold.Base) + 1, Shots: 1})
	if err != nil {
		t.Fatal(err)
	}
	backbone := []weights.Tensor{{Name: "conv1.weight", Shape: []int{16, 3, 7, 7}, Float32: make([]float32, 16*3*7*7)}}
	var learner []weights.Tensor
	for _, w := range nn.NewSet(o.Device, net, 1).Tensors() {
		if model.IsBackboneParam(w.Name) && !strings.HasPrefix(w.Name, "layer0.") && w.Name != "layer1.0.downsample.0.weight" {
			backbone = append(backbone, w)
		}
		w.Name = "module." + w.Name
		learner = append(learner, w)
	}
	for path, tensors := range map[string][]weights.Tensor{plain: backbone, base: learner} {
		if err := weights.SaveTorch(path, tensors, nil); err != nil {
			t.Fatal(err)
		}
	}
	mustRun(t, o)
	if log := string(read(t, o.Dir.Log())); !strings.Contains(log, "warning: "+plain) || !strings.Contains(log, "7×7") {
		t.Errorf("the log does not warn of the stem: %s", log)
	}
	o = trial(t, "", "train.stage=meta", "train.meta.epochs=1", "base.weights="+base)
	mustRun(t, o)
	f, err := weights.Open(o.Dir.Best())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, w := range learner {
		name := strings.TrimPrefix(w.Name, "module.")
		if rest, ok := strings.CutPrefix(name, "cls.4."); ok {
			name = "base_learnear.2." + rest
		}
		if w.Float32 == nil {
			continue
		}
		got, _, err := f.Float32(name)
		if err != nil {
			t.Fatal(err)
		}
		for i := range got {
			if got[i] != w.Float32[i] {
				t.Fatalf("%s differs from base.weights", name)
			}
		}
	}
}
