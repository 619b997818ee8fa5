package weights

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func someTensors() []Tensor {
	long := make([]float32, readChunk+3)
	steps := make([]int64, readChunk+1)
	for i := range long {
		long[i] = float32(i) / 7
	}
	for i := range steps {
		steps[i] = int64(i) - 5
	}
	return []Tensor{
		{Name: "mask", Shape: []int{3}, Uint8: []uint8{0, 1, 255}},
		{Name: "layer0.0.weight", Shape: []int{1, len(long)}, Float32: long},
		{Name: "step", Shape: nil, Int64: []int64{-9}},
		{Name: "steps", Shape: []int{len(steps)}, Int64: steps},
		{Name: `a<b>"é"`, Shape: []int{2, 0}, Float32: []float32{}},
		{Name: "nan", Shape: []int{2}, Float32: []float32{float32(math.NaN()), float32(math.Inf(1))}},
	}
}

func TestSaveRoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.safetensors")
	want := someTensors()
	meta := map[string]string{"z": "1", "a": "<&>"}
	if err := Save(path, want, meta); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, e := range f.tensors {
		if e.at%dtypeSize[e.dtype] != 0 {
			t.Errorf("tensor %q starts at %d, not aligned for %s", e.name, e.at, e.dtype)
		}
	}
	if got := f.Metadata(); len(got) != 2 || got["z"] != "1" || got["a"] != "<&>" {
		t.Errorf("metadata %v", got)
	}
	if len(f.Names()) != len(want) {
		t.Errorf("names %v", f.Names())
	}
	for _, w := range want {
		shape, ok := f.Shape(w.Name)
		if !ok || !slices.Equal(shape, w.Shape) {
			t.Errorf("%s: shape %v, want %v", w.Name, shape, w.Shape)
		}
		switch {
		case w.Float32 != nil:
			got, _, err := f.Float32(w.Name)
			if err != nil || len(got) != len(w.Float32) {
				t.Fatalf("%s: %v", w.Name, err)
			}
			for i := range got {
				if math.Float32bits(got[i]) != math.Float32bits(w.Float32[i]) {
					t.Fatalf("%s[%d] = %v, want %v", w.Name, i, got[i], w.Float32[i])
				}
			}
		case w.Int64 != nil:
			if got, _, err := f.Int64(w.Name); err != nil || !slices.Equal(got, w.Int64) {
				t.Errorf("%s differs: %v", w.Name, err)
			}
		default:
			if got, _, err := f.Uint8(w.Name); err != nil || !slices.Equal(got, w.Uint8) {
				t.Errorf("%s differs: %v", w.Name, err)
			}
		}
	}
}

func TestSaveIsDeterministic(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	tensors := someTensors()
	meta := map[string]string{"z": "1", "a": "2", "m": "3"}
	if err := Save(a, tensors, meta); err != nil {
		t.Fatal(err)
	}
	slices.Reverse(tensors)
	if err := Save(b, tensors, meta); err != nil {
		t.Fatal(err)
	}
	ba, _ := os.ReadFile(a)
	bb, _ := os.ReadFile(b)
	if len(ba) == 0 || !bytes.Equal(ba, bb) {
		t.Error("the order of the tensors changes the file")
	}
}

func TestSaveExactBytes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	err := Save(path, []Tensor{{Name: "w", Shape: []int{1}, Float32: []float32{1}}}, map[string]string{"v": "1"})
	if err != nil {
		t.Fatal(err)
	}
	header := `{"__metadata__":{"crc32c":"564b0524","v":"1"},"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`
	header += strings.Repeat(" ", (8-len(header)%8)%8)
	want := append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...)
	want = append(want, 0, 0, 0x80, 0x3f)
	if got, _ := os.ReadFile(path); !bytes.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestSaveRejects(t *testing.T) {
	x := []float32{1, 2}
	for what, c := range map[string]struct {
		tensors []Tensor
		want    string
	}{
		"twice":    {[]Tensor{{Name: "w", Shape: []int{2}, Float32: x}, {Name: "w", Shape: []int{2}, Float32: x}}, `"w"`},
		"shape":    {[]Tensor{{Name: "w", Shape: []int{3}, Float32: x}}, "3 elements, but 2 values"},
		"none":     {[]Tensor{{Name: "w", Shape: []int{2}}}, "0 data slices"},
		"both":     {[]Tensor{{Name: "w", Shape: []int{2}, Float32: x, Uint8: []uint8{1, 2}}}, "2 data slices"},
		"name":     {[]Tensor{{Name: "__metadata__", Shape: []int{2}, Float32: x}}, "not a tensor name"},
		"utf8":     {[]Tensor{{Name: "\xff", Shape: []int{2}, Float32: x}}, "not a tensor name"},
		"negative": {[]Tensor{{Name: "w", Shape: []int{-1, -2}, Float32: x}}, "negative dimension"},
	} {
		path := filepath.Join(t.TempDir(), "out")
		if err := Save(path, c.tensors, nil); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error %v should name the file and say %q", what, err, c.want)
		}
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: a file was left behind", what)
		}
	}
}
