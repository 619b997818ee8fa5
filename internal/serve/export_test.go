package serve

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hdmnet/internal/coco"
	"hdmnet/internal/data"
)

// export is the files of a zip.
func (c client) export(body string) map[string][]byte {
	c.t.Helper()
	z := c.ask("POST", "/api/export", body, http.StatusOK, nil)
	r, err := zip.NewReader(bytes.NewReader(z), int64(len(z)))
	if err != nil {
		c.t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, f := range r.File {
		in, err := f.Open()
		if err != nil {
			c.t.Fatal(err)
		}
		if files[f.Name], err = io.ReadAll(in); err != nil {
			c.t.Fatal(err)
		}
	}
	return files
}

// turned is a JPEG of w×h pixels that EXIF data turn by a quarter.
func turned(t *testing.T, w, h int) []byte {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, w, h)), nil); err != nil {
		t.Fatal(err)
	}
	exif := []byte("\xff\xe1\x00\x22Exif\x00\x00II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00\x06\x00\x00\x00\x00\x00\x00\x00")
	return slices.Concat(b.Bytes()[:2], exif, b.Bytes()[2:])
}

// Every format has the accepted masks and nothing else; names that collide are told apart; what
// is turned is upright.
func TestExport(t *testing.T) {
	c, _, ids := studioOf(t, &fakeNet{}, nil)
	same := c.upload([]string{"P1.png", "tele.jpg"}, scene(100, 80, 200, squares[0]), turned(t, 60, 40))
	ids = append(ids, same...)
	c.ask("POST", "/api/classes", `{"name":"other"}`, http.StatusCreated, nil)
	c.ask("POST", "/api/classes", `{"name":"unused"}`, http.StatusCreated, nil)
	c.run(`{"classes":[1]}`)
	c.ask("PUT", "/api/masks/"+ids[1]+"/1", `{"status":"accepted"}`, http.StatusOK, nil)
	c.ask("PUT", "/api/masks/"+ids[2]+"/1", `{"status":"rejected"}`, http.StatusOK, nil)
	c.ask("PUT", "/api/masks/"+ids[4]+"/1", `{"status":"accepted"}`, http.StatusOK, nil)
	drawn := make([]uint8, 40*60)
	for i := range drawn {
		drawn[i] = uint8(i / 40 & 16 >> 4)
	}
	c.ask("PUT", "/api/masks/"+ids[5]+"/2", map[string]any{"rle": coco.NewRLE(drawn, 60, 40, false)}, http.StatusOK, nil)
	// Of pixels that two masks claim the one drawn last has them.
	all := make([]uint8, 256*192)
	for i := range all {
		all[i] = uint8(i % 256 / 200)
	}
	c.ask("PUT", "/api/masks/"+ids[1]+"/2", map[string]any{"rle": coco.NewRLE(all, 192, 256, false)}, http.StatusOK, nil)

	second := "P1_" + ids[4][:8] + ".png"
	type truth struct{ id, class, file string }
	truths := []truth{{ids[1], "1", "p1.png"}, {ids[4], "1", second}, {ids[5], "2", "tele.jpg"}, {ids[1], "2", "p1.png"}}

	files := c.export(`{"format":"coco","rle":true,"images":false}`)
	if len(files) != 1 {
		t.Errorf("coco has %d files", len(files))
	}
	path := filepath.Join(t.TempDir(), "annotations.json")
	if err := os.WriteFile(path, files["annotations.json"], 0o666); err != nil {
		t.Fatal(err)
	}
	set, err := coco.Open(t.Context(), path, coco.Options{})
	if err != nil || len(set.Images) != 3 || len(set.Categories) != 2 || set.Categories[0].Name != "square" {
		t.Fatal(set, err)
	}
	for _, x := range truths {
		i := slices.IndexFunc(set.Images, func(i coco.Image) bool { return i.File == x.file })
		if i < 0 {
			t.Fatalf("%s is missing", x.file)
		}
		h, w := set.Images[i].H, set.Images[i].W
		labels, _, err := set.Mask(coco.AllPolygons, h, w, i)
		if err != nil {
			t.Fatal(err)
		}
		want, ww, wh := c.png("/api/masks/" + x.id + "/" + x.class + ".png")
		if ww != w || wh != h {
			t.Errorf("%s is %d×%d", x.file, w, h)
		}
		for at, v := range labels {
			if (v == x.class[0]-'0') != (want[at] == 1) {
				t.Errorf("%s, class %s: pixel %d differs", x.file, x.class, at)
				break
			}
		}
	}
	var polygons struct {
		Annotations []struct{ Segmentation [][]float64 }
	}
	if err := json.Unmarshal(c.export(`{"format":"coco","images":false}`)["annotations.json"], &polygons); err != nil || len(polygons.Annotations[0].Segmentation[0]) < 8 {
		t.Error("no polygons", err)
	}

	for format, want := range map[string][]string{
		"png":     {"classes.txt", "list.txt", "masks/P1_" + ids[4][:8] + ".png", "masks/p1.png", "masks/tele.png"},
		"labelme": {"P1_" + ids[4][:8] + ".json", "p1.json", "tele.json"},
		"yolo":    {"data.yaml", "labels/P1_" + ids[4][:8] + ".txt", "labels/p1.txt", "labels/tele.txt"},
		"custom":  {"classes.txt", "list.txt", "masks/P1_" + ids[4][:8] + ".png", "masks/p1.png", "masks/tele.png", "train.txt", "val.txt"},
	} {
		want = append(want, "images/"+second, "images/p1.png", "images/tele.jpg")
		files := c.export(`{"format":"` + format + `","images":true,"simplify":1}`)
		var names []string
		for name := range files {
			names = append(names, name)
		}
		slices.Sort(names)
		if slices.Sort(want); !slices.Equal(names, want) {
			t.Errorf("%s has %v, want %v", format, names, want)
		}
		if upright, err := jpeg.DecodeConfig(bytes.NewReader(files["images/tele.jpg"])); err != nil || upright.Width != 40 || upright.Height != 60 {
			t.Errorf("%s: the turned picture is %+v %v", format, upright, err)
		}
		if format == "custom" {
			custom(t, files)
		}
	}
	if _, err := os.Lstat("images"); err == nil {
		t.Error("an export wrote into the working folder")
	}
	if n := len(c.export(`{"format":"png","images":true,"supports":true}`)); n != 2+2*4 {
		t.Errorf("with supports there are %d files", n)
	}
}

// custom: the lists name files that are there, of one size.
func custom(t *testing.T, files map[string][]byte) {
	for _, list := range []string{"train.txt", "val.txt", "list.txt"} {
		entries, err := data.ParseList(bytes.NewReader(files[list]), list)
		if err != nil || len(entries) != 3 {
			t.Fatal(entries, err)
		}
		for _, e := range entries {
			a, _, err := image.DecodeConfig(bytes.NewReader(files[e.Image]))
			b, err2 := png.DecodeConfig(bytes.NewReader(files[e.Mask]))
			if err != nil || err2 != nil || a.Width != b.Width || a.Height != b.Height {
				t.Errorf("%s: %+v and %+v are not of one size: %v %v", list, a, b, err, err2)
			}
		}
	}
	if got := string(files["classes.txt"]); got != "square\nother\n" {
		t.Errorf("classes %q", got)
	}
}

// A picture that is gone is left out, and said so.
func TestExportLeavesOut(t *testing.T) {
	dir := t.TempDir()
	c, _, ids := studioOf(t, &fakeNet{}, func(o *Options) { o.Project = dir })
	c.run(`{"classes":[1]}`)
	for _, id := range ids[1:3] {
		c.ask("PUT", "/api/masks/"+id+"/1", `{"status":"accepted"}`, http.StatusOK, nil)
	}
	if err := os.Remove(filepath.Join(dir, "pictures", ids[1]+".png")); err != nil {
		t.Fatal(err)
	}
	files := c.export(`{"format":"png","images":true}`)
	if !strings.Contains(string(files["left-out.txt"]), "p1.png: the file of picture") || files["masks/p1.png"] != nil || files["masks/p2.png"] == nil {
		t.Errorf("%q", files["left-out.txt"])
	}
}
