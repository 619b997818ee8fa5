package studio

import (
	"container/list"
	"sync"
)

// latest keeps what was asked for last by its name, which says all that it depends on.
type latest[T any] struct {
	mu     sync.Mutex
	byName map[string]*list.Element
	recent list.List // of entry[T], latest first
}

type entry[T any] struct {
	name  string
	value *T
}

// maxLatest is how many are kept: small copies of 3 MB, or examples of 2 to 3 MB each.
const maxLatest = 32

func newLatest[T any]() *latest[T] { return &latest[T]{byName: map[string]*list.Element{}} }

// get is what is kept, nil where nothing is.
func (l *latest[T]) get(name string) *T {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.byName[name]
	if e == nil {
		return nil
	}
	l.recent.MoveToFront(e)
	return e.Value.(entry[T]).value
}

// put keeps a value, which must not change from now on.
func (l *latest[T]) put(name string, value *T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.byName[name] != nil {
		return
	}
	l.byName[name] = l.recent.PushFront(entry[T]{name, value})
	if l.recent.Len() > maxLatest {
		delete(l.byName, l.recent.Remove(l.recent.Back()).(entry[T]).name)
	}
}
