package predict

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hdmnet/internal/cpu"
	"hdmnet/internal/model"
	"hdmnet/internal/nn"
	"hdmnet/internal/overlay"
	"hdmnet/internal/picture"
)

func newTape(t *testing.T) *nn.Tape {
	t.Helper()
	dev, err := cpu.New()
	if err != nil {
		t.Fatal(err)
	}
	return nn.NewTape(dev)
}

// halves gives 1×2 logits of one channel each: background −1 left and 1 right, the
// object 0, so that the object is the left half once resized.
type halves struct {
	nan  bool
	seen model.Input
}

func (h *halves) Forward(t *nn.Tape, in model.Input) *model.Output {
	h.seen = in
	y := t.Arena.Float32(1, 1, 2, 2)
	v := []float32{-1, 0, 1, 0}
	if h.nan {
		v[3] = float32(math.NaN())
	}
	t.Dev.Upload(y, v)
	return &model.Output{Final: t.Const(y)}
}

func save(t testing.TB, path string, img image.Image) string {
	t.Helper()
	var b bytes.Buffer
	var err error
	if filepath.Ext(path) == ".jpg" {
		err = jpeg.Encode(&b, img, nil)
	} else {
		err = png.Encode(&b, img)
	}
	if err == nil {
		err = os.WriteFile(path, b.Bytes(), 0o666)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func gray(w, h int, values ...uint8) *image.Gray {
	m := image.NewGray(image.Rect(0, 0, w, h))
	copy(m.Pix, values)
	return m
}

// pair writes a support of 4×3 pixels whose object is the first pixel row.
func pair(t *testing.T, dir string) Support {
	t.Helper()
	return Support{
		Image: save(t, filepath.Join(dir, "s.jpg"), image.NewRGBA(image.Rect(0, 0, 4, 3))),
		Mask:  save(t, filepath.Join(dir, "s.png"), gray(4, 3, 7, 7, 7, 7, 255)),
	}
}

func load(t *testing.T, path string) image.Image {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func TestRun(t *testing.T) {
	dir := t.TempDir()
	p := pair(t, dir)
	query := save(t, filepath.Join(dir, "q.x.png"), image.NewRGBA(image.Rect(0, 0, 6, 3)))
	out := filepath.Join(dir, "new", "out")
	net, tape := &halves{}, newTape(t)
	told := 0
	results, err := Run(context.Background(), net, tape, Options{
		Supports: []Support{p, p}, Queries: []string{query}, Out: out, Size: 9, SaveLogits: true,
		Warn: func(m string) { t.Errorf("warning: %s", m) }, Done: func(Result) { told++ },
	})
	if err != nil {
		t.Fatal(err)
	}
	r := results[0]
	if len(results) != 1 || told != 1 || r.W != 6 || r.H != 3 || r.Foreground != 0.5 {
		t.Errorf("%d results, told %d: %+v", len(results), told, r)
	}
	if r.Mask != filepath.Join(out, "q.x_mask.png") || r.Overlay != filepath.Join(out, "q.x_overlay.png") || r.Logits != filepath.Join(out, "q.x_logits.npy") {
		t.Errorf("files: %+v", r)
	}

	// Both supports arrived: the object in rows 0..2 of 9, ignore under it.
	if s := net.seen.Support.Shape(); s[1] != 2 || s[2] != 9 || net.seen.Query.Shape()[1] != 9 {
		t.Errorf("input shapes %v %v", s, net.seen.Query.Shape())
	}
	masks := make([]uint8, 2*81)
	tape.Dev.Download(masks, net.seen.SupportMask)
	for k := range 2 {
		if m := masks[k*81:]; m[0] != 1 || m[2*9+8] != 1 || m[3*9] != 255 || m[3*9+8] != 0 {
			t.Errorf("support mask %d: %v", k, m[:81])
		}
	}

	mask, ok := load(t, r.Mask).(*image.Gray)
	if !ok || mask.Rect.Dx() != 6 || mask.Rect.Dy() != 3 {
		t.Fatalf("mask is %T %v", load(t, r.Mask), mask.Bounds())
	}
	for i, v := range mask.Pix {
		if want := uint8(255 * (1 - i%6/3)); v != want {
			t.Errorf("mask pixel %d is %d, want %d", i, v, want)
		}
	}
	over := load(t, r.Overlay)
	if c := color.NRGBAModel.Convert(over.At(5, 0)); c != (color.NRGBA{0, 0, 0, 255}) {
		t.Errorf("the background became %v", c)
	}
	if c := color.NRGBAModel.Convert(over.At(2, 1)); c != overlay.Line {
		t.Errorf("the outline is %v", c)
	}
	if c := color.NRGBAModel.Convert(over.At(0, 0)).(color.NRGBA); c.R < 90 || c.G > 30 {
		t.Errorf("the object is %v", c)
	}

	npy, err := os.ReadFile(r.Logits)
	if err != nil {
		t.Fatal(err)
	}
	n := int(binary.LittleEndian.Uint16(npy[8:]))
	if string(npy[:8]) != "\x93NUMPY\x01\x00" || (10+n)%64 != 0 || npy[9+n] != '\n' ||
		!strings.HasPrefix(string(npy[10:]), "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3, 6), }  ") {
		t.Errorf("npy header %q", npy[:10+n])
	}
	if len(npy) != 10+n+4*2*3*6 {
		t.Fatalf("npy of %d bytes", len(npy))
	}
	for i := range 36 {
		got := math.Float32frombits(binary.LittleEndian.Uint32(npy[10+n+4*i:]))
		want := float32(0) // the object's plane
		if i < 18 {
			want = -1 + 2*float32(i%6)/5 // corners aligned
		}
		if math.Abs(float64(got-want)) > 1e-6 {
			t.Errorf("logit %d is %v, want %v", i, got, want)
		}
	}
	entries, _ := os.ReadDir(out)
	if len(entries) != 5 { // and the overlays of two supports
		t.Errorf("files in the output folder: %v", entries)
	}
}

func TestBadInput(t *testing.T) {
	dir := t.TempDir()
	p := pair(t, dir)
	path := func(name string) string { return filepath.Join(dir, name) }
	q := save(t, path("q.jpg"), image.NewRGBA(image.Rect(0, 0, 40, 30)))
	whole, _ := os.ReadFile(q)
	cutMask, _ := os.ReadFile(p.Mask)
	if err := errors.Join(os.WriteFile(path("cut.jpg"), whole[:300], 0o666), os.WriteFile(path("file"), nil, 0o666),
		os.WriteFile(path("cut.png"), cutMask[:len(cutMask)-20], 0o666), os.Mkdir(path("other"), 0o777)); err != nil {
		t.Fatal(err)
	}
	twin := save(t, path("other/q.png"), image.NewRGBA(image.Rect(0, 0, 4, 3)))
	small := save(t, path("small.png"), gray(4, 2))
	own := save(t, path("q_mask.png"), gray(40, 30, 1))

	for _, c := range []struct {
		what     string
		supports []Support
		queries  []string
		out      string
		net      halves
		want     []string
	}{
		{"missing support", []Support{{Image: path("none.jpg"), Mask: p.Mask}}, []string{q}, "o", halves{}, []string{"none.jpg"}},
		{"missing mask", []Support{{Image: p.Image, Mask: path("none.png")}}, []string{q}, "o", halves{}, []string{"none.png"}},
		{"mask of another size", []Support{p, {Image: p.Image, Mask: small}}, []string{q}, "o", halves{}, []string{p.Image, small, "4×3", "4×2"}},
		{"truncated query", []Support{p}, []string{path("cut.jpg")}, "o", halves{}, []string{"cut.jpg", "cut short"}},
		{"truncated mask", []Support{{Image: p.Image, Mask: path("cut.png")}}, []string{q}, "o", halves{}, []string{"cut.png", "cut short"}},
		{"JPEG mask", []Support{{Image: p.Image, Mask: p.Image}}, []string{q}, "o", halves{}, []string{"mask " + p.Image, "PNG"}},
		{"same stem", []Support{p}, []string{q, twin}, "o", halves{}, []string{q, twin, "q_mask.png"}},
		{"over an input", []Support{{Image: q, Mask: own}}, []string{q}, ".", halves{}, []string{"overwrite", own}},
		{"no folder", []Support{p}, []string{q}, "file/o", halves{}, []string{"file", "--out"}},
		{"NaN", []Support{p}, []string{q}, "o", halves{nan: true}, []string{q, "NaN"}},
		{"nothing", nil, []string{q}, "o", halves{}, []string{"support"}},
	} {
		_, err := Run(context.Background(), &c.net, newTape(t), Options{Supports: c.supports, Queries: c.queries, Out: path(c.out), Size: 9})
		for _, w := range c.want {
			if err == nil || !strings.Contains(err.Error(), w) {
				t.Errorf("%s: error %v should say %q", c.what, err, w)
			}
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Run(ctx, &halves{}, newTape(t), Options{Supports: []Support{p}, Queries: []string{q}, Out: path("o"), Size: 9}); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}

func TestMasksWithoutObjectAreNamed(t *testing.T) {
	dir := t.TempDir()
	img := save(t, filepath.Join(dir, "s.jpg"), image.NewRGBA(image.Rect(0, 0, 50, 50)))
	dot := make([]uint8, 2500)
	dot[51] = 1
	for what, c := range map[string]struct {
		values []uint8
		want   string
	}{
		"black":     {nil, "0 everywhere"},
		"all white": {[]uint8{255, 255}, "add --mask-white-is-object"},
		"a dot":     {dot, "so small"},
	} {
		mask := save(t, filepath.Join(dir, what+".png"), gray(50, 50, c.values...))
		warned := ""
		_, err := Run(context.Background(), &halves{}, newTape(t), Options{
			Supports: []Support{{Image: img, Mask: mask}}, Queries: []string{img}, Out: dir, Size: 9, Warn: func(m string) { warned += m },
		})
		if err != nil || !strings.Contains(warned, c.want) || !strings.Contains(warned, mask) {
			t.Errorf("%s: %q, error %v", what, warned, err)
		}
	}
}

// TestMaskKinds: every kind of PNG gives the same mask: background, object, ignore, object.
func TestMaskKinds(t *testing.T) {
	r := image.Rect(0, 0, 4, 1)
	palette := image.NewPaletted(r, make(color.Palette, 256))
	for i := range palette.Palette {
		palette.Palette[i] = color.NRGBA{0, 0, 0, 255} // colors mean nothing
	}
	copy(palette.Pix, []uint8{0, 1, 255, 254})
	gray16 := image.NewGray16(r)
	rgba, alpha := image.NewNRGBA(r), image.NewNRGBA(r)
	for x, v := range []uint16{0, 1, 0xFFFF, 0xFE00} {
		gray16.SetGray16(x, 0, color.Gray16{Y: v})
	}
	for x, c := range []color.NRGBA{{0, 0, 0, 255}, {0, 0, 1, 255}, {255, 255, 255, 255}, {255, 0, 0, 255}} {
		rgba.SetNRGBA(x, 0, c)
	}
	for x, c := range []color.NRGBA{{255, 0, 0, 0}, {0, 200, 0, 10}, {255, 255, 255, 255}, {9, 9, 9, 255}} {
		alpha.SetNRGBA(x, 0, c)
	}
	dir := t.TempDir()
	for what, img := range map[string]image.Image{
		"palette": palette, "gray": gray(4, 1, 0, 1, 255, 9), "gray16": gray16, "rgb": rgba, "rgba": alpha,
	} {
		m, err := readMask(new(picture.Reader), save(t, filepath.Join(dir, what+".png"), img))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(m.values, []uint8{0, 1, 255, 1}) || !m.object || !m.ignored || m.h != 1 || m.w != 4 {
			t.Errorf("%s: %+v", what, m)
		}
	}
	// Gray of 1 bit: value 1 is the object.
	if m := newMask(&picture.Labels{Size: picture.Size{H: 1, W: 2}, Values: []uint8{0, 1}, Bits: 1}); !bytes.Equal(m.values, []uint8{0, 1}) {
		t.Errorf("1 bit: %v", m.values)
	}
}

// Nothing but unchanged results of an earlier run is replaced.
func TestKeepsForeignFiles(t *testing.T) {
	dir := t.TempDir()
	img := save(t, filepath.Join(dir, "q.png"), image.NewRGBA(image.Rect(0, 0, 4, 2)))
	mask := save(t, filepath.Join(dir, "s.png"), gray(4, 2, 0, 0, 1, 1, 0, 0, 1, 1))
	out := filepath.Join(dir, "out")
	run := func(force bool) error {
		_, err := Run(context.Background(), &halves{}, newTape(t), Options{Supports: []Support{{Image: img, Mask: mask}}, Queries: []string{img},
			Out: out, Size: 9, SaveLogits: force, Force: force})
		return err
	}
	for range 2 {
		if err := run(false); err != nil {
			t.Fatal(err)
		}
	}
	result := filepath.Join(out, "q_mask.png")
	if f, err := os.Open(result); err != nil {
		t.Fatal(err)
	} else if _, err := png.Decode(f); err != nil {
		t.Errorf("a signed result: %v", err)
	}
	written, err := os.ReadFile(result)
	if err != nil {
		t.Fatal(err)
	}
	edited := append([]byte(nil), written...)
	edited[len(edited)-20] ^= 1
	for what, content := range map[string][]byte{"a person's": []byte("precious"), "edited": edited} {
		if err := os.WriteFile(result, content, 0o666); err != nil {
			t.Fatal(err)
		}
		if err := run(false); !errors.Is(err, fs.ErrExist) || !strings.Contains(err.Error(), result) {
			t.Errorf("%s: %v", what, err)
		}
		if got, _ := os.ReadFile(result); !bytes.Equal(got, content) {
			t.Errorf("%s was replaced", what)
		}
	}
	if err := run(true); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(result); !bytes.Equal(got, written) {
		t.Error("with Force it was not replaced")
	}
}
