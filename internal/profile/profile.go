// Package profile times a device's operators: a Timed device stands before another one
// and notes how long each call took, by operator and by the shapes it was given.
package profile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"gorgonia.org/tensor"

	"hdmnet/internal/op"
)

// Timed is a device that passes every call on to the one it holds and notes the call's
// time. It waits for each call to be complete, so that a device that works behind its
// caller's back is timed too; a whole pass is therefore slower than without it. It has
// one user at a time, as every device.
type Timed struct {
	op.Device
	entries map[key]*Entry
}

type key struct{ operator, shapes string }

// Entry is all calls of one operator on tensors of the same shapes.
type Entry struct {
	Operator string // the method of op.Device
	// Shapes are those of the tensors in the order of the arguments, B×H×W×C each; nil
	// ones and repetitions are left out. Convolutions say their geometry too.
	Shapes string
	Work
	Bytes   float64   // of one call: every tensor passes the memory once
	Seconds []float64 // one a call, in the order of the calls
	first   int       // number of the first call among those of all entries
}

// Calls is how often the operator was called on these shapes.
func (e *Entry) Calls() int { return len(e.Seconds) }

// Total is the seconds of all calls.
func (e *Entry) Total() float64 {
	sum := 0.0
	for _, s := range e.Seconds {
		sum += s
	}
	return sum
}

// New returns a Timed device over dev. Closing it closes dev.
func New(dev op.Device) *Timed { return &Timed{Device: dev, entries: map[key]*Entry{}} }

// NonStdAlloc tells gorgonia, as the device itself does, that tensors get their memory
// from Alloc.
func (d *Timed) NonStdAlloc() {}

// Reset forgets all calls.
func (d *Timed) Reset() { clear(d.entries) }

// Entries returns what has been called since the last Reset, first called first.
func (d *Timed) Entries() []Entry {
	out := make([]Entry, 0, len(d.entries))
	for _, e := range d.entries {
		c := *e
		c.Seconds = slices.Clone(e.Seconds)
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b Entry) int { return cmp.Compare(a.first, b.first) })
	return out
}

// time runs one call of an operator and notes it.
func (d *Timed) time(operator string, w Work, call func(), tensors ...op.Tensor) {
	start := time.Now()
	call()
	d.wait(tensors)
	seconds := time.Since(start).Seconds()

	k := key{operator, describe(w.geometry, tensors)}
	e := d.entries[k]
	if e == nil {
		e = &Entry{Operator: operator, Shapes: k.shapes, Work: w, Bytes: size(tensors), first: len(d.entries)}
		d.entries[k] = e
	}
	e.Seconds = append(e.Seconds, seconds)
}

// wait returns when the first of the tensors, the one written, is there.
func (d *Timed) wait(tensors []op.Tensor) {
	for _, t := range tensors {
		if t == nil {
			continue
		}
		one := op.Span(t, 0, 1)
		switch t.Dtype() {
		case tensor.Uint8:
			d.Device.Download(make([]uint8, 1), one)
		case tensor.Int32:
			d.Device.Download(make([]int32, 1), one)
		default:
			d.Device.Download(make([]float32, 1), one)
		}
		return
	}
}

// describe lists the shapes of tensors.
func describe(geometry string, tensors []op.Tensor) string {
	var parts []string
	for _, t := range tensors {
		if t == nil {
			continue
		}
		s := strings.ReplaceAll(strings.Trim(fmt.Sprint([]int(t.Shape())), "[]"), " ", "×")
		if len(parts) == 0 || parts[len(parts)-1] != s {
			parts = append(parts, s)
		}
	}
	if geometry != "" {
		parts = append(parts, geometry)
	}
	return strings.Join(parts, " ")
}

// size is the memory of tensors in bytes.
func size(tensors []op.Tensor) float64 {
	sum := 0.0
	for _, t := range tensors {
		if t != nil {
			sum += float64(op.Len(t)) * float64(t.Dtype().Size())
		}
	}
	return sum
}
