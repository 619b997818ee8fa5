package golden

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"hdmnet/internal/weights"
)

// File is an open golden file. Every method fails the test at once where a tensor or
// a metadata key is missing or of another type.
type File struct {
	t testing.TB
	f *weights.File
}

// Load opens testdata/golden/name of the repository, from whatever package the test
// is in, and closes it when the test ends.
func Load(t testing.TB, name string) *File {
	t.Helper()
	f, err := weights.Open(Path(t, name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return &File{t, f}
}

// Path is the path of testdata/golden/name: the nearest directory above the test's
// that holds go.mod is the repository.
func Path(t testing.TB, name string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(dir, "testdata", "golden", name)
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("no go.mod above the test's directory: golden files are found from the repository's root")
		}
		dir = up
	}
}

// Names lists the tensors in file order.
func (f *File) Names() []string { return f.f.Names() }

// Has tells whether the file holds a tensor.
func (f *File) Has(name string) bool { return f.f.Dtype(name) != "" }

// Float32 returns a float tensor and its shape.
func (f *File) Float32(name string) ([]float32, []int) {
	f.t.Helper()
	return must(f.t, f.f.Float32, name)
}

// Uint8 returns a byte tensor and its shape.
func (f *File) Uint8(name string) ([]uint8, []int) {
	f.t.Helper()
	return must(f.t, f.f.Uint8, name)
}

// Mask returns a byte tensor as what is 1, which must be so in some places and not in all: others could not
// tell right from wrong.
func (f *File) Mask(name string) []bool {
	f.t.Helper()
	v, _ := f.Uint8(name)
	mask := make([]bool, len(v))
	for i := range v {
		mask[i] = v[i] == 1
	}
	if !slices.Contains(mask, true) || !slices.Contains(mask, false) {
		f.t.Errorf("%s: the stored values are all alike", name)
	}
	return mask
}

// Int64 returns an integer tensor and its shape.
func (f *File) Int64(name string) ([]int64, []int) {
	f.t.Helper()
	return must(f.t, f.f.Int64, name)
}

func must[T any](t testing.TB, read func(string) ([]T, []int, error), name string) ([]T, []int) {
	t.Helper()
	v, shape, err := read(name)
	if err != nil {
		t.Fatal(err)
	}
	return v, shape
}

// Meta returns a metadata value.
func (f *File) Meta(key string) string {
	f.t.Helper()
	v, ok := f.f.Metadata()[key]
	if !ok {
		f.t.Fatalf("%s has no metadata %q", f.f.Path(), key)
	}
	return v
}

// MetaInt returns a metadata value that is an integer.
func (f *File) MetaInt(key string) int {
	f.t.Helper()
	v, err := strconv.Atoi(f.Meta(key))
	if err != nil {
		f.t.Fatalf("%s: metadata %q: %v", f.f.Path(), key, err)
	}
	return v
}

// MetaFloat returns a metadata value that is a number.
func (f *File) MetaFloat(key string) float64 {
	f.t.Helper()
	v, err := strconv.ParseFloat(f.Meta(key), 64)
	if err != nil {
		f.t.Fatalf("%s: metadata %q: %v", f.f.Path(), key, err)
	}
	return v
}

// Classes is the number of outputs of the case's base learner: base classes plus
// background.
func (f *File) Classes() int {
	f.t.Helper()
	switch d := f.Meta("dataset"); d {
	case "pascal":
		return 16
	case "coco":
		return 61
	default:
		f.t.Fatalf("%s: unknown dataset %q", f.f.Path(), d)
		return 0
	}
}

// Parameter is one line of a state_dict_*.tsv file.
type Parameter struct {
	Name  string // as in the release's state_dict
	Shape []int  // PyTorch's; empty for a scalar
	Role  string // "frozen", "trainable" or "counter"
}

// StateDict reads testdata/golden/name, a list of the release's parameters.
func StateDict(t testing.TB, name string) []Parameter {
	t.Helper()
	path := Path(t, name)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var list []Parameter
	for i, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		fields := strings.Split(line, "\t")
		if len(fields) != 3 {
			t.Fatalf("%s:%d: %d fields, expected name, shape and role", path, i+1, len(fields))
		}
		p := Parameter{Name: fields[0], Role: fields[2]}
		if fields[1] != "scalar" {
			for _, d := range strings.Split(fields[1], "x") {
				n, err := strconv.Atoi(d)
				if err != nil {
					t.Fatalf("%s:%d: shape %q", path, i+1, fields[1])
				}
				p.Shape = append(p.Shape, n)
			}
		}
		list = append(list, p)
	}
	return list
}
