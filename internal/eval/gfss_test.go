package eval

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"hdmnet/internal/data"
	"hdmnet/internal/model"
	"hdmnet/internal/nn"
)

// chosen gives, sample after sample, logits of h×w.
type chosen struct {
	h, w        int
	final, base [][]float32 // [h,w,2], [h,w,16]
	at          int
}

func (c *chosen) Forward(t *nn.Tape, in model.Input) *model.Output {
	n := in.Query.Shape()[0]
	part := func(of [][]float32, channels int) *nn.Var {
		x := t.Arena.Float32(n, c.h, c.w, channels)
		t.Dev.Upload(x, slices.Concat(of[c.at:c.at+n]...))
		return t.Const(x)
	}
	out := &model.Output{Final: part(c.final, 2), Base: part(c.base, 16)}
	c.at += n
	return out
}

// onehots are base logits with these argmaxes.
func onehots(classes ...int) []float32 {
	v := make([]float32, 16*len(classes))
	for i, c := range classes {
		v[16*i+c] = 1
	}
	return v
}

// TestGFSS by hand. Fold 0 of shapes5i: novel 1..5, base 6..20 with labels 1..15; the
// novel class of the episode is label 16. ln 9 = 2.1972 is the logit of 0.9.
func TestGFSS(t *testing.T) {
	f := fold(t)
	batches := func() []*data.Batch {
		return []*data.Batch{
			episodes(
				&data.Episode{Class: 2, H: 2, W: 3, Label: []uint8{1, 1, 0, 0, 0, 255}, FullBaseLabel: []uint8{0, 0, 4, 4, 0, 255}},
				// Class 2 is asked for but not shown.
				&data.Episode{Class: 2, H: 2, W: 3, Label: make([]uint8, 6), FullBaseLabel: []uint8{7, 7, 7, 0, 0, 0}},
			),
			episodes(&data.Episode{Class: 5, H: 2, W: 3, Label: []uint8{1, 1, 1, 1, 0, 0}, FullBaseLabel: make([]uint8, 6)}),
		}
	}
	network := func() *chosen {
		return &chosen{h: 2, w: 3,
			final: [][]float32{
				// Certain at 0, 2 (a base class), 4 and 5 (ignored); 1 is just below, 3 is object by argmax only.
				{0, 2.1973, 0, 2.1971, -3, 0, 0, 1, 5, 9, 0, 9},
				{0, 9, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0},
				{-9, 9, -9, 9, 9, -9, 9, -9, 9, -9, 9, -9},
			},
			base: [][]float32{onehots(0, 0, 4, 4, 7, 0), onehots(7, 7, 7, 0, 0, 0), onehots(0, 3, 0, 0, 0, 0)},
		}
	}
	for _, c := range []struct {
		merge                          Merge
		class2, class5, label4, label7 float64
		novel                          int64
	}{
		{MergeFinal, 1.0 / 6, 0.5, 0.5, 2.0 / 3, 8}, // class 2: 1 of {0,1,2,4} and {0,3}
		{MergeBase, 1.0 / 3, 0.25, 1, 3.0 / 4, 4},   // class 2: 1 of {0,1} and {3}; label 7 is predicted at 4 besides
	} {
		var done []int
		results, err := GFSS(context.Background(), network(), newTape(t), &list{batches: batches()},
			GFSSOptions{Options{Fold: f, Total: 3, Progress: func(d, _ int, _ float64) { done = append(done, d) }}, 0.9, c.merge})
		if err != nil {
			t.Fatal(err)
		}
		r := results[0]
		if r.Episodes != 3 || r.Novel != c.novel || !slices.Equal(done, []int{2, 3}) {
			t.Errorf("%s: %d episodes, %d novel pixels, progress %v", c.merge, r.Episodes, r.Novel, done)
		}
		want := map[string]float64{
			f.ClassName(2): c.class2, f.ClassName(5): c.class5,
			f.ClassName(f.Base[3]): c.label4, f.ClassName(f.Base[6]): c.label7,
		}
		got := r.PerClass()
		for name, w := range want {
			if math.Abs(got[name]-w) > 1e-12 {
				t.Errorf("%s: %s is %v, want %v", c.merge, name, got[name], w)
			}
		}
		if len(got) != len(want) {
			t.Errorf("%s: classes %v", c.merge, got)
		}
		s := SummarizeGFSS([]*GFSSResult{r, r})
		novel, base := (c.class2+c.class5)/2, (c.label4+c.label7)/2
		if math.Abs(s.Novel-novel) > 1e-12 || math.Abs(s.Base-base) > 1e-12 || math.Abs(s.All-(novel+base)/2) > 1e-12 ||
			s.AllStd != 0 || s.Episodes != 6 || len(s.Missing) != 16 || len(s.PerClass) != 4 {
			t.Errorf("%s: %+v", c.merge, s)
		}
	}
}

func TestAverageGFSS(t *testing.T) {
	a := AverageGFSS([]GFSSSummary{
		{Novel: 0.2, Base: 0.6, All: 0.5, NovelStd: 0.1, Episodes: 3, PerClass: map[string]float64{"cat": 1}},
		{Novel: 0.4, Base: 0.8, All: 0.7, NovelStd: 0.3, AllStd: 0.2, Episodes: 4},
	})
	for what, v := range map[string][2]float64{"novel": {a.Novel, 0.3}, "base": {a.Base, 0.7}, "all": {a.All, 0.6},
		"novel std": {a.NovelStd, 0.2}, "all std": {a.AllStd, 0.1}} {
		if math.Abs(v[0]-v[1]) > 1e-12 {
			t.Errorf("%s is %v, want %v", what, v[0], v[1])
		}
	}
	if a.Episodes != 7 || a.PerClass != nil {
		t.Errorf("average %+v", a)
	}
}

// TestGFSSAgainstReference: random logits at a smaller size, scored again pixel by pixel
// in plain float64.
func TestGFSSAgainstReference(t *testing.T) {
	f := fold(t)
	const h, w, count = 5, 4, 12
	for _, rule := range []Merge{MergeFinal, MergeBase} {
		r := rand.New(rand.NewPCG(5, 8))
		net := &chosen{h: h, w: w}
		var es []*data.Episode
		for i := range count {
			final, base := make([]float32, h*w*2), make([]float32, h*w*16)
			for j := range final {
				final[j] = float32(2 * r.NormFloat64())
			}
			for j := range base {
				base[j] = float32(r.NormFloat64())
			}
			net.final, net.base = append(net.final, final), append(net.base, base)
			e := &data.Episode{Class: f.Novel[r.IntN(5)], H: 7 + i, W: 13 - i}
			e.Label, e.FullBaseLabel = make([]uint8, e.H*e.W), make([]uint8, e.H*e.W)
			for p := range e.Label {
				switch r.IntN(4) {
				case 0:
					e.Label[p], e.FullBaseLabel[p] = 255, 255
				case 1:
					e.Label[p] = 1
				default:
					e.FullBaseLabel[p] = uint8(r.IntN(16))
				}
			}
			es = append(es, e)
		}
		src := &list{batches: []*data.Batch{episodes(es[:5]...), episodes(es[5:]...)}}
		results, err := GFSS(context.Background(), net, newTape(t), src, GFSSOptions{Options{Fold: f, Total: count}, 0.7, rule})
		if err != nil {
			t.Fatal(err)
		}
		got := results[0]

		hit, either := map[string]float64{}, map[string]float64{}
		for i, e := range es {
			names := func(label int) string {
				if label == 16 {
					return f.ClassName(e.Class)
				}
				return f.ClassName(f.Base[label-1])
			}
			for y := range e.H {
				for x := range e.W {
					p := y*e.W + x
					if e.Label[p] == 255 {
						continue
					}
					at := func(v []float32, channels, c int) float64 { return aligned(v, h, w, channels, c, y, x, e.H, e.W) }
					pred := 0
					for c := range 16 {
						if at(net.base[i], 16, c) > at(net.base[i], 16, pred) {
							pred = c
						}
					}
					bg, fg := math.Exp(at(net.final[i], 2, 0)), math.Exp(at(net.final[i], 2, 1))
					if fg/(bg+fg) > 0.7 && (rule == MergeFinal || pred == 0) {
						pred = 16
					}
					label := int(e.FullBaseLabel[p])
					if e.Label[p] == 1 {
						label = 16
					}
					if label > 0 {
						either[names(label)]++
					}
					if pred > 0 && pred != label {
						either[names(pred)]++
					}
					if pred > 0 && pred == label {
						hit[names(label)]++
					}
				}
			}
		}
		per := got.PerClass()
		sum := 0.0
		for name, n := range either {
			if math.Abs(per[name]-hit[name]/n) > 1e-12 {
				t.Errorf("%s: %s is %v, want %v", rule, name, per[name], hit[name]/n)
			}
			sum += hit[name] / n
		}
		if _, _, all := got.Score.MIoU(); len(per) != len(either) || math.Abs(all-sum/float64(len(either))) > 1e-12 {
			t.Errorf("%s: mIoU %v of %d classes, want %v of %d", rule, all, len(per), sum/float64(len(either)), len(either))
		}
	}
}

// aligned is channel c of v [h,w,channels], resized bilinearly to H×W with aligned
// corners, at (y, x).
func aligned(v []float32, h, w, channels, c, y, x, H, W int) float64 {
	axis := func(i, from, to int) (int, int, float64) {
		if to == 1 {
			return 0, 0, 0
		}
		s := float64(i) * float64(from-1) / float64(to-1)
		lo := min(int(s), from-1)
		return lo, min(lo+1, from-1), s - float64(lo)
	}
	y0, y1, dy := axis(y, h, H)
	x0, x1, dx := axis(x, w, W)
	g := func(y, x int) float64 { return float64(v[(y*w+x)*channels+c]) }
	return (1-dy)*((1-dx)*g(y0, x0)+dx*g(y0, x1)) + dy*((1-dx)*g(y1, x0)+dx*g(y1, x1))
}

func TestGFSSNamesTheEpisodeOfNaN(t *testing.T) {
	nan := float32(math.NaN())
	net := &chosen{h: 1, w: 1, final: [][]float32{{0, nan}}, base: [][]float32{onehots(0)}}
	src := &list{batches: []*data.Batch{episodes(&data.Episode{Class: 1, Position: 4, QueryName: "q.jpg", H: 1, W: 1})}}
	_, err := GFSS(context.Background(), net, newTape(t), src, GFSSOptions{Options{Fold: fold(t)}, 0.9, MergeFinal})
	if !errors.Is(err, ErrNotFinite) || !strings.Contains(err.Error(), "episode 4 (query q.jpg)") {
		t.Errorf("NaN: %v", err)
	}
}
