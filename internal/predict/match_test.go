package predict

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"hdmnet/internal/featurestore"
	"hdmnet/internal/model"
	"hdmnet/internal/nn"
)

// TestMatchFromDisk: with features from a folder the result is that of a network that has
// seen the pictures, to the last bit, and needs no picture; where a file is damaged it asks for
// the picture.
func TestMatchFromDisk(t *testing.T) {
	const size = 33
	dir := t.TempDir()
	picture := func(seed int) []float32 {
		x := make([]float32, size*size*3)
		for i := range x {
			x[i] = float32((i*(7+seed) + i*i%(31+seed)) % 256)
		}
		return x
	}
	mask := make([]uint8, size*size)
	for i := range mask {
		if i%size < 17 && i/size > 9 {
			mask[i] = 1
		}
	}
	support := Example{Name: "s", Image: picture(1), Mask: mask}
	queries := []Example{{Name: "a", Image: picture(2)}, {Name: "b", Image: picture(3)}}
	without := []Example{{Name: "a"}, {Name: "b"}}
	// with calls use with a network that keeps features in memory bytes, and in the folder.
	with := func(memory int64, use func(net *model.HDMNet, match func(queries []Example) ([]Map, error))) {
		tape := newTape(t)
		net, err := model.NewHDMNet(model.Options{Backbone: "tiny", BaseClasses: 6, Shots: 1})
		if err != nil {
			t.Fatal(err)
		}
		set := nn.NewSet(tape.Dev, net, 5)
		defer set.Close()
		store, err := featurestore.Open(dir, "test", 1<<30, func(string) {})
		if err != nil {
			t.Fatal(err)
		}
		defer store.Close()
		if err := net.CacheFeatures(tape, memory); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = net.CacheFeatures(tape, 0) }()
		net.StoreFeatures(store)
		use(net, func(queries []Example) ([]Map, error) {
			return Match(net, tape, nil, size, []Example{support}, queries)
		})
	}
	equal := func(a, b []Map) bool {
		return slices.EqualFunc(a, b, func(x, y Map) bool { return x.H == y.H && x.W == y.W && slices.Equal(x.P, y.P) })
	}
	var want []Map
	with(1<<30, func(net *model.HDMNet, match func([]Example) ([]Map, error)) {
		var err error
		if _, err = match(without); !errors.Is(err, ErrForgotten) {
			t.Errorf("pictures that nobody has seen: %v", err)
		}
		if want, err = match(queries); err != nil || len(want) != 2 || slices.Equal(want[0].P, want[1].P) {
			t.Fatal(len(want), err)
		}
		if got, err := match(without); err != nil || !equal(got, want) {
			t.Errorf("from memory another result: %v", err)
		}
	})
	for _, memory := range []int64{1 << 30, 1} {
		with(memory, func(net *model.HDMNet, match func([]Example) ([]Map, error)) {
			if !Kept(net, nil, "a") || !Kept(net, nil, "s") || Kept(net, nil, "c") {
				t.Errorf("memory of %d: a, s and c are kept: %v %v %v", memory, Kept(net, nil, "a"), Kept(net, nil, "s"), Kept(net, nil, "c"))
			}
			for range 2 {
				if got, err := match(without); err != nil || !equal(got, want) {
					t.Errorf("memory of %d: from the folder another result: %v", memory, err)
				}
			}
			if got, err := match([]Example{{Name: "b"}, queries[0]}); err != nil || !equal(got, []Map{want[1], want[0]}) {
				t.Errorf("memory of %d: another order, another result: %v", memory, err)
			}
		})
	}

	files, err := filepath.Glob(filepath.Join(dir, "*", "*.features"))
	if err != nil || len(files) != 3 {
		t.Fatalf("%d files, expected one for each picture", len(files))
	}
	for _, file := range files {
		if err := os.Truncate(file, 100); err != nil {
			t.Fatal(err)
		}
	}
	with(1<<30, func(net *model.HDMNet, match func([]Example) ([]Map, error)) {
		if _, err := match(without); !errors.Is(err, ErrForgotten) {
			t.Errorf("damaged files: %v", err)
		}
		if got, err := match(queries); err != nil || !equal(got, want) {
			t.Errorf("with the pictures again: %v", err)
		}
	})
}
