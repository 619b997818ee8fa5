// Package engine is a network with one queue: whoever wants an object found waits in it,
// pictures are read while the device computes, and pictures with the same supports go to the
// device together where it gains by that.
package engine

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"hdmnet/internal/data"
	"hdmnet/internal/nn"
	"hdmnet/internal/op"
	"hdmnet/internal/picture"
	"hdmnet/internal/predict"
	"hdmnet/internal/refine"
	"hdmnet/internal/tta"
)

// Network is what finds objects; *experiment.Network is one.
type Network interface {
	predict.Network
	KeepsFeatures(name string) bool
}

// Options say how the network is used.
type Options struct {
	Size   int // side S of its square input
	Views  []tta.View
	Refine *refine.Guided
	// Batch is how many pictures go to the device together, at least 1.
	Batch int
	// Panicked is told of a defect, with its stack.
	Panicked func(text string)
}

// Batch is how many pictures of size×size keep all of a device busy.
func Batch(dev op.Device, size int) int {
	cells := (size + 7) / 8
	return max(1, min(16, op.PreferredBatchPixels(dev)/(cells*cells)))
}

// Supports are examples of one class. All that the results depend on is in Key.
type Supports struct {
	Key      string
	Examples []predict.Example
}

// Query is a picture in which an object is looked for.
type Query struct {
	Name string // that features are kept under: of the picture's content
	// Load reads the picture. It is called by another goroutine, and not at all where the
	// features are kept.
	Load func(context.Context) (*picture.Photo, error)
}

// Engine is a network that is at work. Its methods may be called from several goroutines.
type Engine struct {
	net  Network
	tape *nn.Tape
	o    Options

	mu      sync.Mutex
	wake    *sync.Cond
	waiting [2][]*Task // of people who wait, and of jobs
	last    int        // which of them had its turn
	closed  bool
	stats   Stats
	done    chan struct{}
	loads   chan struct{}  // as many pictures are read at a time
	readers sync.WaitGroup // goroutines that read pictures
}

// Stats count what an engine has done.
type Stats struct {
	Queries, Batches, Kept int // Kept: queries whose features were kept
	Busy                   time.Duration
	Waiting                int // now
}

// Task is a query in the queue.
type Task struct {
	ctx      context.Context
	supports *Supports
	query    Query
	image    []float32 // nil: not read
	loading  bool
	needed   bool          // the image, though features are said to be kept
	ready    chan struct{} // closed when the result is there
	finished bool          // ready is closed
	result   predict.Map
	err      error
}

// New starts an engine.
func New(net Network, tape *nn.Tape, o Options) *Engine {
	e := &Engine{net: net, tape: tape, o: o, done: make(chan struct{}), loads: make(chan struct{}, max(2, min(8, runtime.GOMAXPROCS(0))))}
	e.wake = sync.NewCond(&e.mu)
	go e.loop()
	return e
}

// Close ends the engine after the pass that is running; whoever waits gets ErrClosed. The
// network may be closed then.
func (e *Engine) Close() {
	e.mu.Lock()
	e.closed = true
	for _, list := range e.waiting {
		for _, t := range list {
			t.finish(predict.Map{}, ErrClosed)
		}
	}
	e.waiting = [2][]*Task{}
	e.mu.Unlock()
	e.wake.Broadcast()
	<-e.done
	e.readers.Wait()
}

// ErrClosed is the error of a query to an engine that is closed.
var ErrClosed = errors.New("the server is stopping")

// Stats tells what has been done.
func (e *Engine) Stats() Stats {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.stats
	s.Waiting = len(e.waiting[0]) + len(e.waiting[1])
	return s
}

// Ahead is how many queries of a job are worth waiting in the queue at a time.
func (e *Engine) Ahead() int { return 2*e.o.Batch + 2 }

// Submit puts a query of a job into the queue. It leaves the queue when ctx ends.
func (e *Engine) Submit(ctx context.Context, s *Supports, q Query) *Task { return e.add(ctx, 1, s, q) }

// Find is a query of somebody who waits; it comes before those of jobs.
func (e *Engine) Find(ctx context.Context, s *Supports, q Query) (predict.Map, error) {
	return e.add(ctx, 0, s, q).Wait()
}

func (e *Engine) add(ctx context.Context, list int, s *Supports, q Query) *Task {
	t := &Task{ctx: ctx, supports: s, query: q, ready: make(chan struct{})}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		t.finish(predict.Map{}, ErrClosed)
		return t
	}
	e.waiting[list] = append(e.waiting[list], t)
	e.wake.Signal()
	return t
}

// Wait gives the result when it is there, or the error of the context.
func (t *Task) Wait() (predict.Map, error) {
	select {
	case <-t.ready:
		return t.result, t.err
	case <-t.ctx.Done():
		return predict.Map{}, t.ctx.Err()
	}
}

// finish gives the result, the first time. A task is in the queue, and the engine is locked, or it
// is nobody else's.
func (t *Task) finish(m predict.Map, err error) {
	if t.finished {
		return
	}
	t.result, t.err, t.finished = m, err, true
	close(t.ready)
}

// Example is a picture, or with a mask [h,w] a support, as the network sees it.
func (e *Engine) Example(name string, p *picture.Photo, mask []uint8) predict.Example {
	s := e.o.Size
	x := predict.Example{Name: name, Image: make([]float32, s*s*3)}
	data.Preprocess(x.Image, s, p.Pix, p.H, p.W)
	if mask != nil {
		x.Mask = make([]uint8, s*s)
		data.ResizeLabel(x.Mask, s, s, mask, p.H, p.W)
	}
	return x
}

// loop is the one goroutine that uses the device.
func (e *Engine) loop() {
	defer close(e.done)
	for {
		batch := e.next()
		if batch == nil {
			return
		}
		start := time.Now()
		kept := 0
		for _, t := range batch {
			if t.image == nil {
				kept++
			}
		}
		maps, err := e.match(batch)
		e.mu.Lock()
		e.stats.Batches++
		e.stats.Queries += len(batch)
		e.stats.Kept += kept
		e.stats.Busy += time.Since(start)
		e.mu.Unlock()
		if errors.Is(err, predict.ErrForgotten) {
			e.again(batch)
			continue
		}
		for i, t := range batch {
			switch {
			case err != nil:
				t.finish(predict.Map{}, err)
			case e.o.Refine != nil:
				e.readers.Go(func() { e.refine(t, maps[i]) })
			default:
				t.finish(maps[i], nil)
			}
		}
	}
}

// again puts queries back whose features were kept and are gone: their pictures are needed.
func (e *Engine) again(batch []*Task) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, t := range batch {
		if t.needed = true; e.closed {
			t.finish(predict.Map{}, ErrClosed)
		}
	}
	if !e.closed {
		e.waiting[0] = append(batch, e.waiting[0]...)
	}
}

// match runs the network. A panic of the device is an error of the queries at hand.
func (e *Engine) match(batch []*Task) (maps []predict.Map, err error) {
	defer func() {
		if r := recover(); r != nil {
			var fault *op.DeviceError
			if known, _ := r.(error); errors.As(known, &fault) || errors.Is(known, op.ErrOutOfMemory) {
				err = known
				return
			}
			err = fmt.Errorf("internal error: %v", r)
			e.o.Panicked(fmt.Sprintf("%v\n%s", r, debug.Stack()))
		}
	}()
	var queries []predict.Example
	for _, t := range batch {
		queries = append(queries, predict.Example{Name: t.query.Name, Image: t.image})
	}
	return predict.Match(e.net, e.tape, e.o.Views, e.o.Size, batch[0].supports.Examples, queries)
}

// next waits for queries that can run, and takes them out of the queue; nil: the end.
func (e *Engine) next() []*Task {
	e.mu.Lock()
	defer e.mu.Unlock()
	for !e.closed {
		for _, list := range []int{1 - e.last, e.last} { // in turn, but people first after a pause
			if batch := e.take(list); batch != nil {
				e.last = list
				return batch
			}
		}
		e.last = 1
		e.wake.Wait()
	}
	return nil
}

// take takes the first query of a list that can run, and others with its supports.
func (e *Engine) take(list int) (batch []*Task) {
	e.waiting[list] = slices.DeleteFunc(e.waiting[list], func(t *Task) bool {
		if err := t.ctx.Err(); err != nil && !t.loading {
			t.finish(predict.Map{}, err)
		}
		return t.finished
	})
	most := 1
	for i, t := range e.waiting[list] {
		if i >= 4*e.Ahead() { // more pictures than that are not read in advance
			break
		}
		if t.image == nil && (t.needed || !predict.Kept(e.net, e.o.Views, t.query.Name)) {
			e.load(t)
			continue
		}
		if t.loading || len(batch) == most || len(batch) > 0 && t.supports != batch[0].supports {
			continue
		}
		if len(batch) == 0 && e.knows(t.supports) {
			most = e.o.Batch
		}
		batch = append(batch, t)
	}
	if len(batch) > 0 {
		e.waiting[list] = slices.DeleteFunc(e.waiting[list], func(t *Task) bool { return slices.Contains(batch, t) })
	}
	return batch
}

// knows tells whether the features of supports are kept: otherwise a batch would compute
// them for each of its queries.
func (e *Engine) knows(s *Supports) bool {
	for _, x := range s.Examples {
		if !predict.Kept(e.net, e.o.Views, x.Name) {
			return false
		}
	}
	return true
}

// load starts to read the picture of a query, once.
func (e *Engine) load(t *Task) {
	if t.loading {
		return
	}
	t.loading = true
	e.readers.Go(func() {
		e.loads <- struct{}{}
		defer func() { <-e.loads }()
		var image []float32
		err := t.ctx.Err()
		if err == nil {
			var p *picture.Photo
			if p, err = t.query.Load(t.ctx); err == nil {
				image = e.Example("", p, nil).Image
			}
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		t.loading = false
		if e.closed {
			return // Close has finished it
		}
		if t.image = image; err != nil {
			t.finish(predict.Map{}, err)
		}
		e.wake.Signal()
	})
}
