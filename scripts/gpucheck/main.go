// Gpucheck is the program behind scripts/gpu-check.sh: everything that only a machine with
// an NVIDIA GPU can show, as steps that a later call goes on with. It runs what `make
// gpu-bundle` packed and needs neither Go nor the internet.
//
//	gpu-check [--steps time,parts] [--limit SECONDS] [--out DIR] [--peer DIR] [--device cuda:0]
//
//	machine      nvidia-smi
//	doctor       the program's self-test, thoroughly
//	ceilings     products in every precision, copies; with NVIDIA's libraries, without, and PyTorch's
//	suite        every test of the CUDA device
//	golden       the released network's outputs and gradients in fp32, tf32, bf16
//	memory       COCO training steps of 6 at 633², 1 and 5 shots, in 12 and 24 GiB
//	parts        evaluation and training at 633², part by part, with the share of the floor
//	peer         whether there is PyTorch to compare with
//	time         evaluation, training and memory beside PyTorch's, in interleaved pairs
//	determinism  two trainings with one seed, bit by bit
//	sanitizer    compute-sanitizer's memcheck and racecheck on some operators
//	training     trainings of shapes5i on the GPU in bf16 and on the CPU, and their scores
//	compile      the same as time, with torch.compile, which takes minutes to start
//
// A step is at most cut off, it never stops the others. results.json, report.md and log.txt
// go to --out after every step; steps that are well there are not run again.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// check is one call of the program.
type check struct {
	bundle, out, peer, device string
	size                      sizes
	work                      string // a folder for this call
	deadline                  time.Time
	results                   *results
	log                       *os.File
}

func main() {
	log.SetFlags(0)
	c := &check{size: full}
	f := flag.NewFlagSet("gpu-check", flag.ExitOnError)
	out := os.Getenv("OUT")
	if out == "" {
		out = "gpu-check-out"
	}
	f.StringVar(&c.bundle, "bundle", ".", "the folder that make gpu-bundle made")
	f.StringVar(&c.out, "out", out, "the folder of the results; those in it are gone on with")
	f.StringVar(&c.peer, "peer", "", "a folder with bench.py, the PyTorch program (default peer in the bundle)")
	f.StringVar(&c.device, "device", "cuda:0", "the GPU")
	steps := f.String("steps", "", "the steps, comma-separated, by name or by its first word (default all)")
	limit := f.Int("limit", 560, "seconds for all")
	small := f.Bool("small", false, "small networks and few runs: whether the script works, on an emulated driver too")
	_ = f.Parse(os.Args[1:])
	if f.NArg() > 0 || *limit < 1 {
		log.Fatalf("gpu-check: unknown argument, or --limit %d: expected flags alone and at least 1 second; --help lists them", *limit)
	}
	if *small {
		c.size = tiny
	}
	c.deadline = time.Now().Add(time.Duration(*limit) * time.Second)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ok, err := c.run(ctx, *steps)
	if err != nil {
		log.Fatal("gpu-check: ", err)
	}
	if !ok {
		os.Exit(1)
	}
}

// run makes the steps that are wanted and not done. It tells whether all wanted ones are.
func (c *check) run(ctx context.Context, wanted string) (ok bool, err error) {
	for _, dir := range []*string{&c.bundle, &c.out} {
		if *dir, err = filepath.Abs(*dir); err != nil {
			return false, err
		}
	}
	if c.peer == "" {
		c.peer = filepath.Join(c.bundle, "peer")
	}
	if err := os.MkdirAll(c.out, 0o755); err != nil {
		return false, err
	}
	if c.work, err = os.MkdirTemp("", "gpu-check"); err != nil {
		return false, err
	}
	defer func() { _ = os.RemoveAll(c.work) }()
	if c.log, err = os.OpenFile(filepath.Join(c.out, "log.txt"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644); err != nil {
		return false, err
	}
	defer c.log.Close()
	if c.results, err = openResults(filepath.Join(c.out, "results.json"), c.build(), c.size.name); err != nil {
		return false, err
	}
	all := c.steps()
	chosen, err := choose(c.steps(), wanted)
	if err != nil {
		return false, err
	}
	ok = true
	chosen = slices.DeleteFunc(chosen, func(s step) bool { return c.results.Steps[s.name].Status == "ok" })
	if len(chosen) > 0 {
		c.takeLibraries(ctx)
	}
	for _, s := range chosen {
		o := c.step(ctx, s)
		c.results.put(s.name, o)
		fmt.Printf("%-28s %-8s %5.0f s  %s\n", s.name, o.Status, o.Seconds, o.Reason)
		ok = ok && c.results.done(s.name)
		if err := c.results.save(); err != nil {
			return false, err
		}
		if err := os.WriteFile(filepath.Join(c.out, "report.md"), []byte(c.report(all)), 0o644); err != nil {
			return false, err
		}
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
	}
	fmt.Print("\n", c.report(all))
	return ok, nil
}

// choose takes the steps whose names, or first words, are in a comma-separated list.
func choose(all []step, wanted string) ([]step, error) {
	if wanted == "" {
		return all, nil
	}
	var chosen []step
	names := strings.Split(wanted, ",")
	for _, n := range names {
		if !slices.ContainsFunc(all, func(s step) bool { return s.is(n) }) {
			var words []string
			for _, s := range all {
				if w, _, _ := strings.Cut(s.name, "-"); !slices.Contains(words, w) {
					words = append(words, w)
				}
			}
			return nil, fmt.Errorf("no step %q; there are %s", n, strings.Join(words, ", "))
		}
	}
	for _, s := range all {
		if slices.ContainsFunc(names, s.is) {
			chosen = append(chosen, s)
		}
	}
	return chosen, nil
}
