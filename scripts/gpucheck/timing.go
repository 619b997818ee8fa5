package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// row is one line of the comparison.
type row struct {
	name, title string
	mode        string
	shots       int
	memory      bool    // compares peak memory, of fewer runs, instead of time
	eager, best float64 // least ratio of PyTorch's figure to ours, for eager TF32 and for its best variant
	aim         float64 // for the best variant
}

var rows = []row{
	{name: "train1", title: "training step, 1 shot", mode: "train", shots: 1, eager: 4, best: 2.5, aim: 4},
	{name: "eval1", title: "evaluation, 1 shot", mode: "eval", shots: 1, best: 3, aim: 5},
	{name: "eval5", title: "evaluation, 5 shots", mode: "eval", shots: 5, best: 3, aim: 5},
	{name: "memory5", title: "peak memory of a training step, 5 shots", mode: "train", shots: 5, memory: true, best: 4, aim: 6},
}

// variant is a program in one of its modes.
type variant struct {
	name      string
	peer      string // bench.py's --variant, "" for hdmnet
	precision string // hdmnet's
	most      time.Duration
}

// The first ones are run in turn, pair by pair; the slow ones take minutes to start.
var (
	fast = []variant{
		{"bf16", "", "bf16", 120 * time.Second}, {"eager_tf32", "eager,tf32", "", 180 * time.Second},
		{"tf32", "", "tf32", 120 * time.Second}, {"amp_channels_last", "channels_last,amp", "", 180 * time.Second},
		{"fp32", "", "fp32", 120 * time.Second},
	}
	slow = []variant{{"compile_amp", "compile,channels_last,amp", "", 500 * time.Second}}
)

// sample is one process's figures.
type sample struct {
	Seconds float64 `json:"seconds"` // median of its runs
	MiB     float64 `json:"peak_mib"`
}

// samples are the steps that measure all rows with some variants: every pair goes through
// all rows and variants, in an order that turns round, before the next one.
func (c *check) samples(word string, variants []variant) []step {
	var all []step
	for pair := range c.size.pairs {
		order := slices.Clone(variants)
		if pair%2 == 1 {
			slices.Reverse(order)
		}
		for _, r := range rows {
			for _, v := range order {
				if r.memory && pair > 0 { // the same every time
					continue
				}
				all = append(all, step{fmt.Sprintf("%s-%s-%s-%d", word, r.name, v.name, pair), v.most, c.sample(r, v)})
			}
		}
	}
	return all
}

func (c *check) sample(r row, v variant) func(context.Context) (any, error) {
	return func(ctx context.Context) (any, error) {
		batch, runs := 1, c.size.runs
		if r.mode == "train" {
			batch = c.size.batch
		}
		if r.memory {
			runs = 2
		}
		common := []string{"--mode", r.mode, "--size", strconv.Itoa(c.size.side), "--batch", strconv.Itoa(batch), "--runs", strconv.Itoa(runs), "--warmup", strconv.Itoa(c.size.warmup)}
		shots := strconv.Itoa(r.shots)
		if v.peer == "" {
			args := append([]string{"bench", "model", "--ops=false", "--json", "--shots", shots, "--device", c.device, "--precision", v.precision}, common...)
			out, err := c.hdmnet(ctx, nil, append(args, c.size.config...)...)
			if err != nil {
				return nil, err
			}
			var got struct {
				Seconds struct{ Median float64 }
				MiB     float64 `json:"device_peak_mib"`
			}
			err = json.Unmarshal(out, &got)
			return sample{got.Seconds.Median, got.MiB}, err
		}
		if !c.results.done("peer") || c.results.Steps["peer"].Status == "skipped" {
			return nil, skipped("no PyTorch to compare with")
		}
		args := append([]string{"bench.py", "--dataset", "coco", "--shot", shots, "--device", "cuda", "--variant", v.peer}, common...)
		out, err := c.command(ctx, c.peer, nil, "python3", args...)
		if err != nil {
			return nil, err
		}
		var got struct {
			Median float64 `json:"median_s"`
			Bytes  float64 `json:"peak_gpu_bytes"`
		}
		lines := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
		err = json.Unmarshal(lines[len(lines)-1], &got)
		return sample{got.Median, got.Bytes / (1 << 20)}, err
	}
}

// findPeer tells whether PyTorch and its program are there.
func (c *check) findPeer(ctx context.Context) (any, error) {
	if _, err := os.Stat(filepath.Join(c.peer, "bench.py")); err != nil {
		return nil, skipped("no bench.py in " + c.peer + ": make gpu-bundle PEER=DIR takes it along")
	}
	out, err := c.command(ctx, c.peer, nil, "python3", "-c", "import sys, torch; torch.cuda.is_available() or sys.exit('torch sees no GPU'); print(torch.__version__)")
	if err != nil {
		return nil, skipped("no PyTorch with CUDA: " + err.Error())
	}
	return strings.TrimSpace(string(out)), nil
}

// peerCeiling is PyTorch's rate of a product of 8192³ in bf16 and in TF32, in 10⁹ operations
// a second.
func (c *check) peerCeiling(ctx context.Context) (any, error) {
	if c.results.Steps["peer"].Status != "ok" {
		return nil, skipped("no PyTorch to compare with")
	}
	const program = `
import json, torch
torch.backends.cuda.matmul.allow_tf32 = True
def rate(dtype, n=8192):
    a, b = (torch.randn(n, n, device="cuda", dtype=dtype) for _ in range(2))
    best = 0.0
    for i in range(13):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record(); a @ b; end.record(); torch.cuda.synchronize()
        if i > 2: best = max(best, 2 * n**3 / start.elapsed_time(end) / 1e6)
    return best
print(json.dumps({"bf16": rate(torch.bfloat16), "tf32": rate(torch.float32)}))
`
	return document(c.command(ctx, c.work, nil, "python3", "-c", program))
}

// figure is the median over the pairs of a row's time or memory with a variant; 0 where
// there is none.
func (c *check) figure(r row, v variant) float64 {
	var values []float64
	for _, word := range []string{"time", "compile"} {
		for pair := range c.size.pairs {
			var s sample
			if !c.results.data(fmt.Sprintf("%s-%s-%s-%d", word, r.name, v.name, pair), &s) {
				continue
			}
			if r.memory {
				values = append(values, s.MiB)
			} else {
				values = append(values, 1000*s.Seconds)
			}
		}
	}
	return median(values)
}

func median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	slices.Sort(v)
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

// comparison is the table of all rows: medians of pairs, hdmnet's in bf16 against
// PyTorch's.
func (c *check) comparison() string {
	var b strings.Builder
	variants := slices.Concat(fast, slow)
	b.WriteString("| work | unit |")
	for _, v := range variants {
		fmt.Fprintf(&b, " %s |", strings.ReplaceAll(v.name, "_", " "))
	}
	b.WriteString(" eager TF32 / bf16 | best / bf16 | at least (aim) |\n|---|---|" + strings.Repeat("---|", len(variants)+3) + "\n")
	for _, r := range rows {
		unit, ours, eager, best := "ms", 0.0, 0.0, math.Inf(1)
		if r.memory {
			unit = "MiB"
		}
		fmt.Fprintf(&b, "| %s, %d², batch %d | %s |", r.title, c.size.side, map[string]int{"train": c.size.batch, "eval": 1}[r.mode], unit)
		for _, v := range variants {
			f := c.figure(r, v)
			switch {
			case f == 0:
			case v.name == "bf16":
				ours = f
			case v.peer != "":
				best = min(best, f)
				if v.name == "eager_tf32" {
					eager = f
				}
			}
			fmt.Fprintf(&b, " %s |", cell(f))
		}
		wanted := fmt.Sprintf("%g (%g)", r.best, r.aim)
		if r.eager > 0 {
			wanted = fmt.Sprintf("%g of eager, %s of the best", r.eager, wanted)
		}
		if ours == 0 || math.IsInf(best, 1) {
			best, eager = 0, 0
		}
		fmt.Fprintf(&b, " %s | %s | %s |\n", ratio(eager, ours), ratio(best, ours), wanted)
	}
	return b.String()
}

func cell(f float64) string {
	if f == 0 {
		return "–"
	}
	return strconv.FormatFloat(f, 'f', 2, 64)
}

func ratio(of, to float64) string {
	if of == 0 || to == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f ×", of/to)
}
