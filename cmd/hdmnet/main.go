// Command hdmnet trains, evaluates and runs HDMNet, few-shot segmentation after
// Peng et al., CVPR 2023.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"
)

func main() {
	io := Streams{
		Out: os.Stdout, Err: os.Stderr, Env: os.Environ(),
		Terminal: term.IsTerminal(int(os.Stderr.Fd())),
	}
	os.Exit(Execute(interruptible(io), os.Args[1:], io))
}

// errSignal is the cause of a context that a signal has ended.
var errSignal = errors.New("interrupted")

// interruptible returns a context that the first SIGINT or SIGTERM ends; commands then
// finish their step, save and return. The second one ends the program at once.
func interruptible(io Streams) context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		fmt.Fprintln(io.Err, "\nhdmnet: stopping after this step; interrupt again to stop at once")
		cancel(errSignal)
		<-signals
		os.Exit(exitInterrupted)
	}()
	return ctx
}
