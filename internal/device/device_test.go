package device

import (
	"errors"
	"strings"
	"testing"

	"hdmnet/internal/op"
)

func TestOpen(t *testing.T) {
	for _, name := range []string{"auto", "cpu"} {
		dev, why, err := Open(name, op.FP32)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		kind, _, _ := strings.Cut(dev.Name(), ":")
		if accelerator := name == "auto" && kinds[kind] != nil; !accelerator && !strings.HasPrefix(dev.Name(), "cpu") || why == "" {
			t.Errorf("%s: opened %q because %q", name, dev.Name(), why)
		}
		if err := dev.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestNamesThatMeanNothing(t *testing.T) {
	for _, name := range []string{"", "gpu", "CPU", "cuda:", "cuda:-1", "cuda:x", "cpu:0", "tpu:0"} {
		_, _, err := Open(name, op.FP32)
		if !errors.Is(err, ErrName) || !strings.Contains(err.Error(), `"`+name+`"`) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// TestNoSilentFallBack: a device asked for by name is that device or an error.
func TestNoSilentFallBack(t *testing.T) {
	old := kinds
	defer func() { kinds = old }()
	kinds = map[string]opener{}
	_, _, err := Open("cuda:1", op.FP32)
	if err == nil || errors.Is(err, ErrName) || !strings.Contains(err.Error(), "cuda:1") || !strings.Contains(err.Error(), "-tags cuda") {
		t.Errorf("a build without CUDA: %v", err)
	}

	opened, in := -1, op.TF32
	kinds["cuda"] = func(index int, p op.Precision) (op.Device, error) {
		opened, in = index, p
		return nil, errors.New("no driver")
	}
	if _, _, err := Open("cuda", op.FP32); err == nil || opened != 0 || in != op.FP32 {
		t.Errorf("cuda opened %d in %v: %v", opened, in, err)
	}
	if _, _, err := Open("cuda:2", op.BF16); err == nil || opened != 2 || in != op.BF16 || !strings.Contains(err.Error(), "device cuda:2: no driver") {
		t.Errorf("opened %d in %v: %v", opened, in, err)
	}
	dev, why, err := Open("auto", op.FP32)
	if err != nil || !strings.HasPrefix(dev.Name(), "cpu") || !strings.Contains(why, "no driver") {
		t.Errorf("auto without a driver: %v, %q, %v", dev, why, err)
	}
	if got := strings.Join(Names(), " "); got != "auto cpu cuda:0" {
		t.Errorf("names: %s", got)
	}
}
