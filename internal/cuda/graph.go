//go:build cuda

package cuda

import (
	"fmt"
	"os"
)

// bundles is the work of Device.Bundle. Its launches are recorded as a CUDA graph, which
// starts as a whole: between two kernels of a graph the GPU pauses less than between two
// launches.
//
// Every bundle is recorded anew, so that whatever differs from step to step (addresses,
// seeds, rates) is in it. The graph that the driver has made ready is then changed to the
// new parameters, which costs far less than to make one. Only when the kernels are others
// is it made again.
//
// Nothing can be waited for while the launches are only recorded. A call that waits
// (Download, memory that the cache does not have) therefore first starts what is recorded,
// and the rest of the bundle is launched as usual: correct, but no gain. Such bundles are
// not recorded again before some have passed without a wait.
type bundles struct {
	off       bool
	open      bool // within a Bundle
	recording bool // what is submitted goes into a graph
	waited    bool // the open bundle has waited
	quiet     int  // bundles in a row that have not, and no new memory in between

	// Of the queue's thread.
	capturing bool
	ready     graphExec
	made      int // graphs made ready so far
}

const (
	quietBundles = 2  // in a row, before one is recorded: by then the cache holds all memory
	mostGraphs   = 16 // made ready; so many mean that no step is like the one before it
)

func newBundles() bundles { return bundles{off: os.Getenv("HDMNET_CUDA_GRAPH") == "off"} }

// Bundle calls f; its launches become one graph once they repeat. HDMNET_CUDA_GRAPH=off
// turns that off.
func (d *Device) Bundle(f func()) {
	b := &d.bundles
	if b.off || b.open || d.sync || d.memory.direct {
		f()
		return
	}
	b.open, b.waited = true, false
	if b.quiet >= quietBundles {
		b.recording = true
		d.submit("begin of a graph", d.beginGraph)
	}
	defer func() {
		d.startRecorded()
		b.open = false
		if b.quiet++; b.waited {
			b.quiet = 0
		}
	}()
	f()
}

// Graphs returns the number of graphs that were made ready so far: one more whenever a
// bundle has other kernels than the one before it.
func (d *Device) Graphs() int {
	made := 0
	d.wait(func() error {
		made = d.bundles.made
		return nil
	})
	return made
}

// startRecorded ends the recording, if there is one, and queues the graph. After an error
// there is nothing to start.
func (d *Device) startRecorded() {
	if d.bundles.recording {
		d.bundles.recording = false
		_ = d.queue.submit(d.endGraph) // the error is one that the next call reports
	}
}

// call runs f on the queue's thread after all that was queued, and waits for it.
func (d *Device) call(f func() error) error {
	d.bundles.waited = true
	d.startRecorded()
	return d.queue.call(f)
}

// ---- On the queue's thread

func (d *Device) beginGraph() error {
	if d.bundles.made >= mostGraphs {
		return nil
	}
	err := beginCapture(d.stream)
	d.bundles.capturing = err == nil
	return withoutGraphs(err)
}

func (d *Device) endGraph() error {
	b := &d.bundles
	if !b.capturing {
		return nil
	}
	b.capturing = false
	g, err := endCapture(d.stream)
	if err != nil {
		return withoutGraphs(err)
	}
	defer g.destroy()
	if b.ready.exists() && !b.ready.update(g) {
		if err := b.ready.destroy(); err != nil {
			return err
		}
		b.ready = graphExec{}
	}
	if !b.ready.exists() {
		if b.ready, err = g.instantiate(); err != nil {
			return withoutGraphs(err)
		}
		b.made++
	}
	return d.check(b.ready.launch(d.stream), "launch a graph")
}

// free ends a recording that an error has cut off, and frees the graph.
func (b *bundles) free(d *Device) error {
	if b.capturing {
		b.capturing = false
		if g, err := endCapture(d.stream); err == nil {
			g.destroy()
		}
	}
	if !b.ready.exists() {
		return nil
	}
	err := b.ready.destroy()
	b.ready = graphExec{}
	return err
}

func withoutGraphs(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w; HDMNET_CUDA_GRAPH=off does without graphs", err)
}
