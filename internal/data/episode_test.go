package data

import (
	"context"
	"errors"
	"io"
	"slices"
	"testing"
)

// The list is taken in order, from the top when it ends; classes and supports follow the rules.
func TestValidationEpisodes(t *testing.T) {
	opt := metaOptions(t, Val, 2)
	opt.Batch, opt.Episodes = 1, len(opt.Index.Images)+5
	l := newLoader(t, opt)
	for p := 0; ; p++ {
		b, err := l.Next(context.Background())
		if errors.Is(err, io.EOF) {
			if p != opt.Episodes {
				t.Fatalf("%d episodes, want %d", p, opt.Episodes)
			}
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		e := b.Episodes[0]
		at := p % len(opt.Index.Images)
		if want := opt.Source.Name(opt.Index.Images[at]); e.QueryName != want || e.Position != p {
			t.Fatalf("episode %d: query %s at %d, want %s", p, e.QueryName, e.Position, want)
		}
		if !slices.Contains(opt.Index.Present[at], e.Class) || opt.Index.Fold.Novel[e.ClassIndex] != e.Class || b.ClassIndex[0] != e.ClassIndex {
			t.Fatalf("episode %d: class %d, cat %d, present %v", p, e.Class, e.ClassIndex, opt.Index.Present[at])
		}
		seen := map[string]bool{e.QueryName: true}
		for k, name := range e.SupportNames {
			if seen[name] {
				t.Fatalf("episode %d: %s is used twice", p, name)
			}
			seen[name] = true
			if !slices.Contains(e.Supports[k].Mask, 1) {
				t.Fatalf("episode %d: support %d shows no foreground", p, k)
			}
		}
		scene, err := opt.Source.Load(opt.Index.Images[at])
		if err != nil {
			t.Fatal(err)
		}
		for i, c := range scene.Mask {
			wantBase := uint8(opt.Index.Fold.classIndex(Train, int(c)) + 1)
			if (e.Label[i] == 1) != (int(c) == e.Class) || e.FullBaseLabel[i] != wantBase {
				t.Fatalf("episode %d, pixel %d of class %d: label %d, base label %d (want %d)", p, i, c, e.Label[i], e.FullBaseLabel[i], wantBase)
			}
		}
		l.Release(b)
	}
}

// One epoch of training has every image once as the query.
func TestTrainingEpochIsAPermutation(t *testing.T) {
	opt := metaOptions(t, Train, 2)
	opt.DropLast = false
	l := newLoader(t, opt)
	var epochs [2][]string
	for range 2 * l.StepsPerEpoch() {
		b, err := l.Next(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range b.Episodes {
			epochs[b.Epoch] = append(epochs[b.Epoch], e.QueryName)
		}
		l.Release(b)
	}
	if slices.Equal(epochs[0], epochs[1]) {
		t.Fatal("both epochs have the same order")
	}
	var want []string
	for _, i := range opt.Index.Images {
		want = append(want, opt.Source.Name(i))
	}
	slices.Sort(want)
	for e := range epochs {
		slices.Sort(epochs[e])
		if !slices.Equal(epochs[e], want) {
			t.Fatalf("epoch %d is not a permutation of the images", e)
		}
	}
}

// recorder draws as the loader does and remembers.
type recorder struct {
	Drawer
	draws []Draw
}

func (r *recorder) Draw(epoch, position int) Draw {
	d := r.Drawer.Draw(epoch, position)
	r.draws = append(r.draws, d)
	return d
}

func TestNetworkSeesShotsReversed(t *testing.T) {
	opt := metaOptions(t, Val, 1)
	opt.Shots, opt.Batch, opt.Episodes = 3, 1, 1
	r := &recorder{Drawer: NewDrawer(opt.Index, Meta, 3, 5)}
	opt.Drawer = r
	l := newLoader(t, opt)
	b, err := l.Next(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	l.Close() // the dispatcher is done with r
	px := 33 * 33 * 3
	for k, i := range r.draws[0].Supports {
		at := 2 - k
		if got, want := b.Episodes[0].SupportNames[at], opt.Source.Name(i); got != want {
			t.Fatalf("shot %d is %s, want the draw %d: %s", at, got, k, want)
		}
		s, err := opt.Source.Load(i)
		if err != nil {
			t.Fatal(err)
		}
		want := make([]float32, px)
		Preprocess(want, 33, s.Image, s.H, s.W)
		if !slices.Equal(b.Support[at*px:(at+1)*px], want) {
			t.Fatalf("shot %d holds another picture", at)
		}
	}
}
