package eval

import (
	"maps"
	"testing"

	"hdmnet/internal/data"
	"hdmnet/internal/model"
	"hdmnet/internal/nn"
)

// TestRunsTakeTurns: seeds that take turns, with kept features or without, score what
// they score one after another, in every bit.
func TestRunsTakeTurns(t *testing.T) {
	t.Run("release", func(t *testing.T) { runsTakeTurns(t, false) })
	t.Run("ambiguity", func(t *testing.T) { runsTakeTurns(t, true) })
}

func runsTakeTurns(t *testing.T, ambiguity bool) {
	f, err := data.Shapes5i(1)
	if err != nil {
		t.Fatal(err)
	}
	src, err := data.NewShapes(data.ShapesOptions{Fold: f, Split: data.Val, Seed: 1, Count: 20, Size: 64})
	if err != nil {
		t.Fatal(err)
	}
	index, err := data.BuildIndex(t.Context(), src, f, data.IndexOptions{Split: data.Val, MinArea: 20})
	if err != nil {
		t.Fatal(err)
	}
	tape := newTape(t)
	net, err := model.NewHDMNet(model.Options{Backbone: "tiny", BaseClasses: len(f.Base) + 1, Shots: 2, Ambiguity: ambiguity})
	if err != nil {
		t.Fatal(err)
	}
	set := nn.NewSet(tape.Dev, net, 1)
	defer set.Close()
	seeds, counts := []uint64{510, 365, 382}, []int{24, 24, 7}
	drawer := func(i int) data.Drawer { return data.NewReleaseDrawer(index, 2, seeds[i], 8) }
	score := func(d data.Drawer, batch, episodes int, o Options) []*Result {
		loader, err := data.NewLoader(data.LoaderOptions{Source: src, Index: index, Stage: data.Meta, Size: 33, Shots: 2,
			Batch: batch, Episodes: episodes, Drawer: d})
		if err != nil {
			t.Fatal(err)
		}
		defer loader.Close()
		o.Fold = f
		results, err := Meta(t.Context(), net, tape, loader, o)
		if err != nil {
			t.Fatal(err)
		}
		return results
	}
	var want []map[string]float64
	for i := range seeds {
		want = append(want, score(drawer(i), 1, counts[i], Options{})[0].Scores())
	}
	const picture = 4 * 5 * 5 * (4*32 + 4*64 + 4*128 + 64) // bytes of one picture's features at 33²
	for _, c := range []struct{ batch, cache int }{{1, 0}, {2, 0}, {1, 3 * picture}, {1, 1 << 30}, {2, 5 * picture}, {1, picture / 2}} {
		if err := net.CacheFeatures(tape, int64(c.cache)); err != nil {
			t.Fatal(err)
		}
		d := data.NewInterleaved([]data.Drawer{drawer(0), drawer(1), drawer(2)}, counts)
		got := score(d, c.batch, d.Len(), Options{Runs: 3, Run: d.Run})
		for i := range seeds {
			if !maps.Equal(got[i].Scores(), want[i]) {
				t.Errorf("batch %d, cache of %d bytes, seed %d: %v, alone %v", c.batch, c.cache, seeds[i], got[i].Scores(), want[i])
			}
		}
	}
	if err := net.CacheFeatures(tape, 0); err != nil {
		t.Fatal(err)
	}
}
