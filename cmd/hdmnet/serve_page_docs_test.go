//go:build browser

package main

import (
	"bytes"
	"flag"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"golang.org/x/image/draw"

	"hdmnet/internal/data"
)

var screens = flag.String("screens", "", "folder for the pictures of the page that the documentation shows")

// TestPageForTheDocs makes docs/serve.png and docs/serve-dark.png:
//
//	go test -tags browser -run ForTheDocs ./cmd/hdmnet -screens ../../docs
func TestPageForTheDocs(t *testing.T) {
	if *screens == "" {
		t.Skip("makes pictures for the documentation: -screens DIR")
	}
	root := t.TempDir()
	scenes(t, root, 13)
	s := serving(t, "--project", filepath.Join(t.TempDir(), "demo"), "--root", root)
	b := browse(t, s.url())
	b.click("#add")
	b.click("#add-folder")
	b.until(`document.querySelectorAll('#grid .tile').length === 16`)
	b.escape()
	b.found(15)
	b.press("c")
	for range 3 {
		b.press(kb.Enter)
		b.settled()
		b.press("y")
		b.settled()
	}
	b.press("n")
	b.settled()
	b.do(chromedp.Evaluate[chromedp.Void](`document.activeElement.blur()`), chromedp.Sleep(4*time.Second)) // messages are gone then
	for name, scheme := range map[string]string{"serve.png": "light", "serve-dark.png": "dark"} {
		if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}); err != nil {
			t.Fatal(err)
		}
		b.do(chromedp.Sleep(300 * time.Millisecond))
		shot, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(*screens, name), smaller(t, shot), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// smaller is a picture at three quarters of its size, as wide as pages show it, with 32
// levels of each color, which halves the file.
func smaller(t *testing.T, shot []byte) []byte {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(shot))
	if err != nil {
		t.Fatal(err)
	}
	to := image.NewRGBA(image.Rect(0, 0, img.Bounds().Dx()*3/4, img.Bounds().Dy()*3/4))
	draw.CatmullRom.Scale(to, to.Bounds(), img, img.Bounds(), draw.Src, nil)
	for i, v := range to.Pix {
		to.Pix[i] = uint8((int(v)*31 + 127) / 255 * 255 / 31)
	}
	var out bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, to); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// scenes writes n pictures of the synthetic set in which there is a checkered square.
func scenes(t *testing.T, dir string, n int) {
	t.Helper()
	fold, err := data.Shapes5i(0)
	if err != nil {
		t.Fatal(err)
	}
	src, err := data.NewShapes(data.ShapesOptions{Fold: fold, Split: data.Val, Seed: 3, Count: 20 * n, Size: 320})
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; n > 0; i++ {
		scene, err := src.Load(i)
		if err != nil {
			t.Fatal(err)
		}
		there := 0
		for _, class := range scene.Mask {
			if fold.ClassName(int(class)) == "checkered square" {
				there++
			}
		}
		if there < scene.H*scene.W/25 {
			continue
		}
		n--
		img := image.NewRGBA(image.Rect(0, 0, scene.W, scene.H))
		for p := range scene.H * scene.W {
			copy(img.Pix[4*p:], []uint8{scene.Image[3*p], scene.Image[3*p+1], scene.Image[3*p+2], 255})
		}
		f, err := os.Create(filepath.Join(dir, fmt.Sprintf("scene%02d.png", i)))
		if err != nil {
			t.Fatal(err)
		}
		if err := png.Encode(f, img); err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
}
