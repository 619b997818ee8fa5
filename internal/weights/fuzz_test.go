package weights

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
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
		if file, err := Open(path); err == nil {
			defer file.Close()
			readAll(t, file)
		}
	})
}

// FuzzTorch: the same for files of torch.save. The bytes are a pickle, which is put into
// an archive with one storage, or a whole file.
func FuzzTorch(f *testing.F) {
	files, err := filepath.Glob(filepath.Join("testdata", "torch", "*.pth"))
	if err != nil || len(files) == 0 {
		f.Fatal("no files", err)
	}
	for _, path := range files {
		b, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		if z, err := zip.NewReader(bytes.NewReader(b), int64(len(b))); err == nil {
			for _, e := range z.File {
				if strings.HasSuffix(e.Name, "data.pkl") {
					r, err := e.Open()
					if err != nil {
						f.Fatal(err)
					}
					pickle, err := io.ReadAll(r)
					if err != nil {
						f.Fatal(err)
					}
					f.Add(pickle)
				}
			}
		}
	}
	f.Add([]byte(onePickle("K\x02", "K\x00", "K\x02\x85", "K\x01\x85")))
	path := filepath.Join(f.TempDir(), "f.pth")
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, content := range [][]byte{b, archive(t, string(b))} {
			if err := os.WriteFile(path, content, 0o644); err != nil {
				t.Fatal(err)
			}
			file, err := Open(path)
			if err != nil {
				var format *FormatError
				if !errors.As(err, &format) {
					t.Fatalf("%v is no *FormatError", err)
				}
				continue
			}
			readAll(t, file)
			file.Close()
		}
	})
}

// readAll reads every tensor: as many values as the shape says, or, of a compressed
// archive that does not keep what it promises, an error.
func readAll(t *testing.T, file *File) {
	for _, name := range file.Names() {
		shape, ok := file.Shape(name)
		if !ok {
			t.Fatalf("tensor %q is listed but has no shape", name)
		}
		want := 1
		for _, d := range shape {
			want *= d
		}
		n, err := want, error(nil)
		switch file.Dtype(name) {
		case "F32", "F64", "F16", "BF16":
			var v []float32
			v, _, err = file.Float32(name)
			n = len(v)
		case "I64", "I32", "I16", "I8", "U32", "U16":
			var v []int64
			v, _, err = file.Int64(name)
			n = len(v)
		case "U8", "BOOL":
			var v []uint8
			v, _, err = file.Uint8(name)
			n = len(v)
		}
		if err == nil && n != want || err != nil && file.Format() != TorchZip {
			t.Fatalf("tensor %q: %d values for shape %v, error %v", name, n, shape, err)
		}
	}
}
