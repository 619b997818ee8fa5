package serve

import (
	"bytes"
	"fmt"
	"image"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"hdmnet/internal/coco"
	"hdmnet/internal/serve/studio"
)

func uploadRequest(names []string, contents ...[]byte) *http.Request {
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	for i, name := range names {
		h := textproto.MIMEHeader{"Content-Disposition": {fmt.Sprintf(`form-data; name="file"; filename=%q`, name)}}
		part, err := m.CreatePart(h)
		if err == nil {
			_, err = part.Write(contents[i])
		}
		if err != nil {
			panic(err)
		}
	}
	if err := m.Close(); err != nil {
		panic(err)
	}
	r := httptest.NewRequest("POST", "/api/images", &b)
	r.Host = "localhost:8080"
	r.Header.Set("Content-Type", m.FormDataContentType())
	return r
}

// overlap is the share of intersection in union of a mask [h,w] and a rectangle.
func overlap(mask []uint8, w int, r image.Rectangle) float64 {
	both, any := 0, 0
	for i, v := range mask {
		in := image.Pt(i%w, i/w).In(r)
		if in && v == 1 {
			both++
		}
		if in || v == 1 {
			any++
		}
	}
	return float64(both) / float64(any)
}

// squares are where the object is in the test's pictures of 256×192.
var squares = []image.Rectangle{image.Rect(32, 32, 96, 96), image.Rect(128, 64, 208, 144), image.Rect(64, 96, 160, 176), image.Rect(0, 0, 100, 100)}

// studioOf is a project with four pictures and a class marked in the first.
func studioOf(t *testing.T, net *fakeNet, change func(*Options)) (client, *Server, []string) {
	s := newServer(t, net, change)
	c := client{t, s.Handler()}
	var names []string
	var contents [][]byte
	for i, r := range squares {
		names = append(names, fmt.Sprintf("p%d.png", i))
		contents = append(contents, scene(256, 192, 200, r))
	}
	ids := c.upload(names, contents...)
	c.ask("POST", "/api/classes", `{"name":"square"}`, http.StatusCreated, nil)
	c.ask("PUT", "/api/supports/"+ids[0], `{"class":1,"strokes":[{"tool":"polygon","add":true,"points":[[32,32],[96,32],[96,96],[32,96]]}]}`, http.StatusOK, nil)
	return c, s, ids
}

func (c client) state() (v state) {
	c.t.Helper()
	c.ask("GET", "/api/state", nil, http.StatusOK, &v)
	return v
}

// run looks for classes and waits.
func (c client) run(body string) []event {
	c.t.Helper()
	var j studio.JobEntry
	c.ask("POST", "/api/run", body, http.StatusAccepted, &j)
	return c.events(j.ID)
}

// From the first mark to an export, and everything is there again after the server has
// stopped.
func TestWork(t *testing.T) {
	net := &fakeNet{}
	dir := t.TempDir()
	c, s, ids := studioOf(t, net, func(o *Options) { o.Project = dir })
	mask, w, h := c.png("/api/supports/" + ids[0] + "/1.png")
	if w != 256 || h != 192 || overlap(mask, w, squares[0]) != 1 {
		t.Errorf("the support is %d×%d, overlap %g", w, h, overlap(mask, w, squares[0]))
	}
	all := c.run(fmt.Sprintf(`{"classes":[1],"queries":["%s","%s","%s","%s"]}`, ids[2], ids[0], ids[1], ids[3]))
	var order []string
	for _, e := range all {
		if e.kind == "mask" {
			order = append(order, e.data["image"].(string))
		}
	}
	last := all[len(all)-1]
	if !slices.Equal(order, []string{ids[2], ids[1], ids[3]}) || last.kind != "end" || last.data["state"] != "done" {
		t.Fatalf("events %v", all)
	}
	for i := 1; i < 4; i++ {
		mask, w, _ := c.png("/api/masks/" + ids[i] + "/1.png")
		if v := overlap(mask, w, squares[i]); v < 0.75 {
			t.Errorf("picture %d: overlap %g", i, v)
		}
	}
	if strict, _, _ := c.png("/api/masks/" + ids[1] + "/1.png?threshold=0.99"); slices.Contains(strict, 1) {
		t.Error("a threshold of 0.99 leaves something")
	}
	if heat, w, h := c.png("/api/masks/" + ids[1] + "/1.png?as=probability"); w != 256 || h != 192 || !slices.Contains(heat, 1) {
		t.Errorf("probabilities of %d×%d", w, h)
	}

	// A threshold changes areas; what is accepted stays.
	c.ask("PUT", "/api/masks/"+ids[1]+"/1", `{"status":"accepted"}`, http.StatusOK, nil)
	fixed, _, _ := c.png("/api/masks/" + ids[1] + "/1.png")
	before := c.state().Masks
	c.ask("PATCH", "/api/classes/1", `{"threshold":0.74}`, http.StatusOK, nil)
	after := c.state().Masks
	if after[0] != before[0] || before[1].Area == 0 || after[1].Area != 0 {
		t.Errorf("areas before %v, after %v", before, after)
	}
	if again, _, _ := c.png("/api/masks/" + ids[1] + "/1.png"); !bytes.Equal(again, fixed) {
		t.Error("an accepted mask changed with the threshold")
	}
	c.ask("PATCH", "/api/classes/1", `{"threshold":0.5}`, http.StatusOK, nil)

	// Another support makes what is only proposed stale, and another run leaves the rest alone.
	c.ask("PUT", "/api/supports/"+ids[3], `{"class":1,"strokes":[{"tool":"box","x0":8,"y0":8,"x1":56,"y1":56}]}`, http.StatusOK, nil)
	stale := map[string]bool{}
	for _, m := range c.state().Masks {
		stale[m.Image] = m.Stale
	}
	if stale[ids[1]] || !stale[ids[2]] {
		t.Errorf("stale %v", stale)
	}
	passes := net.passes
	c.run(`{"classes":[],"queries":[]}`)
	if net.passes != passes+1 {
		t.Errorf("%d passes for one picture that is not decided", net.passes-passes)
	}

	// A mask drawn by hand, in both forms of RLE, and back.
	drawn := make([]uint8, 256*192)
	for i := range drawn {
		if image.Pt(i%256, i/256).In(image.Rect(3, 5, 50, 60)) {
			drawn[i] = 1
		}
	}
	for _, compressed := range []bool{false, true} {
		c.ask("PUT", "/api/masks/"+ids[2]+"/1", map[string]any{"rle": coco.NewRLE(drawn, 192, 256, compressed)}, http.StatusOK, nil)
		if got, _, _ := c.png("/api/masks/" + ids[2] + "/1.png"); !bytes.Equal(got, drawn) {
			t.Error("a mask drawn by hand came back different")
		}
	}
	want := c.state()
	want.Jobs = []studio.JobEntry{}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = newServer(t, &fakeNet{}, func(o *Options) { o.Project = dir })
	c.h = s.Handler()
	if got := c.state(); !reflect.DeepEqual(got, want) {
		t.Errorf("after a restart\n%+v\nbefore\n%+v", got, want)
	}
	if got, _, _ := c.png("/api/masks/" + ids[2] + "/1.png"); !bytes.Equal(got, drawn) {
		t.Error("after a restart the mask is different")
	}
	c.ask("DELETE", "/api/masks/"+ids[2]+"/1", nil, http.StatusOK, nil)
	if got, w, _ := c.png("/api/masks/" + ids[2] + "/1.png"); overlap(got, w, squares[2]) < 0.75 {
		t.Error("the computed mask is not back")
	}
	c.ask("PUT", "/api/masks/"+ids[1]+"/1", `{"status":"rejected"}`, http.StatusOK, nil)
	c.failure("POST", "/api/export", `{"format":"coco"}`, http.StatusConflict, "no mask is accepted")
	c.ask("DELETE", "/api/images/"+ids[1], nil, http.StatusNoContent, nil)
	c.ask("DELETE", "/api/supports/"+ids[3]+"?class=1", nil, http.StatusNoContent, nil)
	c.ask("DELETE", "/api/classes/1", nil, http.StatusNoContent, nil)
	if v := c.state(); len(v.Images) != 3 || len(v.Supports)+len(v.Masks)+len(v.Classes) != 0 {
		t.Errorf("what is left: %+v", v)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*", "*.png"))
	if err != nil || len(files) != 3 {
		t.Errorf("files left: %v", files) // the three pictures
	}
}

// Several classes: each pixel goes to the most probable one.
func TestClasses(t *testing.T) {
	s := newServer(t, &fakeNet{}, nil)
	c := client{t, s.Handler()}
	left, right := image.Rect(0, 0, 64, 128), image.Rect(64, 0, 128, 128)
	ids := c.upload([]string{"a.png", "b.png", "q.png"}, scene(128, 128, 250, left), scene(128, 128, 150, right), scene(128, 128, 200, left))
	for i, r := range []image.Rectangle{left, right} {
		c.ask("POST", "/api/classes", fmt.Sprintf(`{"name":"class %d","color":"#00ff0%d"}`, i, i), http.StatusCreated, nil)
		c.ask("PUT", "/api/supports/"+ids[i], fmt.Sprintf(`{"class":%d,"strokes":[{"tool":"box","x0":%d,"y0":%d,"x1":%d,"y1":%d}]}`, i+1, r.Min.X, r.Min.Y, r.Max.X, r.Max.Y), http.StatusOK, nil)
	}
	c.run(`{"classes":[1,2],"queries":["` + ids[2] + `"]}`)
	one, w, _ := c.png("/api/masks/" + ids[2] + "/1.png")
	two, _, _ := c.png("/api/masks/" + ids[2] + "/2.png")
	for i := range one {
		if one[i]+two[i] > 1 {
			t.Fatalf("pixel %d,%d is of both classes", i%w, i/w)
		}
	}
	// With the other one rejected a class has what is above its threshold.
	best := 1
	if overlap(two, w, left) > overlap(one, w, left) {
		best = 2
	}
	c.ask("PUT", fmt.Sprintf("/api/masks/%s/%d", ids[2], best), `{"status":"rejected"}`, http.StatusOK, nil)
	c.ask("PATCH", fmt.Sprintf("/api/classes/%d", 3-best), `{"threshold":0}`, http.StatusOK, nil)
	if got, _, _ := c.png(fmt.Sprintf("/api/masks/%s/%d.png", ids[2], 3-best)); slices.Contains(got, 0) {
		t.Error("the class has not all pixels where it alone counts, above 0")
	}
	c.failure("POST", "/api/classes", `{"name":"CLASS 0"}`, http.StatusConflict, "already")
	c.failure("POST", "/api/classes", `{"name":"`+strings.Repeat("x", 101)+`"}`, http.StatusBadRequest, "no name")
	c.failure("PATCH", "/api/classes/1", `{"color":"red"}`, http.StatusBadRequest, "no color")
	c.failure("PATCH", "/api/classes/1", `{"threshold":1}`, http.StatusBadRequest, "threshold")
}

// Pictures below the root are referred to; what has become of them is told.
func TestFolder(t *testing.T) {
	root, outside := t.TempDir(), t.TempDir()
	write := func(path string, content []byte) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(root, "a", "x.png"), scene(40, 30, 200))
	write(filepath.Join(root, "a", "b", "y.png"), scene(40, 30, 100, squares[3]))
	write(filepath.Join(root, "a", "broken.png"), []byte("no picture"))
	write(filepath.Join(root, ".hidden", "z.png"), scene(40, 30, 10))
	write(filepath.Join(outside, "secret.png"), scene(50, 50, 10))
	if err := os.Symlink(filepath.Join(outside, "secret.png"), filepath.Join(root, "a", "link.png")); err != nil {
		t.Skip("no links here:", err)
	}
	s := newServer(t, &fakeNet{}, func(o *Options) { o.Root = root })
	c := client{t, s.Handler()}
	var out taken
	c.ask("POST", "/api/folder", `{"path":""}`, http.StatusOK, &out)
	if len(out.Images) != 2 || len(out.Refused) != 2 || out.Images[0].Name != "a/b/y.png" {
		t.Fatalf("%+v", out)
	}
	for _, r := range out.Refused {
		if r.Name == "a/link.png" && strings.Contains(r.Error.What, outside) {
			t.Errorf("the answer tells where the link leads: %v", r.Error)
		}
		if strings.Contains(r.Error.What, "statat") {
			t.Errorf("the answer names a system call: %v", r.Error)
		}
	}
	c.failure("POST", "/api/folder", `{"path":"../"}`, http.StatusBadRequest, "leads out")
	c.failure("POST", "/api/folder", `{"path":"/etc"}`, http.StatusBadRequest, "leads out")
	c.failure("POST", "/api/folder", `{"path":"none"}`, http.StatusNotFound, `there is no folder "none" below --root`)
	c.failure("POST", "/api/folder", `{"path":"a/x.png/b"}`, http.StatusNotFound, `"a/x.png/b" cannot be read: not a directory`)
	id := out.Images[0].ID
	c.ask("GET", "/api/images/"+id+"/thumb", nil, http.StatusOK, nil)
	write(filepath.Join(root, "a", "b", "y.png"), scene(40, 30, 101))
	c.failure("GET", "/api/images/"+id, nil, http.StatusGone, "has changed")
	if err := os.Remove(filepath.Join(root, "a", "b", "y.png")); err != nil {
		t.Fatal(err)
	}
	c.failure("GET", "/api/images/"+id, nil, http.StatusGone, "is missing")
	write(filepath.Join(root, "moved.png"), scene(40, 30, 100, squares[3]))
	c.ask("POST", "/api/folder", `{"path":"."}`, http.StatusOK, &out)
	c.ask("GET", "/api/images/"+id, nil, http.StatusOK, nil)

	none := client{t, newServer(t, &fakeNet{}, nil).Handler()}
	none.failure("POST", "/api/folder", `{"path":""}`, http.StatusForbidden, "--root")
}
