package train

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"hdmnet/internal/op"
)

// late is a device that runs ahead: what it fetches is there when it is waited for, and no
// sooner.
type late struct {
	op.Device
	waiting, most int // fetches under way
	graphs        int
}

func (d *late) Capabilities() op.Capabilities { return op.Capabilities{Fetcher: d, Graphs: d} }

func (d *late) Fetch(dst any, src op.Tensor) (wait func()) {
	d.waiting++
	d.most = max(d.most, d.waiting)
	var fill func()
	switch to := dst.(type) {
	case []float32:
		v := make([]float32, len(to))
		d.Download(v, src)
		fill = func() { copy(to, v) }
	case []uint8:
		v := make([]uint8, len(to))
		d.Download(v, src)
		fill = func() { copy(to, v) }
	}
	return func() {
		d.waiting--
		fill()
	}
}

func (d *late) CaptureGraph(f func()) {
	d.graphs++
	f()
}

// withoutTime reads the metrics, the times left out.
func withoutTime(t *testing.T, path string) []string {
	t.Helper()
	records, err := ReadMetrics(path)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, r := range records {
		r.Seconds = 0
		out = append(out, fmt.Sprintf("%+v", r))
	}
	return out
}

// TestRunsAhead: on a device that runs ahead a run gives the same weights, checkpoints and
// metrics, interrupted or not, and hooks see every step once, in order.
func TestRunsAhead(t *testing.T) {
	long(t)
	trainWhole(t)
	want := whole.metrics

	o := trial(t, "")
	dev := &late{Device: o.Device}
	o.Device = dev
	last := map[string]int{}
	o.Hooks = []Hook{{Name: "order", Step: func(s *Status) error {
		if s.Step != last[s.Stage]+1 {
			return fmt.Errorf("step %d after %d", s.Step, last[s.Stage])
		}
		last[s.Stage] = s.Step
		return nil
	}, Epoch: func(s *Status) error {
		if s.Step != last[s.Stage] || dev.waiting != 0 {
			return fmt.Errorf("the epoch ends with step %d, step %d was drained, %d fetches are under way", s.Step, last[s.Stage], dev.waiting)
		}
		return nil
	}}}
	mustRun(t, o)
	sameAsWhole(t, o.Dir)
	if got := withoutTime(t, o.Dir.Metrics()); !slices.Equal(got, want) {
		t.Errorf("metrics\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	// A meta step fetches losses and labels, one of them the gradient's norm as well. All
	// records but the 4 validations' are steps; 2 validations have 6 episodes each.
	if dev.most != 2*(stepsAhead+1)+1 || dev.graphs != len(want)-4+2*6 {
		t.Errorf("%d fetches under way at most, %d graphs of %d records", dev.most, dev.graphs, len(want))
	}

	dir := filepath.Join(t.TempDir(), "run")
	for n := 1; ; n++ {
		o := trial(t, dir)
		o.Device = &late{Device: o.Device}
		if !interrupt(t, o, 3) {
			sameAsWhole(t, o.Dir)
			if got := withoutTime(t, o.Dir.Metrics()); !slices.Equal(got, want) {
				t.Error("the metrics of the interrupted run differ")
			}
			return
		}
	}
}

// TestCheckpointsWithinAnEpochLand: what is saved holds every step before it.
func TestCheckpointsWithinAnEpochLand(t *testing.T) {
	o := trial(t, "", "train.stage=base", "train.base.epochs=1", "train.base.validate_every=0")
	dev := &late{Device: o.Device}
	o.Device = dev
	crash := errors.New("crash")
	o.Hooks = []Hook{{Name: "crash", Priority: priorityCheckpoint + 1, Step: func(s *Status) error {
		if s.Step == 4 {
			return crash
		}
		return nil
	}}}
	o.Hooks = append(o.Hooks, Hook{Name: "look", Step: func(st *Status) error {
		if st.Step < 2 {
			return nil
		}
		c, err := readCheckpoint(o.Dir.Last())
		if err != nil {
			return err
		}
		defer c.Close()
		records, err := ReadMetrics(o.Dir.Metrics())
		if err != nil {
			return err
		}
		if c.state.Step < st.Step-1 || len(records) < c.state.Step {
			return fmt.Errorf("at step %d the checkpoint is of step %d, and there are %d records", st.Step, c.state.Step, len(records))
		}
		return nil
	}})
	old := saveEvery
	saveEvery = 0
	defer func() { saveEvery = old }()
	if err := Run(context.Background(), o); !errors.Is(err, crash) {
		t.Errorf("error %v, want the crash", err)
	}
}

// TestDivergenceAhead: a loss that is no number is found some steps later, named by its
// own step and pictures, and nothing has been saved since.
func TestDivergenceAhead(t *testing.T) {
	diverge := func(wrap bool) *DivergedError {
		o := trial(t, "", "train.stage=base", "train.base.lr=1e30", "train.base.power=0", "train.base.validate_every=0")
		if wrap {
			o.Device = &late{Device: o.Device}
		}
		var diverged *DivergedError
		if err := Run(context.Background(), o); !errors.As(err, &diverged) {
			t.Fatalf("error %v, want a DivergedError", err)
		}
		c, err := readCheckpoint(o.Dir.Last())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if c.state.Step >= diverged.Step {
			t.Errorf("the checkpoint is of step %d, the run diverged at %d", c.state.Step, diverged.Step)
		}
		return diverged
	}
	a, b := diverge(false), diverge(true)
	if a.Step != b.Step || a.Epoch != b.Epoch || !slices.Equal(a.Episodes, b.Episodes) || len(a.Episodes) != 4 {
		t.Errorf("step %d, epoch %d, %q\nahead: step %d, epoch %d, %q", a.Step, a.Epoch, a.Episodes, b.Step, b.Epoch, b.Episodes)
	}
}

// tight is a device with little memory.
type tight struct {
	op.Device
	limit, used, peak int64 // bytes that Alloc gives, and gave
}

func (d *tight) Alloc(n int64) (tensor.Memory, error) {
	if d.used+n > d.limit {
		return nil, fmt.Errorf("%w: the test's device", op.ErrOutOfMemory)
	}
	d.used += n
	d.peak = max(d.peak, d.used)
	return d.Device.Alloc(n)
}

func (d *tight) Free(m tensor.Memory, n int64) error {
	d.used -= n
	return d.Device.Free(m, n)
}

// TestOutOfMemorySaysWhatFits: the settings of the message are the largest batch that
// trains. The limit is one that a batch of 3 has room in.
func TestOutOfMemorySaysWhatFits(t *testing.T) {
	need := func(batch int) int64 { // of a run that has all it wants
		o := trial(t, "", "train.stage=meta", "train.meta.max_steps=1", fmt.Sprint("train.meta.batch=", batch))
		all := &tight{Device: o.Device, limit: math.MaxInt64}
		o.Device = all
		mustRun(t, o)
		out := o.Out.(*bytes.Buffer).String()
		if !strings.Contains(out, "peak memory ") || !strings.Contains(out, "activations of the stage ") {
			t.Errorf("no peak memory in %q", out)
		}
		return all.peak
	}
	limit := (need(3) + need(4)) / 2
	run := func(set ...string) error {
		o := trial(t, "", append(set, "train.stage=meta", "train.meta.max_steps=1")...)
		o.Device = &tight{Device: o.Device, limit: limit}
		err := Run(context.Background(), o)
		if _, gone := os.Stat(o.Dir.Best()); err != nil && gone == nil {
			t.Error("weights were saved")
		}
		return err
	}
	err := run("train.meta.batch=6")
	if err == nil {
		t.Fatal("a batch of 6 fits")
	}
	for _, want := range []string{"stage meta", "a batch of 6 does not fit", "no memory for a tensor [", "the test's device", "train.meta.accumulate="} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q: %v", want, err)
		}
	}
	said := regexp.MustCompile(`the largest that does is (\d+).*set train\.meta\.batch=(\d+)`).FindStringSubmatch(err.Error())
	if said == nil || said[1] != said[2] {
		t.Fatalf("the error does not say which batch fits: %v", err)
	}
	fits, _ := strconv.Atoi(said[1])
	if err := run(fmt.Sprint("train.meta.batch=", fits)); err != nil || fits < 3 {
		t.Errorf("a batch of %d, as the message says: %v", fits, err)
	}
	if err := run(fmt.Sprint("train.meta.batch=", fits+1)); err == nil {
		t.Errorf("a batch of %d fits too", fits+1)
	}
}
