package matfile

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// defaultLimit suits a file of annotations: 256 MiB.
const defaultLimit = 256 << 20

// golden is what scipy reads: see testdata/make.py.
type golden struct {
	Skipped  bool
	Dims     []int
	DType    string
	Real     []string
	Imag     []string
	Text     []string
	Cells    []*golden
	Fields   []string
	Elements [][]*golden
	Class    string
}

func readGolden(t *testing.T) map[string]map[string]*golden {
	t.Helper()
	content, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]map[string]*golden
	if err := json.Unmarshal(content, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestReadsWhatScipyReads(t *testing.T) {
	for file, want := range readGolden(t) {
		all, err := Read(filepath.Join("testdata", file), defaultLimit)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if len(all) != len(want) || len(all) < 1 {
			t.Errorf("%s: %d variables, scipy reads %d", file, len(all), len(want))
		}
		for _, a := range all {
			if w, ok := want[a.Name]; !ok {
				t.Errorf("%s: scipy reads no %q", file, a.Name)
			} else {
				same(t, file+" "+a.Name, a, w)
			}
		}
	}
}

func same(t *testing.T, at string, a *Array, want *golden) {
	t.Helper()
	if want.Dims != nil && !slices.Equal(a.Dims, want.Dims) {
		t.Errorf("%s: dimensions %v, want %v", at, a.Dims, want.Dims)
	}
	if !slices.Equal(a.Text, want.Text) && len(a.Text)+len(strings.Join(want.Text, "")) > 0 {
		t.Errorf("%s: text %q, want %q", at, a.Text, want.Text)
	}
	if want.Skipped {
		if a.Class != Sparse && a.Class != Function && a.Class != Opaque {
			t.Errorf("%s: class %v, want one that is skipped", at, a.Class)
		}
		return
	}
	if got := fmt.Sprintf("%T", a.Real); want.DType != "" && got != "[]"+want.DType {
		t.Errorf("%s: numbers %s, want %s", at, got, want.DType)
	}
	sameNumbers(t, at, a.Real, want.Real)
	sameNumbers(t, at+" (imaginary)", a.Imag, want.Imag)
	if len(a.Cells) != len(want.Cells) || len(a.Elements) != len(want.Elements) || !slices.Equal(a.Fields, want.Fields) || a.ClassName != want.Class {
		t.Errorf("%s: %d cells, %d elements of %q (%q), want %d, %d of %q (%q)", at, len(a.Cells), len(a.Elements), a.Fields, a.ClassName,
			len(want.Cells), len(want.Elements), want.Fields, want.Class)
		return
	}
	for i, c := range want.Cells {
		same(t, fmt.Sprintf("%s{%d}", at, i+1), a.Cells[i], c)
	}
	for i, values := range want.Elements {
		for k, v := range values {
			same(t, fmt.Sprintf("%s(%d).%s", at, i+1, a.Fields[k]), a.Elements[i][k], v)
		}
	}
}

func sameNumbers(t *testing.T, at string, got any, want []string) {
	t.Helper()
	n := 0
	v := reflect.ValueOf(got)
	if got != nil {
		n = v.Len()
	}
	if n != len(want) {
		t.Errorf("%s: %d numbers, want %d", at, n, len(want))
		return
	}
	for i, w := range want {
		x := reflect.New(v.Type().Elem())
		if _, err := fmt.Sscan(w, x.Interface()); err != nil {
			t.Fatalf("%s: %q: %v", at, w, err)
		}
		if g := v.Index(i).Interface(); g != x.Elem().Interface() {
			t.Errorf("%s: number %d is %v, want %s", at, i, g, w)
		}
	}
}
