package weights

import (
	"os"
	"path/filepath"
	"testing"
)

// FuzzOpen: whatever the bytes, Open returns an error or a file whose every tensor
// can be read, with as many values as its shape says.
func FuzzOpen(f *testing.F) {
	good := filepath.Join(f.TempDir(), "good")
	if err := Save(good, []Tensor{
		{Name: "w", Shape: []int{2, 1}, Float32: []float32{1, 2}},
		{Name: "n", Shape: nil, Int64: []int64{3}},
		{Name: "m", Shape: []int{3}, Uint8: []uint8{0, 1, 255}},
	}, map[string]string{"k": "v"}); err != nil {
		f.Fatal(err)
	}
	b, err := os.ReadFile(good)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(b[:len(b)-1])
	f.Add(b[:20])
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(dir, "f.safetensors")
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
		file, err := Open(path)
		if err != nil {
			return
		}
		defer file.Close()
		for _, name := range file.Names() {
			shape, ok := file.Shape(name)
			if !ok {
				t.Fatalf("tensor %q is listed but has no shape", name)
			}
			want := 1
			for _, d := range shape {
				want *= d
			}
			n := want
			switch file.Dtype(name) {
			case "F32", "F64", "F16", "BF16":
				v, _, e := file.Float32(name)
				n, err = len(v), e
			case "I64", "I32", "I16", "I8":
				v, _, e := file.Int64(name)
				n, err = len(v), e
			case "U8", "BOOL":
				v, _, e := file.Uint8(name)
				n, err = len(v), e
			}
			if err != nil || n != want {
				t.Fatalf("tensor %q: %d values for shape %v, error %v", name, n, shape, err)
			}
		}
	})
}
