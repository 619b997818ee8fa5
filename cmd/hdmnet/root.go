package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"hdmnet/internal/config"
	"hdmnet/internal/device"
	"hdmnet/internal/op"
	"hdmnet/internal/train"
)

// Exit codes.
const (
	exitOK          = 0
	exitError       = 1
	exitUsage       = 2   // the command line or a setting is wrong
	exitInterrupted = 130 // SIGINT or SIGTERM, as shells count it
)

// Streams is where a command writes and what surrounds it.
type Streams struct {
	Out      io.Writer // results
	Err      io.Writer // progress, warnings, errors
	Env      []string  // NAME=value
	Terminal bool      // Err is a terminal: progress is a bar, not lines
}

// warn writes one warning.
func (s Streams) warn(format string, args ...any) {
	fmt.Fprintf(s.Err, "hdmnet: warning: "+format+"\n", args...)
}

// usageError is a mistake in the command line or in a setting.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error {
	return &usageError{fmt.Errorf(format, args...)}
}

// Execute runs the command line args and returns the exit code. Errors are written to
// io.Err as one message.
func Execute(ctx context.Context, args []string, io Streams) (code int) {
	// No memory for a tensor is a panic with an error that says what to do; all other
	// panics are defects and keep their stack.
	defer func() {
		if r := recover(); r != nil {
			err, ok := r.(error)
			if _, defect := r.(runtime.Error); !ok || defect {
				panic(r)
			}
			fmt.Fprintf(io.Err, "hdmnet: %v\n", err)
			code = exitError
		}
	}()
	root := newRoot(io)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	stopped := errors.Is(err, train.ErrInterrupted) || errors.Is(err, context.Canceled)
	if errors.Is(err, context.Canceled) {
		err = errors.New("interrupted")
	}
	fmt.Fprintf(io.Err, "hdmnet: %v\n", err)
	var usage *usageError
	switch {
	case stopped:
		return exitInterrupted
	case errors.As(err, &usage):
		return exitUsage
	}
	return exitError
}

func newRoot(io Streams) *cobra.Command {
	root := &cobra.Command{
		Use:   "hdmnet",
		Short: "Few-shot segmentation with HDMNet: train, evaluate, predict",
		Long: `hdmnet trains, evaluates and runs HDMNet (CVPR 2023), which segments in a picture the
class of object that a few annotated support pictures show.

Settings come from an embedded configuration or a YAML file (--config), HDMNET_*
environment variables and --set. Without --config it is shapes5i, a synthetic set made
on the fly, so that everything works without any data.`,
		Example: `  hdmnet train --fold 0 --out runs/first     train on shapes5i, a few minutes
  hdmnet eval --run runs/first --shots 5     score it on classes it has never seen
  hdmnet predict --run runs/first --support cat.jpg:cat_mask.png --query photo.jpg --out out`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs,
		RunE:          needsCommand,
	}
	root.SetOut(io.Out)
	root.SetErr(io.Err)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usagef("%w; see `%s --help`", err, cmd.CommandPath())
	})
	root.AddCommand(newTrain(io), newEval(io), newPredict(io), newWeights(io), newData(io), newBench(io), newDoctor(io), newConfig(io), newVersion(io))
	return root
}

// needsCommand runs a command that is only there for its subcommands.
func needsCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return cmd.Help()
	}
	hint := ""
	cmd.SuggestionsMinimumDistance = 2 // letters that may be wrong
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		hint = "did you mean " + strings.Join(near, " or ") + "? "
	}
	return usagef("unknown command %q; %ssee `%s --help`", args[0], hint, cmd.CommandPath())
}

// noArgs refuses arguments that belong to no flag.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("unexpected argument %q; `%s` takes only flags, see `%s --help`", args[0], cmd.CommandPath(), cmd.CommandPath())
	}
	return nil
}

// complete offers fixed values for a flag on the shell's tab key.
func complete(cmd *cobra.Command, flag string, values ...string) {
	err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveDefault))
	if err != nil {
		panic(err) // the flag does not exist: a defect
	}
}

func completeConfig(cmd *cobra.Command) { complete(cmd, "config", config.Names()...) }

func completeDevice(cmd *cobra.Command) {
	complete(cmd, "device", device.Names()...)
	complete(cmd, "precision", op.PrecisionNames()...)
}
