package labelstudio

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hdmnet/internal/serve/studio"
)

const (
	testH, testW = 40, 60
	testConfig   = `<View><Image name="image" value="$photo"/><KeyPointLabels name="kp" toName="image" smart="true"><Label value="cat"/></KeyPointLabels>` +
		`<BrushLabels name="brush" toName="image"><Label value="cat"/><Label value="dog"/></BrushLabels></View>`
)

// scene is a picture with an orange square at 10…29 on gray.
func scene(t *testing.T) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, testW, testH))
	for y := range testH {
		for x := range testW {
			c := color.RGBA{90, 90, 95, 255}
			if inSquare(x, y) {
				c = color.RGBA{240, 140, 20, 255}
			}
			img.Set(x, y, c)
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func inSquare(x, y int) bool { return x >= 10 && x < 30 && y >= 10 && y < 30 }

// finder finds a support's own mask again, with a probability.
type finder struct{ supports []studio.Given }

func (f *finder) Find(_ context.Context, supports []studio.Given, _ studio.Given) ([]float32, int, int, error) {
	f.supports = supports
	p := make([]float32, testH*testW)
	for i := range p {
		p[i] = 0.1 + 0.7*float32(supports[0].Mask[i])
	}
	return p, testH, testW, nil
}

// studioHost is a Label Studio with one picture, an API that wants a key, and traps.
func studioHost(t *testing.T, export string) *httptest.Server {
	t.Helper()
	content := scene(t)
	mux := http.NewServeMux()
	guarded := func(f http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "Token secret" {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			f(w, r)
		}
	}
	serve := guarded(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(content) })
	mux.HandleFunc("GET /data/upload/{project}/{file}", serve)
	mux.HandleFunc("GET /tasks/{task}/presign/", serve)
	mux.HandleFunc("GET /away", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://192.0.2.1/x.png", http.StatusFound)
	})
	mux.HandleFunc("GET /big", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 2<<20)) })
	mux.HandleFunc("GET /text", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") })
	mux.HandleFunc("GET /api/projects/7/export", guarded(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, export) }))
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

type bench struct {
	t     *testing.T
	mux   *http.ServeMux
	find  *finder
	notes []string
}

func newBench(t *testing.T, url, key, dir string) *bench {
	t.Helper()
	b := &bench{t: t, mux: http.NewServeMux(), find: &finder{}}
	backend, err := New(Options{URL: url, Key: key, Dir: dir, Version: "v", Find: b.find, MaxFile: 1 << 20,
		Warn: func(m string) { b.notes = append(b.notes, m) }})
	if err != nil {
		t.Fatal(err)
	}
	backend.Routes(b.mux)
	return b
}

// post sends JSON and wants a status; the answer comes back as JSON.
func (b *bench) post(path string, status int, body any) map[string]any {
	b.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		b.t.Fatal(err)
	}
	r := httptest.NewRequest("POST", path, bytes.NewReader(text))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	b.mux.ServeHTTP(w, r)
	var out map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil || w.Code != status {
		b.t.Fatalf("POST %s: status %d, expected %d: %.400s %v", path, w.Code, status, w.Body, err)
	}
	return out
}

func predictBody(photo string, context ...map[string]any) map[string]any {
	body := map[string]any{"project": "7.1700000000", "label_config": testConfig, "tasks": []any{map[string]any{"id": 3, "data": map[string]any{"photo": photo}}}}
	if context != nil {
		body["params"] = map[string]any{"context": map[string]any{"result": context}}
	}
	return body
}

func point(x, y float64, positive int) map[string]any {
	return map[string]any{"type": "keypointlabels", "original_width": testW, "original_height": testH, "is_positive": positive,
		"value": map[string]any{"x": x, "y": y, "width": 1.2, "keypointlabels": []string{"cat"}}}
}

// masks are those of the first prediction, by label.
func masks(t *testing.T, answer map[string]any) map[string][]uint8 {
	t.Helper()
	text, _ := json.Marshal(answer["results"])
	var predictions []prediction
	if err := json.Unmarshal(text, &predictions); err != nil || len(predictions) == 0 {
		t.Fatalf("no prediction in %.300s: %v", text, err)
	}
	out := map[string][]uint8{}
	for _, f := range predictions[0].Result {
		if f.From != "brush" || f.To != "image" || f.Type != "brushlabels" || f.Value.Format != "rle" || f.Width != testW || f.Height != testH {
			t.Errorf("a result is %+v", f)
		}
		mask, err := decode(f.Value.RLE, testH, testW)
		if err != nil {
			t.Fatal(err)
		}
		out[f.Value.Labels[0]] = mask
	}
	return out
}

func isSquare(mask []uint8) bool {
	wrong := 0
	for i, v := range mask {
		if (v != 0) != inSquare(i%testW, i/testW) {
			wrong++
		}
	}
	return len(mask) == testH*testW && wrong < 40
}

func TestHealthAndSetup(t *testing.T) {
	b := newBench(t, studioHost(t, "[]").URL, "", t.TempDir())
	w := httptest.NewRecorder()
	b.mux.ServeHTTP(w, httptest.NewRequest("GET", "/health", nil))
	if w.Code != 200 || !strings.Contains(w.Body.String(), `"status":"UP"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	first := b.post("/setup", 200, map[string]any{"project": "7.1", "schema": testConfig})
	if v, _ := first["model_version"].(string); !strings.HasPrefix(v, "hdmnet-") {
		t.Errorf("%v", first)
	}
	if len(b.notes) != 1 || !strings.Contains(b.notes[0], KeyVariable) {
		t.Errorf("without a key: %q", b.notes)
	}
	for config, want := range map[string]string{"<View/>": "BrushLabels", "<View": "no XML"} {
		if got := b.post("/setup", 400, map[string]any{"project": "7.1", "schema": config}); !strings.Contains(fmt.Sprint(got["detail"]), want) {
			t.Errorf("%s: %v", config, got)
		}
	}
	b.post("/setup", 400, map[string]any{"project": "seven", "schema": testConfig})
	w = httptest.NewRecorder()
	b.mux.ServeHTTP(w, httptest.NewRequest("POST", "/setup", strings.NewReader("{}")))
	if w.Code != http.StatusUnsupportedMediaType {
		t.Errorf("a request that is no JSON: %d", w.Code)
	}
}

// TestMarked: what a person marks becomes a mask, from wherever Label Studio has the picture.
func TestMarked(t *testing.T) {
	b := newBench(t, studioHost(t, "[]").URL, "secret", t.TempDir())
	for _, photo := range []string{"/data/upload/7/a.png", "upload/7/a.png", "s3://bucket/a.png"} {
		got := masks(t, b.post("/predict", 200, predictBody(photo, point(33, 50, 1), point(90, 90, 0))))
		if len(got) != 1 || !isSquare(got["cat"]) {
			t.Errorf("%s: %d masks", photo, len(got))
		}
	}
	box := map[string]any{"type": "rectanglelabels", "original_width": testW, "original_height": testH,
		"value": map[string]any{"x": 100 * 10.0 / testW, "y": 25, "width": 100 * 20.0 / testW, "height": 50, "rectanglelabels": []string{"dog"}}}
	if got := masks(t, b.post("/predict", 200, predictBody("/data/upload/7/a.png", box))); !isSquare(got["dog"]) {
		t.Error("a box gives another mask")
	}
}

func TestMarkedRefuses(t *testing.T) {
	host := studioHost(t, "[]")
	b := newBench(t, host.URL, "secret", t.TempDir())
	turned, small, other := point(33, 50, 1), point(33, 50, 1), point(33, 50, 1)
	turned["image_rotation"] = 90
	small["original_width"] = 30
	other["value"].(map[string]any)["keypointlabels"] = []string{"cow"}
	for _, c := range []struct {
		photo  string
		mark   map[string]any
		status int
		want   string
	}{
		{"http://192.0.2.1/a.png", point(33, 50, 1), 403, "only"},
		{"http://user:pw@" + strings.TrimPrefix(host.URL, "http://") + "/data/upload/7/a.png", point(33, 50, 1), 403, "only"},
		{"file:///etc/passwd", point(33, 50, 1), 403, "only"},
		{"//192.0.2.1/a.png", point(33, 50, 1), 403, "only"},
		{"a.png", point(33, 50, 1), 403, "only"},
		{"/away", point(33, 50, 1), 502, "another host"},
		{"/big", point(33, 50, 1), 413, "more than 1 MiB"},
		{"/text", point(33, 50, 1), 422, "replace the picture"},
		{"/missing", point(33, 50, 1), 502, "404"},
		{"", point(33, 50, 1), 400, "no picture"},
		{"/data/upload/7/a.png", turned, 400, "turned"},
		{"/data/upload/7/a.png", small, 400, "30×40"},
		{"/data/upload/7/a.png", other, 400, "no label"},
		{"/data/upload/7/a.png", point(33, 50, 0), 400, "no object"},
		{"/data/upload/7/a.png", point(330, 50, 1), 200, ""},
	} {
		if c.status == 200 {
			continue
		}
		got := b.post("/predict", c.status, predictBody(c.photo, c.mark))
		if !strings.Contains(fmt.Sprint(got["detail"]), c.want) {
			t.Errorf("%s: %v, expected %q", c.photo, got["detail"], c.want)
		}
	}
	b = newBench(t, host.URL, "", t.TempDir())
	if got := b.post("/predict", 502, predictBody("/data/upload/7/a.png", point(33, 50, 1))); !strings.Contains(fmt.Sprint(got["detail"]), KeyVariable) {
		t.Errorf("without a key: %v", got)
	}
}

func annotated(id, task int, label string) map[string]any {
	square := make([]uint8, testH*testW)
	for i := range square {
		if inSquare(i%testW, i/testW) {
			square[i] = 1
		}
	}
	return map[string]any{"id": id, "task": task, "result": []any{map[string]any{"type": "brushlabels", "original_width": testW, "original_height": testH,
		"value": map[string]any{"format": "rle", "rle": encode(square), "brushlabels": []string{label}}}}}
}

func event(action string, id, task int, label string) map[string]any {
	return map[string]any{"action": action, "annotation": annotated(id, task, label), "task": map[string]any{"id": task, "data": map[string]any{"photo": "/data/upload/7/b.png"}},
		"project": map[string]any{"id": 7, "label_config": testConfig}}
}

// TestAnnotationsBecomeSupports: created, updated, deleted, and after a restart.
func TestAnnotationsBecomeSupports(t *testing.T) {
	host, dir := studioHost(t, "[]"), t.TempDir()
	b := newBench(t, host.URL, "secret", dir)
	version := func() any {
		return b.post("/setup", 200, map[string]any{"project": "7.1", "schema": testConfig})["model_version"]
	}
	query := predictBody("/data/upload/7/a.png")
	if got := b.post("/predict", 200, query)["results"].([]any); len(got) != 0 {
		t.Errorf("without supports: %v", got)
	}
	before := version()
	b.post("/webhook", 201, event("ANNOTATION_CREATED", 11, 1, "cat"))
	if after := version(); after == before {
		t.Error("a support does not change the version")
	}
	got := masks(t, b.post("/predict", 200, query))
	if len(got) != 1 || !isSquare(got["cat"]) || len(b.find.supports) != 1 {
		t.Errorf("%d masks of %d supports", len(got), len(b.find.supports))
	}

	b = newBench(t, host.URL, "secret", dir)
	if got := masks(t, b.post("/predict", 200, query)); !isSquare(got["cat"]) {
		t.Error("a restart loses the supports")
	}
	b.post("/webhook", 201, event("ANNOTATION_UPDATED", 11, 1, "dog"))
	if got := masks(t, b.post("/predict", 200, query)); len(got) != 1 || !isSquare(got["dog"]) {
		t.Error("an update is not taken")
	}
	b.post("/webhook", 201, event("ANNOTATION_CREATED", 12, 3, "dog")) // of the task itself
	if masks(t, b.post("/predict", 200, query)); len(b.find.supports) != 1 {
		t.Errorf("%d supports, expected that of the other task", len(b.find.supports))
	}
	b.post("/webhook", 201, map[string]any{"action": "ANNOTATIONS_DELETED", "annotations": []any{map[string]any{"id": 11}, map[string]any{"id": 12}}, "project": map[string]any{"id": 7}})
	if got := b.post("/predict", 200, query)["results"].([]any); len(got) != 0 {
		t.Errorf("after all were deleted: %v", got)
	}
	if got := b.post("/webhook", 200, map[string]any{"action": "PROJECT_UPDATED"}); got["status"] != "Unknown event" {
		t.Errorf("%v", got)
	}
	b.post("/webhook", 400, map[string]any{"action": "ANNOTATION_CREATED", "project": map[string]any{"id": 7}})
	b.post("/webhook", 400, map[string]any{"action": "ANNOTATION_CREATED", "annotation": "x", "task": "y", "project": map[string]any{"id": 7}})
}

// TestTraining: Start Training reads the annotations of the project and forgets others.
func TestTraining(t *testing.T) {
	a := annotated(21, 1, "cat")
	delete(a, "task")
	skipped := map[string]any{"id": 22, "was_cancelled": true, "result": []any{}}
	export, _ := json.Marshal([]any{map[string]any{"id": 1, "data": map[string]any{"photo": "/data/upload/7/b.png"}, "annotations": []any{a, skipped}}})
	dir := t.TempDir()
	b := newBench(t, studioHost(t, string(export)).URL, "secret", dir)
	b.post("/webhook", 201, event("ANNOTATION_CREATED", 11, 1, "dog"))
	got := b.post("/webhook", 201, map[string]any{"action": "START_TRAINING", "project": map[string]any{"id": 7, "label_config": testConfig}})
	if fmt.Sprint(got["result"].(map[string]any)["annotations"]) != "1" {
		t.Errorf("%v", got)
	}
	if got := masks(t, b.post("/predict", 200, predictBody("/data/upload/7/a.png"))); len(got) != 1 || !isSquare(got["cat"]) {
		t.Errorf("%d masks", len(got))
	}
	files, err := filepath.Glob(filepath.Join(dir, "7", "*.json"))
	if err != nil || len(files) != 1 {
		t.Errorf("kept %v", files)
	}
	if err := os.WriteFile(files[0], []byte("{"), 0o666); err != nil {
		t.Fatal(err)
	}
	b = newBench(t, "http://127.0.0.1:1", "secret", dir)
	if got := b.post("/predict", 500, predictBody("/data/upload/7/a.png")); !strings.Contains(fmt.Sprint(got["detail"]), "Start Training") {
		t.Errorf("a damaged file: %v", got)
	}
}

func TestRefreshToken(t *testing.T) {
	claims := func(exp string) string { return "eyJhbGciOiJIUzI1NiJ9." + exp + ".c2ln" }
	soon, late := claims("eyJleHAiOjE3MDAwMDAwMDB9"), claims("eyJleHAiOjQxMDAwMDAwMDB9") // exp 1700000000 and 4100000000
	asked := 0
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/token/refresh", func(w http.ResponseWriter, r *http.Request) {
		var body map[string]string
		if json.NewDecoder(r.Body).Decode(&body) != nil || body["refresh"] != soon {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		asked++
		_ = json.NewEncoder(w).Encode(map[string]string{"access": late})
	})
	content := scene(t)
	mux.HandleFunc("GET /data/a.png", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+late {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = w.Write(content)
	})
	host := httptest.NewServer(mux)
	t.Cleanup(host.Close)
	b := newBench(t, host.URL+"/", soon, t.TempDir())
	for range 2 {
		masks(t, b.post("/predict", 200, predictBody(host.URL+"/data/a.png", point(33, 50, 1))))
	}
	if asked != 1 {
		t.Errorf("the token was exchanged %d times", asked)
	}
	b = newBench(t, host.URL, late, t.TempDir())
	if got := b.post("/predict", 502, predictBody("/data/a.png", point(33, 50, 1))); !strings.Contains(fmt.Sprint(got["detail"]), "access token") {
		t.Errorf("%v", got)
	}
}

// TestErrorsAreShown: Label Studio shows the status line alone.
func TestErrorsAreShown(t *testing.T) {
	b := newBench(t, "http://127.0.0.1:1", "", t.TempDir())
	server := httptest.NewServer(b.mux)
	t.Cleanup(server.Close)
	answer, err := http.Post(server.URL+"/setup", "application/json", strings.NewReader(`{"project":"1","schema":"<View>\u00d7\r\nX: y</Viev>"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var body map[string]any
	if err := json.NewDecoder(answer.Body).Decode(&body); err != nil || answer.StatusCode != 400 || answer.Header.Get("X") != "" {
		t.Errorf("%s %v %v", answer.Status, answer.Header, err)
	}
	if !strings.Contains(answer.Status, "is no XML") || !strings.Contains(fmt.Sprint(body["detail"]), "is no XML") {
		t.Errorf("%q, %v", answer.Status, body)
	}
	if got := phrase("30×40\r\nX: y é" + strings.Repeat("a", 1000)); !strings.HasPrefix(got, "30x40??X: y ?a") || len(got) != maxPhrase {
		t.Errorf("%q", got)
	}
}

func TestAddress(t *testing.T) {
	for _, bad := range []string{"", "localhost:8081", "ftp://x", "http://", "http://a:b@x", "http://x/?a=b"} {
		if _, err := New(Options{URL: bad}); err == nil || !strings.Contains(err.Error(), "--label-studio") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// FuzzBackend: whatever is sent, the answer is JSON.
func FuzzBackend(f *testing.F) {
	for _, body := range []any{predictBody("/data/upload/7/a.png", point(33, 50, 1)), predictBody("/x"), event("ANNOTATION_CREATED", 1, 1, "cat"), map[string]any{"project": "1", "schema": testConfig}} {
		text, _ := json.Marshal(body)
		f.Add(uint8(1), text)
	}
	backend, err := New(Options{URL: "http://127.0.0.1:1", Dir: f.TempDir(), Find: &finder{}, MaxFile: 1 << 20, Warn: func(string) {}})
	if err != nil {
		f.Fatal(err)
	}
	mux := http.NewServeMux()
	backend.Routes(mux)
	f.Fuzz(func(t *testing.T, which uint8, body []byte) {
		r := httptest.NewRequest("POST", []string{"/setup", "/predict", "/webhook"}[which%3], bytes.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		if !json.Valid(w.Body.Bytes()) {
			t.Fatalf("answer %.200q", w.Body)
		}
	})
}
