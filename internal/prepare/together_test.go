package prepare

import (
	"context"
	"image"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"hdmnet/internal/coco"
	"hdmnet/internal/dist"
	"hdmnet/internal/dist/disttest"
)

// preparations are all that make masks, of small sources.
func preparations(t *testing.T) map[string]func(opt Options) (*Report, error) {
	ctx := context.Background()
	voc, sbd, annotations, labelMe := vocRoot(t), sbdRoot(t), cocoRoot(t), labelMeFolder(t)
	sets := t.TempDir()
	for _, name := range []string{"a", "b", "c"} {
		putImage(t, filepath.Join(sets, "i", name+".png"), image.NewRGBA(image.Rect(0, 0, 4, 1)))
	}
	putImage(t, filepath.Join(sets, "m", "cup", "a.png"), rowOfGray(0, 255, 255, 0))
	putImage(t, filepath.Join(sets, "m", "cup", "b.png"), rowOfGray(0, 255, 255)) // of another size: left out
	putImage(t, filepath.Join(sets, "m", "spoon", "c.png"), rowOfGray(255, 255, 255, 0))
	return map[string]func(opt Options) (*Report, error){
		"voc": func(opt Options) (*Report, error) { return VOC(ctx, VOCOptions{Options: opt, Root: voc}) },
		"sbd": func(opt Options) (*Report, error) { return SBD(ctx, SBDOptions{Options: opt, Root: voc, SBD: sbd}) },
		"coco": func(opt Options) (*Report, error) {
			return COCO(ctx, COCOOptions{Options: opt, Root: annotations, Mode: coco.AllPolygons})
		},
		"labelme": func(opt Options) (*Report, error) {
			r, _, err := LabelMe(ctx, LabelMeOptions{Options: opt, Images: labelMe})
			return r, err
		},
		"masks": func(opt Options) (*Report, error) {
			r, _, err := MaskSet(ctx, MaskSetOptions{Options: opt, Images: filepath.Join(sets, "i"), Masks: filepath.Join(sets, "m")})
			return r, err
		},
	}
}

// TestTogether: three processes make the files and the report of one, from the beginning and
// where masks are missing.
func TestTogether(t *testing.T) {
	for name, work := range preparations(t) {
		outs := t.TempDir()
		alone, together := filepath.Join(outs, "a"), filepath.Join(outs, "b") // as far from the pictures
		for _, start := range []string{"from the beginning", "where a mask is missing"} {
			want, err := work(Options{Out: alone})
			if err != nil {
				t.Fatal(name, err)
			}
			if want.Written+want.Kept < 2 {
				t.Fatalf("%s: %+v", name, want)
			}
			disttest.Run(t, 3, func(link dist.Link) {
				got, err := work(Options{Out: together, Link: link})
				if err != nil {
					t.Errorf("%s: process %d: %v", name, link.Place().Rank, err)
					return
				}
				if got.Written != want.Written || got.Kept != want.Kept || got.Images != want.Images || got.Large != want.Large || !reflect.DeepEqual(got.Objects, want.Objects) {
					t.Errorf("%s, %s: process %d reports %+v\nwant %+v", name, start, link.Place().Rank, got, want)
				}
			})
			sameFiles(t, files(t, together), files(t, alone))
			for _, out := range []string{alone, together} {
				removeFirst(t, out)
			}
		}
	}
}

// removeFirst removes the first mask below a folder.
func removeFirst(t *testing.T, out string) {
	t.Helper()
	var first string
	for name := range files(t, out) {
		if strings.HasSuffix(name, ".png") && (first == "" || name < first) {
			first = name
		}
	}
	if err := os.Remove(filepath.Join(out, filepath.FromSlash(first))); err != nil {
		t.Fatal(err)
	}
}

// TestTogetherFails: a mask that one process cannot make is an error in all, and so is
// another output folder.
func TestTogetherFails(t *testing.T) {
	defer func(before time.Duration) { seenWithin = before }(seenWithin)
	seenWithin = 200 * time.Millisecond
	work, outs := preparations(t), t.TempDir()
	disttest.Run(t, 3, func(link dist.Link) {
		out := filepath.Join(outs, "same")
		if link.Place().Rank == 2 {
			out = filepath.Join(outs, "other")
		}
		if _, err := work["voc"](Options{Out: out, Link: link}); err == nil || !strings.Contains(err.Error(), "must see the same --out") || !dist.Known(err) {
			t.Errorf("process %d: %v", link.Place().Rank, err)
		}
	})
	root := vocRoot(t)
	put(t, filepath.Join(root, "SegmentationClass", "2007_a.png"), "no mask")
	var once sync.Mutex
	said := map[string]bool{}
	disttest.Run(t, 3, func(link dist.Link) {
		_, err := VOC(t.Context(), VOCOptions{Options: Options{Link: link}, Root: root})
		if err == nil || !strings.Contains(err.Error(), "2007_a.png") || !dist.Known(err) {
			t.Errorf("process %d: %v", link.Place().Rank, err)
			return
		}
		once.Lock()
		defer once.Unlock()
		said[err.Error()] = true
	})
	if len(said) != 2 { // that of the process that has it, and of the others that it has failed
		t.Errorf("errors %v", said)
	}
}
