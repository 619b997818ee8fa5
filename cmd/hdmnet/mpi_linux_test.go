package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"hdmnet/internal/train"
)

// mpi runs a binary that is built with MPI; scripts/mpi-check.sh says which one and how.
type mpi struct {
	binary   string
	launcher []string // mpirun and its options
}

func openMPI(t *testing.T) mpi {
	t.Helper()
	m := mpi{os.Getenv("HDMNET_TEST_MPI_BINARY"), strings.Fields(os.Getenv("HDMNET_TEST_MPIRUN"))}
	if m.binary == "" || len(m.launcher) == 0 {
		t.Skip("needs a build with MPI: scripts/mpi-check.sh")
	}
	return m
}

// command is the binary in n processes, of one thread each.
func (m mpi) command(n int, args ...string) *exec.Cmd {
	line := append(append(slices.Clone(m.launcher), "-n", strconv.Itoa(n), m.binary), args...)
	if n == 1 {
		line = append([]string{m.binary}, args...)
	}
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	return cmd
}

func (m mpi) run(t *testing.T, n int, args ...string) (stdout string) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := m.command(n, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%d processes, %v: %v\n%s", n, args, err, errs.String())
	}
	return out.String()
}

// TestMPI: processes that mpirun starts make the run of one that accumulates their batches,
// score to the same digits, and when one is killed the others end soon and the run goes on
// to the same bits.
func TestMPI(t *testing.T) {
	m, dir := openMPI(t), t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	settings := []string{"train", "--fold", "0"}
	for _, set := range []string{"model.size=33", "train.base.size=33", "dataset.synth_size=64", "dataset.synth_train=22", "dataset.synth_val=24",
		"dataset.min_area=20", "train.base.epochs=1", "train.meta.batch=1", "train.meta.epochs=2", "train.meta.validate_episodes=7"} {
		settings = append(settings, "--set", set)
	}
	with := func(more ...string) []string { return append(slices.Clone(settings), more...) }
	m.run(t, 1, with("--stage", "base", "--out", at("base"))...)
	meta := func(out string, accumulate int) []string {
		return with("--stage", "meta", "--set", "base.weights="+at("base/base.safetensors"), "--set", fmt.Sprint("train.meta.accumulate=", accumulate), "--out", at(out))
	}
	m.run(t, 1, meta("one", 4)...)
	for _, n := range []int{2, 4} {
		out := fmt.Sprint("together", n)
		if stdout := m.run(t, n, meta(out, 4/n)...); strings.Count(stdout, "is complete") != 1 {
			t.Errorf("%d processes print %q", n, stdout)
		}
		sameLosses(t, at(out), at("one"))
		evaluate := func(n int) (report, results string) {
			file := at(fmt.Sprint("results", n))
			report = m.run(t, n, "eval", "--run", at("one"), "--shots", "2", "--episodes", "21", "--seeds", "1,2", "--json", "--save-results", file, "--force")
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			_, results, _ = strings.Cut(string(text), "\n") // the first line has times
			return scores(t, report), results
		}
		one, oneResults := evaluate(1)
		if several, results := evaluate(n); one != several || oneResults != results || strings.Count(results, `"picture"`) < 8 {
			t.Errorf("scores of %d processes:\n%s\n%s\nof one:\n%s\n%s", n, several, results, one, oneResults)
		}
	}
	m.data(t, dir)
	m.run(t, 2, with("--out", at("whole"))...)
	for i := range 2 {
		out := at(fmt.Sprint("killed", i))
		m.killOne(t, out, with("--out", out))
		m.run(t, 2, with("--out", out, "--resume")...)
		for _, file := range []string{"base.safetensors", "best.safetensors", "checkpoints/last.safetensors"} {
			want, err := os.ReadFile(filepath.Join(at("whole"), file))
			got, err2 := os.ReadFile(filepath.Join(out, file))
			if err := errors.Join(err, err2); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s of a run whose process was killed differs from that of an undisturbed one", file)
			}
		}
	}
}

// data compares what one and two processes print of data that they prepare and check.
func (m mpi) data(t *testing.T, dir string) {
	t.Helper()
	shapes := filepath.Join(dir, "shapes")
	m.run(t, 1, "data", "synth", "--out", shapes, "--train", "9", "--val", "6", "--size", "64")
	var out [2]string
	for i := range out {
		set := filepath.Join(dir, "set")
		out[i] = m.run(t, i+1, "data", "prepare", "masks", "--images", filepath.Join(shapes, "JPEGImages"), "--masks", filepath.Join(shapes, "SegmentationClassAug"),
			"--classes", filepath.Join(shapes, "classes.txt"), "--out", set)
		out[i] += m.run(t, i+1, "data", "verify", "--config", "custom_resnet50", "--data-root", set, "--list", "list.txt", "--set", "dataset.folds=4")
		if err := os.RemoveAll(set); err != nil {
			t.Fatal(err)
		}
	}
	if out[0] != out[1] || !strings.Contains(out[0], "15 pairs, all whole") {
		t.Errorf("one process prints\n%s\ntwo\n%s", out[0], out[1])
	}
}

// sameLosses compares the metrics of two runs.
func sameLosses(t *testing.T, a, b string) {
	t.Helper()
	var records [2][]train.Record
	for i, dir := range []string{a, b} {
		var err error
		if records[i], err = train.ReadMetrics(filepath.Join(dir, "metrics.jsonl")); err != nil {
			t.Fatal(err)
		}
	}
	if len(records[0]) != len(records[1]) || len(records[0]) < 3 {
		t.Fatalf("%d and %d records", len(records[0]), len(records[1]))
	}
	for i, r := range records[0] {
		want := records[1][i]
		if d := math.Abs(r.Losses["total"] - want.Losses["total"]); !(d <= 1e-5*want.Losses["total"]) && r.Kind == "step" {
			t.Errorf("step %d: loss %v, want %v", r.Step, r.Losses["total"], want.Losses["total"])
		}
		if r.Kind == "validation" && !maps.Equal(r.Scores, want.Scores) {
			t.Errorf("validation %v, want %v", r.Scores, want.Scores)
		}
	}
}

// scores are what a report says but for time, memory and device.
func scores(t *testing.T, report string) string {
	t.Helper()
	var values map[string]any
	if err := json.Unmarshal([]byte(report), &values); err != nil {
		t.Fatalf("%v: %s", err, report)
	}
	for _, key := range []string{"seconds", "peak_memory", "device"} {
		delete(values, key)
	}
	text, err := json.Marshal(values)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// killOne starts a run of two processes, kills one of them once it trains, and waits for the
// other and the launcher.
func (m mpi) killOne(t *testing.T, out string, args []string) {
	t.Helper()
	cmd := m.command(2, args...)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for range 600 {
		if _, err := os.Stat(filepath.Join(out, "checkpoints/last.safetensors")); err == nil {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	time.Sleep(time.Duration(rand.IntN(1500)) * time.Millisecond)
	processes := m.processes(out)
	if len(processes) == 0 {
		_ = cmd.Wait()
		t.Logf("the run was faster: %s", output.String())
		return
	}
	if err := syscall.Kill(processes[rand.IntN(len(processes))], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	err := cmd.Wait()
	for len(m.processes(out)) > 0 && time.Since(start) < 20*time.Second {
		time.Sleep(50 * time.Millisecond)
	}
	if took := time.Since(start); err == nil || took > 15*time.Second {
		t.Errorf("after a process was killed: %v after %v\n%s", err, took, output.String())
	}
}

// processes are those of a run, by their command lines.
func (m mpi) processes(out string) (pids []int) {
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range lines {
		text, err := os.ReadFile(path) // of a process that has ended: nothing
		args := strings.Split(string(text), "\x00")
		if err != nil || args[0] != m.binary || !slices.Contains(args, out) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}
