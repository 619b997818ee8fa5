//go:build cuda

package cuda

import (
	"errors"
	"os"

	"gorgonia.org/cu"

	"hdmnet/internal/op"
)

// branches are two streams in which the GPU does two pieces of work side by side; in a graph
// they are two branches. Outside of Fork and Join all work is in the main stream, and much relies
// on its order. What does so, and what is done about it between Fork and Join:
//
//	memory that is given back     stays with its branch until the join: allocator, op.Arena
//	zeroings and sums that wait   are queued before the branch changes: turn
//	tables that are kept          are the branch's that made them: resizeAxes
//	cuDNN                         works in the stream that its handle has: use
//	a graph that is cut off       begins and ends with one stream: endGraph
//
// The urgent branch is in a stream of higher priority. Its small launches then get the next
// multiprocessors that are free, and need not wait for all blocks of a large one.
type branches struct {
	off bool
	at  op.Branch // that calls belong to; 0: none

	// Of the queue's thread.
	main, urgent   cu.Stream
	forked, joined cu.Event
	open           bool // the urgent stream is not joined
}

// start makes the streams; on the queue's thread.
func (b *branches) start() error {
	b.off = os.Getenv("HDMNET_CUDA_BRANCHES") == "off"
	var err error
	if b.main, err = cu.MakeStream(cu.NonBlocking); err != nil {
		return driverError(err, "make a stream")
	}
	_, highest, err := cu.StreamPriorityRange()
	if err != nil {
		return driverError(err, "ask for the priorities of streams")
	}
	if b.urgent, err = cu.MakeStreamWithPriority(highest, cu.NonBlocking); err != nil {
		return driverError(err, "make a stream of high priority")
	}
	if b.forked, err = cu.MakeEvent(cu.DisableTiming); err == nil {
		b.joined, err = cu.MakeEvent(cu.DisableTiming)
	}
	return driverError(err, "make an event")
}

// close gives the streams back; on the queue's thread.
func (b *branches) close() error {
	var errs []error
	for _, s := range []*cu.Stream{&b.main, &b.urgent} {
		if *s != cu.NoStream {
			errs = append(errs, driverError(s.Destroy(), "destroy a stream"))
		}
	}
	for _, e := range []*cu.Event{&b.forked, &b.joined} {
		if *e != (cu.Event{}) {
			errs = append(errs, driverError(cu.DestroyEvent(e), "destroy an event"))
		}
	}
	return errors.Join(errs...)
}

// Fork begins the first of two branches.
func (d *Device) Fork(urgent op.Branch) {
	name := "fork"
	if urgent == op.FirstBranch {
		name = "fork, the first branch urgent" // of another graph
	}
	d.turn(op.FirstBranch, name, func(b *branches) error {
		if err := d.fork(); err != nil || urgent != op.FirstBranch {
			return err
		}
		return d.use(b.urgent)
	})
}

// OtherBranch begins the second branch.
func (d *Device) OtherBranch() {
	d.turn(op.SecondBranch, "other branch", func(b *branches) error {
		if d.stream == b.urgent {
			return d.use(b.main)
		}
		return d.use(b.urgent)
	})
}

// Join ends the branches.
func (d *Device) Join() {
	d.turn(0, "join", func(*branches) error { return d.join() })
	d.memory.join()
}

// turn queues what waits and then f; what is called from now on belongs to a branch.
func (d *Device) turn(to op.Branch, name string, f func(b *branches) error) {
	d.startLateSums()
	d.submit(name, func() error { return d.check(f(&d.branches), name) })
	d.branches.at = to
	d.memory.branch = to
}

// ---- On the queue's thread

// use makes s the stream of what follows.
func (d *Device) use(s cu.Stream) error {
	if d.stream == s {
		return nil
	}
	d.stream = s
	return d.libraries.use(s)
}

// fork lets the urgent stream begin.
func (d *Device) fork() error {
	b := &d.branches
	b.open = true
	if err := b.forked.Record(b.main); err != nil {
		return err
	}
	return b.urgent.Wait(b.forked, 0)
}

// join makes the main stream wait for the urgent one, and be the stream of what follows.
func (d *Device) join() error {
	b := &d.branches
	b.open = false
	if err := b.joined.Record(b.urgent); err != nil {
		return err
	}
	if err := b.main.Wait(b.joined, 0); err != nil {
		return err
	}
	return d.use(b.main)
}

// alone calls f between a join and a fork, where there are branches.
func (d *Device) alone(f func() error) error {
	if !d.branches.open {
		return f()
	}
	last := d.stream
	if err := d.join(); err != nil {
		return d.check(err, "join the branches")
	}
	if err := f(); err != nil {
		return err
	}
	if err := d.fork(); err != nil {
		return d.check(err, "fork")
	}
	return d.check(d.use(last), "go on in a branch")
}
