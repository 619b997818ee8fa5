package train

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hdmnet/internal/model"
	"hdmnet/internal/nn"
	"hdmnet/internal/weights"
)

// TestDivergenceStops: a rate far too high ends a run within a few steps, with a message
// that says where, and a checkpoint from before that is whole.
func TestDivergenceStops(t *testing.T) {
	for _, stage := range order {
		key := "train." + stage
		o := trial(t, "", "train.stage="+stage, key+".lr=1e30", key+".power=0")
		err := Run(context.Background(), o)
		var diverged *DivergedError
		if !errors.As(err, &diverged) {
			t.Fatalf("error %v, want a DivergedError", err)
		}
		for _, want := range []string{"stage " + stage + ", step", "query ", "lower learning rate", key + ".lr", o.Dir.Last()} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("the error does not say %q: %v", want, err)
			}
		}
		c, err := readCheckpoint(diverged.Checkpoint)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if c.state.Stage != stage || c.state.Step >= diverged.Step {
			t.Errorf("the checkpoint is of stage %s, step %d; the run diverged in stage %s at step %d", c.state.Stage, c.state.Step, stage, diverged.Step)
		}
		for _, name := range c.Names() {
			if c.Dtype(name) != "F32" {
				continue
			}
			v, _, err := c.Float32(name)
			if err != nil {
				t.Fatal(err)
			}
			if bad := notFinite([]weights.Tensor{{Name: name, Float32: v}}); bad != "" {
				t.Errorf("the checkpoint holds numbers that are not finite in %s", bad)
			}
		}
	}
}

// TestDivergenceInTheLastStep: weights that the last step of an epoch has spoilt are not
// validated, let alone kept.
func TestDivergenceInTheLastStep(t *testing.T) {
	for _, c := range []struct{ multiplier, want string }{
		{"10", "is no longer a finite number"},     // a rate beyond float32
		{"1", "validation: picture shapes5i/fold"}, // weights of 1e35, whose products overflow
	} {
		o := trial(t, "", "train.stage=base", "dataset.synth_train=4", "train.base.lr=1e38", "train.base.power=0", "train.base.lr_mult.head="+c.multiplier)
		var diverged *DivergedError
		err := Run(context.Background(), o)
		if !errors.As(err, &diverged) || diverged.Step != 1 || diverged.Epoch != 1 {
			t.Fatalf("error %v, want a DivergedError of step 1", err)
		}
		for _, want := range []string{c.want, "stage base, step 1", "query shapes5i/", "train.base.lr"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("the error does not say %q: %v", want, err)
			}
		}
		if _, err := os.Stat(o.Dir.Base()); err == nil {
			t.Error("the weights were kept as a base learner")
		}
	}
}

// TestDamagedBaseWeights: NaN in a file of weights is found before the first step.
func TestDamagedBaseWeights(t *testing.T) {
	o := trial(t, "", "train.stage=meta")
	net, err := model.NewPSPNet(model.Options{Backbone: "tiny", BaseClasses: len(o.Fold.Base) + 1, Shots: 1})
	if err != nil {
		t.Fatal(err)
	}
	tensors := nn.NewSet(o.Device, net, 1).Tensors()
	for i := range tensors {
		if strings.HasSuffix(tensors[i].Name, "weight") {
			tensors[i].Float32[0] /= 0 * tensors[i].Float32[0]
			break
		}
	}
	o.Config.Base.Weights = filepath.Join(t.TempDir(), "nan.safetensors")
	if err := weights.Save(o.Config.Base.Weights, tensors, nil); err != nil {
		t.Fatal(err)
	}
	refused(t, o, "stage meta", "before the first step", "base.weights")
}
