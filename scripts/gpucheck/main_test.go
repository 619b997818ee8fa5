package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// program writes a shell script.
func program(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o755); err != nil {
		t.Fatal(err)
	}
}

// bundle makes a folder whose programs answer at once, and note that they were called.
func bundle(t *testing.T) (dir, calls string) {
	t.Helper()
	dir = t.TempDir()
	calls = filepath.Join(dir, "calls")
	note := "echo \"$0 $*\" >>" + calls + "\n"
	program(t, filepath.Join(dir, "bin", "hdmnet"), note+`case "$*" in
*ceilings*) echo '{"products":[{"precision":"bf16","gflop_s":790000}],"copy_gb_s":4300}' ;;
*"bench model"*"precision bf16"*) echo '{"seconds":{"median":0.016},"device_peak_mib":4000,"stages":{"share_of_floor":0.5,"parts":[{"name":"backbone","ms":7,"apart_ms":8}]}}' ;;
*"bench model"*) echo '{"seconds":{"median":0.032},"device_peak_mib":4000}' ;;
train*) for last; do case $dir in next) dir=$last ;; esac; [ "$last" != --out ] || dir=next; done
	mkdir -p $dir/checkpoints; echo w | tee $dir/base.safetensors $dir/best.safetensors >$dir/checkpoints/last.safetensors ;;
eval*cpu*) echo '{"miou": 0.61}' ;;
eval*) echo '{"miou": 0.605}' ;;
*) echo '{}' ;;
esac
`)
	for _, name := range []string{"cuda.test", "model.test"} {
		program(t, filepath.Join(dir, "bin", name), note+"echo '--- PASS: Test'; echo 'x.go:3: 1-shot: peak memory 9 GiB'\n")
	}
	tools := filepath.Join(dir, "tools")
	program(t, filepath.Join(tools, "python3"), note+`case "$*" in
*bench.py*) echo 'noise'; echo '{"median_s": 0.1, "peak_gpu_bytes": 20971520000}' ;;
*is_available*) echo 2.11.0 ;;
*) echo '{"bf16": 800000, "tf32": 400000}' ;;
esac
`)
	program(t, filepath.Join(tools, "compute-sanitizer"), note)
	program(t, filepath.Join(tools, "nvidia-smi"), note+"echo GPU 7\n")
	if err := os.MkdirAll(filepath.Join(dir, "peer"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "peer", "bench.py"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", tools+":"+os.Getenv("PATH"))
	return dir, calls
}

func newCheck(t *testing.T, bundle string) *check {
	return &check{bundle: bundle, out: filepath.Join(bundle, "out"), device: "cuda:0", size: full, deadline: time.Now().Add(time.Minute)}
}

func mustRun(t *testing.T, c *check, steps string, want bool) {
	t.Helper()
	if ok, err := c.run(context.Background(), steps); err != nil || ok != want {
		t.Fatalf("all done: %v, want %v; %v", ok, want, err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestAll: every step is done, the report has every figure, and a second call has nothing
// left to do.
func TestAll(t *testing.T) {
	dir, calls := bundle(t)
	mustRun(t, newCheck(t, dir), "", true)
	report := read(t, filepath.Join(dir, "out", "report.md"))
	for _, want := range []string{
		" 0 skipped, 0 failed, 0 cut off, 0 to do", "GPU 7", "| bf16 | 790000.00 | 790000.00 | 800000.00 |", "50% of the time", "| backbone | 7.00 | 8.00 |",
		"peak memory 9 GiB", "| training step, 1 shot, 633², batch 6 | ms | 16.00 | 100.00 | 32.00 | 100.00 | 32.00 | 100.00 | 6.25 × | 6.25 × | 4 of eager, 2.5 (4) of the best |",
		"| peak memory of a training step, 5 shots, 633², batch 6 | MiB | 4000.00 | 20000.00 |", "| 5.00 × | 4 (6) |", "-0.0050 in the mean; at most 0.01 lower: holds",
	} {
		if !strings.Contains(report, want) {
			t.Errorf("the report has no %q:\n%s", want, report)
		}
	}
	before := read(t, calls)
	mustRun(t, newCheck(t, dir), "", true)
	if after := read(t, calls); after != before {
		t.Errorf("called again: %s", after[len(before):])
	}
	program(t, filepath.Join(dir, "bin", "hdmnet"), "exit 1")
	mustRun(t, newCheck(t, dir), "machine", true)
	if _, err := os.Stat(filepath.Join(dir, "out", "results.json.old")); err != nil {
		t.Error("results of another build were gone on with")
	}
}

// TestTakeLibraries: the libraries of python3 that doctor tells of are those of every step,
// unless the variable is set.
func TestTakeLibraries(t *testing.T) {
	dir, calls := bundle(t)
	program(t, filepath.Join(dir, "bin", "hdmnet"), "echo '{\"device\":{\"python_libraries\":{\"python\":\"/p/python3\",\"folders\":[\"/p/a\",\"/p/b\"]}}}'")
	program(t, filepath.Join(dir, "bin", "cuda.test"), "echo \"--- PASS: with $HDMNET_CUDA_LIBRARIES\" | tee -a "+calls)
	for set, want := range map[string]string{"": "with /p/a:/p/b\n", "off": "with off\n"} {
		t.Setenv("HDMNET_CUDA_LIBRARIES", set)
		c := newCheck(t, dir)
		c.out = t.TempDir()
		mustRun(t, c, "suite", true)
		if text := read(t, calls); !strings.HasSuffix(text, want) {
			t.Errorf("set to %q: %q, want %q at its end", set, text, want)
		}
		if text := read(t, filepath.Join(c.out, "log.txt")); strings.Contains(text, "those of /p/python3") != (set == "") {
			t.Errorf("set to %q, the log says %q", set, text)
		}
	}
}

// TestGoOn: what fails, or has no time left, is tried again by the next call, the rest is
// not; without PyTorch the comparison says so.
func TestGoOn(t *testing.T) {
	dir, calls := bundle(t)
	suite := filepath.Join(dir, "bin", "cuda.test")
	program(t, suite, "echo one; echo 'cuda: a fault' >&2; exit 3")
	os.Remove(filepath.Join(dir, "peer", "bench.py"))
	c := newCheck(t, dir)
	mustRun(t, c, "suite,peer,machine,compile", false)
	if o := c.results.Steps["suite"]; o.Status != "failed" || !strings.Contains(o.Reason, "a fault") {
		t.Errorf("%+v", o)
	}
	if report := c.report(c.steps()); !strings.Contains(report, "No PyTorch: no bench.py in ") || !strings.Contains(report, "PEER=DIR") || !strings.Contains(report, "a fault") {
		t.Error(report)
	}
	if text := read(t, filepath.Join(dir, "out", "log.txt")); !strings.Contains(text, "cuda: a fault") {
		t.Error(text)
	}

	c = newCheck(t, dir)
	c.deadline = time.Now()
	mustRun(t, c, "suite,machine", false)
	if o := c.results.Steps["suite"]; o.Status != "no time" {
		t.Errorf("%+v", o)
	}
	program(t, suite, "exec sleep 60")
	c = newCheck(t, dir)
	c.deadline = time.Now().Add(least + 500*time.Millisecond)
	mustRun(t, c, "suite", false)
	if o := c.results.Steps["suite"]; o.Status != "timeout" {
		t.Errorf("%+v", o)
	}
	program(t, suite, "echo nothing run")
	mustRun(t, newCheck(t, dir), "suite", false)
	program(t, suite, "echo '--- PASS: Test'")
	mustRun(t, newCheck(t, dir), "suite", true)
	if n := strings.Count(read(t, calls), "nvidia-smi"); n != 1 {
		t.Errorf("nvidia-smi was run %d times", n)
	}
	if _, err := newCheck(t, dir).run(context.Background(), "machine,tme"); err == nil || !strings.Contains(err.Error(), `"tme"`) || !strings.Contains(err.Error(), "time") {
		t.Errorf("an unknown step: %v", err)
	}
}

// TestDifferentBits: two trainings that differ are found.
func TestDifferentBits(t *testing.T) {
	dir, _ := bundle(t)
	path := filepath.Join(dir, "bin", "hdmnet")
	program(t, path, strings.ReplaceAll(strings.TrimPrefix(read(t, path), "#!/bin/sh\n"), "echo w |", "echo $$ |"))
	c := newCheck(t, dir)
	mustRun(t, c, "determinism", false)
	if o := c.results.Steps["determinism"]; !strings.Contains(o.Reason, "differ in base.safetensors") {
		t.Errorf("%+v", o)
	}
}

func TestMedian(t *testing.T) {
	if m := median([]float64{4, 1, 2, 3}); m != 2.5 || median(nil) != 0 || median([]float64{5}) != 5 {
		t.Errorf("median %g", m)
	}
}
