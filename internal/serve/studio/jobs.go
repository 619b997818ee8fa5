package studio

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"

	"hdmnet/internal/predict"
	"hdmnet/internal/serve/engine"
	"hdmnet/internal/serve/fault"
	"hdmnet/internal/serve/project"
)

// errNoProbabilities is the error of a mask that was drawn, not computed.
var errNoProbabilities = fault.New(http.StatusNotFound, "run the class over the picture first: POST /api/run", "nothing was computed for this mask")

// JobState is how far a job is.
type JobState string

// The values of JobState.
const (
	Queued   JobState = "queued"
	Running  JobState = "running"
	Done     JobState = "done"
	Canceled JobState = "canceled"
	Failed   JobState = "failed"
)

// JobEntry is a job in State.
type JobEntry struct {
	ID    string       `json:"id"`
	State JobState     `json:"state"`
	Done  int          `json:"done"`
	Total int          `json:"total"`
	Error *fault.Fault `json:"error"`
}

// Event is something that a job has done: a mask is there, or a picture failed.
type Event struct {
	Image string
	Class int
	Err   *fault.Fault // nil: the mask is there
}

// Job looks for classes in pictures, one after the other.
type Job struct {
	id     string
	cancel context.CancelFunc

	mu      sync.Mutex // guards what follows
	state   JobState
	total   int
	done    int
	waiting []string // pictures not begun
	events  []Event
	err     *fault.Fault
	news    chan struct{} // closed by the next change
}

// maxFinished is how many jobs that are done can still be looked at.
const maxFinished = 20

// work is a class that a job looks for.
type work struct {
	class    int
	supports *engine.Supports
}

// Run starts a job that looks for classes in pictures, in the order given; without pictures in
// all that are no supports of the class.
func (s *Studio) Run(classes []int, queries []string) (*Job, error) {
	if len(classes) == 0 {
		for _, c := range s.Project.Classes() {
			classes = append(classes, c.ID)
		}
	}
	for _, c := range classes {
		class, err := s.Project.Class(c)
		if err != nil {
			return nil, err
		}
		if len(s.supportsOf(c)) == 0 {
			return nil, fault.New(http.StatusConflict, "mark the object in a picture first", "class %q has no support", class.Name)
		}
	}
	if len(queries) == 0 {
		for _, r := range s.Project.Records() {
			queries = append(queries, r.Image.ID)
		}
	}
	total, seen := 0, map[string]bool{}
	var waiting []string
	for _, id := range queries {
		r, err := s.Project.Record(id)
		if err != nil {
			return nil, err
		}
		if !seen[id] {
			seen[id] = true
			waiting = append(waiting, id)
			total += len(wanted(r, classes))
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.end.Err() != nil {
		return nil, fault.New(http.StatusServiceUnavailable, "start it again", "the server is stopping")
	}
	at := 0
	for _, j := range s.jobs {
		if !j.ended() {
			at++
		}
	}
	if at >= s.MaxJobs {
		return nil, fault.New(http.StatusTooManyRequests, "wait for one, or stop one with DELETE /api/jobs/{id}", "%s are at work or wait", count(at, "job"))
	}
	for i := 0; i < len(s.jobs) && len(s.jobs) > maxFinished+at; {
		if s.jobs[i].ended() {
			s.jobs = slices.Delete(s.jobs, i, i+1)
		} else {
			i++
		}
	}
	s.started++
	j := &Job{id: fmt.Sprintf("j%d", s.started), state: Queued, total: total, waiting: waiting, news: make(chan struct{})}
	s.jobs = append(s.jobs, j)
	var ctx context.Context
	ctx, j.cancel = context.WithCancel(s.end)
	s.workers.Go(func() {
		defer j.cancel()
		j.end(ctx, s.work(ctx, j, classes))
	})
	return j, nil
}

// wanted are the classes that are looked for in a picture.
func wanted(r *project.Record, classes []int) []int {
	var out []int
	for _, c := range classes {
		if r.Support(c) == nil {
			out = append(out, c)
		}
	}
	return out
}

// Job is the job of an id.
func (s *Studio) Job(id string) (*Job, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, j := range s.jobs {
		if j.id == id {
			return j, nil
		}
	}
	return nil, fault.New(http.StatusNotFound, "ask /api/state for the jobs that there are", "there is no job %.40q", id)
}

// work does a job: queries wait in the engine's queue a few at a time, and what comes out is
// kept in their order.
func (s *Studio) work(ctx context.Context, j *Job, classes []int) error {
	var works []work
	keys := s.keys()
	for _, c := range classes {
		supports, err := s.supports(ctx, c, keys[c])
		if err != nil {
			return err
		}
		works = append(works, work{c, supports})
	}
	type pending struct {
		work
		record *project.Record
		task   *engine.Task
	}
	var ahead []pending
	for {
		for len(ahead) < s.Engine.Ahead() {
			id, ok := j.next()
			if !ok {
				break
			}
			r, err := s.Project.Record(id)
			for _, w := range works {
				switch {
				case err != nil: // removed meanwhile
					j.add(Event{id, w.class, fault.Of(err)})
				case r.Support(w.class) != nil:
				case r.Mask(w.class) != nil && r.Mask(w.class).Decided():
					j.add(Event{id, w.class, nil})
				default:
					ahead = append(ahead, pending{w, r, s.Engine.Submit(ctx, w.supports, s.query(r))})
				}
			}
		}
		if len(ahead) == 0 {
			return ctx.Err()
		}
		p := ahead[0]
		ahead = ahead[1:]
		m, err := p.task.Wait()
		if err == nil {
			err = s.keep(p.record.Image.ID, p.class, &m, p.supports.Key)
		}
		if isEnd(err) {
			return err
		}
		e := Event{Image: p.record.Image.ID, Class: p.class}
		if err != nil {
			e.Err = fault.Of(err)
		}
		j.add(e)
	}
}

// keep puts what was found into the project.
func (s *Studio) keep(id string, class int, m *predict.Map, key string) error {
	c, err := s.Project.Class(class)
	if err != nil {
		return err
	}
	v := project.Probabilities{H: m.H, W: m.W, P: make([]uint16, len(m.P))}
	for i, p := range m.P {
		v.P[i] = uint16(p*65535 + 0.5)
	}
	confidence, area := assess(v.P, c.Threshold)
	_, err = s.Project.SetProbabilities(id, class, v, c.Threshold, confidence, area, key)
	s.Found.Add(1)
	return err
}

// supportsOf are the pictures that are supports of a class.
func (s *Studio) supportsOf(class int) []*project.Record {
	return slices.DeleteFunc(s.Project.Records(), func(r *project.Record) bool { return r.Support(class) == nil })
}

// supports are those of a class, as the engine takes them; key names them.
func (s *Studio) supports(ctx context.Context, class int, key string) (*engine.Supports, error) {
	s.mu.Lock()
	set := s.prepared[class]
	s.mu.Unlock()
	if set != nil && set.Key == key {
		return set, nil
	}
	set = &engine.Supports{Key: key}
	for _, r := range s.supportsOf(class) {
		mask, err := s.Project.SupportMask(r, class)
		if err != nil {
			return nil, err
		}
		if mask == nil {
			continue // removed meanwhile
		}
		p, err := s.photo(ctx, r)
		if err != nil {
			return nil, err
		}
		set.Examples = append(set.Examples, s.Engine.Example(supportName(r.Image.ID, r.Support(class).Sum), p, mask))
	}
	if len(set.Examples) == 0 {
		return nil, fault.New(http.StatusConflict, "mark the object in a picture first", "class %d has no support any more", class)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.prepared[class] = set
	return set, nil
}
