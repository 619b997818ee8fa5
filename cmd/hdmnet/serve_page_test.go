//go:build browser

package main

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"hdmnet/internal/coco"
)

// photographs are the eight of testdata/real-mini; with the three samples of a new project
// that makes one to mark and ten to search.
const photographs = "../../testdata/real-mini/images"

// TestPage marks an object with two clicks, finds it in ten pictures, corrects one, accepts
// some, rejects one, and exports. The masks in the export are those that the page shows.
func TestPage(t *testing.T) {
	s := serving(t, "--project", filepath.Join(t.TempDir(), "project"), "--root", photographs)
	b := browse(t, s.url())
	if text := ask[string](b, `document.getElementById('notice').textContent`); !strings.Contains(text, "samples") || !strings.Contains(text, "demo") {
		t.Errorf("a first visit is not told about samples and the demo network: %q", text)
	}
	b.addFolder()
	b.open("000000542145")
	b.click("#class-name")
	b.press("toilet\r")
	b.until(`document.querySelector('.class.current .name')?.textContent === 'toilet'`)
	b.mark(50, 370)
	b.mark(160, 465)
	b.settled()
	if iou := overlap(b.mask(), truth(t, "000000542145")); iou < 0.5 {
		t.Errorf("two clicks on the object give a mask with an IoU of %.2f", iou)
	}

	// What is drawn is there when the page is loaded again.
	before := b.mask()
	b.do(chromedp.Reload())
	b.shown("000000542145")
	if !slices.Equal(b.mask(), before) {
		t.Error("marks that were not saved are gone after a reload")
	}
	b.press(kb.Enter)
	b.found(10)
	state := s.state()
	if len(state.Supports) != 2 || len(state.Supports[1].Strokes) != 2 || s.masks(2) != 10 { // a sample shows an object, too
		t.Fatalf("%d supports, %d masks; want 2 and 10", len(state.Supports), s.masks(2))
	}

	// One is corrected: a block is painted, and a hole is erased.
	b.open("000000403385")
	b.press("b")
	b.drag(420, 300, 500, 460)
	b.press("e")
	b.drag(440, 340, 470, 340)
	b.settled()
	corrected := b.mask()
	if corrected[(320)*640+430] == 0 || corrected[340*640+455] != 0 {
		t.Error("brush and eraser do not change the mask")
	}
	b.press(kb.Enter)
	b.until(`document.querySelector('#filter [data-filter="accepted"]').textContent.includes('1')`)
	b.open("000000403385")
	if !slices.Equal(b.mask(), corrected) {
		t.Error("the corrected mask is not the one that was drawn")
	}
	for _, name := range []string{"000000294832", "000000252219"} {
		b.open(name)
		b.press("y")
		b.until(fmt.Sprintf(`document.querySelector('#grid .tile[aria-label*="%s"]').classList.contains('accepted')`, name))
	}
	b.open("000000522418")
	b.press("n")
	b.until(`document.querySelector('#filter [data-filter="rejected"]').textContent.includes('1')`)

	// The threshold is moved without a run, and the mask follows.
	b.open("000000204805")
	all := count(b.mask())
	b.click(`.class.current input[type="range"]`)
	b.press(kb.Home)
	b.until(`document.querySelector('.class.current output').textContent === '0.02'`)
	for until := time.Now().Add(20 * time.Second); s.state().Classes[1].Threshold != 0.02; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatal("the server does not know the threshold that was chosen")
		}
	}
	b.settled()
	if more := count(b.mask()); more <= all {
		t.Errorf("a threshold of 0.02 gives %d pixels, 0.5 gave %d", more, all)
	}
	b.sameAsExported()
	b.quiet()
}

// addFolder adds all pictures below the server's root.
func (b *tab) addFolder() {
	b.t.Helper()
	n := ask[int](b, `document.querySelectorAll('#grid .tile').length`)
	b.click("#add")
	b.click("#add-folder")
	b.until(fmt.Sprintf(`document.querySelectorAll('#grid .tile').length === %d`, n+8))
	b.escape()
}

// mask is that of the class that is looked at, in the shown picture.
func (b *tab) mask() []uint8 {
	b.t.Helper()
	runs := ask[[]int](b, `(async () => {
		const { current } = await import('/static/shown.js');
		const shown = current(), runs = [0];
		let value = 0;
		for (const v of shown?.mask ?? []) {
			if (v !== value) { runs.push(0); value = v; }
			runs[runs.length - 1]++;
		}
		return runs;
	})()`)
	var mask []uint8
	for i, n := range runs {
		mask = append(mask, bytes.Repeat([]uint8{uint8(i % 2)}, n)...)
	}
	return mask
}

func count(mask []uint8) (n int) {
	for _, v := range mask {
		n += int(v)
	}
	return n
}

// truth is the mask of a photograph's objects.
func truth(t *testing.T, name string) []uint8 {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(read(t, filepath.Join(photographs, "..", "masks", name+".png"))))
	if err != nil {
		t.Fatal(err)
	}
	box := img.Bounds()
	mask := make([]uint8, 0, box.Dx()*box.Dy())
	for y := range box.Dy() {
		for x := range box.Dx() {
			v := uint8(0)
			if r, g, b, _ := img.At(x, y).RGBA(); r|g|b != 0 {
				v = 1
			}
			mask = append(mask, v)
		}
	}
	return mask
}

func overlap(a, b []uint8) float64 {
	both, either := 0, 0
	for i := range a {
		both += int(a[i] & b[i])
		either += int(a[i] | b[i])
	}
	return float64(both) / float64(either)
}

// sameAsExported exports what is accepted as COCO with the page's dialog, and compares every
// mask with the one that is shown.
func (b *tab) sameAsExported() {
	b.t.Helper()
	dir := b.t.TempDir()
	if _, err := chromedp.CallBrowser(b.ctx, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
		Behavior: browser.SetDownloadBehaviorBehaviorAllow, DownloadPath: dir}); err != nil {
		b.t.Fatal(err)
	}
	b.do(chromedp.Focus(chromedp.CSS("#canvas")))
	b.press("x")
	b.until(`document.getElementById('export-dialog').open`)
	b.press(kb.Enter)
	archive := ""
	for until := time.Now().Add(20 * time.Second); archive == ""; time.Sleep(50 * time.Millisecond) {
		if all, _ := filepath.Glob(filepath.Join(dir, "*.zip")); len(all) == 1 {
			archive = all[0]
		}
		if time.Now().After(until) {
			b.t.Fatal("no archive was downloaded within 20 seconds")
		}
	}
	path := filepath.Join(dir, "instances.json")
	if err := os.WriteFile(path, annotations(b.t, archive), 0o644); err != nil {
		b.t.Fatal(err)
	}
	set, err := coco.Open(context.Background(), path, coco.Options{})
	if err != nil {
		b.t.Fatal(err)
	}
	defer set.Close()
	compared, value := 0, uint8(slices.Index(set.ClassNames(), "toilet")+1)
	for i, image := range set.Images {
		name := strings.TrimSuffix(filepath.Base(image.File), filepath.Ext(image.File))
		b.open(name)
		size := ask[[]int](b, `(async () => { const i = (await import('/static/store.js')).currentImage(); return [i.height, i.width]; })()`)
		got, _, err := set.Mask(coco.AllPolygons, size[0], size[1], i)
		if err != nil {
			b.t.Fatal(err)
		}
		for p, v := range got {
			got[p] = 0
			if v == value {
				got[p] = 1
			}
		}
		if count(got) == 0 {
			continue // a support of the other class
		}
		want := b.mask()
		if !slices.Equal(got, want) {
			b.t.Errorf("%s: the export has %d pixels, the page shows %d; they differ", name, count(got), count(want))
		}
		compared++
	}
	if compared < 4 {
		b.t.Errorf("the export has objects in %d pictures; 3 were accepted, and one marked", compared)
	}
}

// annotations is the one JSON file of an archive that is COCO's.
func annotations(t *testing.T, archive string) []byte {
	t.Helper()
	z, err := zip.OpenReader(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	for _, f := range z.File {
		if filepath.Ext(f.Name) != ".json" {
			continue
		}
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		var v struct{ Annotations []json.RawMessage }
		if json.Unmarshal(text, &v) == nil && v.Annotations != nil {
			return text
		}
	}
	t.Fatal("the archive has no COCO file")
	return nil
}
