// Package labelstudio makes hdmnet a machine learning backend of Label Studio: key points and
// rectangles become masks at once, and the annotations of a project become supports, by which
// the objects of its other pictures are found. It answers as label-studio-ml-backend does.
package labelstudio

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"hdmnet/internal/picture"
	"hdmnet/internal/serve/fault"
	"hdmnet/internal/serve/studio"
)

// Finder looks for the object of supports in a picture, and gives its probabilities [h,w] at
// the picture's size; *studio.Studio is one.
type Finder interface {
	Find(ctx context.Context, supports []studio.Given, query studio.Given) (p []float32, h, w int, err error)
}

// Options say which Label Studio is served.
type Options struct {
	URL     string // of Label Studio; pictures are taken from this host alone
	Key     string // of its API, from KeyVariable
	Dir     string // where annotations are kept
	Version string // of the network: predictions of another one are out of date
	Find    Finder
	// MaxFile and MaxPixels bound a picture.
	MaxFile   int64
	MaxPixels int
	// Warn is told what Label Studio's user does not see.
	Warn func(message string)
}

// Backend answers Label Studio.
type Backend struct {
	Options
	source *source
	store  *store
	reader picture.Reader

	mu     sync.Mutex
	synced map[int64]bool // projects whose annotations were asked for
	busy   chan struct{}  // as many requests hold pictures at a time
}

// maxBody bounds a request: brushes of large pictures are long lists.
const maxBody = 128 << 20

// patience is how long a request may take: many tasks at once, each with a backbone's pass.
const patience = 15 * time.Minute

// New returns a backend.
//
// Errors: an address that is none.
func New(o Options) (*Backend, error) {
	s, err := newSource(o.URL, o.Key, o.MaxFile)
	if err != nil {
		return nil, err
	}
	return &Backend{Options: o, source: s, store: newStore(o.Dir), reader: picture.Reader{MaxPixels: o.MaxPixels},
		synced: map[int64]bool{}, busy: make(chan struct{}, 2)}, nil
}

// Routes adds the backend's addresses.
func (b *Backend) Routes(mux *http.ServeMux) {
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusOK, map[string]any{"status": "UP", "model_class": "HDMNet"})
	})
	mux.HandleFunc("POST /setup", b.answer(b.setup))
	mux.HandleFunc("POST /predict", b.answer(b.predict))
	mux.HandleFunc("POST /webhook", b.answer(b.webhook))
}

// message is what Label Studio sends.
type message struct {
	Action  string          `json:"action"`
	Project json.RawMessage `json:"project"` // "ID.TIME", ID, or {"id": …}
	Schema  string          `json:"schema"`
	Config  string          `json:"label_config"`
	Tasks   []task          `json:"tasks"`
	Params  struct {
		Context *struct {
			Result []region `json:"result"`
		} `json:"context"`
	} `json:"params"`

	// Of webhooks: one annotation and its task, or lists of them.
	Annotation  json.RawMessage `json:"annotation"`
	Task        json.RawMessage `json:"task"`
	Annotations json.RawMessage `json:"annotations"`
}

type task struct {
	ID   int64          `json:"id"`
	Data map[string]any `json:"data"`
}

// answer makes a handler of one that gives a status and a value.
func (b *Backend) answer(f func(ctx context.Context, m *message) (int, any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c, until := http.NewResponseController(w), time.Now().Add(patience)
		_ = c.SetReadDeadline(until) // where there is no connection there is nothing to wait for
		_ = c.SetWriteDeadline(until)
		status, value, err := http.StatusOK, any(nil), error(nil)
		m := &message{}
		if kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); !strings.EqualFold(strings.TrimSpace(kind), "application/json") {
			err = fault.New(http.StatusUnsupportedMediaType, "send Content-Type: application/json", "the request is not JSON")
		} else if problem := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(m); problem != nil {
			err = fault.New(http.StatusBadRequest, "see docs/serve.md", "the request is not understood: %v", problem)
			if large := (*http.MaxBytesError)(nil); errors.As(problem, &large) {
				err = fault.New(http.StatusRequestEntityTooLarge, "draw simpler brushes", "the request has more than %d MiB", maxBody>>20)
			}
		} else {
			status, value, err = f(r.Context(), m)
		}
		if err != nil {
			f := fault.Of(err)
			b.Warn(fmt.Sprintf("Label Studio, %s: %s", r.URL.Path, f))
			refuse(w, f)
			return
		}
		reply(w, status, value)
	}
}

// refuse answers with an error, in the field that label-studio-ml-backend has for it, and in the
// status line: of failed requests that is all that Label Studio shows.
func refuse(w http.ResponseWriter, f *fault.Fault) {
	value := map[string]any{"status": f.Status, "detail": f.Error()}
	conn, out, err := http.NewResponseController(w).Hijack()
	if err != nil { // HTTP/2 has no such text
		reply(w, f.Status, value)
		return
	}
	defer conn.Close()
	body, _ := json.Marshal(value) // of text and a number
	_, _ = fmt.Fprintf(out, "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", f.Status, phrase(f.Error()), len(body), body)
	_ = out.Flush() // the one who asked has gone
}

// maxPhrase bounds the text of a status line, in bytes.
const maxPhrase = 400

// phrase is text for a status line: ASCII, on one line.
func phrase(text string) string {
	text = strings.NewReplacer("×", "x", "…", "...", "’", "'").Replace(text)
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, text)
	return text[:min(len(text), maxPhrase)]
}

func reply(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value) // the one who asked has gone
}

// project is the number of the project that a message is about.
func (m *message) project() (int64, error) {
	var object struct {
		ID     int64  `json:"id"`
		Config string `json:"label_config"`
	}
	var text string
	var number int64
	switch {
	case json.Unmarshal(m.Project, &text) == nil:
		id, _, _ := strings.Cut(text, ".")
		if n, err := strconv.ParseInt(id, 10, 64); err == nil && n >= 0 {
			return n, nil
		}
	case json.Unmarshal(m.Project, &number) == nil && number >= 0:
		return number, nil
	case json.Unmarshal(m.Project, &object) == nil && object.ID > 0:
		if m.Config == "" {
			m.Config = object.Config
		}
		return object.ID, nil
	}
	return 0, fault.New(http.StatusBadRequest, "see docs/serve.md", "the request names no project: %.100q", m.Project)
}

// setup tells the model's version. Label Studio asks for it before every prediction; the
// first time the annotations that the project has already are read.
func (b *Backend) setup(ctx context.Context, m *message) (int, any, error) {
	project, err := m.project()
	if err != nil {
		return 0, nil, err
	}
	if _, err := parseLabeling(m.Schema); err != nil {
		return 0, nil, err
	}
	b.mu.Lock()
	first := !b.synced[project]
	b.synced[project] = true
	b.mu.Unlock()
	if first {
		if _, err := b.sync(ctx, project); err != nil {
			b.Warn(fmt.Sprintf("Label Studio: the annotations of project %d, which would be supports, were not read: %v", project, err))
		}
	}
	version, err := b.version(project)
	return http.StatusOK, map[string]any{"model_version": version}, err
}
