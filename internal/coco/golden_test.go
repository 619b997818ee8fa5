package coco

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"
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
	return Read(context.Background(), bytes.NewReader([]byte(text)), int64(len(text)), "a.json", nil)
}

// Every pixel of 200 images is as pycocotools and OpenCV draw it; see testdata/README.md.
func TestMasksAreThoseOfPycocotoolsAndOpenCV(t *testing.T) {
	s, err := read(string(unzip(t, "instances.json")))
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Images) != 200 || len(s.Categories) != 12 || s.Categories[0].ID != 1 || s.Categories[11].ID != 90 || s.Crowds != 66 {
		t.Fatalf("%d images, categories %v, %d crowds", len(s.Images), s.Categories, s.Crowds)
	}
	for mode, golden := range map[Mode]string{AllPolygons: "all-polygons", FirstPolygon: "first-polygon"} {
		want := unzip(t, golden)
		instances := 0
		for i, image := range s.Images {
			instances += s.Instances(i)
			pix, without, err := s.Mask(i, mode)
			if err != nil || without != 0 {
				t.Fatalf("%v: %d without, %v", mode, without, err)
			}
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
}
