//go:build cuda

package train

import (
	"bytes"
	"context"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hdmnet/internal/cuda"
	"hdmnet/internal/dist"
	"hdmnet/internal/model"
	"hdmnet/internal/op"
	"hdmnet/internal/weights"
)

// short is a trial of few steps, for the emulated driver: both stages, each with one
// validation of a few pictures.
func short(t *testing.T, dir string, set ...string) Options {
	t.Helper()
	return trial(t, dir, append([]string{"dataset.synth_train=12", "dataset.synth_val=6", "train.base.epochs=1", "train.base.batch=2", "train.meta.epochs=1",
		"train.meta.max_steps=6", "train.meta.validate_episodes=2"}, set...)...)
}

// gpu opens the GPU, or the emulated one (make test-cuda), and closes it with the test.
func gpu(t *testing.T) *cuda.Device {
	t.Helper()
	dev, err := cuda.Open(0, op.FP32)
	if err != nil {
		t.Fatalf("%v\n(make test-cuda runs these tests on the emulated driver)", err)
	}
	t.Cleanup(func() {
		if err := dev.Close(); err != nil {
			t.Error(err)
		}
	})
	return dev
}

// on runs o on a device.
func on(t *testing.T, dev op.Device, o Options) Options {
	t.Helper()
	o.Device = dev
	mustRun(t, o)
	return o
}

// TestCUDATrainsAsTheCPU: a step of each stage on both devices gives the same losses,
// running statistics and updates within the rounding of float32. Of AdamW the first moment
// is compared, which is the gradient: its first update is lr whatever the gradient's size,
// with the sign of what may be rounding alone. A seed where a value lies so close to 0 that
// a ReLU cuts it on one device only would give another gradient there; in this one none
// does.
func TestCUDATrainsAsTheCPU(t *testing.T) {
	dev := gpu(t)
	// The rate of the last step is 0: the second one only shows what the first has done.
	set := []string{"train.seed=4", "train.stage=base", "train.base.max_steps=2"}
	c, g := short(t, "", set...), on(t, dev, short(t, "", set...))
	mustRun(t, c)
	sameRuns(t, c, g, 1e-4)
	sameTensors(t, c.Dir.Base(), g.Dir.Base(), 1e-3)
	if out := g.Out.(*bytes.Buffer).String(); !strings.Contains(out, "peak memory ") || !strings.Contains(out, ", on cuda:0") {
		t.Errorf("output %q", out)
	}

	set = []string{"train.seed=4", "train.stage=meta", "train.meta.max_steps=1", "base.weights=" + c.Dir.Base()}
	c, g = short(t, "", set...), on(t, dev, short(t, "", set...))
	mustRun(t, c)
	sameRuns(t, c, g, 1e-4)
	for _, name := range []string{"optimizer.first_moment", "optimizer.second_moment"} {
		if d := distance(savedMoment(t, c.Dir, name), savedMoment(t, g.Dir, name)); !(d < 1e-3) {
			t.Errorf("%s differs by %.2g", name, d)
		}
	}
}

// TestRunsChangeDevice: a run goes on, where it was interrupted, on the other device, in
// both directions and stages, and takes about the course of one that stays; its network is
// the same bits on both and gives the same scores.
func TestRunsChangeDevice(t *testing.T) {
	c := short(t, "")
	mustRun(t, c)
	dev := gpu(t)
	dir := filepath.Join(t.TempDir(), "run")
	turn := 0
	for ; ; turn++ {
		o := short(t, dir)
		if turn%2 == 0 {
			o.Device = dev
		}
		if !interrupt(t, o, 2) {
			break
		}
	}
	if turn < 3 {
		t.Fatalf("the run changed its device %d times only", turn)
	}
	o := short(t, dir)
	sameRuns(t, c, o, 0.15)
	saved := tensors(t, o.Dir.Best())
	score := func(dev op.Device) map[string]float64 {
		o.Group = dist.Solo{}
		f, err := (&trainer{Options: o}).feed(Meta)
		if err != nil {
			t.Fatal(err)
		}
		defer f.close()
		task, err := newMetaTask(dev, model.Options{Backbone: o.Config.Model.Backbone, BaseClasses: len(o.Fold.Base) + 1, Shots: 1}, 1, f, o.Fold, dist.Solo{})
		if err != nil {
			t.Fatal(err)
		}
		defer task.Close()
		if err := withFile(o.Dir.Best(), func(f *weights.File) error {
			_, err := task.net.Load(task.set, f)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		for _, v := range task.set.Tensors() {
			if want, ok := saved[v.Name]; ok && !slices.Equal(v.Float32, want) {
				t.Errorf("%s: %s comes back from the device as other numbers", dev.Name(), v.Name)
			}
		}
		scores, err := task.Validate(context.Background(), watch{})
		if err != nil {
			t.Fatal(err)
		}
		return scores
	}
	onGPU, onCPU := score(dev), score(o.Device)
	for name, v := range onCPU {
		if math.Abs(v-onGPU[name]) > 1e-3 {
			t.Errorf("%s is %.5f on the CPU, %.5f on the GPU", name, v, onGPU[name])
		}
	}
}

// TestCUDARunsAreBitEqual: graphs or none, interrupted or not, a run on one GPU gives the
// same bits.
func TestCUDARunsAreBitEqual(t *testing.T) {
	t.Setenv("HDMNET_CUDA_GRAPH", "off")
	want := on(t, gpu(t), short(t, ""))
	t.Setenv("HDMNET_CUDA_GRAPH", "")
	dev := gpu(t)
	got := on(t, dev, short(t, ""))
	if n := dev.Graphs(); n != 3 && os.Getenv("HDMNET_CUDA_CACHE") != "off" {
		t.Errorf("%d graphs were made, want one for each stage and one for evaluations", n)
	}
	dir := filepath.Join(t.TempDir(), "run")
	for {
		o := short(t, dir)
		o.Device = dev
		if !interrupt(t, o, 3) {
			break
		}
	}
	resumed := short(t, dir)
	for i, path := range results(want.Dir) {
		for what, o := range map[string]Options{"with graphs": got, "interrupted": resumed} {
			if !bytes.Equal(read(t, path), read(t, results(o.Dir)[i])) {
				t.Errorf("%s differs %s", filepath.Base(path), what)
			}
		}
	}
	metrics := withoutTime(t, want.Dir.Metrics())
	if !slices.Equal(metrics, withoutTime(t, got.Dir.Metrics())) || !slices.Equal(metrics, withoutTime(t, resumed.Dir.Metrics())) {
		t.Error("the metrics differ")
	}
}

// sameRuns fails unless two runs have the same records, with losses and scores that are close.
func sameRuns(t *testing.T, a, b Options, tolerance float64) {
	t.Helper()
	ra, err := ReadMetrics(a.Dir.Metrics())
	if err != nil {
		t.Fatal(err)
	}
	rb, err := ReadMetrics(b.Dir.Metrics())
	if err != nil {
		t.Fatal(err)
	}
	if len(ra) != len(rb) || len(ra) == 0 {
		t.Fatalf("%d and %d records", len(ra), len(rb))
	}
	for i := range ra {
		x, y := &ra[i], &rb[i]
		if x.Kind != y.Kind || x.Stage != y.Stage || x.Step != y.Step {
			t.Fatalf("record %d: %+v and %+v", i, x, y)
		}
		for name, v := range x.Losses {
			if w := y.Losses[name]; !(math.Abs(v-w) <= tolerance*math.Abs(v)) {
				t.Errorf("%s, step %d, loss %s: %g and %g", x.Stage, x.Step, name, v, w)
			}
		}
		for name, v := range x.Scores {
			if !(math.Abs(v-y.Scores[name]) <= tolerance) {
				t.Errorf("%s, step %d, score %s: %g and %g", x.Stage, x.Step, name, v, y.Scores[name])
			}
		}
	}
}

// sameTensors fails unless two files hold the same tensors but for rounding.
func sameTensors(t *testing.T, a, b string, tolerance float64) {
	t.Helper()
	ta, tb := tensors(t, a), tensors(t, b)
	if len(ta) != len(tb) || len(ta) < 20 {
		t.Fatalf("%d and %d tensors", len(ta), len(tb))
	}
	for name, v := range ta {
		if d := distance(v, tb[name]); !(d <= tolerance) {
			t.Errorf("%s differs by %.2g", name, d)
		}
	}
}

// tensors reads the float32 tensors of a file that are not all zero.
func tensors(t *testing.T, path string) map[string][]float32 {
	t.Helper()
	f, err := weights.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	out := map[string][]float32{}
	for _, name := range f.Names() {
		if f.Dtype(name) != "F32" {
			continue
		}
		v, _, err := f.Float32(name)
		if err != nil {
			t.Fatal(err)
		}
		if slices.ContainsFunc(v, func(x float32) bool { return x != 0 }) {
			out[name] = v
		}
	}
	return out
}
