package demo

import (
	"bytes"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"hdmnet/internal/weights"
)

// TestPack: a weight comes back within half a step of its row's scale, all else as it was,
// and what was packed packs to the same bytes again.
func TestPack(t *testing.T) {
	dir := t.TempDir()
	from, packed, to := filepath.Join(dir, "a.safetensors"), filepath.Join(dir, "a.q8"), filepath.Join(dir, "b.safetensors")
	w := make([]float32, 4*50)
	for i := range w {
		w[i] = float32(math.Sin(float64(i*i))) * []float32{1, 0, 1e-6, 300}[i/50]
	}
	all := []weights.Tensor{{Name: "w", Shape: []int{4, 5, 10}, Float32: w}, {Name: "b", Shape: []int{2}, Float32: []float32{0.1, -7}},
		{Name: "n", Int64: []int64{1 << 40}}}
	if err := weights.Save(from, all, map[string]string{"fold": "0"}); err != nil {
		t.Fatal(err)
	}
	if err := Pack(from, packed); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(packed)
	if err != nil {
		t.Fatal(err)
	}
	if err := unpack(content, to); err != nil {
		t.Fatal(err)
	}
	f, err := weights.Open(to)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got, shape, err := f.Float32("w")
	if err != nil || !slices.Equal(shape, []int{4, 5, 10}) {
		t.Fatal(shape, err)
	}
	for o := range 4 {
		row, back := w[o*50:][:50], got[o*50:][:50]
		most := max(slices.Max(row), -slices.Min(row))
		for i := range row {
			if d := math.Abs(float64(row[i] - back[i])); d > float64(most)/254*1.0001 {
				t.Errorf("row %d: %v came back as %v, more than half of a step of %v", o, row[i], back[i], most/127)
			}
		}
	}
	if b, _, err := f.Float32("b"); err != nil || !slices.Equal(b, all[1].Float32) {
		t.Error(b, err)
	}
	if n, _, err := f.Int64("n"); err != nil || n[0] != 1<<40 || f.Metadata()["fold"] != "0" {
		t.Error(n, f.Metadata(), err)
	}
	if len(f.Names()) != 3 {
		t.Errorf("it holds %v", f.Names())
	}
	again := filepath.Join(dir, "again.q8")
	if err := Pack(to, again); err != nil {
		t.Fatal(err)
	}
	if second, err := os.ReadFile(again); err != nil || !bytes.Equal(content, second) {
		t.Error("packed again it differs", err)
	}
	w[7] = float32(math.Inf(1))
	if err := weights.Save(from, all, nil); err != nil {
		t.Fatal(err)
	}
	if Pack(from, packed) == nil {
		t.Error("an infinite weight was packed")
	}
	if unpack(content[:len(content)/2], to) == nil {
		t.Error("half a file was unpacked")
	}
}

func TestWithWeights(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	var at string
	err := WithWeights(func(path string, read func()) error {
		at = path
		f, err := weights.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		if m := f.Metadata(); m["dataset"] != Config || m["fold"] != "0" {
			t.Errorf("metadata %v", m)
		}
		if runtime.GOOS == "windows" {
			return nil
		}
		read()
		if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) > 0 {
			t.Errorf("once it was read there is still %v, %v", left, err)
		}
		weight := slices.IndexFunc(f.Names(), func(name string) bool { return f.Dtype(name) == "F32" })
		if _, _, err := f.Float32(f.Names()[weight]); err != nil {
			t.Errorf("what is open cannot be read any more: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(at); !os.IsNotExist(err) {
		t.Errorf("%s is still there", at)
	}
}

func TestSamples(t *testing.T) {
	all, class, err := Samples()
	if err != nil || len(all) != 3 || class != "checkered square" {
		t.Fatal(len(all), class, err)
	}
	for i, s := range all {
		img, err := png.DecodeConfig(bytes.NewReader(s.PNG))
		if err != nil || img.Width != sampleSize || img.Height != sampleSize {
			t.Errorf("%s: %+v %v", s.Name, img, err)
		}
		if (s.Object != nil) != (i == 0) {
			t.Errorf("%s: %d corners", s.Name, len(s.Object))
		}
	}
	if n := len(all[0].Object); n < 4 || n > 40 {
		t.Errorf("the object has %d corners", n)
	}
}
