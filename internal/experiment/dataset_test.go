package experiment

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hdmnet/internal/config"
	"hdmnet/internal/data"
	"hdmnet/internal/dist"
	"hdmnet/internal/model"
)

func load(t *testing.T, configuration string, set ...string) *config.Config {
	t.Helper()
	c, err := config.Load(config.Options{Config: configuration, Set: set})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o666); err != nil {
		t.Fatal(err)
	}
}

// gray writes a PNG of w×h whose left half has a value.
func gray(t *testing.T, path string, w, h int, value uint8) {
	t.Helper()
	m := image.NewGray(image.Rect(0, 0, w, h))
	for i := range m.Pix {
		if i%w < w/2 {
			m.Pix[i] = value
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	write(t, path, b.Bytes())
}

// pairs writes pictures a.png, b.png, … with masks of class 1 and their list.
func pairs(t *testing.T, root, list string, n int) {
	t.Helper()
	var lines strings.Builder
	for i := range n {
		name := string(rune('a' + i))
		gray(t, filepath.Join(root, name+".png"), 8, 6, 200)
		gray(t, filepath.Join(root, name+"_mask.png"), 8, 6, 1)
		fmt.Fprintf(&lines, "%s.png %[1]s_mask.png\n", name)
	}
	write(t, filepath.Join(root, list), []byte(lines.String()))
}

// TestRegistry: every data set that the settings may name is there, with folds that split
// its classes.
func TestRegistry(t *testing.T) {
	classes := filepath.Join(t.TempDir(), "classes.txt")
	write(t, classes, []byte("cat\ndog\ncow\nowl\n"))
	for name, want := range map[string]struct {
		classes, episodes int
		published, memory bool
	}{
		"shapes5i": {20, 1000, false, true}, "pascal5i": {20, 1000, true, false}, "coco20i": {80, 10000, true, false}, "custom": {4, 1000, false, false},
	} {
		c := &load(t, "shapes5i", "dataset.name="+name, "dataset.classes="+classes).Dataset
		n, err := Folds(c)
		if err != nil || n != 4 {
			t.Fatalf("%s: %d folds, %v", name, n, err)
		}
		for f := range n {
			d, err := Open(c, f)
			if err != nil {
				t.Fatal(err)
			}
			if all := len(d.Fold.Base) + len(d.Fold.Novel); all != want.classes || d.Fold.Index != f || len(d.Fold.Novel) == 0 {
				t.Errorf("%s, fold %d: %+v", name, f, d.Fold)
			}
		}
		if _, err := Open(c, n); !errors.As(err, new(*SettingError)) || !strings.Contains(err.Error(), "fold 4") {
			t.Errorf("%s: fold 4: %v", name, err)
		}
		release, _ := FindProtocol("hdmnet")
		if got := release.Episodes(c); got != want.episodes || (Published(c) != nil) != want.published || InMemory(c) != want.memory {
			t.Errorf("%s: %d episodes, published %v, in memory %v", name, got, Published(c), InMemory(c))
		}
	}
	if len(registry) != 4 {
		t.Errorf("%d data sets, 4 are tested", len(registry))
	}
	if _, err := Open(&config.Dataset{Name: "ade20k"}, 0); !errors.As(err, new(*SettingError)) || !strings.Contains(err.Error(), "ade20k") {
		t.Errorf("unknown: %v", err)
	}
	if c := load(t, "coco20i_resnet50", "dataset.fold_scheme=panet"); Published(&c.Dataset) != nil {
		t.Error("counts are published for FWB's folds alone")
	}
}

// TestBackbonesOfTheSettings: the settings take the backbones that there are and no others.
func TestBackbonesOfTheSettings(t *testing.T) {
	_, err := config.Load(config.Options{Config: "shapes5i", Set: []string{"model.backbone=alexnet"}})
	if want := "expected one of " + strings.Join(model.Backbones(), ", "); err == nil || !strings.Contains(err.Error()+"\n", want+"\n") {
		t.Errorf("%v, expected the end %q", err, want)
	}
}

// TestReleaseClassLists: a list of the release with its class list beside it decides the supports.
func TestReleaseClassLists(t *testing.T) {
	root := t.TempDir()
	pairs(t, root, "data_list_0.txt", 3)
	c := load(t, "pascal5i_resnet50", "dataset.root="+root, "dataset.val_list=data_list_0.txt", "dataset.min_area=10")
	d, err := Open(&c.Dataset, 0)
	if err != nil {
		t.Fatal(err)
	}
	src, err := d.Source(data.Val, Monitor{})
	if err != nil {
		t.Fatal(err)
	}
	var notes, warnings []string
	m := Monitor{Note: func(s string) { notes = append(notes, s) }, Warn: func(s string) { warnings = append(warnings, s) }}
	if ix, err := d.Index(t.Context(), src, data.Val, m); err != nil || len(ix.ByClass[1]) != 3 || notes != nil || warnings != nil {
		t.Errorf("without a class list: %+v, %v, %q, %q", ix, err, notes, warnings)
	}
	list := filepath.Join(root, "sub_class_file_list_0.txt")
	write(t, list, []byte("{1: [('b.png', 'b_mask.png'), ('a.png', 'a_mask.png')], 2: [], 3: [], 4: [], 5: []}"))
	ix, err := d.Index(t.Context(), src, data.Val, m)
	if err != nil || len(ix.Images) != 3 || !slices.Equal(ix.ByClass[1], []int{1, 0}) {
		t.Errorf("%+v, %v", ix, err)
	}
	if len(notes) != 1 || !strings.Contains(notes[0], list) || len(warnings) != 1 || !strings.Contains(warnings[0], "about 1 ") {
		t.Errorf("notes %q, warnings %q", notes, warnings)
	}
	write(t, list, []byte("{1: ["))
	if _, err = d.Index(t.Context(), src, data.Val, Monitor{}); err == nil || !strings.Contains(err.Error(), "sub_class_file_list_0.txt: byte") {
		t.Errorf("damaged: %v", err)
	}
}

// TestLists: a list is found here or under the data root; what is nowhere, or in both
// places, is an error that says where it was looked for.
func TestLists(t *testing.T) {
	root, here := t.TempDir(), t.TempDir()
	pairs(t, root, "val.txt", 2)
	t.Chdir(here)
	source := func(set ...string) error {
		c := load(t, "pascal5i_resnet50", append(set, "dataset.root="+root)...)
		d, err := Open(&c.Dataset, 0)
		if err != nil {
			t.Fatal(err)
		}
		_, err = d.Source(data.Val, Monitor{})
		return err
	}
	if err := source("dataset.val_list=val.txt"); err != nil {
		t.Errorf("under the data root: %v", err)
	}
	if err := source("dataset.val_list=gone.txt"); err == nil || !strings.Contains(err.Error(), "neither here nor under") || !strings.Contains(err.Error(), "dataset.val_list") {
		t.Errorf("nowhere: %v", err)
	}
	if err := source(); !errors.As(err, new(*SettingError)) || !strings.Contains(err.Error(), "--list") {
		t.Errorf("no list: %v", err)
	}
	write(t, "val.txt", nil)
	if err := source("dataset.val_list=val.txt"); !errors.As(err, new(*SettingError)) || !strings.Contains(err.Error(), "both here and under") {
		t.Errorf("in both places: %v", err)
	}
	c := load(t, "pascal5i_resnet50", "dataset.root="+root, "dataset.val_list=./val.txt", "dataset.train_list=gone.txt")
	if err := Absolute(c); err != nil || c.Dataset.ValList != filepath.Join(here, "val.txt") || c.Dataset.TrainList != "gone.txt" {
		t.Errorf("absolute: %+v, %v", c.Dataset, err)
	}
	shapes := load(t, "shapes5i", "dataset.root="+root)
	d, err := Open(&shapes.Dataset, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Source(data.Train, Monitor{}); !errors.As(err, new(*SettingError)) || !strings.Contains(err.Error(), "reads no files") {
		t.Errorf("shapes5i with files: %v", err)
	}
}

// TestAnnotationReachesTheLoader: supports marked by boxes cover more than their masks.
func TestAnnotationReachesTheLoader(t *testing.T) {
	object := map[string]int{}
	for _, kind := range []string{"mask", "bbox"} {
		c := load(t, "shapes5i", "dataset.annotation="+kind, "dataset.synth_val=20", "dataset.synth_size=64", "dataset.min_area=20", "model.size=33")
		d, err := Open(&c.Dataset, 0)
		if err != nil {
			t.Fatal(err)
		}
		var p Pictures
		if p.Source, err = d.Source(data.Val, Monitor{}); err != nil {
			t.Fatal(err)
		}
		if p.Index, err = d.Index(t.Context(), p.Source, data.Val, Monitor{}); err != nil {
			t.Fatal(err)
		}
		loader, err := EpisodeLoader(c, &p, data.NewReleaseDrawer(p.Index, 1, 3, 0), 4, 1, dist.Shard{})
		if err != nil {
			t.Fatal(err)
		}
		for range loader.StepsPerEpoch() {
			b, err := loader.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			object[kind] += bytes.Count(b.SupportMask, []byte{1})
			loader.Release(b)
		}
		loader.Close()
	}
	if object["mask"] == 0 || object["bbox"] <= object["mask"]*11/10 {
		t.Errorf("pixels of the supports' objects: %v", object)
	}
}
