package dist

import (
	"bytes"
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"os"
)

// Council is where the processes of a group agree: that all go on, that all stop, or that
// one has failed. What the other processes have to say reaches process 0 with it.
type Council struct {
	Link
	Notes func() []string             // lines of this process since it was last asked; nil: none
	Show  func(rank int, line string) // is told, in process 0, the lines of the others; nil: nobody is
	said  map[string]bool             // lines that were shown: the same of every process is worth one
}

// NewCouncil is the council of the processes of a link.
func NewCouncil(l Link, notes func() []string, show func(rank int, line string)) *Council {
	return &Council{Link: l, Notes: notes, Show: show, said: map[string]bool{}}
}

// With is the same council with another one to tell the lines of other processes.
func (c *Council) With(show func(rank int, line string)) *Council {
	other := *c
	other.Show = show
	return &other
}

// word is what a process says. One that has nothing to say is silent.
type word struct {
	Stop     bool
	Failed   string
	Canceled bool
	Host     string
	Notes    []string
}

// known is an error of this process that all others know of.
type known struct{ error }

func (k known) Unwrap() error { return k.error }

// Agreed marks an error that all processes have at the same time.
func Agreed(err error) error { return known{err} }

// Known tells whether all processes know of an error already, so that nobody needs to be
// told by Abort.
func Known(err error) bool {
	var lost *LostError
	return errors.As(err, new(known)) || errors.As(err, &lost) || errors.Is(err, context.Canceled)
}

// Agree makes the error of one process the error of all: of those that have one it is
// their own, of the others a *LostError of the first process that has; a canceled context
// is a canceled one to all. Without errors stop tells whether any process wants to stop.
func (c *Council) Agree(err error, stop bool) (bool, error) {
	if c.Place().Size == 1 {
		return stop, err
	}
	mine := word{Stop: stop}
	if c.Notes != nil {
		mine.Notes = c.Notes()
	}
	if c.Place().Rank == 0 { // shown already
		for _, line := range mine.Notes {
			c.said[line] = true
		}
		mine.Notes = nil
	}
	if err != nil {
		mine.Failed, mine.Canceled = err.Error(), errors.Is(err, context.Canceled)
		mine.Host, _ = os.Hostname() // only for the message
	}
	all, failed := c.Gather(mine.encode())
	switch {
	case failed != nil && errors.Is(err, context.Canceled): // by the same loss
		return false, failed
	case failed != nil:
		return false, errors.Join(err, failed)
	}
	var other error
	for rank, b := range all {
		if len(b) == 0 || rank == c.Place().Rank {
			continue
		}
		var w word
		if err := gob.NewDecoder(bytes.NewReader(b)).Decode(&w); err != nil {
			return false, fmt.Errorf("process %d says what this one does not understand: %w; all must run the same version with the same settings", rank, err)
		}
		for _, line := range w.Notes {
			if c.Show != nil && c.Place().Rank == 0 && !c.said[line] {
				c.said[line] = true
				c.Show(rank, line)
			}
		}
		stop = stop || w.Stop
		switch {
		case w.Failed == "" || other != nil:
		case w.Canceled:
			other = fmt.Errorf("process %d: %w", rank, context.Canceled)
		default:
			other = &LostError{Rank: rank, Host: w.Host, Reason: w.Failed, Failed: true}
		}
	}
	if err != nil {
		return false, known{err}
	}
	return stop, other
}

func (w *word) encode() []byte {
	if !w.Stop && w.Failed == "" && len(w.Notes) == 0 {
		return nil
	}
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(w); err != nil {
		panic(err) // the type has nothing that cannot be encoded
	}
	return b.Bytes()
}

// Agree is Council.Agree of a link alone.
func Agree(l Link, err error) error {
	_, err = NewCouncil(l, nil, nil).Agree(err, false)
	return err
}

// Share gives every process the bytes of process 0.
func Share(l Link, b []byte) ([]byte, error) {
	if l.Place().Rank > 0 {
		b = nil
	}
	all, err := l.Gather(b)
	if err != nil {
		return nil, err
	}
	return bytes.Clone(all[0]), nil
}
