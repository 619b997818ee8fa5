// Package root is the command line as a whole: the commands, their exit codes, and what
// becomes of errors and panics.
package root

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"

	"hdmnet/internal/cli/bench"
	configcmd "hdmnet/internal/cli/config"
	"hdmnet/internal/cli/data"
	"hdmnet/internal/cli/doctor"
	"hdmnet/internal/cli/eval"
	"hdmnet/internal/cli/export"
	"hdmnet/internal/cli/flags"
	"hdmnet/internal/cli/predict"
	"hdmnet/internal/cli/report"
	"hdmnet/internal/cli/serve"
	traincmd "hdmnet/internal/cli/train"
	"hdmnet/internal/cli/ui"
	"hdmnet/internal/cli/weights"
	"hdmnet/internal/config"
	"hdmnet/internal/experiment"
	"hdmnet/internal/op"
	"hdmnet/internal/train"
)

// Execute runs the command line args and returns the exit code. Errors are written to
// io.Err as one message; a panic that is a defect keeps its stack.
func Execute(ctx context.Context, args []string, io ui.Streams) (code int) {
	defer func() {
		if r := recover(); r != nil {
			io.Note("%s", panicMessage(r))
			code = ui.ExitError
		}
	}()
	io.Out = ui.VisibleWriter(io.Out)
	root := New(io)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return ui.ExitOK
	}
	stopped := errors.Is(err, train.ErrInterrupted) || errors.Is(err, context.Canceled)
	if outputClosed(err) {
		return ui.ExitError // as after `| head`: nobody wants to know more
	}
	if errors.Is(err, context.Canceled) && !errors.As(err, new(*ui.SilentError)) {
		err = errors.New("interrupted")
	}
	if !errors.As(err, new(*ui.SilentError)) {
		io.Note("hdmnet: %v", err)
	}
	switch {
	case stopped:
		return ui.ExitInterrupted
	case isUsage(err):
		return ui.ExitUsage
	}
	return ui.ExitError
}

// isUsage tells whether an error is a mistake in the command line or in a setting.
func isUsage(err error) bool {
	var usage *ui.UsageError
	var key *config.Error
	var setting *experiment.SettingError
	return errors.As(err, &usage) || errors.As(err, &key) || errors.As(err, &setting)
}

// outputClosed tells that who read the standard output has gone.
func outputClosed(err error) bool {
	var at *fs.PathError
	return errors.As(err, &at) && at.Path == os.Stdout.Name() && errors.Is(err, syscall.EPIPE)
}

// panicMessage is what a panic tells people: of a device that lacks memory or fails, the
// error, which says what to do; of everything else, which is a defect, the stack.
func panicMessage(r any) string {
	err, _ := r.(error)
	var fault *op.DeviceError
	if errors.Is(err, op.ErrOutOfMemory) || errors.As(err, &fault) {
		return fmt.Sprintf("hdmnet: %v", err)
	}
	return fmt.Sprintf("hdmnet: internal error: %v\nThis is a defect of hdmnet: please report it with the command line and what follows.\n\n%s", r, debug.Stack())
}

// New returns the command line, which writes to io.
func New(io ui.Streams) *cobra.Command {
	root := &cobra.Command{
		Use:   "hdmnet",
		Short: "Few-shot segmentation with HDMNet: train, score, predict",
		Long: `Find objects of a new class in pictures, from one or a few pictures in which the object is
marked. hdmnet trains, scores and runs HDMNet, a network for few-shot segmentation (CVPR 2023).

Every setting has a default; ` + "`" + `hdmnet config show` + "`" + ` lists them. Change one with its flag, with
--set KEY=VALUE, with an environment variable (HDMNET_ and the key), or in a YAML file that
--config names. Without --config the data set is shapes5i: synthetic pictures that the program
makes itself, so that every command works without any files.`,
		Example: `  hdmnet train --fold 0 --out runs/first       train on synthetic pictures, a few minutes
  hdmnet eval --run runs/first --shots 5       score the network on classes it was not trained on
  hdmnet predict --run runs/first --support cat.jpg:cat_mask.png --query photo.jpg --out out`,
		Version:       summary(),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs,
		RunE:          flags.NeedsCommand,
	}
	root.SetOut(io.Out)
	root.SetErr(io.Err)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return ui.Usagef("%w; see `%s --help`", err, cmd.CommandPath())
	})
	root.SetVersionTemplate("hdmnet {{.Version}}\n")
	flags.Help(root)
	root.AddCommand(traincmd.NewCmd(io), eval.NewCmd(io), predict.NewCmd(io), serve.NewCmd(io, Number), report.NewCmd(io), export.NewCmd(io), weights.NewCmd(io), data.NewCmd(io), bench.NewCmd(io), doctor.NewCmd(io), configcmd.NewCmd(io), newVersion(io))
	decimal(root)
	return root
}

// decimal makes the numbers of a command's flags, and of those below it, decimal.
func decimal(cmd *cobra.Command) {
	config.DecimalFlags(cmd.Flags())
	for _, sub := range cmd.Commands() {
		decimal(sub)
	}
}
