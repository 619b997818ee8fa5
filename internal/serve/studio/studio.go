// Package studio is what a person works with: a project, a network that looks for its classes,
// and jobs that do so over many pictures.
package studio

import (
	"context"
	"errors"
	"net/http"
	"os"
	"runtime"
	"sync"
	"sync/atomic"

	"hdmnet/internal/picture"
	"hdmnet/internal/predict"
	"hdmnet/internal/serve/engine"
	"hdmnet/internal/serve/fault"
	"hdmnet/internal/serve/project"
)

// Options say what a studio works with.
type Options struct {
	Project *project.Project
	Engine  *engine.Engine
	// Identity is what results depend on besides pictures and supports: weights and settings.
	Identity string
	Root     *os.Root // below which folders may be added; nil: none
	// MaxPixels and MaxFile bound a picture, in pixels and bytes.
	MaxPixels int
	MaxFile   int64
	MaxJobs   int // that are not done
}

// Studio is at work until Close. Its methods may be called from several goroutines.
type Studio struct {
	Options
	reader  picture.Reader
	copies  *latest[small]           // of pictures, by id
	given   *latest[predict.Example] // supports of Find
	decodes chan struct{}            // as many pictures are decoded at a time
	paints  chan struct{}            // as many are labeled at a time
	end     context.Context
	stop    context.CancelFunc
	workers sync.WaitGroup

	mu       sync.Mutex // guards what follows
	jobs     []*Job     // the newest last
	started  int
	prepared map[int]*engine.Supports // of classes, latest

	keying sync.Mutex // guards keys, which are as they were at a turn of the project
	named  map[int]string
	turn   int64

	Found atomic.Int64 // masks that jobs have found
}

// New returns a studio.
func New(o Options) (*Studio, error) {
	s := &Studio{Options: o, reader: picture.Reader{MaxPixels: o.MaxPixels}, copies: newLatest[small](), given: newLatest[predict.Example](),
		decodes: make(chan struct{}, max(2, min(4, runtime.GOMAXPROCS(0)))), paints: make(chan struct{}, 4), prepared: map[int]*engine.Supports{}}
	s.end, s.stop = context.WithCancel(context.Background())
	for _, c := range o.Project.Classes() {
		if err := s.reassess(c); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Close ends all jobs and waits for them.
func (s *Studio) Close() {
	s.stop()
	s.workers.Wait()
}

// photo decodes a picture of the project.
func (s *Studio) photo(ctx context.Context, r *project.Record) (*picture.Photo, error) {
	content, err := s.Project.Content(r)
	if err != nil {
		return nil, err
	}
	return s.decode(ctx, content, r.Image.Name)
}

// decode decodes a picture; name stands for it in messages. No more than a few are decoded at a time:
// each may take hundreds of megabytes.
func (s *Studio) decode(ctx context.Context, content []byte, name string) (*picture.Photo, error) {
	select {
	case s.decodes <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-s.decodes }()
	p, err := s.reader.Photo(content, name)
	if err != nil {
		return nil, fault.New(http.StatusUnprocessableEntity, "replace or remove the picture", "%v", err)
	}
	return p, nil
}

// query is a picture of the project as the engine takes it.
func (s *Studio) query(r *project.Record) engine.Query {
	return engine.Query{Name: r.Image.ID, Load: func(ctx context.Context) (*picture.Photo, error) { return s.photo(ctx, r) }}
}

// Given is a picture that comes with a request.
type Given struct {
	Content []byte  // of its file
	Name    string  // in messages
	Mask    []uint8 // [h,w] of the upright picture, 1 the object: a support's
}

// Find looks for the object of supports in a picture that need not be in the project, and
// gives its probabilities [h,w] at the picture's size.
//
// Errors: no supports; a picture that cannot be read; a mask that does not fit its picture.
func (s *Studio) Find(ctx context.Context, supports []Given, query Given) (p []float32, h, w int, err error) {
	if len(supports) == 0 {
		return nil, 0, 0, fault.New(http.StatusConflict, "mark the object in a picture first", "there is no support")
	}
	set := &engine.Supports{}
	for _, g := range supports {
		example, err := s.example(ctx, &g)
		if err != nil {
			return nil, 0, 0, err
		}
		set.Examples = append(set.Examples, *example)
	}
	size, _, err := s.reader.PhotoSize(query.Content, query.Name)
	if err != nil {
		return nil, 0, 0, fault.New(http.StatusUnprocessableEntity, "replace the picture", "%v", err)
	}
	m, err := s.Engine.Find(ctx, set, engine.Query{Name: project.IDOf(query.Content), Load: func(ctx context.Context) (*picture.Photo, error) {
		return s.decode(ctx, query.Content, query.Name)
	}})
	if err != nil {
		return nil, 0, 0, err
	}
	full := engine.Enlarge(&m, size.H, size.W)
	return full.P, full.H, full.W, nil
}

// example is a support as the network sees it. The latest are kept: many pictures are looked
// through with the same ones.
func (s *Studio) example(ctx context.Context, g *Given) (*predict.Example, error) {
	name := supportName(project.IDOf(g.Content), maskSum(g.Mask))
	if kept := s.given.get(name); kept != nil {
		return kept, nil
	}
	photo, err := s.decode(ctx, g.Content, g.Name)
	if err != nil {
		return nil, err
	}
	if len(g.Mask) != photo.H*photo.W {
		return nil, fault.New(http.StatusBadRequest, "give a mask of the picture's size", "the mask of support %s has %d pixels, the picture %d×%d", g.Name, len(g.Mask), photo.W, photo.H)
	}
	x := s.Engine.Example(name, photo, g.Mask)
	s.given.put(name, &x)
	return &x, nil
}

// supportName is the name of a support's features.
func supportName(id, sum string) string { return id + " object " + sum }

// isEnd tells that a context has ended.
func isEnd(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, engine.ErrClosed)
}
