package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"hdmnet/internal/cpu"
	"hdmnet/internal/model"
	"hdmnet/internal/nn"
	"hdmnet/internal/op"
)

const (
	fakeSize = 64
	fakeGrid = 16
)

// fakeNet finds what has the red of the supports' objects. Like the real network it keeps
// what it saw of a picture by its name, and then does not look at the picture again.
type fakeNet struct {
	slow time.Duration // of a pass

	mu     sync.Mutex
	kept   map[string][]float32 // of a query the red of its cells, of a support that of its object
	passes int
	batch  int // the largest
	fail   func()
}

func (n *fakeNet) KeepsFeatures(name string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.kept[name] != nil
}

func (n *fakeNet) Forward(t *nn.Tape, in model.Input) *model.Output {
	time.Sleep(n.slow)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.passes++
	if n.fail != nil {
		n.fail()
	}
	download := func(x op.Tensor) []float32 {
		v := make([]float32, op.Len(x))
		t.Dev.Download(v, x)
		return v
	}
	q, s := download(in.Query), download(in.Support)
	m := make([]uint8, op.Len(in.SupportMask))
	t.Dev.Download(m, in.SupportMask)
	b, px := in.Query.Shape()[0], fakeSize*fakeSize
	k := len(m) / px / b
	n.batch = max(n.batch, b)
	out := make([]float32, 0, b*fakeGrid*fakeGrid*2)
	for i := range b {
		name := in.Names[i]
		if n.kept[name] == nil {
			cells := make([]float32, fakeGrid*fakeGrid)
			const step = fakeSize / fakeGrid
			for c := range cells {
				at := (c/fakeGrid*step+step/2)*fakeSize + c%fakeGrid*step + step/2
				cells[c] = q[(i*px+at)*3]
			}
			n.kept[name] = cells
		}
		object := float32(0)
		for j := range k {
			name := in.Names[b+i*k+j]
			if n.kept[name] == nil {
				sum, count := float32(0), float32(0)
				for at := range px {
					if m[(i*k+j)*px+at] == 1 {
						sum += s[((i*k+j)*px+at)*3]
						count++
					}
				}
				n.kept[name] = []float32{sum / max(count, 1)}
			}
			object += n.kept[name][0] / float32(k)
		}
		for _, v := range n.kept[in.Names[i]] {
			out = append(out, 0, 1-4*float32(math.Abs(float64(v-object))))
		}
	}
	y := t.Arena.Float32(b, fakeGrid, fakeGrid, 2)
	t.Dev.Upload(y, out)
	return &model.Output{Final: t.Const(y), Votes: 1}
}

// newServer serves a project with the network.
func newServer(t testing.TB, net *fakeNet, change func(*Options)) *Server {
	t.Helper()
	dev, err := cpu.New()
	if err != nil {
		t.Fatal(err)
	}
	net.kept = map[string][]float32{}
	o := Options{Net: net, Tape: nn.NewTape(dev), Network: Network{Name: "fake", Size: fakeSize}, Identity: "fake", Project: t.TempDir(),
		Addr: "127.0.0.1:8080", Version: "test", Warn: func(m string) { t.Log(m) }}
	if change != nil {
		change(&o)
	}
	s, err := New(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// client asks a server.
type client struct {
	t testing.TB
	h http.Handler
}

// ask sends a request. A body that is neither text nor bytes is sent as JSON. What comes is
// read into out, unless that is nil.
func (c client) ask(method, path string, body any, status int, out any) []byte {
	c.t.Helper()
	var in io.Reader
	kind := "application/json"
	switch b := body.(type) {
	case nil:
		kind = ""
	case string:
		in = strings.NewReader(b)
	default:
		text, err := json.Marshal(b)
		if err != nil {
			c.t.Fatal(err)
		}
		in = bytes.NewReader(text)
	}
	r := httptest.NewRequest(method, path, in)
	r.Host = "127.0.0.1:8080"
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	return c.send(r, status, out)
}

func (c client) send(r *http.Request, status int, out any) []byte {
	c.t.Helper()
	w := httptest.NewRecorder()
	c.h.ServeHTTP(w, r)
	if w.Code != status {
		c.t.Fatalf("%s %s: %d %s, want %d", r.Method, r.URL, w.Code, w.Body, status)
	}
	if out != nil {
		if err := json.Unmarshal(w.Body.Bytes(), out); err != nil {
			c.t.Fatalf("%s %s: %v in %s", r.Method, r.URL, err, w.Body)
		}
	}
	return w.Body.Bytes()
}

// failure asks for something that is refused, and checks the words.
func (c client) failure(method, path string, body any, status int, what string) {
	c.t.Helper()
	var e errorBody
	c.ask(method, path, body, status, &e)
	if e.Error == nil || !strings.Contains(e.Error.What, what) || e.Error.Remedy == "" {
		c.t.Errorf("%s %s: %+v, want %q", method, path, e.Error, what)
	}
}

// scene is a picture of w×h pixels with squares of a red.
func scene(w, h int, red uint8, squares ...image.Rectangle) []byte {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for i := range w * h {
		img.SetRGBA(i%w, i/w, color.RGBA{0, uint8(i), 90, 255})
	}
	for _, r := range squares {
		for y := r.Min.Y; y < r.Max.Y; y++ {
			for x := r.Min.X; x < r.Max.X; x++ {
				img.SetRGBA(x, y, color.RGBA{red, 80, 40, 255})
			}
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// upload sends pictures by their names, and gives their ids.
func (c client) upload(names []string, contents ...[]byte) []string {
	c.t.Helper()
	r := uploadRequest(names, contents...)
	var out taken
	c.send(r, http.StatusOK, &out)
	if len(out.Images) != len(names) {
		c.t.Fatalf("%+v", out)
	}
	var ids []string
	for _, i := range out.Images {
		ids = append(ids, i.ID)
	}
	return ids
}

// event is one of a stream.
type event struct {
	kind string
	data map[string]any
}

// events reads a job's events to the end.
func (c client) events(job string) []event {
	c.t.Helper()
	var all []event
	kind := ""
	for line := range strings.SplitSeq(string(c.ask("GET", "/api/jobs/"+job+"/events", nil, http.StatusOK, nil)), "\n") {
		if k, ok := strings.CutPrefix(line, "event: "); ok {
			kind = k
		}
		if text, ok := strings.CutPrefix(line, "data: "); ok {
			e := event{kind: kind}
			if err := json.Unmarshal([]byte(text), &e.data); err != nil {
				c.t.Fatal(err)
			}
			all = append(all, e)
		}
	}
	return all
}

// png decodes a picture of the server; 1 where it is white.
func (c client) png(path string) (mask []uint8, w, h int) {
	c.t.Helper()
	img, err := png.Decode(bytes.NewReader(c.ask("GET", path, nil, http.StatusOK, nil)))
	if err != nil {
		c.t.Fatal(err)
	}
	b := img.Bounds()
	for y := range b.Dy() {
		for x := range b.Dx() {
			v, _, _, _ := img.At(x, y).RGBA()
			mask = append(mask, uint8(v>>15))
		}
	}
	return mask, b.Dx(), b.Dy()
}
