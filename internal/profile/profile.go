// Package profile times a device's operators and the parts of a network: a Timed device
// stands before another one and notes how long each call took, by operator and by the
// shapes it was given; Regions notes only when each part was done.
package profile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"hdmnet/internal/op"
	"hdmnet/internal/trace"
)

// Timed is a device that passes every call on to the one it holds and notes the call's
// time. On a device that works behind its caller's back it is the time between two marks
// in that device's own order of work (op.Stopwatch). It has one user at a time, as every
// device.
type Timed struct {
	trace.Device
	watch   op.Stopwatch
	region  string
	entries map[key]*Entry
	calls   []*Entry // since watch was read, each between two marks
}

type key struct{ region, operator, shapes string }

// Entry is all calls of one operator on tensors of the same shapes, in one part of the
// network.
type Entry struct {
	Region   string // op.Region's name, "" before the first
	Operator string // the method of op.Device
	// Shapes are those of the tensors in the order of the arguments, B×H×W×C each; nil
	// ones and repetitions are left out. Convolutions say their geometry too.
	Shapes string
	Work
	Needed  float64   // FLOP of all calls that the masks leave, where there are masks
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
func New(dev op.Device) *Timed {
	d := &Timed{watch: stopwatch(dev), entries: map[key]*Entry{}}
	d.Device = trace.Device{Device: dev, Hook: d.time}
	return d
}

// Capabilities are those of a traced device, and to observe regions.
func (d *Timed) Capabilities() op.Capabilities {
	c := d.Device.Capabilities()
	c.HalfMaps = d.Device.Device.Capabilities().HalfMaps
	c.Regions = d
	return c
}

// Region implements op.RegionObserver.
func (d *Timed) Region(name string) { d.region = name }

// Reset forgets all calls.
func (d *Timed) Reset() {
	d.read()
	clear(d.entries)
	d.region = ""
}

// Entries returns what has been called since the last Reset, first called first.
func (d *Timed) Entries() []Entry {
	d.read()
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
func (d *Timed) time(c trace.Call) {
	w := work(c)
	k := key{d.region, c.Operator, describe(w.geometry, c.Tensors)}
	e := d.entries[k]
	if e == nil {
		e = &Entry{Region: k.region, Operator: c.Operator, Shapes: k.shapes, Work: w, Bytes: size(c.Tensors), first: len(d.entries)}
		d.entries[k] = e
	}
	e.Needed += w.FLOP * d.unmasked(c)
	d.watch.Mark()
	c.Run(d.Device.Device, c.Tensors)
	d.watch.Mark()
	d.calls = append(d.calls, e)
}

// read gives the calls their times.
func (d *Timed) read() {
	at := d.watch.Marks()
	for i, e := range d.calls {
		e.Seconds = append(e.Seconds, at[2*i+1]-at[2*i])
	}
	d.calls = d.calls[:0]
}

// unmasked is the share of an operator's work that is left without the masked-out
// positions of supports: 1 for those without masks. op.PriorSimilarity has one candidate
// more where a mask leaves any out.
func (d *Timed) unmasked(c trace.Call) float64 {
	var mask op.Tensor
	switch c.Operator {
	case "MaskedCorrelation", "MaskedCorrelationGrad", "PriorSimilarity":
		mask = c.Tensors[len(c.Tensors)-1]
	default:
		return 1
	}
	v := make([]float32, op.Len(mask))
	d.Device.Device.Download(v, mask)
	left := 0
	for _, m := range v {
		if m != 0 {
			left++
		}
	}
	return float64(left) / float64(len(v))
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
