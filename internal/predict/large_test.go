package predict

import (
	"context"
	"image"
	"image/color"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hdmnet/internal/annotate"
	"hdmnet/internal/picture"
)

// A picture that is read at a smaller scale is marked in its own pixels, and gets a mask
// of its own size.
func TestLargePicture(t *testing.T) {
	if testing.Short() {
		t.Skip("67 million pixels")
	}
	const h, w = 8200, 8201
	img := image.NewPaletted(image.Rect(0, 0, w, h), color.Palette{color.Black, color.White})
	for y := 4000; y < 6000; y++ {
		for x := 1000; x < 3000; x++ {
			img.Pix[y*w+x] = 1
		}
	}
	dir := t.TempDir()
	path := save(t, filepath.Join(dir, "q.png"), img)
	n := picture.Size{H: h, W: w}.Factor()
	if n < 2 {
		t.Fatalf("factor %d", n)
	}
	var warned []string
	out := filepath.Join(dir, "out")
	results, err := Run(context.Background(), &halves{}, newTape(t), Options{
		Supports: []Support{{Image: path, Boxes: []annotate.Box{{X0: 1000, Y0: 4000, X1: 3000, Y1: 6000}}}, {Image: path, Mask: path}},
		Queries:  []string{path}, Out: out, Size: 9,
		Warn: func(message string) { warned = append(warned, message) },
	})
	if err != nil {
		t.Fatal(err)
	}
	if r := results[0]; r.H != h || r.W != w || r.Foreground < 0.49 || r.Foreground > 0.51 {
		t.Errorf("%+v", r)
	}
	pix, s, err := new(picture.Reader).ReadMask(filepath.Join(out, "q_mask.png"), 254)
	if err != nil || s != (picture.Size{H: h, W: w}) || pix[0] != 255 || pix[len(pix)-1] != 0 {
		t.Errorf("mask of %v: %v", s, err)
	}
	if len(warned) != 1 || !strings.Contains(warned[0], "q.png: 8201×8200 pixels are read at a smaller scale") {
		t.Errorf("warnings %q", warned)
	}
	// Box and mask mark the same object, within a pixel of the smaller scale.
	r := new(picture.Reader)
	box := Support{Image: path, Boxes: []annotate.Box{{X0: 1000, Y0: 4000, X1: 3000, Y1: 6000}}}
	masked := Support{Image: path, Mask: path}
	_, a, err := box.read(r, false)
	if err != nil {
		t.Fatal(err)
	}
	_, b, err := masked.read(r, false)
	if err != nil {
		t.Fatal(err)
	}
	if d := a.share() - b.share(); d < -0.001 || d > 0.001 || a.h != b.h || !slices.Contains(b.values, 1) {
		t.Errorf("share %g by a box, %g by a mask", a.share(), b.share())
	}
	for _, c := range []struct {
		support Support
		want    string
	}{
		{Support{Image: path, Points: []annotate.Point{{X: w, Y: 0}}}, "point 8201,0 is outside the picture of 8201×8200"},
		{Support{Image: path, Boxes: []annotate.Box{{X0: 0, Y0: 0, X1: w + 1, Y1: 9}}}, "box 0,0,8202,9 is empty or reaches out"},
	} {
		if _, _, err := c.support.read(r, false); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}
