package results

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestScore(t *testing.T) {
	var e Episode
	e.Score([]uint8{1, 1, 0, 0, 1, 0}, []uint8{1, 0, 1, 0, 255, 0}, []float32{1, 0.55, 0.45, 0.05, 0.9, 0})
	if e.Intersection != 1 || e.Union != 3 || e.BackgroundIntersection != 2 || e.BackgroundUnion != 4 || e.IoU() != 1.0/3 {
		t.Errorf("%+v", e)
	}
	pixels := int64(0)
	for _, b := range e.Probability {
		pixels += b.Pixels
	}
	if pixels != 5 || e.Probability[9] != (Bin{1, 1, 1}) || e.Probability[4].Object != 1 || e.Probability[0].Pixels != 2 {
		t.Errorf("%+v", e.Probability)
	}
	if (&Episode{}).IoU() != 0 {
		t.Error("no pixels")
	}
}

func TestThereAndBack(t *testing.T) {
	f := &File{Header: Header{Dataset: "shapes5i", Fold: 2, Shots: 5}, Episodes: []Episode{
		{Seed: 7, Query: "a", Supports: []string{"b", "c"}, Class: "disc", Intersection: 3, Union: 4, Picture: []byte{1, 2, 255}},
		{Seed: 7, Position: 1, Query: "d", Supports: []string{"e", "f"}, Class: "ring"},
	}}
	var b bytes.Buffer
	if err := f.Write(&b); err != nil {
		t.Fatal(err)
	}
	if first, _, _ := strings.Cut(b.String(), "\n"); !strings.HasPrefix(first, `{"format":"hdmnet-results-1","dataset":"shapes5i","fold":2,"shots":5,`) {
		t.Errorf("first line %s", first)
	}
	path := filepath.Join(t.TempDir(), "results.jsonl")
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	write(b.String())
	got, err := Read(path)
	if err != nil || !reflect.DeepEqual(got, f) {
		t.Errorf("%v: %+v, want %+v", err, got, f)
	}
	write(b.String()[:b.Len()-9])
	if _, err := Read(path); err == nil || !strings.Contains(err.Error(), "line 3") {
		t.Error(err)
	}
	write(`{"kind":"step"}` + "\n")
	if _, err := Read(path); err == nil || !strings.Contains(err.Error(), "no file of results") {
		t.Error(err)
	}
}
