package coco

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hdmnet/internal/tally"
)

func unzip(t testing.TB, name string) []byte {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", name+".gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func read(text string) (*Set, error) {
	return readSet(context.Background(), bytes.NewReader([]byte(text)), int64(len(text)), "a.json", Options{})
}

// Every pixel of 200 images is as pycocotools and OpenCV draw it; see testdata/README.md.
func TestMasksAreThoseOfPycocotoolsAndOpenCV(t *testing.T) {
	s, err := read(string(unzip(t, "instances.json")))
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Images) != 200 || len(s.Categories) != 12 || s.Categories[0].ID != "1" || s.Categories[11].ID != "90" || s.Crowds != 66 {
		t.Fatalf("%d images, categories %v, %d crowds", len(s.Images), s.Categories, s.Crowds)
	}
	drawn := map[Mode]*tally.Tally{AllPolygons: {}, FirstPolygon: {}}
	for mode, golden := range map[Mode]string{AllPolygons: "all-polygons", FirstPolygon: "first-polygon"} {
		want := unzip(t, golden)
		instances := 0
		for i, image := range s.Images {
			instances += s.Instances(i)
			pix, counted, err := s.Mask(mode, image.H, image.W, i)
			if err != nil {
				t.Fatalf("%v: %v", mode, err)
			}
			drawn[mode].Add(counted)
			n := image.H * image.W
			if len(want) < n {
				t.Fatalf("%v: the golden file ends at %s", mode, image.File)
			}
			if len(pix) != n {
				t.Fatalf("%v: %s has %d pixels, want %d", mode, image.File, len(pix), n)
			}
			for p, v := range pix {
				if v != want[p] {
					t.Errorf("%v: %s: %d at column %d, row %d, want %d", mode, image.File, v, p%image.W, p/image.W, want[p])
					break
				}
			}
			want = want[n:]
		}
		if len(want) != 0 || instances != 704 {
			t.Errorf("%v: %d pixels left over, %d instances", mode, len(want), instances)
		}
	}
	// Of the drawn degenerate on purpose; nothing is lost without a count.
	for mode, c := range drawn {
		if c.Used+c.LeftOut() != 704 {
			t.Errorf("%v: %d drawn and %d left out of 704", mode, c.Used, c.LeftOut())
		}
	}
}

// TestMasksOfWhatPycocotoolsReads: masks of unusual records are those that pycocotools draws
// of the same file; see testdata/README.md.
func TestMasksOfWhatPycocotoolsReads(t *testing.T) {
	content, err := os.ReadFile(filepath.Join("testdata", "lenient.json"))
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Height, Width int
		Cases         []struct {
			Name         string
			Segmentation json.RawMessage
			Mask         string
		}
	}
	if err := json.Unmarshal(content, &golden); err != nil {
		t.Fatal(err)
	}
	for _, c := range golden.Cases {
		s, err := read(fmt.Sprintf(`{"images":[{"id":"x","file_name":"a.png","height":%d,"width":"%d"}],"categories":[{"id":"c","name":"cup"}],
			"annotations":[{"id":0,"image_id":"x","category_id":"c","area":NaN,"iscrowd":0,"segmentation":%s}]}`, golden.Height, golden.Width, c.Segmentation))
		if err != nil {
			t.Errorf("%s: %v", c.Name, err)
			continue
		}
		pix, counted, err := s.Mask(AllPolygons, golden.Height, golden.Width, 0)
		if err != nil || picture(pix, golden.Width) != c.Mask {
			t.Errorf("%s: %s, %v, want %s", c.Name, picture(pix, golden.Width), err, c.Mask)
		}
		if empty := !strings.Contains(c.Mask, "1"); empty == (counted.Used == 1) || counted.Used+counted.LeftOut() != 1 {
			t.Errorf("%s: counted as %+v", c.Name, counted)
		}
	}
	if len(golden.Cases) < 10 {
		t.Errorf("%d cases", len(golden.Cases))
	}
}
