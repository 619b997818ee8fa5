//go:build cuda

package cuda

import (
	"errors"
	"fmt"
	"math"
	"os"

	"gorgonia.org/cu"

	"hdmnet/internal/cuda/autotune"
	"hdmnet/internal/op"
)

// A job is computed by the first candidate that the library accepts, in an order that is
// the library's own or fixed. With HDMNET_CUDA_TUNE=FILE the candidates and hdmnet's own
// kernels are timed when a shape comes first, and the fastest is taken and kept in FILE:
// runs with the same file have the same bits, runs that measure for themselves may differ
// in the last ones. The file may serve several GPUs and versions.

const tuneVariable = "HDMNET_CUDA_TUNE"

// Limits of scratch memory for one call.
const (
	productWorkspace = 32 << 20
	convWorkspace    = 256 << 20
)

// plan is how one product or convolution of one shape is computed.
type plan struct {
	name       string // for messages and files
	vendor     int    // productLibrary or convLibrary
	candidates []candidate
	chosen     *candidate // nil: hdmnet's kernels
	settled    bool
	why        string // no candidate was chosen
	free       func() // gives back what the library holds for it
}

// candidate is one algorithm of a library.
type candidate struct {
	workspace int64 // bytes
	partial   bool  // job.after completes the result
	run       func(at [5]pointer, workspace pointer) error
}

// job is one product or convolution for a library.
type job struct {
	key    any // comparable: everything that candidates depend on
	build  func() (*plan, error)
	floats int     // from the result's first float to its last
	out    pointer // where the result belongs
	before func()  // queued before the candidate; may be nil
	at     func(out pointer) [5]pointer
	after  func(out pointer) // queued after a candidate that is partial
	own    func(out pointer) // hdmnet's kernels do it
}

// byLibrary queues a job, unless hdmnet's kernels are to do it: then it returns false.
func (d *Device) byLibrary(j job) bool {
	p := d.libraries.plans[j.key]
	if p == nil {
		d.wait(func() (err error) {
			p, err = j.build()
			return d.libraryError(err)
		})
		d.libraries.plans[j.key] = p
	}
	if !p.settled {
		return d.settle(p, j)
	}
	if p.chosen == nil {
		return false
	}
	d.queueCandidate(p, p.chosen, j, j.out)
	return true
}

func (d *Device) queueCandidate(p *plan, c *candidate, j job, out pointer) {
	if j.before != nil {
		j.before()
	}
	workspace, err := d.workspace(c)
	d.must(err)
	at := j.at(out)
	d.trace(op.LaunchLibrary, p.name, append(at[:], workspace)...)
	d.submit(p.name, func() error { return d.libraryError(c.run(at, workspace)) })
	d.endWorkspace(workspace)
	if c.partial {
		j.after(out)
	}
}

// settle chooses a candidate and computes the job with it, or returns false.
func (d *Device) settle(p *plan, j job) bool {
	if d.libraries.choices != nil {
		return d.settleByTime(p, j)
	}
	for i := range p.candidates {
		c := &p.candidates[i]
		if d.tryCandidate(p, c, j, j.out) {
			p.settled, p.chosen = true, c
			return true
		}
	}
	p.settled = true
	return false
}

// tryCandidate computes the job if the library supports the candidate.
func (d *Device) tryCandidate(p *plan, c *candidate, j job, out pointer) bool {
	if j.before != nil {
		j.before()
	}
	workspace, err := d.workspace(c)
	d.must(err)
	defer d.endWorkspace(workspace)
	at := j.at(out)
	supported := true
	d.wait(func() error {
		err := c.run(at, workspace)
		supported = err == nil
		return d.libraryError(p.leave(err))
	})
	if supported && c.partial {
		j.after(out)
	}
	return supported
}

// leave notes that the library does not support a candidate; another error it returns.
func (p *plan) leave(err error) error {
	var u *unsupported
	if errors.As(err, &u) {
		p.why = err.Error()
		return nil
	}
	return err
}

// libraryError completes the error of a library; on the queue's thread.
func (d *Device) libraryError(err error) error {
	if err = d.withFault(err); err == nil || lost(err) {
		return err
	}
	return fmt.Errorf("%w; NVIDIA's library fails: is the GPU full (nvidia-smi), are library and driver of one kind? %s=%s does without", err, librariesVariable, librariesOff)
}

// workspace takes scratch memory in few sizes, so that it is used again.
func (d *Device) workspace(c *candidate) (pointer, error) {
	if c.workspace == 0 {
		return 0, nil
	}
	bytes := int64(1 << 20)
	for bytes < c.workspace {
		bytes *= 2
	}
	at, err := d.alloc(bytes)
	if err != nil {
		return 0, fmt.Errorf("no scratch memory of %d bytes: %w; use a smaller batch or input size, or %s=%s", bytes, err, librariesVariable, librariesOff)
	}
	return pointer(at), nil
}

func (d *Device) endWorkspace(p pointer) {
	if p != 0 {
		d.freeScratch(p)
	}
}

// choiceFile is the open file of HDMNET_CUDA_TUNE.
type choiceFile struct {
	*autotune.File
	prefix string // of this GPU and these libraries
}

const ownKernels = -1 // a choice, beside the candidates' numbers

// openChoices opens the file of HDMNET_CUDA_TUNE, if there is one.
func (d *Device) openChoices() error {
	l, path := &d.libraries, os.Getenv(tuneVariable)
	if path == "" {
		return nil
	}
	f, err := autotune.Open(path)
	if err != nil {
		return fmt.Errorf("%s: %w", tuneVariable, err)
	}
	gpu, err := d.gpu.Name()
	if err != nil {
		return driverError(err, "ask for the GPU's name")
	}
	l.choices = &choiceFile{File: f, prefix: fmt.Sprintf("%s, %d SMs, CUDA %d%s: ", gpu, d.sms, cu.Version(), l.describe())}
	return nil
}

// settleByTime takes the choice that the file has, or measures and adds it.
func (d *Device) settleByTime(p *plan, j job) bool {
	l := &d.libraries
	choice, known := l.choices.Get(l.choices.prefix + p.name)
	if !known || choice >= len(p.candidates) {
		choice = d.measure(p, j)
		if err := l.choices.Put(l.choices.prefix+p.name, choice); err != nil && l.failed == nil {
			l.failed = fmt.Errorf("%s: %w", tuneVariable, err)
		}
	}
	p.settled = true
	if choice == ownKernels {
		p.why = "hdmnet's kernels are as fast"
		return false
	}
	p.chosen = &p.candidates[choice]
	d.queueCandidate(p, p.chosen, j, j.out)
	return true
}

// measure returns the number of the fastest candidate, or ownKernels. The job's result is
// not touched.
func (d *Device) measure(p *plan, j job) int {
	if len(p.candidates) == 0 {
		return ownKernels
	}
	out := d.scratch(j.floats)
	defer d.freeScratch(out)
	d.zero(out, int64(j.floats)*4)
	best, least := ownKernels, d.milliseconds(func() { j.own(out) })
	for i := range p.candidates {
		c := &p.candidates[i]
		if !d.tryCandidate(p, c, j, out) {
			continue
		}
		if ms := d.milliseconds(func() { d.queueCandidate(p, c, j, out) }); ms < least {
			best, least = i, ms
		}
	}
	return best
}

// milliseconds is the least time that the GPU takes for what f queues, after a first run.
func (d *Device) milliseconds(f func()) float64 {
	f()
	var from, to cu.Event
	d.wait(func() (err error) {
		if from, err = cu.MakeEvent(cu.DefaultEvent); err == nil {
			to, err = cu.MakeEvent(cu.DefaultEvent)
		}
		return d.check(err, "make an event")
	})
	least := math.Inf(1)
	for range 5 {
		d.submit("begin to measure", func() error { return d.check(from.Record(d.stream), "record an event") })
		f()
		d.wait(func() error {
			err := to.Record(d.stream)
			if err == nil {
				err = to.Synchronize()
			}
			var ms float64
			if err == nil {
				ms, err = from.Elapsed(to)
			}
			least = min(least, ms)
			return d.check(err, "measure")
		})
	}
	d.wait(func() error {
		err := cu.DestroyEvent(&from)
		if err == nil {
			err = cu.DestroyEvent(&to)
		}
		return d.check(err, "destroy an event")
	})
	return least
}
