package data

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"testing"
)

// drawn is a source of one-row masks.
type drawn [][]uint8

func (d drawn) Len() int          { return len(d) }
func (d drawn) Name(i int) string { return fmt.Sprint("picture ", i) }
func (d drawn) Load(i int) (*Scene, error) {
	return &Scene{Name: d.Name(i), H: 1, W: len(d[i]), Image: make([]uint8, 3*len(d[i])), Mask: append([]uint8(nil), d[i]...)}, nil
}

// TestBuildGFSSIndex: fold 1 of PASCAL-5i, novel 6..10.
func TestBuildGFSSIndex(t *testing.T) {
	fold, err := PASCAL5i(1)
	if err != nil {
		t.Fatal(err)
	}
	src := drawn{
		{0, 1, 255},    // base only: any novel class is asked for
		{7, 7, 9, 0},   // novel only: one of these
		{0, 255},       // background only: left out
		{6, 20, 7},     // both: any
		{8, 10},        //
		{6}, {9}, {10}, // so that each class has two images
		{8, 0},
	}
	ix, err := BuildGFSSIndex(context.Background(), src, fold, IndexOptions{MinArea: 2048})
	if err != nil {
		t.Fatal(err)
	}
	all := []int{6, 7, 8, 9, 10}
	want := &Index{Fold: fold, Split: Val, MinArea: 1,
		Images:  []int{0, 1, 3, 4, 5, 6, 7, 8},
		Present: [][]int{all, {7, 9}, all, {8, 10}, {6}, {9}, {10}, {8}},
		ByClass: map[int][]int{6: {3, 5}, 7: {1, 3}, 8: {4, 8}, 9: {1, 6}, 10: {4, 7}},
	}
	if !reflect.DeepEqual(ix, want) {
		t.Errorf("index\ngot  %+v\nwant %+v", ix, want)
	}

	// A query that lacks the class it is asked for is an episode like any other.
	loader, err := NewLoader(LoaderOptions{Source: src, Index: ix, Stage: Meta, Size: 9, Shots: 1, Batch: 4, Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	defer loader.Close()
	b, err := loader.Next(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	e := b.Episodes[0]
	if e.Class < 6 || e.Class > 10 || !reflect.DeepEqual(e.Label, []uint8{0, 0, 255}) || !reflect.DeepEqual(e.FullBaseLabel, []uint8{0, 1, 255}) {
		t.Errorf("class %d, label %v, base label %v", e.Class, e.Label, e.FullBaseLabel)
	}
}

// TestGFSSDraws: with the release's drawer the episodes are those of BAM's GSemData.
func TestGFSSDraws(t *testing.T) {
	text, err := os.ReadFile("testdata/gfss_draws.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden map[string][][]any // [place in the list, class, [places of the supports]]
	if err := json.Unmarshal(text, &golden); err != nil {
		t.Fatal(err)
	}
	src := pascalMini(t)
	for key, episodes := range golden {
		var f, shots, workers int
		var seed uint64
		if _, err := fmt.Sscanf(key, "fold%d_shot%d_seed%d_workers%d", &f, &shots, &seed, &workers); err != nil {
			t.Fatal(err)
		}
		fold, err := PASCAL5i(f)
		if err != nil {
			t.Fatal(err)
		}
		ix, err := BuildGFSSIndex(context.Background(), src, fold, IndexOptions{})
		if err != nil {
			t.Fatal(err)
		}
		drawer := NewReleaseDrawer(ix, shots, seed, workers)
		for i, e := range episodes {
			d := drawer.Draw(0, i)
			got, want := fmt.Sprint(d.Query, d.Class, d.Supports), fmt.Sprint(e[0], e[1], e[2])
			if got != want {
				t.Fatalf("%s: episode %d is %s, want %s", key, i, got, want)
			}
		}
	}
	if len(golden) != 3 {
		t.Errorf("%d lists of episodes", len(golden))
	}
}
