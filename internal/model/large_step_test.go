package model

import (
	"os"
	"testing"
	"time"

	"hdmnet/internal/nn"
	"hdmnet/internal/op"
)

// TestLargeStepMemory: a training step on COCO-20i at full size, 633² in batches of 6,
// fits the memory of a common GPU: 24 GiB with five shots, 12 GiB with one. It needs a
// device with that much, so it runs only where HDMNET_TEST_LARGE is set: on a GPU, and on
// the emulated driver with HDMNET_EMU_DRY=1, which computes nothing.
func TestLargeStepMemory(t *testing.T) {
	if os.Getenv("HDMNET_TEST_LARGE") == "" {
		t.Skip("HDMNET_TEST_LARGE is not set: the steps need a GPU and 24 GiB")
	}
	const (
		batch, size, classes = 6, 633, 61
		gib                  = 1 << 30
	)
	for _, c := range []struct {
		name  string
		shots int
		limit int64
	}{{"1 shot", 1, 12 * gib}, {"5 shots", 5, 24 * gib}} {
		t.Run(c.name, func(t *testing.T) {
			dev := open(t)
			net, err := NewHDMNet(Options{Backbone: "resnet50", BaseClasses: classes, Shots: c.shots})
			if err != nil {
				t.Fatal(err)
			}
			set := nn.NewSet(dev, net, 1)
			m, v := moments(set), moments(set)
			tape := nn.NewTape(dev)
			tape.Training = true
			picture := func(shape ...int) op.Tensor {
				x := tape.Arena.Float32(shape...)
				values := make([]float32, op.Len(x))
				for i := range values {
					values[i] = float32(i*7919%256)/128 - 1
				}
				dev.Upload(x, values)
				return x
			}
			labels := func(classes int, shape ...int) op.Tensor {
				x := tape.Arena.Uint8(shape...)
				values := make([]uint8, op.Len(x))
				for i := range values {
					values[i] = uint8(i / 8000 % classes)
				}
				dev.Upload(x, values)
				return x
			}
			for step := 1; step <= 3; step++ {
				begun := time.Now()
				tape.Begin(true, uint64(step))
				out := net.Forward(tape, Input{
					Query: picture(batch, size, size, 3), Support: picture(batch, c.shots, size, size, 3),
					SupportMask: labels(2, batch, c.shots, size, size),
				})
				loss := net.Loss(tape, out, labels(2, batch, size, size), labels(classes, batch, size, size), LossOptions{Distill: 1, Scale: 1})
				tape.Backward()
				dev.AdamW(set.Values, m, v, set.Grads, op.AdamWParams{LR: 1e-4, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, WeightDecay: 0.01, Step: step})
				dev.Zero(set.Grads)
				total := ReadLosses(dev, loss, 1).Total
				if !(total > 0 && total < 100) && os.Getenv("HDMNET_EMU_DRY") == "" {
					t.Errorf("step %d: loss %g", step, total)
				}
				t.Logf("step %d: %.3f s with the making of its pictures, loss %g", step, time.Since(begun).Seconds(), total)
			}
			peak, held := op.PeakMemory(dev), int64(0)
			if d, ok := dev.(interface{ HeldMemory() int64 }); ok { // with what is kept for later
				held = d.HeldMemory()
			}
			t.Logf("peak memory %.2f GiB, held %.2f GiB, at most %d", float64(peak)/gib, float64(held)/gib, c.limit/gib)
			if peak == 0 || max(peak, held) > c.limit {
				t.Errorf("peak memory %d bytes, held %d, at most %d", peak, held, c.limit)
			}
		})
	}
}
