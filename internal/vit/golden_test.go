package vit

import (
	"cmp"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hdmnet/internal/cpu"
	"hdmnet/internal/device"
	"hdmnet/internal/golden"
	"hdmnet/internal/nn"
	"hdmnet/internal/op"
	"hdmnet/internal/synth"
	"hdmnet/internal/weights"
)

// value is a tensor of a file as testdata/golden/vit.py fills it.
func value(name string, shape []int) []float32 {
	n := 1
	for _, d := range shape {
		n *= d
	}
	u, v := synth.Uniform(name, n), make([]float32, n)
	scaled := func(offset, scale float64) []float32 {
		for i := range v {
			v[i] = float32(offset + float64(scale*(2*u[i]-1)))
		}
		return v
	}
	switch {
	case strings.HasSuffix(name, "lambda1"), strings.HasSuffix(name, "gamma"):
		return scaled(0.76, 0.25)
	case strings.Contains(name, "token"), strings.Contains(name, "pos"):
		return scaled(0, 0.5)
	case strings.HasSuffix(name, "periods"):
		for j := range v {
			v[j] = float32(math.Pow(100, float64(j)/float64(n)) * (1 + 0.01*(2*u[j]-1)))
		}
		return v
	}
	return synth.Param(name, shape)
}

// published returns the tensors of an encoder in the names of a source, "hf" or "meta".
func published(s Spec, source string) []weights.Tensor {
	no := func(string) bool { return false }
	names := huggingFace2(no)
	switch {
	case source == "meta" && s.rotary():
		names = meta("storage_tokens")
	case source == "meta":
		names = meta("register_tokens")
	case s.rotary():
		names = huggingFace3(no)
	}
	var tensors []weights.Tensor
	for _, p := range parameters(s) {
		name, third := names(p.Name)
		shape := slices.Clone(p.Shape)
		if third > 0 || p.Name == periodsName && source == "hf" {
			continue
		}
		if third == 0 {
			shape[0] *= 3
		}
		tensors = append(tensors, weights.Tensor{Name: name, Shape: shape, Float32: value(name, shape)})
		if third == 0 && s.rotary() && strings.HasSuffix(name, "bias") {
			mask := make([]float32, shape[0])
			for i := range mask {
				if i/s.Channels != 1 {
					mask[i] = 1
				}
			}
			tensors = append(tensors, weights.Tensor{Name: name + "_mask", Shape: shape, Float32: mask})
		}
	}
	return tensors
}

// save writes tensors to a file and opens it.
func save(t *testing.T, tensors []weights.Tensor) *weights.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "w.safetensors")
	if err := weights.Save(path, tensors, nil); err != nil {
		t.Fatal(err)
	}
	return open(t, path)
}

func open(t *testing.T, path string) *weights.File {
	t.Helper()
	f, err := weights.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// picture is what vit.py calls so, [1,h,w,3] on the device.
func picture(a *op.Arena, h, w int) op.Tensor {
	planes := synth.Image("vit", 3, h, w)
	pixels := make([]float32, len(planes))
	for c := range 3 {
		for i := range h * w {
			pixels[i*3+c] = planes[c*h*w+i]
		}
	}
	x := a.Float32(1, h, w, 3)
	a.Device().Upload(x, pixels)
	return x
}

// thirds are the blocks that the golden files hold.
func thirds(s Spec) []int { return []int{s.Blocks / 3, 2 * s.Blocks / 3, s.Blocks} }

// encode returns the features of a picture after each third of the blocks.
func encode(t *testing.T, dev op.Device, e *Encoder, h, w int) (maps [][]float32) {
	t.Helper()
	tape := nn.NewTape(dev)
	tape.Begin(false, 0)
	for _, v := range e.Forward(tape, picture(tape.Arena, h, w), thirds(e.Spec())) {
		m := make([]float32, op.Len(v.Value))
		dev.Download(m, v.Value)
		maps = append(maps, m)
	}
	if err := tape.Arena.Close(); err != nil {
		t.Fatal(err)
	}
	return maps
}

// checkGolden compares the features of small encoders with those of transformers, for every
// file and every size. bound is of the relative error ‖got−want‖/‖want‖.
func checkGolden(t *testing.T, dev op.Device, bound float64) {
	f := golden.Load(t, "vit.safetensors")
	cases := map[string]bool{}
	for _, name := range f.Names() {
		cases[name[:strings.LastIndexByte(name, '.')]] = true
	}
	if len(cases) < 12 {
		t.Fatalf("the golden file has %d cases, want 12", len(cases))
	}
	for key := range cases {
		t.Run(key, func(t *testing.T) {
			parts := strings.Split(key, ".")
			spec, ok := Find(parts[0])
			if !ok {
				t.Fatal("no such encoder")
			}
			e, set, err := Load(dev, save(t, published(spec, parts[1])))
			if err != nil {
				t.Fatal(err)
			}
			defer set.Close()
			var h, w int
			if _, err := fmt.Sscanf(parts[2], "%dx%d", &h, &w); err != nil {
				t.Fatal(err)
			}
			for i, m := range encode(t, dev, e, h, w) {
				name := fmt.Sprintf("%s.block%d", key, thirds(spec)[i])
				want, _ := f.Float32(name)
				got := make([]float32, len(want))
				for k, u := range synth.Uniform("sample/"+name, len(want)) {
					got[k] = m[min(int(u*float64(len(m))), len(m)-1)]
				}
				e := golden.RelL2(got, want)
				t.Logf("block %d: relative error %.2g", thirds(spec)[i], e)
				if e > bound {
					t.Errorf("block %d is off by %g, want at most %g", thirds(spec)[i], e, bound)
				}
			}
		})
	}
}

// bounds are what features may be off by. Rounded inputs of products are off by 2⁻¹² of
// themselves on average in tf32 and by 2⁻⁹ in bf16, and three blocks add up; bf16x3 keeps 16 bits.
// They are about twice the largest differences.
var bounds = map[op.Precision]float64{op.FP32: 2e-6, op.BF16X3: 2e-5, op.TF32: 2e-3, op.BF16: 8e-3}

// TestGolden is on the device that HDMNET_TEST_DEVICE names, the CPU when it is not set, in the
// precision that HDMNET_TEST_PRECISION names, fp32 when it is not set.
func TestGolden(t *testing.T) {
	name, in := cmp.Or(os.Getenv("HDMNET_TEST_DEVICE"), "cpu"), op.FP32
	if text := os.Getenv("HDMNET_TEST_PRECISION"); text != "" {
		var err error
		if in, err = op.ParsePrecision(text); err != nil {
			t.Fatal(err)
		}
	}
	dev, _, err := device.Open(name, in)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := dev.Close(); err != nil {
			t.Error(err)
		}
	}()
	checkGolden(t, dev, bounds[in])
}

func TestCPUInBF16(t *testing.T) {
	for _, in := range []op.Precision{op.BF16, op.BF16X3} {
		dev, err := cpu.Open(in)
		if err != nil {
			t.Skip(err)
		}
		t.Run(in.String(), func(t *testing.T) { checkGolden(t, dev, bounds[in]) })
	}
}

// TestPublishedSizes compares whole encoders with what vit.py --full wrote to the folder
// HDMNET_VIT_FEATURES.
func TestPublishedSizes(t *testing.T) {
	folder := os.Getenv("HDMNET_VIT_FEATURES")
	if folder == "" {
		t.Skip("HDMNET_VIT_FEATURES names no folder: python3 testdata/golden/vit.py --full makes one")
	}
	dev, err := cpu.New()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(folder, "*.features.safetensors"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %d files, %v", folder, len(files), err)
	}
	for _, path := range files {
		parts := strings.Split(filepath.Base(path), ".")
		t.Run(strings.Join(parts[:3], " "), func(t *testing.T) {
			e, set, err := Load(dev, open(t, filepath.Join(folder, parts[0]+"."+parts[1]+".safetensors")))
			if err != nil {
				t.Fatal(err)
			}
			defer set.Close()
			var h, w int
			if _, err := fmt.Sscanf(parts[2], "%dx%d", &h, &w); err != nil {
				t.Fatal(err)
			}
			f := open(t, path)
			for i, m := range encode(t, dev, e, h, w) {
				want, _, err := f.Float32(fmt.Sprintf("block%d", thirds(e.Spec())[i]))
				if err != nil {
					t.Fatal(err)
				}
				off := golden.RelL2(m, want)
				t.Logf("block %d: relative error %.2g", thirds(e.Spec())[i], off)
				if off > 1e-5 {
					t.Errorf("block %d is off by %g, want at most 1e-5", thirds(e.Spec())[i], off)
				}
			}
		})
	}
}
