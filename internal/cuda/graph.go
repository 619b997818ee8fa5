//go:build cuda

package cuda

import (
	"errors"
	"fmt"
	"os"
	"slices"
)

// capture is the work of Device.CaptureGraph. Its launches are recorded as a CUDA graph,
// which starts as a whole: between two kernels of a graph the GPU pauses less than between two
// launches.
//
// Every call is recorded anew, so that whatever differs from step to step (addresses,
// seeds, rates) is in it. The graph that the driver has made ready is then changed to the
// new parameters, which costs far less than to make one. A few are kept, by the sequence of
// their kernels: a training has one for its steps and one for its evaluations.
//
// Nothing can be waited for while the launches are only recorded. A call that waits
// (Download, memory that the cache does not have) therefore first starts what is recorded,
// and the rest of the call is launched as usual: correct, but no gain. Such calls are not
// recorded again before some have passed without a wait.
type capture struct {
	off       bool
	open      bool   // within a CaptureGraph
	recording bool   // what is submitted goes into a graph
	waited    bool   // the open call has waited
	quiet     int    // calls in a row that have not, and no new memory in between
	kernels   uint64 // a hash of what is recorded

	// Of the queue's thread.
	capturing bool
	ready     []readyGraph // the latest last
	made      int          // graphs made ready so far
}

// readyGraph is a graph that the driver has made ready, by the hash of its kernels.
type readyGraph struct {
	kernels uint64
	graph   graphExec
}

const mostReady = 4 // kept

const (
	quietCalls = 2  // in a row, before one is recorded: by then the cache holds all memory
	mostGraphs = 16 // made ready; so many mean that no step is like the one before it
)

func newCapture() capture { return capture{off: os.Getenv("HDMNET_CUDA_GRAPH") == "off"} }

// CaptureGraph calls f; its launches become one graph once they repeat. HDMNET_CUDA_GRAPH=off
// turns that off.
func (d *Device) CaptureGraph(f func()) {
	c := &d.capture
	if c.off || c.open || d.sync || d.memory.direct || d.branches.at != 0 {
		f()
		return
	}
	c.open, c.waited = true, false
	if c.quiet >= quietCalls {
		c.recording, c.kernels = true, 0
		d.submit("begin of a graph", d.beginGraph)
	}
	defer func() {
		d.startZeros()
		d.startRecorded()
		c.open = false
		if c.quiet++; c.waited {
			c.quiet = 0
		}
	}()
	f()
}

// Graphs returns the number of graphs that were made ready so far: one more whenever a
// call has other kernels than the one before it.
func (d *Device) Graphs() int {
	made := 0
	d.wait(func() error {
		made = d.capture.made
		return nil
	})
	return made
}

// startRecorded ends the recording, if there is one, and queues the graph. After an error
// there is nothing to start.
func (d *Device) startRecorded() {
	if d.capture.recording {
		d.capture.recording = false
		kernels := d.capture.kernels
		_ = d.queue.submit(func() error { return d.endGraph(kernels) }) // the error is one that the next call reports
	}
}

// call runs f on the queue's thread after all that was queued, and waits for it.
func (d *Device) call(f func() error) error {
	d.startZeros()
	d.capture.waited = true
	d.startRecorded()
	return d.queue.call(f)
}

// ---- On the queue's thread

func (d *Device) beginGraph() error {
	if d.capture.made >= mostGraphs {
		return nil
	}
	err := beginCapture(d.stream)
	d.capture.capturing = err == nil
	return d.withoutGraphs(err)
}

func (d *Device) endGraph(kernels uint64) error {
	c := &d.capture
	if !c.capturing {
		return nil
	}
	c.capturing = false
	return d.alone(func() error { return c.launch(d, kernels) })
}

// launch makes a graph of what was recorded, and launches it.
func (c *capture) launch(d *Device, kernels uint64) error {
	g, err := endCapture(d.stream)
	if err != nil {
		return d.withoutGraphs(err)
	}
	defer func() { _ = g.destroy() }() // what was captured is in the executable graph
	at := slices.IndexFunc(c.ready, func(r readyGraph) bool { return r.kernels == kernels })
	if at >= 0 && !c.ready[at].graph.update(g) {
		if err := c.drop(at); err != nil {
			return d.check(err, "free a graph")
		}
		at = -1
	}
	last := readyGraph{kernels: kernels}
	if at >= 0 {
		last = c.ready[at]
		c.ready = slices.Delete(c.ready, at, at+1)
	} else {
		if len(c.ready) == mostReady {
			if err := c.drop(0); err != nil {
				return d.check(err, "free a graph")
			}
		}
		if last.graph, err = g.instantiate(); err != nil {
			return d.withoutGraphs(err)
		}
		c.made++
	}
	c.ready = append(c.ready, last)
	return d.check(last.graph.launch(d.stream), "launch a graph")
}

// drop frees a graph.
func (c *capture) drop(at int) error {
	g := c.ready[at].graph
	c.ready = slices.Delete(c.ready, at, at+1)
	return g.destroy()
}

// free ends a recording that an error has cut off, and frees the graphs.
func (c *capture) free(d *Device) error {
	if c.capturing {
		c.capturing = false
		if g, err := endCapture(d.branches.main); err == nil {
			_ = g.destroy() // the error that cut it off says more
		}
	}
	var errs []error
	for len(c.ready) > 0 {
		errs = append(errs, c.drop(0))
	}
	return errors.Join(errs...)
}

// withoutGraphs completes the error of a driver that does not do what graphs need.
func (d *Device) withoutGraphs(err error) error {
	err = d.check(err, "make a graph")
	if err == nil || lost(err) {
		return err
	}
	return fmt.Errorf("%w; HDMNET_CUDA_GRAPH=off does without graphs", err)
}
