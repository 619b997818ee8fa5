package metric

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"hdmnet/internal/labelmap"
)

func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if !(math.Abs(got-want) <= 1e-12) {
		t.Errorf("%s = %v, want %v", what, got, want)
	}
}

func panics(t *testing.T, want string, f func()) {
	t.Helper()
	defer func() {
		if msg, _ := recover().(string); !strings.Contains(msg, want) {
			t.Errorf("panic %q should say %q", msg, want)
		}
	}()
	f()
}

func TestIoU(t *testing.T) {
	m := New([]int{8, 6, 7})
	if m.MIoU() != 0 || m.FBIoU() != 0 {
		t.Errorf("empty: %v, %v", m.MIoU(), m.FBIoU())
	}
	// class 6: fg 1/3 then 2/2, pooled 3/5; bg 1/3 and 1/1.
	m.Add(6, []uint8{1, 1, 0, 0, 1}, []uint8{1, 0, 1, 0, 255})
	m.Add(6, []uint8{1, 1, 0}, []uint8{1, 1, 0})
	// class 8: fg 0/2; bg 0/2.
	m.Add(8, []uint8{1, 0}, []uint8{0, 1})
	per := m.PerClass()
	if len(per) != 2 {
		t.Errorf("PerClass = %v", per)
	}
	near(t, "class 6", per[6], 3.0/5)
	near(t, "class 8", per[8], 0)
	near(t, "MIoU", m.MIoU(), 0.3)
	near(t, "FBIoU", m.FBIoU(), (3.0/7+2.0/6)/2)
	if got := m.Missing(); !slices.Equal(got, []int{7}) {
		t.Errorf("Missing = %v", got)
	}
	if m.Episodes() != 3 {
		t.Errorf("Episodes = %d", m.Episodes())
	}
	panics(t, "class 5", func() { m.Add(5, nil, nil) })
	panics(t, "2 predicted pixels for 1 labels", func() { m.Add(6, []uint8{0, 0}, []uint8{0}) })
	panics(t, "pixel 0 has label 2", func() { m.Add(6, []uint8{0}, []uint8{2}) })
	panics(t, "prediction 255", func() { m.Add(6, []uint8{255}, []uint8{0}) })
}

// TestOrderAndMerge: scores do not depend on the order of the pictures or on the split
// over accumulators, bit for bit.
func TestOrderAndMerge(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	classes := []int{1, 2, 3, 4, 5}
	forth, back := New(classes), New(classes)
	semantic, halves := NewSemantic(4), []*Confusion{NewSemantic(4), NewSemantic(4)}
	type episode struct {
		class       int
		pred, label []uint8
	}
	var episodes []episode
	for range 40 {
		e := episode{1 + r.IntN(5), make([]uint8, 100), make([]uint8, 100)}
		for i := range e.pred {
			e.pred[i], e.label[i] = uint8(r.IntN(2)), []uint8{0, 1, labelmap.Ignore}[r.IntN(3)]
		}
		episodes = append(episodes, e)
	}
	for _, e := range episodes {
		forth.Add(e.class, e.pred, e.label)
		semantic.Add(e.pred, e.label)
	}
	slices.Reverse(episodes)
	for i, e := range episodes {
		back.Add(e.class, e.pred, e.label)
		halves[i%2].Add(e.pred, e.label)
	}
	halves[0].Merge(halves[1])
	if forth.MIoU() != back.MIoU() || forth.FBIoU() != back.FBIoU() || forth.Episodes() != back.Episodes() {
		t.Errorf("forth %v %v, back %v %v", forth.MIoU(), forth.FBIoU(), back.MIoU(), back.FBIoU())
	}
	if semantic.MIoU() != halves[0].MIoU() || semantic.MIoUWithBackground() != halves[0].MIoUWithBackground() || semantic.MIoU() == 0 {
		t.Errorf("one stream %v, merged %v", semantic.MIoU(), halves[0].MIoU())
	}
}

// TestGeneralized: two base classes (labels 1 and 2), label 3 is the episode's class.
func TestGeneralized(t *testing.T) {
	g := NewGeneralized(2, []int{9, 4, 6})
	if n, b, all := g.MIoU(); n != 0 || b != 0 || all != 0 {
		t.Errorf("empty: %v %v %v", n, b, all)
	}
	g.Add(4, []uint8{3, 3, 1, 0, 3}, []uint8{3, 1, 1, 3, 255}) // 4: 1 of 3; 1: 1 of 2
	g.Add(4, []uint8{3, 1}, []uint8{0, 1})                     // 4: false alarm, 1 of 4; 1: 2 of 3
	g.Add(9, []uint8{3, 3}, []uint8{3, 3})                     // 9: 1
	g.Add(6, []uint8{3, 2}, []uint8{1, 0})                     // 6 and label 2 are nowhere; 1: 2 of 4
	if n := g.Novel(); len(n) != 2 || n[4] != 0.25 || n[9] != 1 {
		t.Errorf("novel %v", n)
	}
	if b := g.Base(); len(b) != 1 || b[1] != 0.5 {
		t.Errorf("base %v", b)
	}
	novel, base, all := g.MIoU()
	near(t, "novel", novel, 0.625)
	near(t, "base", base, 0.5)
	near(t, "all", all, 1.75/3)
	panics(t, "class 5 is not one of [4 6 9]", func() { g.Add(5, nil, nil) })
	panics(t, "label 4", func() { g.Add(4, []uint8{0}, []uint8{4}) })
}

func TestConfusion(t *testing.T) {
	c := NewSemantic(4)
	if c.MIoU() != 0 || c.MIoUWithBackground() != 0 {
		t.Errorf("empty: %v, %v", c.MIoU(), c.MIoUWithBackground())
	}
	c.Add([]uint8{0, 0, 1, 1, 2, 3}, []uint8{0, 1, 1, 2, 2, 255})
	c.Add([]uint8{3, 1}, []uint8{0, 1})
	// 0: hit 1, labeled 2, predicted 2 → 1/3; 1: 2 of 3+3−2 → 1/2; 2: 1 of 2 → 1/2;
	// 3 is predicted but never labeled.
	per := c.PerClass()
	if len(per) != 3 {
		t.Errorf("PerClass = %v", per)
	}
	near(t, "background", per[0], 1.0/3)
	near(t, "class 1", per[1], 0.5)
	near(t, "class 2", per[2], 0.5)
	near(t, "MIoU", c.MIoU(), 0.5)
	near(t, "MIoUWithBackground", c.MIoUWithBackground(), 4.0/9)
	if got := c.Missing(); !slices.Equal(got, []int{3}) {
		t.Errorf("Missing = %v", got)
	}
	panics(t, "label 4", func() { c.Add([]uint8{0}, []uint8{4}) })
	panics(t, "prediction 4", func() { c.Add([]uint8{4}, []uint8{0}) })
	panics(t, "1 predicted pixels for 2", func() { c.Add([]uint8{0}, []uint8{0, 0}) })
	panics(t, "256 classes", func() { NewSemantic(256) })
	panics(t, "merge", func() { c.Merge(NewSemantic(3)) })
}

func TestSummarize(t *testing.T) {
	a, b := New([]int{1, 2, 3}), New([]int{1, 2, 3})
	a.Add(1, []uint8{1, 1}, []uint8{1, 1}) // class 1: 1; FB (1+0)/2
	a.Add(2, []uint8{1, 1}, []uint8{1, 0}) // class 2: 1/2
	b.Add(1, []uint8{1, 0}, []uint8{1, 1}) // class 1: 1/2
	s := Summarize([]*IoU{a, b})
	near(t, "MIoU", s.MIoU, (0.75+0.5)/2)
	near(t, "MIoUStd", s.MIoUStd, 0.25/math.Sqrt2)
	near(t, "FBIoU", s.FBIoU, (a.FBIoU()+b.FBIoU())/2)
	near(t, "FBIoUStd", s.FBIoUStd, math.Abs(a.FBIoU()-b.FBIoU())/math.Sqrt2)
	near(t, "class 1", s.PerClass[1], 0.75)
	near(t, "class 2", s.PerClass[2], 0.5)
	if !slices.Equal(s.Missing, []int{3}) || s.Episodes != 3 || len(s.PerClass) != 2 {
		t.Errorf("summary %+v", s)
	}
	if one := Summarize([]*IoU{a}); one.MIoUStd != 0 || one.MIoU != a.MIoU() || !slices.Equal(one.Missing, []int{3}) {
		t.Errorf("one seed: %+v", one)
	}
}

func TestMeanStd(t *testing.T) {
	mean, std := MeanStd([]float64{2, 4, 4, 4, 5, 5, 7, 9})
	near(t, "mean", mean, 5)
	near(t, "std", std, math.Sqrt(32.0/7))
	if m, s := MeanStd(nil); m != 0 || s != 0 {
		t.Errorf("nothing: %v ± %v", m, s)
	}
	if m, s := MeanStd([]float64{3}); m != 3 || s != 0 {
		t.Errorf("one: %v ± %v", m, s)
	}
}
