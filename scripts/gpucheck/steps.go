package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// sizes say how much work the steps are.
type sizes struct {
	name     string
	config   []string // of what is timed
	side     int
	batch    int // of training steps
	runs     int
	warmup   int
	pairs    int
	suite    string   // tests of the CUDA device
	golden   string   // tests of whole networks
	rounded  string   // those of them in reduced precision
	memory   string   // tests of steps at full size
	training []string // of the trainings that are scored
	scoring  []string
	seeds    int      // trainings of each kind
	short    []string // of the trainings that are compared bit by bit
	doctor   []string
}

var full = sizes{
	name: "full", config: []string{"--config", "coco20i_resnet50"}, side: 633, batch: 6, runs: 10, warmup: 5, pairs: 3, seeds: 3,
	suite: ".", golden: "Golden", rounded: "EvalGolden/.*pascal_resnet50_1shot", memory: "LargeStep", scoring: []string{"--protocol", "quick"}, doctor: []string{"--thorough"},
	short: []string{"--set", "dataset.synth_train=200", "--set", "dataset.synth_val=40", "--epochs", "1"},
}

var tiny = sizes{
	name: "tiny", side: 33, batch: 2, runs: 2, warmup: 3, pairs: 1, seeds: 1,
	suite: "TestSuite/^(relu|linear)$", golden: "NoSuchNetwork", rounded: "NoSuchNetwork", memory: "NoSuchStep", scoring: []string{"--episodes", "6"},
	training: []string{"--set", "dataset.synth_size=64", "--set", "dataset.synth_train=60", "--set", "dataset.synth_val=40", "--set", "train.base.validate_every=0", "--set", "train.meta.validate_every=0", "--set", "dataset.min_area=20",
		"--set", "model.size=33", "--set", "train.base.size=33", "--set", "train.base.max_steps=2", "--set", "train.meta.max_steps=2"},
}

func (c *check) steps() []step {
	if c.size.short == nil {
		c.size.short = c.size.training
	}
	all := []step{
		{"machine", 20 * time.Second, c.machine},
		{"doctor", 120 * time.Second, func(ctx context.Context) (any, error) {
			return document(c.hdmnet(ctx, nil, append([]string{"doctor", "--device", c.device, "--json"}, c.size.doctor...)...))
		}},
		{"ceilings", 90 * time.Second, c.ceilings(nil)},
		{"ceilings-kernels", 90 * time.Second, c.ceilings([]string{"HDMNET_CUDA_LIBRARIES=off"})},
		{"suite", 300 * time.Second, c.tested(nil, "cuda", c.size.suite)},
		{"golden-fp32", 200 * time.Second, c.tested(nil, "model", c.size.golden)},
		{"golden-tf32", 90 * time.Second, c.tested([]string{"HDMNET_TEST_PRECISION=tf32"}, "model", c.size.rounded)},
		{"golden-bf16", 90 * time.Second, c.tested([]string{"HDMNET_TEST_PRECISION=bf16"}, "model", c.size.rounded)},
		{"memory", 120 * time.Second, c.tested([]string{"HDMNET_TEST_LARGE=1"}, "model", c.size.memory)},
	}
	for _, mode := range []string{"train", "eval"} {
		for _, precision := range []string{"bf16", "tf32"} {
			all = append(all, step{"parts-" + mode + "-" + precision, 120 * time.Second, c.parts(mode, precision)})
		}
	}
	all = append(all, step{"peer", 60 * time.Second, c.findPeer}, step{"ceilings-peer", 60 * time.Second, c.peerCeiling})
	all = append(all, c.samples("time", fast)...)
	all = append(all, step{"determinism", 120 * time.Second, c.determinism},
		step{"sanitizer-memcheck", 200 * time.Second, c.sanitizer("memcheck")},
		step{"sanitizer-racecheck", 200 * time.Second, c.sanitizer("racecheck")})
	for seed := 1; seed <= c.size.seeds; seed++ {
		for _, k := range kinds {
			all = append(all, step{fmt.Sprintf("training-%s-%d", k.name, seed), 400 * time.Second, c.training(k, seed)})
		}
	}
	return append(all, c.samples("compile", slow)...)
}

func (c *check) machine(ctx context.Context) (any, error) {
	if _, err := exec.LookPath("nvidia-smi"); err != nil {
		return nil, skipped("no nvidia-smi")
	}
	out, err := c.command(ctx, c.work, nil, "nvidia-smi", "--query-gpu=name,driver_version,memory.total,clocks.sm,power.limit", "--format=csv,noheader")
	return strings.TrimSpace(string(out)), err
}

func (c *check) ceilings(env []string) func(context.Context) (any, error) {
	return func(ctx context.Context) (any, error) {
		return document(c.hdmnet(ctx, env, "bench", "ceilings", "--device", c.device, "--json"))
	}
}

// document passes on a program's standard output that is JSON.
func document(out []byte, err error) (any, error) {
	if err == nil && !json.Valid(out) {
		err = fmt.Errorf("no JSON: %.100q", out)
	}
	return json.RawMessage(out), err
}

var peakLine = regexp.MustCompile(`.*peak memory.*`)

// tested runs compiled tests; what they say of memory is kept. A pattern that no test has
// would prove nothing.
func (c *check) tested(env []string, pkg, pattern string) func(context.Context) (any, error) {
	return func(ctx context.Context) (any, error) {
		out, err := c.tests(ctx, env, pkg, pattern)
		passed := bytes.Count(out, []byte("--- PASS"))
		if err == nil && passed == 0 && c.size.name == full.name {
			err = fmt.Errorf("no test %s was run", pattern)
		}
		found := struct {
			Passed, Skipped int
			Memory          []string `json:",omitempty"`
		}{Passed: passed, Skipped: bytes.Count(out, []byte("--- SKIP"))}
		for _, line := range peakLine.FindAll(out, -1) {
			found.Memory = append(found.Memory, strings.TrimSpace(string(line)))
		}
		return found, err
	}
}

func (c *check) parts(mode, precision string) func(context.Context) (any, error) {
	return func(ctx context.Context) (any, error) {
		batch := 1
		if mode == "train" {
			batch = c.size.batch
		}
		return document(c.hdmnet(ctx, nil, append([]string{"bench", "model", "--mode", mode, "--size", strconv.Itoa(c.size.side), "--shots", "1", "--batch", strconv.Itoa(batch),
			"--runs", strconv.Itoa(c.size.runs), "--warmup", strconv.Itoa(c.size.warmup), "--device", c.device, "--precision", precision, "--json"}, c.size.config...)...))
	}
}

// determinism trains twice with one seed.
func (c *check) determinism(ctx context.Context) (any, error) {
	var dirs []string
	for _, name := range []string{"same_a", "same_b"} {
		dir := filepath.Join(c.work, name)
		dirs = append(dirs, dir)
		args := append([]string{"train", "--fold", "0", "--seed", "5", "--device", c.device, "--out", dir}, c.size.short...)
		if _, err := c.hdmnet(ctx, nil, args...); err != nil {
			return nil, err
		}
	}
	files := []string{"base.safetensors", "best.safetensors", "checkpoints/last.safetensors"}
	for _, file := range files {
		a, errA := os.ReadFile(filepath.Join(dirs[0], file))
		b, errB := os.ReadFile(filepath.Join(dirs[1], file))
		if err := errors.Join(errA, errB); err != nil {
			return nil, err
		}
		if !bytes.Equal(a, b) {
			return nil, fmt.Errorf("two runs with one seed differ in %s", file)
		}
	}
	return map[string]any{"equal": files}, nil
}

func (c *check) sanitizer(tool string) func(context.Context) (any, error) {
	return func(ctx context.Context) (any, error) {
		path, err := exec.LookPath("compute-sanitizer")
		if err != nil {
			found, _ := filepath.Glob("/usr/local/cuda*/bin/compute-sanitizer")
			if len(found) == 0 {
				return nil, skipped("no compute-sanitizer")
			}
			path = found[0]
		}
		const operators = "TestSuite/^(linear|self_attention|masked_correlation|prior_similarity|layer_norm|cross_entropy|distillation|gram|shot_weights)$"
		dir := filepath.Join(c.bundle, "internal", "cuda")
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, err
		}
		_, err = c.command(ctx, dir, nil, path, "--tool", tool, "--error-exitcode", "9",
			filepath.Join(c.bundle, "bin", "cuda.test"), "-test.run", operators)
		return nil, err
	}
}

// kind is where and how a network is trained.
type kind struct{ name, device, precision string }

var kinds = []kind{{"bf16", "", "bf16"}, {"cpu", "cpu", "fp32"}} // "": the GPU

var miouPattern = regexp.MustCompile(`"miou":\s*([0-9.eE+-]+)`)

// training trains on shapes5i and scores the network on the same device.
func (c *check) training(k kind, seed int) func(context.Context) (any, error) {
	return func(ctx context.Context) (any, error) {
		where, dir := k.device, filepath.Join(c.work, fmt.Sprint(k.name, seed))
		if where == "" {
			where = c.device
		}
		on := []string{"--device", where, "--precision", k.precision}
		begun := time.Now()
		args := append([]string{"train", "--fold", "0", "--seed", strconv.Itoa(seed), "--out", dir}, on...)
		if _, err := c.hdmnet(ctx, nil, append(args, c.size.training...)...); err != nil {
			return nil, err
		}
		trained := time.Since(begun).Seconds()
		out, err := c.hdmnet(ctx, nil, slices.Concat([]string{"eval", "--run", dir, "--json"}, on, c.size.scoring)...)
		if err != nil {
			return nil, err
		}
		m := miouPattern.FindSubmatch(out)
		if m == nil {
			return nil, fmt.Errorf("no mIoU in %.200q", out)
		}
		miou, err := strconv.ParseFloat(string(m[1]), 64)
		return score{miou, trained}, err
	}
}

// score is what a training came to.
type score struct {
	MIoU    float64 `json:"miou"`
	Seconds float64 `json:"seconds"`
}
