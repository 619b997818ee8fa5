package train

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"hdmnet/internal/run"
	"hdmnet/internal/weights"
)

func TestRunLeavesItsFiles(t *testing.T) {
	o := trial(t, "")
	mustRun(t, o)
	for _, path := range append(results(o.Dir), o.Dir.Config(), o.Dir.Metrics(), o.Dir.Log(), o.Dir.Curves()) {
		if len(read(t, path)) == 0 {
			t.Errorf("%s is empty", path)
		}
	}
	records, err := ReadMetrics(o.Dir.Metrics())
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]int{}
	for _, r := range records {
		kinds[r.Stage+" "+r.Kind]++
		if r.Kind == kindStep && !finite(r.Losses[total]) {
			t.Errorf("step %d of %s: loss %v", r.Step, r.Stage, r.Losses)
		}
		if miou, ok := r.Scores["miou_train"]; ok != (r.Stage == Meta && r.Kind == kindStep) || !(miou >= 0 && miou <= 1) {
			t.Errorf("%s %d of %s: scores %v", r.Kind, r.Step, r.Stage, r.Scores)
		}
	}
	if kinds["base step"] != 12 || kinds["base validation"] != 2 || kinds["meta validation"] != 2 || kinds["meta step"] == 0 {
		t.Errorf("records %v", kinds)
	}
	if out := o.Out.(*bytes.Buffer).String(); !strings.Contains(out, "mean training mIoU 0.") {
		t.Errorf("output %q", out)
	}
	f, err := weights.Open(o.Dir.Best())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if m := f.Metadata(); m["fold"] != "0" || m["stage"] != Meta || m["shots"] != "1" {
		t.Errorf("metadata %v", m)
	}
	// A complete run has nothing left to do, and says so.
	o.Dir.Close()
	again := trial(t, o.Dir.Path())
	before := read(t, again.Dir.Last())
	mustRun(t, again)
	if !bytes.Equal(before, read(t, again.Dir.Last())) {
		t.Error("resuming a complete run changed its checkpoint")
	}
	if out := again.Out.(*bytes.Buffer).String(); !strings.Contains(out, "stage meta is complete already") {
		t.Errorf("output %q", out)
	}
}

// TestBaseStageTakesAllPictures: the base stage draws from the whole list, the meta stage
// from the pictures with a class large enough.
func TestBaseStageTakesAllPictures(t *testing.T) {
	long(t)
	o := trial(t, "", "dataset.min_area=400", "train.base.validate_every=0", "train.meta.validate_every=0", "train.base.epochs=1", "train.meta.epochs=1")
	o.Val = nil
	listed, indexed := o.Train.Source.Len(), len(o.Train.Index.Images)
	if indexed == 0 || indexed > listed-4 {
		t.Fatalf("%d of %d pictures in the index: too few, or too many for a difference", indexed, listed)
	}
	steps := map[string]int{}
	o.Hooks = []Hook{{Name: "count", Step: func(s *Status) error { steps[s.Stage]++; return nil }}}
	mustRun(t, o)
	if steps[Base] != listed/4 || steps[Meta] != indexed/2 {
		t.Errorf("steps %v, want %d and %d", steps, listed/4, indexed/2)
	}
}

func TestWorkersDoNotMatter(t *testing.T) {
	long(t)
	o := trial(t, "", "train.workers=5", "train.prefetch=7") // whole has 2 and 4
	mustRun(t, o)
	sameAsWhole(t, o.Dir)
}

// gradient trains one step of the meta stage without validation and dropout, and gives its
// gradient, as the optimizer's first moment, which is (1 − beta1) times that. Without
// rotation all pixels are labeled, so that the mean over the pixels of several batches is
// the mean of their means.
func gradient(t *testing.T, set ...string) []float32 {
	t.Helper()
	o := trial(t, "", append(set, "train.stage=meta", "train.meta.dropout=false", "train.meta.max_steps=1", "train.meta.rotate_probability=0")...)
	mustRun(t, o)
	return savedMoment(t, o.Dir, "optimizer.first_moment")
}

func savedMoment(t *testing.T, d *run.Dir, name string) []float32 {
	t.Helper()
	c, err := readCheckpoint(d.Last())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	v, _, err := c.Float32(name)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// distance is ‖a − b‖ / ‖a‖.
func distance(a, b []float32) float64 {
	var d, n float64
	for i := range a {
		d += float64(a[i]-b[i]) * float64(a[i]-b[i])
		n += float64(a[i]) * float64(a[i])
	}
	return math.Sqrt(d / n)
}

// TestAccumulation: two batches of one give the gradient of one batch of two.
func TestAccumulation(t *testing.T) {
	long(t)
	a, b := gradient(t, "train.meta.batch=2"), gradient(t, "train.meta.batch=1", "train.meta.accumulate=2")
	if d := distance(a, b); !(d < 1e-5) {
		t.Errorf("the gradients differ by %.3g", d)
	}
}

func TestEarlyStop(t *testing.T) {
	long(t)
	// A rate of next to nothing: no epoch is better than the first.
	o := trial(t, "", "train.stage=base", "train.base.epochs=50", "train.base.early_stop=2", "train.base.lr=1e-30")
	mustRun(t, o)
	if out := o.Out.(*bytes.Buffer).String(); !strings.Contains(out, "stage base stopped: no better score") {
		t.Errorf("output %q", out)
	}
}

// TestTrialOfAFewSteps: max_steps within the first epoch means no validation; the weights
// of the end are there all the same. A whole epoch is validated.
func TestTrialOfAFewSteps(t *testing.T) {
	const note = "it is not validated, and the weights of its end are kept"
	for _, c := range []struct {
		steps     string
		validated bool
	}{{"5", false}, {"6", true}} { // an epoch has 6
		o := trial(t, "", "train.stage=base", "train.base.max_steps="+c.steps)
		validated := false
		o.Hooks = []Hook{{Name: "look", Priority: priorityValidation + 1, Epoch: func(s *Status) error {
			validated = validated || s.Validation != nil
			return nil
		}}}
		mustRun(t, o)
		if validated != c.validated || strings.Contains(o.Out.(*bytes.Buffer).String(), note) == c.validated {
			t.Errorf("%s steps: validated %v\n%s", c.steps, validated, o.Out)
		}
		f, err := weights.Open(o.Dir.Base())
		if err != nil {
			t.Fatal(err)
		}
		if got := f.Metadata()["step"]; got != c.steps {
			t.Errorf("the weights are of step %s, want %s", got, c.steps)
		}
		f.Close()
	}
}
