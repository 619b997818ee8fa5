package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
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
		m.sameScores(t, n, 8, "--run", at("one"), "--shots", "2", "--episodes", "21", "--seeds", "1,2")
	}
	m.data(t, dir)
	// Processes that found different precisions would be refused.
	m.run(t, 2, with("--stage", "base", "--precision", "auto", "--out", at("auto"))...)
	if text := string(read(t, at("auto/config.yaml"))); !regexp.MustCompile(`(?m)^precision: (fp32|bf16x3|bf16) `).MatchString(text) {
		t.Errorf("the precision of the run is none:\n%s", text)
	}
	start := time.Now()
	m.run(t, 2, with("--out", at("whole"))...)
	whole := time.Since(start)
	for i := range kills(t, 2) {
		out := at(fmt.Sprint("killed", i))
		m.killOne(t, out, i%2, rand.N(whole*3/4), with("--out", out))
		m.run(t, 2, with("--out", out, "--resume")...)
		sameResults(t, out, at("whole"), "base.safetensors")
	}
}

// TestMPIUntrained: processes score an encoder, without training, to the digits of one.
func TestMPIUntrained(t *testing.T) {
	m := openMPI(t)
	weights := []string{"--weights", encoderWeights(t, "dinov3_tiny16", ""), "--seeds", "1,2", "--episodes", "5"}
	args := with(weights, insid3Small, small[:8])
	episodes := []string{"--fold", "1", "--shots", "2", "--set", "eval.batch=2", "--boundary-iou"}
	m.sameScores(t, 2, 5, with(args, episodes)...)
	m.sameScores(t, 2, 5, with(weights, prototypesSmall, small[:8], episodes)...)
	all := with([]string{"eval", "--json"}, args, []string{"--fold", "all", "--shots", "1"})
	if one, two := scores(t, m.run(t, 1, all...)), scores(t, m.run(t, 2, all...)); one != two {
		t.Errorf("scores of all folds by two processes:\n%s\nby one:\n%s", two, one)
	}
}

// sameScores compares the scores of one and of n processes, and what --save-results writes, of at least
// some pictures.
func (m mpi) sameScores(t *testing.T, n, pictures int, args ...string) {
	t.Helper()
	evaluate := func(n int) (report, results string) {
		file := filepath.Join(t.TempDir(), "results")
		report = m.run(t, n, with([]string{"eval"}, args, []string{"--json", "--save-results", file})...)
		_, results, _ = strings.Cut(string(read(t, file)), "\n") // the first line has times
		return scores(t, report), results
	}
	one, oneResults := evaluate(1)
	if several, results := evaluate(n); one != several || oneResults != results || strings.Count(results, `"picture"`) < pictures {
		t.Errorf("scores of %d processes:\n%s\n%s\nof one:\n%s\n%s", n, several, results, one, oneResults)
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

// killOne starts a run of two processes, kills one of them after a time, and waits for the
// other and the launcher.
func (m mpi) killOne(t *testing.T, out string, rank int, after time.Duration, args []string) {
	t.Helper()
	cmd := m.command(2, args...)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	time.Sleep(after)
	victim, there := m.processes(out)[rank]
	for ; !there && len(ended) == 0; victim, there = m.processes(out)[rank] {
		time.Sleep(10 * time.Millisecond) // it has not begun yet
	}
	if !there {
		t.Logf("the run was faster than %v: %v", after, <-ended)
		return
	}
	if err := syscall.Kill(victim, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	var err error
	select {
	case err = <-ended:
	case <-time.After(time.Minute):
		_ = cmd.Process.Kill()
		err = <-ended
	}
	for len(m.processes(out)) > 0 && time.Since(start) < time.Minute {
		time.Sleep(10 * time.Millisecond)
	}
	took := time.Since(start)
	if err == nil || took > 15*time.Second {
		t.Errorf("process %d was killed after %v: %v after %v\n%s", rank, after, err, took, output.String())
	}
	t.Logf("process %d was killed after %v, the run ended after %v", rank, after, took)
}

// processes are those of a run, by their command lines: the rank of each, and its number to
// the operating system.
func (m mpi) processes(out string) map[int]int {
	pids := map[int]int{}
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range lines {
		text, err := os.ReadFile(path) // of a process that has ended: nothing
		args := strings.Split(string(text), "\x00")
		if err != nil || args[0] != m.binary || !slices.Contains(args, out) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil {
			continue
		}
		env, _ := os.ReadFile(filepath.Join(filepath.Dir(path), "environ"))
		for variable := range strings.SplitSeq(string(env), "\x00") {
			name, value, _ := strings.Cut(variable, "=")
			if rank, err := strconv.Atoi(value); err == nil && (name == "OMPI_COMM_WORLD_RANK" || name == "PMI_RANK") {
				pids[rank] = pid
			}
		}
	}
	return pids
}
