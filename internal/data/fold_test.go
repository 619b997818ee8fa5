package data

import (
	"slices"
	"strings"
	"testing"
)

func TestFolds(t *testing.T) {
	type maker func(f int) (Fold, error)
	coco := func(split string) maker {
		return func(f int) (Fold, error) { return COCO20i(f, split) }
	}
	for name, c := range map[string]struct {
		make    maker
		classes int
		novel1  []int // first novel classes of fold 1
	}{
		"pascal":     {PASCAL5i, 20, []int{6, 7, 8, 9, 10}},
		"shapes":     {Shapes5i, 20, []int{6, 7, 8, 9, 10}},
		"coco fwb":   {coco("fwb"), 80, []int{2, 6, 10}},
		"coco panet": {coco("panet"), 80, []int{21, 22, 23}},
	} {
		t.Run(name, func(t *testing.T) {
			var all []int
			for f := range 4 {
				fold, err := c.make(f)
				if err != nil {
					t.Fatal(err)
				}
				if fold.Index != f || len(fold.Novel) != c.classes/4 || len(fold.Base) != c.classes*3/4 {
					t.Fatalf("fold %d: %+v", f, fold)
				}
				if !slices.IsSorted(fold.Novel) || !slices.IsSorted(fold.Base) {
					t.Fatalf("fold %d is not ascending", f)
				}
				for _, n := range fold.Novel {
					if slices.Contains(fold.Base, n) {
						t.Fatalf("fold %d: class %d is both novel and base", f, n)
					}
				}
				if f == 1 && !slices.Equal(fold.Novel[:len(c.novel1)], c.novel1) {
					t.Fatalf("novel classes of fold 1: %v", fold.Novel)
				}
				all = append(all, fold.Novel...)
			}
			slices.Sort(all)
			if all = slices.Compact(all); len(all) != c.classes || all[0] != 1 || all[len(all)-1] != c.classes {
				t.Fatalf("the folds' novel classes are %v", all)
			}
			for _, f := range []int{-1, 4} {
				if _, err := c.make(f); err == nil || !strings.Contains(err.Error(), "choose 0, 1, 2 or 3") {
					t.Fatalf("fold %d: error %v", f, err)
				}
			}
		})
	}
	if _, err := COCO20i(0, "random"); err == nil || !strings.Contains(err.Error(), `"fwb"`) {
		t.Fatalf("unknown split: error %v", err)
	}
	if f, _ := COCO20i(3, "fwb"); f.Novel[19] != 80 {
		t.Fatalf("last novel class of COCO fold 3 is %d", f.Novel[19])
	}
}

func TestClassNames(t *testing.T) {
	for name, c := range map[string]struct {
		count int
		at    map[int]string
	}{
		"pascal":   {21, map[int]string{0: "background", 1: "aeroplane", 16: "pottedplant", 20: "tvmonitor"}},
		"coco":     {81, map[int]string{1: "person", 12: "stop sign", 44: "knife", 60: "bed", 80: "toothbrush"}},
		"shapes5i": {21, map[int]string{0: "background", 1: "rimmed disc", 7: "checkered triangle"}},
	} {
		names := ClassNames(name)
		if len(names) != c.count {
			t.Errorf("%s has %d names, want %d", name, len(names), c.count)
			continue
		}
		for i, want := range c.at {
			if names[i] != want {
				t.Errorf("%s class %d is %q, want %q", name, i, names[i], want)
			}
		}
		sorted := slices.Sorted(slices.Values(names))
		if len(slices.Compact(sorted)) != c.count {
			t.Errorf("%s has a name twice", name)
		}
	}
	if ClassNames("imagenet") != nil {
		t.Error("an unknown data set has names")
	}
	if got := (Fold{Dataset: "mine"}).ClassName(3); got != "class 3" {
		t.Errorf("class without a name is called %q", got)
	}
}

func TestBaseAndEpisodeLabels(t *testing.T) {
	f, err := PASCAL5i(1) // novel 6..10
	if err != nil {
		t.Fatal(err)
	}
	mask := []uint8{0, 1, 5, 6, 10, 11, 20, 21, 255}
	got := make([]uint8, len(mask))
	f.baseRemap().apply(got, mask)
	if want := []uint8{0, 1, 5, 0, 0, 6, 15, 0, 255}; !slices.Equal(got, want) {
		t.Errorf("base label %v, want %v", got, want)
	}
	classRemap(10).apply(got, mask)
	if want := []uint8{0, 0, 0, 0, 1, 0, 0, 0, 255}; !slices.Equal(got, want) {
		t.Errorf("episode label %v, want %v", got, want)
	}
	if f.classIndex(Val, 10) != 4 || f.classIndex(Train, 11) != 5 || f.classIndex(Train, 10) != -1 {
		t.Errorf("cat %d %d %d, want 4 5 -1", f.classIndex(Val, 10), f.classIndex(Train, 11), f.classIndex(Train, 10))
	}
}
