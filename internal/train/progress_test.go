package train

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// screen is what a terminal shows of the line that the cursor is in.
func screen(out string) string {
	line := []rune{}
	at := 0
	for _, c := range out {
		switch c {
		case '\n':
			line, at = line[:0], 0
		case '\r':
			at = 0
		default:
			if at == len(line) {
				line = append(line, c)
			}
			line[at] = c
			at++
		}
	}
	return strings.TrimSpace(string(line))
}

// TestBar: steps and validations move a bar; whether a run is complete, interrupted or
// diverged, none is left on the terminal, and no line is written into one.
func TestBar(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	set := []string{"train.stage=base"}
	check := func(o Options, want ...string) {
		t.Helper()
		out := o.Out.(*bytes.Buffer).String()
		if left := screen(out); left != "" {
			t.Errorf("%q is left on the terminal", left)
		}
		for i, line := range strings.Split(out, "\n") {
			if shown := screen(line); strings.Contains(shown, "|") {
				t.Errorf("line %d is written over a bar: %q", i, shown)
			}
		}
		for _, w := range want {
			if !strings.Contains(out, w) {
				t.Errorf("the terminal does not show %q:\n%q", w, out)
			}
		}
	}
	o := trial(t, dir, set...)
	o.Terminal = true
	if !interrupt(t, o, 8) {
		t.Fatal("the run was not interrupted")
	}
	check(o, "base 1/2, loss", "images/s", "(1/12)", "base validation, mIoU")
	o = trial(t, dir, set...)
	o.Terminal = true
	mustRun(t, o)
	check(o, "(9/12)")
	o = trial(t, "", append(set, "train.base.lr=1e30", "train.base.power=0")...)
	o.Terminal = true
	if err := Run(context.Background(), o); err == nil {
		t.Fatal("the run did not diverge")
	}
	check(o)
}

// TestLines: without a terminal a line comes now and then.
func TestLines(t *testing.T) {
	var out bytes.Buffer
	m := newMeter(&logger{out: &out}, 100, 200)
	m.show(101, "short", "base: step", "loss 1")
	m.said = m.said.Add(-lineEvery)
	m.show(102, "short", "base: step", "loss 2")
	m.show(103, "short", "base: step", "loss 3")
	m.end()
	if got := out.String(); got != "base: step 102 of 200, loss 2\n" {
		t.Errorf("lines %q", got)
	}
}

// TestSpeed counts the steps of this process only, and the recent ones most.
func TestSpeed(t *testing.T) {
	var s speed
	for step := 1001; step <= 1100; step++ {
		st := &Status{State: State{Step: step}, Images: 8, Seconds: 2}
		s.add(st)
		if rate := s.perSecond(); rate < 3.999 || rate > 4.001 {
			t.Fatalf("step %d: %g images a second, want 4", step, rate)
		}
		if left := remaining(1200-step, s.steps, s.seconds); left != time.Duration(1200-step)*2*time.Second {
			t.Fatalf("step %d: %v left", step, left)
		}
	}
	for range 100 {
		s.add(&Status{Images: 8, Seconds: 1})
	}
	if rate := s.perSecond(); rate < 7.9 {
		t.Errorf("%g images a second, want nearly 8", rate)
	}
}
