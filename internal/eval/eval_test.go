package eval

import (
	"context"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"testing"

	"hdmnet/internal/cpu"
	"hdmnet/internal/data"
	"hdmnet/internal/model"
	"hdmnet/internal/nn"
	"hdmnet/internal/op"
)

func newTape(t *testing.T) *nn.Tape {
	t.Helper()
	dev, err := cpu.New()
	if err != nil {
		t.Fatal(err)
	}
	return nn.NewTape(dev)
}

func fold(t *testing.T) data.Fold {
	t.Helper()
	f, err := data.Shapes5i(0)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// list is a source of given batches.
type list struct {
	batches  []*data.Batch
	released int
}

func (l *list) Next(ctx context.Context) (*data.Batch, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(l.batches) == 0 {
		return nil, io.EOF
	}
	b := l.batches[0]
	l.batches = l.batches[1:]
	return b, nil
}

func (l *list) Release(*data.Batch) { l.released++ }

// oracle gives, sample after sample, 2×2 logits of the given predictions.
type oracle struct {
	final, meta, base [][4]uint8
	nan               bool
	at                int
}

func (o *oracle) Forward(t *nn.Tape, in model.Input) *model.Output {
	n := in.Query.Shape()[0]
	out := &model.Output{
		Final: o.onehot(t, o.final[o.at:o.at+n], 2), Meta: o.onehot(t, o.meta[o.at:o.at+n], 2),
		Base: o.onehot(t, o.base[o.at:o.at+n], 16),
	}
	o.at += n
	if o.nan {
		v := make([]float32, n*8)
		v[len(v)-1] = float32(math.NaN())
		t.Dev.Upload(out.Final.Value, v)
	}
	return out
}

func (o *oracle) onehot(t *nn.Tape, pred [][4]uint8, c int) *nn.Var {
	v := make([]float32, len(pred)*4*c)
	for i, p := range pred {
		for j, k := range p {
			v[(i*4+j)*c+int(k)] = 1
		}
	}
	x := t.Arena.Float32(len(pred), 2, 2, c)
	t.Dev.Upload(x, v)
	return t.Const(x)
}

// episodes makes a batch of one-shot episodes over 1×1 pictures.
func episodes(es ...*data.Episode) *data.Batch {
	n := len(es)
	return &data.Batch{Size: n, Shots: 1, Side: 1, Query: make([]float32, n*3), Support: make([]float32, n*3),
		SupportMask: make([]uint8, n), Episodes: es}
}

func TestMetaScores(t *testing.T) {
	src := &list{batches: []*data.Batch{
		episodes(
			&data.Episode{Class: 1, H: 2, W: 2, Label: []uint8{1, 1, 0, 255}, FullBaseLabel: []uint8{0, 0, 3, 255}},
			&data.Episode{Class: 1, H: 2, W: 2, Label: []uint8{1, 0, 0, 0}, FullBaseLabel: []uint8{0, 15, 15, 0}},
		),
		episodes(
			// Twice the size: aligned corners put 0, ⅓, ⅔, 1 between the two columns, so
			// the argmax of the resized logits changes in the middle.
			&data.Episode{Class: 3, H: 2, W: 4, Label: []uint8{0, 0, 1, 1, 0, 1, 1, 1}, FullBaseLabel: make([]uint8, 8)},
		),
	}}
	net := &oracle{
		final: [][4]uint8{{1, 0, 0, 1}, {1, 1, 0, 0}, {0, 1, 0, 1}},
		meta:  [][4]uint8{{1, 1, 0, 0}, {1, 0, 0, 0}, {1, 0, 1, 0}},
		base:  [][4]uint8{{0, 0, 3, 3}, {0, 15, 0, 0}, {0, 0, 0, 0}},
	}
	var done []int
	var last float64
	f := fold(t)
	results, err := Meta(context.Background(), net, newTape(t), src, Options{Fold: f, Total: 3, Progress: func(d, total int, running float64) {
		if total != 3 {
			t.Errorf("total %d", total)
		}
		done, last = append(done, d), running
	}})
	if err != nil {
		t.Fatal(err)
	}
	r := results[0]
	// final, class 1: inter 1+1, union 2+2 → 1/2; class 3: inter 4, union 5 → 4/5.
	// Background: inter 1+2+3, union 2+3+4.
	want := map[string]float64{
		"miou": (0.5 + 0.8) / 2, "fb_iou": (6.0/9 + 6.0/9) / 2,
		"miou_meta":   (1 + 1.0/8) / 2,
		"fb_iou_meta": ((3.0+1)/(3+8) + (1.0+3+0)/(1+3+7)) / 2,
		"miou_base":   (1 + 0.5) / 2, // base labels 3 and 15; the others show nowhere
	}
	for name, w := range want {
		if got := r.Scores()[name]; math.Abs(got-w) > 1e-12 {
			t.Errorf("%s = %v, want %v", name, got, w)
		}
	}
	if len(r.Scores()) != len(want) {
		t.Errorf("scores %v", r.Scores())
	}
	if !slices.Equal(done, []int{2, 3}) || last != r.Final.MIoU() || src.released != 2 {
		t.Errorf("progress %v, last %v, released %d", done, last, src.released)
	}

	s := Summarize([]*Result{r, r})
	if s.MIoU != r.Final.MIoU() || s.MIoUStd != 0 || s.Episodes != 6 || s.MIoUBase == nil || *s.MIoUBase != 0.75 {
		t.Errorf("summary %+v", s)
	}
	if len(s.PerClass) != 2 || s.PerClass[f.ClassName(1)] != 0.5 || len(s.Missing) != 3 || s.Missing[0] != f.ClassName(2) {
		t.Errorf("classes %v, missing %v", s.PerClass, s.Missing)
	}
	other := Summary{MIoU: 0.25, MIoUStd: 0.5, PerClass: map[string]float64{"x": 0.25}, Episodes: 4}
	a := Average([]Summary{s, other})
	if a.MIoU != (0.65+0.25)/2 || a.MIoUStd != 0.25 || a.Episodes != 10 || len(a.PerClass) != 3 {
		t.Errorf("average %+v", a)
	}
}

func TestMetaNamesTheEpisodeOfNaN(t *testing.T) {
	es := episodes(&data.Episode{Class: 1, Position: 8, QueryName: "good"}, &data.Episode{Class: 1, Position: 9, QueryName: "bad.jpg"})
	src := &list{batches: []*data.Batch{es}}
	net := &oracle{nan: true, final: make([][4]uint8, 2), meta: make([][4]uint8, 2), base: make([][4]uint8, 2)}
	_, err := Meta(context.Background(), net, newTape(t), src, Options{Fold: fold(t)})
	if err == nil || !strings.Contains(err.Error(), "episode 9 (query bad.jpg)") || src.released != 1 {
		t.Errorf("NaN: %v, released %d", err, src.released)
	}
}

func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Meta(ctx, &oracle{}, newTape(t), &list{}, Options{Fold: fold(t)}); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}

// TestRealNetworks runs both networks, as initialized, over the synthetic set.
func TestRealNetworks(t *testing.T) {
	f, tape := fold(t), newTape(t)
	src, err := data.NewShapes(data.ShapesOptions{Fold: f, Split: data.Val, Seed: 3, Count: 30, Size: 64})
	if err != nil {
		t.Fatal(err)
	}
	index, err := data.BuildIndex(context.Background(), src, f, data.IndexOptions{Split: data.Val, MinArea: 20})
	if err != nil {
		t.Fatal(err)
	}
	opt := data.LoaderOptions{Source: src, Index: index, Stage: data.Meta, Size: 33, Shots: 2, Batch: 2, Episodes: 5, Seed: 1}
	o := model.Options{Backbone: "tiny", BaseClasses: len(f.Base) + 1, Shots: 2}
	hdm, err := model.NewHDMNet(o)
	if err != nil {
		t.Fatal(err)
	}
	set := nn.NewSet(tape.Dev, hdm, 1)
	defer set.Close()
	loader, err := data.NewLoader(opt)
	if err != nil {
		t.Fatal(err)
	}
	defer loader.Close()
	results, err := Meta(context.Background(), hdm, tape, loader, Options{Fold: f, Total: 5})
	if err != nil {
		t.Fatal(err)
	}
	r := results[0]
	if r.Final.Episodes() != 5 {
		t.Errorf("%d episodes", r.Final.Episodes())
	}
	for name, v := range r.Scores() {
		if !(v >= 0 && v <= 1) {
			t.Errorf("%s = %v", name, v)
		}
	}

	psp, err := model.NewPSPNet(o)
	if err != nil {
		t.Fatal(err)
	}
	pspSet := nn.NewSet(tape.Dev, psp, 1)
	defer pspSet.Close()
	opt.Stage, opt.Index = data.Base, data.AllImages(src, f, data.Val)
	pictures, err := data.NewLoader(opt)
	if err != nil {
		t.Fatal(err)
	}
	defer pictures.Close()
	b, err := Base(context.Background(), psp, tape, pictures, Options{Fold: f, Total: 5})
	if err != nil {
		t.Fatal(err)
	}
	if b.Pictures != 5 {
		t.Errorf("%d pictures", b.Pictures)
	}
	if _, ok := b.PerClass()["background"]; ok || len(b.PerClass()) == 0 {
		t.Errorf("classes %v", b.PerClass())
	}
}

// TestBaseNamesClasses: label i+1 is the fold's i-th base class.
func TestBaseNamesClasses(t *testing.T) {
	f := fold(t)
	src := &list{batches: []*data.Batch{{Size: 1, Side: 1, Query: make([]float32, 3), Episodes: []*data.Episode{
		{H: 2, W: 2, FullBaseLabel: []uint8{2, 2, 0, 255}},
	}}}}
	r, err := Base(context.Background(), semantic{}, newTape(t), src, Options{Fold: f})
	if err != nil {
		t.Fatal(err)
	}
	if got := r.PerClass()[f.ClassName(f.Base[1])]; len(r.PerClass()) != 1 || math.Abs(got-2.0/3) > 1e-12 {
		t.Errorf("classes %v", r.PerClass())
	}
	if m := r.Missing(); len(m) != 14 || m[0] != f.ClassName(f.Base[0]) || m[1] != f.ClassName(f.Base[2]) {
		t.Errorf("missing %v", m)
	}
	if s := r.Scores(); s["miou"] != 2.0/3 || s["miou_with_background"] != 1.0/3 {
		t.Errorf("scores %v", s)
	}
}

// semantic predicts label 2 everywhere.
type semantic struct{}

func (semantic) Forward(t *nn.Tape, x op.Tensor) *nn.Var {
	y := t.Arena.Zeros(1, 1, 1, 16)
	v := make([]float32, 16)
	v[2] = 1
	t.Dev.Upload(y, v)
	return t.Const(y)
}
