package studio

import (
	"context"
	"slices"

	"hdmnet/internal/serve/fault"
)

// ID names the job.
func (j *Job) ID() string { return j.id }

// Entry tells how far the job is.
func (j *Job) Entry() JobEntry {
	j.mu.Lock()
	defer j.mu.Unlock()
	return JobEntry{j.id, j.state, j.done, j.total, j.err}
}

// Cancel stops the job after the picture at hand.
func (j *Job) Cancel() { j.cancel() }

// First makes pictures of the job come before the others that wait.
func (j *Job) First(ids []string) {
	place := map[string]int{}
	for i, id := range ids {
		if _, twice := place[id]; !twice {
			place[id] = i
		}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	slices.SortStableFunc(j.waiting, func(a, b string) int {
		at := func(id string) int {
			if i, ok := place[id]; ok {
				return i
			}
			return len(ids)
		}
		return at(a) - at(b)
	})
}

// Events are what the job has done from an event on, how far it is, and a channel that is
// closed when there is more.
func (j *Job) Events(from int) ([]Event, JobEntry, <-chan struct{}) {
	j.mu.Lock()
	defer j.mu.Unlock()
	from = min(from, len(j.events))
	return slices.Clone(j.events[from:]), JobEntry{j.id, j.state, j.done, j.total, j.err}, j.news
}

// next takes the picture that is to come.
func (j *Job) next() (string, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.state == Queued {
		j.state = Running
		j.tell()
	}
	if len(j.waiting) == 0 {
		return "", false
	}
	id := j.waiting[0]
	j.waiting = j.waiting[1:]
	return id, true
}

func (j *Job) add(e Event) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.events = append(j.events, e)
	j.done = min(j.done+1, j.total)
	j.tell()
}

// tell wakes those who wait for news.
func (j *Job) tell() {
	close(j.news)
	j.news = make(chan struct{})
}

func (j *Job) end(ctx context.Context, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case ctx.Err() != nil || isEnd(err):
		j.state = Canceled
	case err != nil:
		j.state, j.err = Failed, fault.Of(err)
	default:
		j.state = Done
	}
	j.waiting = nil
	j.tell()
}

func (j *Job) ended() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.state != Queued && j.state != Running
}
