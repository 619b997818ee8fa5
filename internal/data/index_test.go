package data

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// masks is a source of masks given as class → pixels.
type masks []map[int]int

func (m masks) Len() int          { return len(m) }
func (m masks) Name(i int) string { return fmt.Sprint("picture ", i) }

func (m masks) Load(i int) (*Scene, error) {
	if m[i] == nil {
		return nil, fmt.Errorf("%s: damaged", m.Name(i))
	}
	s := &Scene{Name: m.Name(i), H: 10, W: 10, Image: make([]uint8, 300), Mask: make([]uint8, 100)}
	at := 0
	for c := range 256 { // ascending
		for range m[i][c] {
			s.Mask[at] = uint8(c)
			at++
		}
	}
	return s, nil
}

func fold0(t testing.TB) Fold {
	f, err := PASCAL5i(0) // novel 1..5
	if err != nil {
		t.Fatal(err)
	}
	return f
}

var sample = masks{
	0: {6: 20, 7: 3, 255: 9},  // base large and small
	1: {6: 20, 1: 1},          // one pixel of a novel class
	2: {7: 9},                 // base, too small
	3: {1: 30, 2: 5, 6: 20},   // novel large and small, base
	4: {},                     // background
	5: {7: 10, 6: 10},         // both exactly at the limit
	6: {2: 10},                // novel
	7: {255: 50},              // nothing that counts
	8: {1: 40, 20: 11},        // novel and base
	9: {6: 12, 200: 1, 20: 1}, // a class of no fold
}

func TestBuildIndex(t *testing.T) {
	for name, c := range map[string]struct {
		opt     IndexOptions
		images  []int
		present [][]int
		byClass map[int][]int
	}{
		"train": {IndexOptions{Split: Train, MinArea: 10, FilterIntersection: true},
			[]int{0, 5}, [][]int{{6, 7}, {6, 7}}, map[int][]int{6: {0, 5}, 7: {5}}},
		"train, unfiltered": {IndexOptions{Split: Train, MinArea: 10},
			[]int{0, 1, 3, 5, 8, 9}, [][]int{{6, 7}, {6}, {6}, {6, 7}, {20}, {6, 20}},
			map[int][]int{6: {0, 1, 3, 5, 9}, 7: {5}, 20: {8}}},
		"val": {IndexOptions{Split: Val, MinArea: 10, FilterIntersection: true},
			[]int{3, 6, 8}, [][]int{{1, 2}, {2}, {1}}, map[int][]int{1: {3, 8}, 2: {6}}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, workers := range []int{1, 4} {
				c.opt.Workers = workers
				calls := 0
				c.opt.Progress = func(done, total int) {
					if calls++; done != calls || total != len(sample) {
						t.Errorf("progress %d of %d at call %d", done, total, calls)
					}
				}
				ix, err := BuildIndex(context.Background(), sample, fold0(t), c.opt)
				if err != nil {
					t.Fatal(err)
				}
				if calls != len(sample) {
					t.Errorf("progress was called %d times", calls)
				}
				if !slices.Equal(ix.Images, c.images) || !reflect.DeepEqual(ix.Present, c.present) {
					t.Errorf("images %v present %v, want %v %v", ix.Images, ix.Present, c.images, c.present)
				}
				for _, class := range ix.Fold.Classes(c.opt.Split) {
					got, listed := ix.ByClass[class]
					if !listed || !slices.Equal(got, c.byClass[class]) {
						t.Errorf("class %d: images %v (listed %v), want %v", class, got, listed, c.byClass[class])
					}
				}
			}
		})
	}
}

func TestBuildIndexErrors(t *testing.T) {
	bad := slices.Clone(sample)
	bad[3], bad[7] = nil, nil
	for _, workers := range []int{1, 4} {
		_, err := BuildIndex(context.Background(), bad, fold0(t), IndexOptions{MinArea: 10, Workers: workers})
		if err == nil || err.Error() != "picture 3: damaged" {
			t.Errorf("%d workers: error %v, want the first damaged picture", workers, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := BuildIndex(ctx, sample, fold0(t), IndexOptions{MinArea: 10}); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: error %v", err)
	}
}

func TestCheckNamesAllScarceClasses(t *testing.T) {
	ix, err := BuildIndex(context.Background(), sample, fold0(t), IndexOptions{Split: Val, MinArea: 10})
	if err != nil {
		t.Fatal(err)
	}
	err = ix.Check(1)
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"fold 0", "val", "1-shot", "need 2", "class 2 (bicycle) has 1", "class 3 (bird) has 0", "class 5 (bottle) has 0", "fewer shots"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in: %v", want, err)
		}
	}
	if strings.Contains(err.Error(), "aeroplane") {
		t.Errorf("a class with enough images is named: %v", err)
	}

	rest, gone := ix.WithoutScarce(1)
	if !slices.Equal(gone, []int{2, 3, 4, 5}) || !slices.Equal(rest.Images, []int{3, 8}) || !reflect.DeepEqual(rest.Present, [][]int{{1}, {1}}) {
		t.Errorf("left out %v; images %v, present %v", gone, rest.Images, rest.Present)
	}
	if err := rest.Check(1); err != nil {
		t.Error(err)
	}
	if same, gone := rest.WithoutScarce(1); same != rest || gone != nil {
		t.Errorf("a second time leaves out %v", gone)
	}
	if none, _ := ix.WithoutScarce(5); none.Check(1) == nil || !strings.Contains(none.Check(1).Error(), "no image shows") {
		t.Errorf("empty index: error %v", none.Check(1))
	}
}
