package studio

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"image/png"
	"testing"

	"hdmnet/internal/picture"
	"hdmnet/internal/predict"
	"hdmnet/internal/serve/engine"
)

// TestSupportsAreKept: a support of Find is decoded once, as long as its picture and its mask
// are the same; no more than some are kept.
func TestSupportsAreKept(t *testing.T) {
	e := engine.New(nil, nil, engine.Options{Size: 8})
	defer e.Close()
	s := &Studio{Options: Options{Engine: e}, reader: picture.Reader{MaxPixels: 100}, decodes: make(chan struct{}, 1), given: newLatest[predict.Example]()}
	support := func(gray, object uint8) *Given {
		img := image.NewGray(image.Rect(0, 0, 4, 3))
		img.SetGray(1, 1, color.Gray{Y: gray})
		var b bytes.Buffer
		if err := png.Encode(&b, img); err != nil {
			t.Fatal(err)
		}
		g := &Given{Content: b.Bytes(), Name: "x.png", Mask: make([]uint8, 12)}
		g.Mask[object] = 1
		return g
	}
	first, err := s.example(t.Context(), support(9, 0))
	if err != nil {
		t.Fatal(err)
	}
	ended, stop := context.WithCancel(t.Context())
	stop()
	s.decodes <- struct{}{} // nothing can be decoded
	if again, err := s.example(ended, support(9, 0)); err != nil || again != first {
		t.Errorf("the same support is not the one that was kept: %v", err)
	}
	for _, other := range []*Given{support(8, 0), support(9, 1)} {
		if _, err := s.example(ended, other); !errors.Is(err, context.Canceled) {
			t.Errorf("another picture or mask is not read: %v", err)
		}
	}
	<-s.decodes
	for i := range uint8(maxLatest + 5) {
		if _, err := s.example(t.Context(), support(100+i, 0)); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(s.given.byName); n != maxLatest || s.given.recent.Len() != n {
		t.Errorf("%d supports are kept, at most %d", n, maxLatest)
	}
}
