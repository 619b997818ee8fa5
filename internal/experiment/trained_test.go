package experiment

import (
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hdmnet/internal/data"
	"hdmnet/internal/model"
)

// TestSettleCustom: whether a custom set is the one that a network was trained on.
func TestSettleCustom(t *testing.T) {
	root := t.TempDir()
	write(t, filepath.Join(root, "classes.txt"), []byte("cup\nspoon\nfork\nknife\n"))
	c := load(t, "custom_resnet50", "dataset.root="+root, "dataset.folds=2")
	own := []string{"fork", "knife"} // of fold 0
	for _, s := range []struct {
		what    string
		trained Trained
		wanted  int
		fold    int // settled
		novel   []int
		base    int
		fails   string
	}{
		{"this set, by names", Trained{Fold: 0, dataset: "custom", baseNames: own, baseClasses: 3}, -1, 0, []int{1, 2}, 2, ""},
		{"this set as shapes5i in memory", Trained{Fold: 0, dataset: "shapes5i", baseNames: own, baseClasses: 3}, -1, 0, []int{1, 2}, 2, ""},
		{"the other fold of this set", Trained{Fold: 0, dataset: "custom", baseNames: own, baseClasses: 3}, 1, 0, nil, 0, "trained for fold 0"},
		{"another custom set", Trained{Fold: 0, dataset: "custom", baseNames: []string{"cat", "dog"}, baseClasses: 3}, -1, -1, []int{1, 2, 3, 4}, 0, ""},
		{"a custom set with more folds", Trained{Fold: 3, dataset: "custom", baseClasses: 3}, -1, -1, []int{1, 2, 3, 4}, 0, ""},
		{"PASCAL", Trained{Fold: 1, dataset: "pascal5i", baseClasses: 16}, -1, -1, []int{1, 2, 3, 4}, 0, ""},
		{"PASCAL, the set's fold 1", Trained{Fold: 0, dataset: "pascal5i", baseClasses: 16}, 1, 1, []int{3, 4}, 0, ""},
		{"PASCAL, a fold that is not there", Trained{Fold: 0, dataset: "pascal5i", baseClasses: 16}, 2, 0, nil, 0, "fold 2 of the custom set does not exist"},
		{"unknown, other classes", Trained{Fold: -1, baseClasses: 16}, -1, -1, []int{1, 2, 3, 4}, 0, ""},
		{"unknown, as many classes", Trained{Fold: -1, baseClasses: 3}, -1, 0, nil, 0, "--classes FILE where all classes are new"},
		{"unknown, as many classes, new", Trained{Fold: -1, baseClasses: 3, newClasses: true}, -1, -1, []int{1, 2, 3, 4}, 0, ""},
		{"unknown, as many classes, a fold", Trained{Fold: -1, baseClasses: 3}, 1, 1, []int{3, 4}, 2, ""},
	} {
		s.trained.Config = c
		err := s.trained.Settle(s.wanted, Monitor{})
		if s.fails != "" {
			mistake := new(SettingError)
			if !errors.As(err, &mistake) || !strings.Contains(err.Error(), s.fails) {
				t.Errorf("%s: %v, want %q", s.what, err, s.fails)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", s.what, err)
			continue
		}
		set, err := s.trained.Open()
		if err != nil || s.trained.Fold != s.fold || !slices.Equal(set.Fold.Novel, s.novel) || len(set.Fold.Base) != s.base || s.trained.Own() != (s.base == 0) || set.Fold.ClassCount() != 4 {
			t.Errorf("%s: fold %d, %+v, %v", s.what, s.trained.Fold, set.Fold, err)
		}
	}
}

// TestTrainedOn: what training writes is what OpenTrained reads.
func TestTrainedOn(t *testing.T) {
	fold, err := data.COCO20i(1, "panet")
	if err != nil {
		t.Fatal(err)
	}
	c := load(t, "coco20i_resnet50", "dataset.fold_scheme=panet")
	about := TrainedOn(&c.Dataset, fold)
	got := &Trained{Fold: -1}
	if err := got.history(about); err != nil || got.Fold != 1 || got.dataset != "coco20i" || got.scheme != "panet" || !slices.Equal(got.baseNames, baseNames(fold)) || len(got.baseNames) != 60 {
		t.Errorf("%+v, %v", got, err)
	}
	bad := maps.Clone(about)
	bad["fold"] = "-1"
	if err := got.history(bad); err == nil || !strings.Contains(err.Error(), `fold "-1"`) {
		t.Errorf("fold -1: %v", err)
	}
}

func TestUsualConfig(t *testing.T) {
	for _, c := range []struct {
		dataset, backbone string
		classes           int
		want              string
	}{
		{"", "resnet50", 16, "pascal5i_resnet50"}, {"", "vgg16", 61, "coco20i_vgg16"}, {"coco20i", "resnet101", 61, "coco20i_resnet101"},
		{"custom", "resnet50", 7, "custom_resnet50"}, {"custom", "tiny", 7, ""},
	} {
		if got := usualConfig(c.dataset, model.Layout{Backbone: c.backbone, BaseClasses: c.classes}); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

// TestUsable: classes with too few pictures leave a custom set with a warning; a data set of
// the field must have all.
func TestUsable(t *testing.T) {
	names := []string{"background", "cup", "spoon", "fork"}
	index := &data.Index{Fold: data.NewClasses(names), Split: data.Val, MinArea: 5, Images: []int{0, 1, 2}, Present: [][]int{{1}, {1, 2}, {2}},
		ByClass: map[int][]int{1: {0, 1}, 2: {1}, 3: {}}}
	var warned []string
	m := Monitor{Warn: func(text string) { warned = append(warned, text) }}
	d := &Dataset{Fold: index.Fold, c: &load(t, "custom_resnet50").Dataset}
	rest, err := d.Usable(index, 1, m)
	if err != nil || !slices.Equal(rest.Images, []int{0, 1}) || len(rest.ByClass) != 1 || len(warned) != 1 || !strings.Contains(warned[0], "the score leaves out the classes that have fewer: spoon (1), fork (0)") {
		t.Errorf("%+v, %v, %q", rest, err, warned)
	}
	if _, err := d.Usable(index, 2, m); err == nil || !strings.Contains(err.Error(), "all classes, val: too few images for 2-shot") {
		t.Errorf("no class left: %v", err)
	}
	d.c = &load(t, "pascal5i_resnet50").Dataset
	if _, err := d.Usable(index, 1, m); err == nil || !strings.Contains(err.Error(), "class 2 (spoon) has 1") {
		t.Errorf("PASCAL: %v", err)
	}
}
