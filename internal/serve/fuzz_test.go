package serve

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"hdmnet/internal/cpu"
	"hdmnet/internal/nn"
)

// fuzzed is a server that all requests of a fuzz target go to.
func fuzzed(f *testing.F) (h http.Handler, id string) {
	dev, err := cpu.New()
	if err != nil {
		f.Fatal(err)
	}
	s, err := New(context.Background(), Options{Net: &fakeNet{kept: map[string][]float32{}}, Tape: nn.NewTape(dev), Network: Network{Size: fakeSize}, Identity: "x",
		Project: f.TempDir(), Addr: "127.0.0.1:0", MaxFile: 1 << 16, MaxPixels: 1 << 14, MaxDisk: 1 << 24})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = s.Close() })
	c := client{f, s.Handler()}
	id = c.upload([]string{"a.png"}, scene(48, 40, 200, squares[3]))[0]
	c.ask("POST", "/api/classes", `{"name":"a"}`, http.StatusCreated, nil)
	c.ask("PUT", "/api/supports/"+id, `{"class":1,"strokes":[{"tool":"box","x0":1,"y0":1,"x1":9,"y1":9}]}`, http.StatusOK, nil)
	return s.Handler(), id
}

// FuzzRequests: whatever is asked, the answer is one of HTTP, errors are JSON that says what to
// do, and none is the server's own fault.
func FuzzRequests(f *testing.F) {
	for _, x := range [][3]string{
		{"POST", "/api/classes", `{"name":"b","color":"#123456"}`},
		{"PATCH", "/api/classes/1", `{"threshold":0.25,"name":"x"}`},
		{"POST", "/api/folder", `{"path":"../.."}`},
		{"GET", "/api/images/ID?max=100", ""},
		{"GET", "/api/images/ID/thumb", ""},
		{"POST", "/api/preview", `{"image":"ID","strokes":[{"tool":"point","add":true,"x":3,"y":3},{"tool":"polygon","add":true,"points":[[1,2],[3,4],[9,1]]}]}`},
		{"PUT", "/api/supports/ID", `{"class":1,"strokes":[{"tool":"scribble","add":true,"width":3,"points":[[1,2],[3,4]]}]}`},
		{"PUT", "/api/supports/ID", `{"class":1,"rle":{"size":[40,48],"counts":[5,10,1905]}}`},
		{"GET", "/api/supports/ID/1.png", ""},
		{"POST", "/api/run", `{"classes":[1],"queries":["ID"]}`},
		{"POST", "/api/jobs/j1/first", `{"queries":["ID","x"]}`},
		{"GET", "/api/masks/ID/1.png?threshold=0.3&as=mask", ""},
		{"PUT", "/api/masks/ID/1", `{"rle":{"size":[40,48],"counts":"0P]1"}}`},
		{"PUT", "/api/masks/ID/1", `{"status":"accepted"}`},
		{"DELETE", "/api/masks/ID/1", ""},
		{"POST", "/api/export", `{"format":"yolo","simplify":2,"images":true,"supports":true}`},
		{"GET", "/api/state", ""}, {"GET", "/static/main.js", ""}, {"OPTIONS", "*", ""},
	} {
		f.Add(x[0], x[1], x[2])
	}
	h, id := fuzzed(f)
	f.Fuzz(func(t *testing.T, method, target, body string) {
		target, body = strings.ReplaceAll(target, "ID", id), strings.ReplaceAll(body, "ID", id)
		u, err := url.ParseRequestURI(target)
		if err != nil || strings.Contains(target, "/events") || method == "DELETE" && strings.HasPrefix(target, "/api/images") {
			return // a stream lasts; the picture is needed
		}
		r, err := http.NewRequestWithContext(t.Context(), method, "http://127.0.0.1/", strings.NewReader(body))
		if err != nil {
			return // no method
		}
		r.URL, r.RequestURI = u, target
		r.Header.Set("Content-Type", "application/json")
		check(t, h, r)
	})
}

// FuzzUpload: the bytes of a picture.
func FuzzUpload(f *testing.F) {
	f.Add("a.png", scene(9, 9, 3))
	f.Add("../\x00b", huge(1<<15, 1<<15))
	f.Add("c", []byte("GIF89a"))
	h, _ := fuzzed(f)
	f.Fuzz(func(t *testing.T, name string, content []byte) {
		check(t, h, uploadRequest([]string{name}, content))
	})
}

func check(t *testing.T, h http.Handler, r *http.Request) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code >= 500 && w.Code != http.StatusInsufficientStorage {
		t.Errorf("%s %s: %d %s", r.Method, r.URL, w.Code, w.Body)
	}
	if w.Code >= 400 && strings.HasPrefix(r.URL.Path, "/api/") && w.Code != http.StatusMethodNotAllowed && !strings.Contains(w.Body.String(), "remedy") && !strings.Contains(w.Body.String(), "refused") {
		t.Errorf("%s %s: %d %s", r.Method, r.URL, w.Code, w.Body)
	}
}
