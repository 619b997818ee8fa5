package flags

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"hdmnet/internal/cli/ui"
	"hdmnet/internal/config"
	"hdmnet/internal/device"
	"hdmnet/internal/dist"
	"hdmnet/internal/dist/engine"
	"hdmnet/internal/op"
)

// Dist adds --dist, the engine that joins processes.
func Dist(cmd *cobra.Command) {
	cmd.Flags().String("dist", "auto", "what joins the processes that mpirun, srun or torchrun started: mpi, nccl (GPUs), or auto; none: each works alone")
	Complete(cmd, "dist", engine.Names()...)
}

// Processes are those that carry out one command together; often it is one alone.
type Processes struct {
	*engine.Processes
	Council *dist.Council
}

// several tells whether there are more than one.
func (p *Processes) several() bool { return p.Place().Size > 1 }

// First tells whether this is the process that writes files and results.
func (p *Processes) First() bool { return p.Place().Rank == 0 }

// Agree makes the error of one process the error of all.
func (p *Processes) Agree(err error) error {
	_, err = p.Council.Agree(err, false)
	return err
}

// joined is where a context has the processes that have been joined already.
type joined struct{}

// Together joins the processes that a launcher has started (--dist of cmd) and runs f in
// each. Process 0 alone prints: the others get streams whose warnings reach it when they
// next agree. An error in one ends all; f returns the same kind of error in all, or the
// others are told. A command within another one is of the same processes.
func Together(cmd *cobra.Command, io ui.Streams, f func(ctx context.Context, io ui.Streams, p *Processes) error) error {
	ctx := cmd.Context()
	if p, ok := ctx.Value(joined{}).(*Processes); ok {
		return f(ctx, io, p)
	}
	name, err := cmd.Flags().GetString("dist")
	if err != nil {
		return err
	}
	link, err := engine.Connect(ctx, name, io.Env)
	if errors.Is(err, engine.ErrName) {
		return &ui.UsageError{Err: fmt.Errorf("--dist: %w", err)}
	}
	if err != nil {
		return err
	}
	outbox := &outbox{}
	p := &Processes{link, dist.NewCouncil(link, outbox.take, func(rank int, line string) { io.Note("process %d: %s", rank, line) })}
	mine := io
	if p.several() {
		if outbox.to = io.Err; !p.First() {
			mine = ui.Streams{Out: discard, Err: outbox, Env: io.Env}
			outbox.to = discard
		}
		mine.Err = outbox
	}
	return p.carryOut(context.WithValue(ctx, joined{}, p), io, mine, f)
}

var discard = io.Discard

// carryOut runs f and leaves the group.
func (p *Processes) carryOut(ctx context.Context, all, mine ui.Streams, f func(context.Context, ui.Streams, *Processes) error) (err error) {
	done := make(chan struct{})
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go p.watch(all, done, cancel)
	defer func() {
		r := recover()
		if lost := p.lost(); lost != nil && (r != nil || err != nil && !errors.As(err, new(*dist.LostError))) {
			// What a device says that waited for that process tells nobody which one it was.
			err, r = lost, nil
		}
		if r != nil {
			p.Abort(fmt.Errorf("%v", r))
			panic(r)
		}
		close(done)
		if err != nil && !dist.Known(err) {
			p.Abort(err)
		}
		err = errors.Join(err, p.Close())
		if err != nil && !p.speaks(err) {
			err = &ui.SilentError{Err: err}
		}
	}()
	if err := p.shareProcessors(); err != nil {
		return err
	}
	return f(ctx, mine, p)
}

// lost is the loss of another process, nil where none is known.
func (p *Processes) lost() error {
	select {
	case <-p.Lost():
		_, err := p.Gather(nil)
		return err
	default:
		return nil
	}
}

// shareProcessors leaves this process its share of the machine, unless GOMAXPROCS says it.
func (p *Processes) shareProcessors() error {
	if !p.several() {
		return nil
	}
	n, err := dist.Threads(p)
	if err != nil {
		return err
	}
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(n)
	}
	return nil
}

// giveUpAfter is how long a process may take to end by itself once another one is gone: it
// may be in the middle of a long computation, or wait for a device that waits for it. What it
// writes is complete or not there, at whatever time it ends.
const giveUpAfter = 3 * time.Second

// watch tells this process by its context that another one is gone, and ends it where it does
// not end by itself.
func (p *Processes) watch(io ui.Streams, done <-chan struct{}, cancel context.CancelFunc) {
	select {
	case <-done:
		return
	case <-p.Lost():
	}
	cancel()
	select {
	case <-done:
	case <-time.After(giveUpAfter):
		if err := p.lost(); err != nil && p.speaks(err) {
			io.Note("hdmnet: %v", err)
		}
		os.Exit(ui.ExitError)
	}
}

// speaks tells whether this process tells people of an error: process 0, and process 1 of
// the loss of that one.
func (p *Processes) speaks(err error) bool {
	var lost *dist.LostError
	return p.First() || errors.As(err, &lost) && lost.Rank == 0 && p.Place().Rank == 1
}

// OpenDevice opens the devices of all processes and joins them: of GPUs each one its own, by
// its number among the processes of its machine. A precision auto is the one that process 0
// finds to be the fastest.
func (p *Processes) OpenDevice(ctx context.Context, io ui.Streams, c *config.Config) (dev op.Device, g dist.ProcessGroup, err error) {
	defer func() {
		if err != nil && dev != nil {
			err = errors.Join(err, dev.Close())
		}
	}()
	local := *c
	local.Device, err = p.deviceName(c.Device)
	if err == nil && p.First() {
		dev, err = OpenDevice(ctx, io, &local)
	}
	if err = p.Agree(err); err != nil {
		return dev, nil, err
	}
	precision, err := dist.Share(p, []byte(local.Precision))
	if err != nil {
		return dev, nil, err
	}
	if c.Precision = string(precision); !p.First() {
		local.Precision = c.Precision
		dev, err = OpenDevice(ctx, io, &local)
	}
	if err = p.Agree(err); err != nil {
		return dev, nil, err
	}
	g, why, err := p.Group(dev)
	if err == nil && p.several() {
		io.Note("processes: %s", why)
	}
	return dev, g, err
}

// Config is process 0's settings in all processes; err is what it had loading them.
func (p *Processes) Config(c *config.Config, err error) (*config.Config, error) {
	if !p.several() {
		return c, err
	}
	var text []byte
	if err == nil && p.First() {
		text, err = c.YAML()
	}
	if err = p.Agree(err); err != nil {
		return nil, err
	}
	if text, err = dist.Share(p, text); err != nil || p.First() {
		return c, err
	}
	f, err := os.CreateTemp("", "hdmnet-*.yaml")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	_, err = f.Write(text)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	return config.Load(config.Options{Config: f.Name()})
}

// deviceName is the device of this process where the settings name a kind of device.
func (p *Processes) deviceName(name string) (string, error) {
	if !p.several() || name != "auto" && name != "cuda" {
		return name, nil
	}
	gpus, local := len(device.InspectCUDA().GPUs), p.Place().LocalRank
	switch {
	case gpus < 2: // none, or the launcher shows each process its own
		return name, nil
	case local >= gpus:
		return "", fmt.Errorf("this machine has %d GPUs for %d processes: start one process for each GPU, or compute on the CPU with --device cpu", gpus, p.Place().LocalSize)
	}
	return fmt.Sprintf("cuda:%d", local), nil
}

// outbox passes on what is written, and keeps the lines that are warnings for process 0.
type outbox struct {
	to io.Writer

	mu    sync.Mutex
	line  []byte
	lines []string
}

func (o *outbox) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for rest := b; len(rest) > 0; {
		part, after, ended := bytes.Cut(rest, []byte("\n"))
		o.line, rest = append(o.line, part...), after
		if !ended {
			break
		}
		if line := strings.TrimPrefix(string(o.line), "hdmnet: "); strings.HasPrefix(line, "warning: ") {
			o.lines = append(o.lines, line)
		}
		o.line = o.line[:0]
	}
	return o.to.Write(b)
}

// take gives the lines since it was last called.
func (o *outbox) take() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	lines := o.lines
	o.lines = nil
	return lines
}
