package vit

import (
	"bytes"
	"fmt"
	"os"
	"testing"

	"hdmnet/internal/cpu"
	"hdmnet/internal/nn"
	"hdmnet/internal/op"
	"hdmnet/internal/synth"
)

// BenchmarkEncoder is one picture through an encoder, in the precision HDMNET_PRECISION. The peak of memory is
// that of the process, so it is an encoder's only where no other ran before.
func BenchmarkEncoder(b *testing.B) {
	for _, e := range []struct {
		name string
		size int
	}{{"dinov2_vitb14", 518}, {"dinov2_vitl14", 518}, {"dinov3_vitl16", 512}} {
		b.Run(e.name, func(b *testing.B) { benchmarkEncoder(b, e.name, e.size) })
	}
}

func benchmarkEncoder(b *testing.B, name string, size int) {
	precision := op.FP32
	if text := os.Getenv("HDMNET_PRECISION"); text != "" {
		var err error
		if precision, err = op.ParsePrecision(text); err != nil {
			b.Fatal(err)
		}
	}
	dev, err := cpu.Open(precision)
	if err != nil {
		b.Fatal(err)
	}
	spec, _ := Find(name)
	e := New(spec)
	set := nn.NewInferenceSet(dev, e, 1)
	defer set.Close()
	if err := set.Fill(func(p *nn.Param, v []float32) error { synth.FillParam(v, p.Name, p.Shape); return nil }); err != nil {
		b.Fatal(err)
	}
	x, tape := picture(op.NewArena(dev), size, size), nn.NewTape(dev)
	pass := func() {
		tape.Begin(false, 0)
		e.Forward(tape, x, []int{spec.Blocks})
	}
	pass()
	flop, _ := spec.Cost(size)
	for b.Loop() {
		pass()
	}
	b.ReportMetric(peakMiB(b), "peak-MiB")
	b.ReportMetric(flop*float64(b.N)/b.Elapsed().Seconds()/1e9, "GF/s")
}

// peakMiB is the most memory that this process has had, in MiB, where the system tells.
func peakMiB(b *testing.B) float64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, text, _ = bytes.Cut(text, []byte("VmHWM:"))
	var kib float64
	if _, err := fmt.Sscan(string(text), &kib); err != nil {
		b.Fatal(err)
	}
	return kib / 1024
}
