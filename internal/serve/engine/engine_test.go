package engine

import (
	"context"
	"errors"
	"testing"

	"hdmnet/internal/cpu"
	"hdmnet/internal/model"
	"hdmnet/internal/nn"
	"hdmnet/internal/picture"
	"hdmnet/internal/predict"
)

// gate is a network that passes one batch for every value of open.
type gate struct{ begun, open chan struct{} }

func (g *gate) KeepsFeatures(string) bool { return false }

func (g *gate) Forward(t *nn.Tape, in model.Input) *model.Output {
	g.begun <- struct{}{}
	<-g.open
	y := t.Arena.Float32(in.Query.Shape()[0], 2, 2, 2)
	t.Dev.Upload(y, make([]float32, in.Query.Shape()[0]*8))
	return &model.Output{Final: t.Const(y), Votes: 1}
}

// A query whose picture cannot be read while somebody gives up waiting for it ends once; the
// engine goes on, also to its end.
func TestGivenUp(t *testing.T) {
	dev, err := cpu.New()
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{make(chan struct{}, 100), make(chan struct{}, 100)}
	e := New(g, nn.NewTape(dev), Options{Size: 16, Batch: 1, Panicked: func(s string) { t.Error(s) }})
	supports := &Supports{Key: "a", Examples: []predict.Example{{Name: "s", Image: make([]float32, 768), Mask: make([]uint8, 256)}}}
	photo := func(context.Context) (*picture.Photo, error) {
		return &picture.Photo{Pix: make([]uint8, 12), H: 2, W: 2, Size: picture.Size{H: 2, W: 2}}, nil
	}
	first := e.Submit(context.Background(), supports, Query{"first", photo})
	<-g.begun // the device is busy from now on
	ctx, cancel := context.WithCancel(context.Background())
	broken, release := errors.New("broken"), make(chan struct{})
	failed := e.Submit(ctx, supports, Query{"failed", func(context.Context) (*picture.Photo, error) {
		<-release
		return nil, broken
	}})
	late := e.Submit(ctx, supports, Query{"late", photo})
	g.open <- struct{}{}
	if m, err := first.Wait(); err != nil || m.P[0] != 0.5 {
		t.Fatal(m, err)
	}
	<-g.begun // with the late one: only now reading the other fails
	close(release)
	if _, err := failed.Wait(); !errors.Is(err, broken) {
		t.Error(err)
	}
	third := e.Submit(ctx, supports, Query{"third", photo})
	cancel()
	g.open <- struct{}{}
	if _, err := late.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := third.Wait(); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	last := e.Submit(context.Background(), supports, Query{"last", photo})
	<-g.begun
	g.open <- struct{}{}
	if _, err := last.Wait(); err != nil {
		t.Error(err)
	}
	e.Close()
	if _, err := e.Find(context.Background(), supports, Query{"x", photo}); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}
