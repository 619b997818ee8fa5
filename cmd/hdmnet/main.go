// Command hdmnet trains, evaluates and runs HDMNet, few-shot segmentation after
// Peng et al., CVPR 2023.
package main

import (
	"context"
	"hdmnet/internal/cli/root"
	"hdmnet/internal/cli/ui"
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
	os.Exit(root.Execute(interruptible(io), os.Args[1:], io))
}

// interruptible returns a context that the first SIGINT or SIGTERM ends; commands then
// finish their step, save and return. The second one ends the program at once.
func interruptible(io ui.Streams) context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		io.Note("\nhdmnet: stopping after this step; interrupt again to stop at once")
		cancel()
		<-signals
		os.Exit(ui.ExitInterrupted)
	}()
	return ctx
}
