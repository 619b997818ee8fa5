// Package serve is hdmnet as a server: an API over a project, in which objects are marked in a
// few pictures and found in all the others, and the page that people use it with.
package serve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"time"

	"hdmnet/internal/infile"
	"hdmnet/internal/labelstudio"
	"hdmnet/internal/nn"
	"hdmnet/internal/picture"
	"hdmnet/internal/refine"
	"hdmnet/internal/serve/engine"
	"hdmnet/internal/serve/page"
	"hdmnet/internal/serve/project"
	"hdmnet/internal/serve/strokes"
	"hdmnet/internal/serve/studio"
	"hdmnet/internal/tta"
)

// Network says which network works, for people.
type Network struct {
	Name     string `json:"name"`
	Demo     bool   `json:"demo"`
	Size     int    `json:"size"` // of the side of its input, pixels
	Backbone string `json:"backbone"`
	Note     string `json:"note"`
}

// Sample is a picture that a new project begins with.
type Sample struct {
	Name    string
	Content []byte // of its file
	// Class is what Object, a polygon in pixels, shows; empty: nothing is marked.
	Class  string
	Object [][2]float64
}

// Options say what is served.
type Options struct {
	Net      engine.Network
	Tape     *nn.Tape
	Network  Network
	Identity string // what results depend on besides pictures and supports
	Views    []tta.View
	Refine   *refine.Guided
	Device   string // in words
	Version  string

	Project string // folder of the project, made when it is missing
	Root    string // folder below which pictures may be added; empty: none
	Addr    string // where the server listens: tells which hosts it is asked for
	Token   string // that requests must have; empty: none, on loopback addresses alone
	Samples []Sample
	// LabelStudio is the address of a Label Studio for which the server is a machine learning
	// backend (package labelstudio), and the key of its API; empty: none.
	LabelStudio, LabelStudioKey string

	MaxPixels int   // of a picture; at most picture.WholePixels, and that where 0
	MaxFile   int64 // of a picture's file, in bytes; 0: 128 MiB
	MaxDisk   int64 // of the project, in bytes; 0: 50 GiB

	Warn func(message string) // nil: nobody is told
}

// Limits that nobody needs to change.
const (
	maxImages  = 100_000
	maxClasses = 200
	maxJobs    = 16
)

// Server serves one project.
type Server struct {
	o       Options
	root    *os.Root
	project *project.Project
	engine  *engine.Engine
	studio  *studio.Studio
	backend *labelstudio.Backend // nil: none
	started time.Time
	meter   meter
	handler http.Handler
	end     context.Context // of streams of events
	stop    context.CancelFunc
}

// New opens the project and starts the network's queue. The network is closed by its owner, after
// Close.
//
// Errors: a project that is damaged, of somebody else, or in use; a root that is no folder; no
// address of a Label Studio.
func New(ctx context.Context, o Options) (_ *Server, err error) {
	if o.Warn == nil {
		o.Warn = func(string) {}
	}
	if o.MaxPixels <= 0 || o.MaxPixels > picture.WholePixels {
		o.MaxPixels = picture.WholePixels
	}
	if o.MaxFile <= 0 {
		o.MaxFile = 128 << 20
	}
	if o.MaxDisk <= 0 {
		o.MaxDisk = 50 << 30
	}
	s := &Server{o: o, started: time.Now()}
	s.end, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if o.Root != "" {
		if s.root, err = os.OpenRoot(o.Root); err != nil {
			return nil, fmt.Errorf("root %s: %w; name a folder with pictures with --root", infile.Shown(o.Root), err)
		}
	}
	if s.project, err = project.Open(o.Project, s.root, project.Limits{Bytes: o.MaxDisk, Images: maxImages, Classes: maxClasses}); err != nil {
		return nil, err
	}
	s.engine = engine.New(o.Net, o.Tape, engine.Options{Size: o.Network.Size, Views: o.Views, Refine: o.Refine, Batch: engine.Batch(o.Tape.Dev, o.Network.Size), Panicked: o.Warn})
	if s.studio, err = studio.New(studio.Options{Project: s.project, Engine: s.engine, Identity: o.Identity, Root: s.root,
		MaxPixels: o.MaxPixels, MaxFile: o.MaxFile, MaxJobs: maxJobs}); err != nil {
		return nil, err
	}
	if len(s.project.Records()) == 0 && len(s.project.Classes()) == 0 {
		for _, sample := range o.Samples {
			if err := s.sample(ctx, sample); err != nil {
				return nil, err
			}
		}
	}
	if o.LabelStudio != "" {
		s.backend, err = labelstudio.New(labelstudio.Options{URL: o.LabelStudio, Key: o.LabelStudioKey, Dir: filepath.Join(o.Project, "labelstudio"),
			Version: o.Identity, Find: s.studio, MaxFile: o.MaxFile, MaxPixels: o.MaxPixels, Warn: o.Warn})
		if err != nil {
			return nil, err
		}
	}
	s.handler = s.guard(s.routes())
	return s, nil
}

// sample adds a sample, with its object as a support.
func (s *Server) sample(ctx context.Context, v Sample) error {
	r, err := s.studio.Upload(path.Base(v.Name), v.Content, true)
	if err != nil || v.Class == "" {
		return err
	}
	c, err := s.project.AddClass(v.Class, "")
	if err != nil {
		return err
	}
	drawn := []strokes.Stroke{{Tool: "polygon", Add: true, Points: v.Object}}
	mask, err := s.studio.Understood(ctx, r, drawn)
	if err != nil {
		return err
	}
	text, err := json.Marshal(drawn)
	if err != nil {
		return err
	}
	_, err = s.project.SetSupport(r.Image.ID, c.ID, mask, text)
	return err
}

// Handler answers all requests: the page, the API, and the metrics.
func (s *Server) Handler() http.Handler { return s.handler }

// Close ends all jobs and streams of events, and gives the project back. What was
// acknowledged is on the disk.
func (s *Server) Close() error {
	s.stop()
	if s.studio != nil {
		s.studio.Close()
	}
	if s.engine != nil {
		s.engine.Close()
	}
	if s.project != nil {
		s.project.Close()
	}
	if s.root != nil {
		return s.root.Close()
	}
	return nil
}

// Picture is a picture that comes with a call; of a support Mask is its object.
type Picture = studio.Given

// Predict looks for the object of supports in a picture that need not be in the project. It
// gives the probabilities [h,w] at the picture's upright size. Features of pictures that were
// seen before are kept.
//
// Errors: no supports; a picture that cannot be read; a mask that does not fit its picture; the
// end of ctx.
func (s *Server) Predict(ctx context.Context, supports []Picture, query Picture) (p []float32, h, w int, err error) {
	return s.studio.Find(ctx, supports, query)
}

// routes are the paths that are answered.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/state", s.getState)
	mux.HandleFunc("POST /api/classes", s.postClass)
	mux.HandleFunc("PATCH /api/classes/{class}", s.patchClass)
	mux.HandleFunc("DELETE /api/classes/{class}", s.deleteClass)
	mux.HandleFunc("POST /api/images", s.postImages)
	mux.HandleFunc("POST /api/folder", s.postFolder)
	mux.HandleFunc("GET /api/images/{image}", s.getImage)
	mux.HandleFunc("GET /api/images/{image}/thumb", s.getThumb)
	mux.HandleFunc("DELETE /api/images/{image}", s.deleteImage)
	mux.HandleFunc("POST /api/preview", s.postPreview)
	mux.HandleFunc("PUT /api/supports/{image}", s.putSupport)
	mux.HandleFunc("GET /api/supports/{image}/{file}", s.getSupport)
	mux.HandleFunc("DELETE /api/supports/{image}", s.deleteSupport)
	mux.HandleFunc("POST /api/run", s.postRun)
	mux.HandleFunc("GET /api/jobs/{job}/events", s.getEvents)
	mux.HandleFunc("POST /api/jobs/{job}/first", s.postFirst)
	mux.HandleFunc("DELETE /api/jobs/{job}", s.deleteJob)
	mux.HandleFunc("GET /api/masks/{image}/{file}", s.getMask)
	mux.HandleFunc("PUT /api/masks/{image}/{class}", s.putMask)
	mux.HandleFunc("DELETE /api/masks/{image}/{class}", s.deleteMask)
	mux.HandleFunc("POST /api/export", s.postExport)
	mux.HandleFunc("/api/", s.unknown)
	mux.HandleFunc("GET /metrics", s.getMetrics)
	if s.backend != nil {
		s.backend.Routes(mux)
	}
	mux.Handle("/", page.Handler())
	return s.meter.count(mux)
}
