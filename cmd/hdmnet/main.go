// Command hdmnet trains, evaluates and runs HDMNet, few-shot segmentation after
// Peng et al., CVPR 2023.
package main

import (
	"context"
	"hdmnet/internal/cli/root"
	"hdmnet/internal/cli/ui"
	"hdmnet/internal/dist/engine"
	"hdmnet/internal/memlimit"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"
)

func main() {
	io := ui.Streams{
		Out: os.Stdout, Err: os.Stderr, Env: os.Environ(),
		Terminal: term.IsTerminal(int(os.Stderr.Fd())),
	}
	memlimit.LimitHeap()
	if by := memlimit.Exhausted(); by != "" {
		io.Note("hdmnet: there is no memory to work with; raise %s", by)
		os.Exit(ui.ExitError)
	}
	os.Exit(engine.Main(func() int { return root.Execute(interruptible(io), os.Args[1:], io) }))
}

// interruptible returns a context that the first SIGINT, SIGTERM, SIGHUP (the terminal was
// closed) or SIGPIPE (who read the output is gone) ends; commands then finish their step,
// save and return. A second SIGINT or SIGTERM ends the program at once; the others, of
// which a closing terminal may send several, do not. Under nohup SIGHUP stays ignored, as
// it was asked for.
func interruptible(io ui.Streams) context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGPIPE)
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(signals, syscall.SIGHUP)
	}
	go func() {
		<-signals
		cancel() // first: a terminal that is gone may not take the line
		io.Note("\nhdmnet: stopping after this step; interrupt again to stop at once")
		for s := range signals {
			if s == os.Interrupt || s == syscall.SIGTERM {
				os.Exit(ui.ExitInterrupted)
			}
		}
	}()
	return ctx
}
