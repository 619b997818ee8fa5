package flags

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"hdmnet/internal/cli/ui"
	"hdmnet/internal/config"
	"hdmnet/internal/device"
	"hdmnet/internal/op"
)

// Device adds --device and --precision, which stand for the settings of that name.
func Device(s *Settings) {
	f := s.Cmd.Flags()
	f.String("device", "", "device to compute on: auto, cpu or cuda:N")
	f.String("precision", "", "precision of the inputs of matrix products: fp32, bf16x3, tf32 or bf16 (fp32: not rounded); auto: the fastest, measured")
	s.Bind("device", "device")
	s.Bind("precision", "precision")
	CompleteDevice(s.Cmd)
}

// AutoPrecision stands for the fastest precision, as measured when the command starts.
const AutoPrecision = "auto"

// CompleteDevice offers the values of --device and --precision.
func CompleteDevice(cmd *cobra.Command) {
	Complete(cmd, "device", device.Names()...)
	Complete(cmd, "precision", append([]string{AutoPrecision}, op.PrecisionNames()...)...)
}

// OpenDevice opens the device that the settings name and says which it is and why. A
// precision auto becomes, in the settings too, the one that was measured to be the fastest:
// what is saved with a run says what its results were computed in.
func OpenDevice(ctx context.Context, io ui.Streams, c *config.Config) (op.Device, error) {
	if c.Precision == AutoPrecision {
		fastest, err := measurePrecision(ctx, io, c.Device)
		if err != nil {
			return nil, err
		}
		c.Precision = fastest.String()
	}
	dev, why, err := OpenNamed(io, c.Device, c.Precision)
	if err != nil {
		return nil, err
	}
	io.Note("device: %s, %s", dev.Name(), why)
	for _, l := range device.Describe(dev).Libraries {
		if l.Path == "" {
			io.Note("device: no %s: hdmnet's own kernels compute %s, slower on some GPUs; `hdmnet doctor` says why, and how to get it", l.Name, l.Use)
		}
	}
	return dev, nil
}

// measurePrecision returns the fastest precision of a device and says by what it is.
func measurePrecision(ctx context.Context, io ui.Streams, name string) (op.Precision, error) {
	timings, err := MeasurePrecisions(ctx, io, name)
	if err != nil {
		return 0, err
	}
	fastest := device.Fastest(timings)
	if len(timings) == 1 {
		io.Note("precision: %v, the only one here", fastest)
		return fastest, nil
	}
	var each []string
	for _, t := range timings {
		each = append(each, t.String())
	}
	io.Note("precision: %v, the fastest here; measured for a part of the network: %s", fastest, strings.Join(each, ", "))
	return fastest, nil
}

// MeasurePrecisions is device.MeasurePrecisions; a name that means nothing is a usage error.
func MeasurePrecisions(ctx context.Context, io ui.Streams, name string) ([]device.Timing, error) {
	var told sync.Once // for all of them
	timings, err := device.MeasurePrecisions(ctx, name, func(dev op.Device) {
		onCompile(dev, func() { told.Do(func() { noteCompiling(io) }) })
	})
	if errors.Is(err, device.ErrName) {
		return nil, &ui.UsageError{Err: err}
	}
	return timings, err
}

// OpenNamed opens a device in a precision and says why it is this one. It notes when the driver
// compiles kernels. Names that mean nothing are usage errors.
func OpenNamed(io ui.Streams, name, precision string) (op.Device, string, error) {
	p, err := op.ParsePrecision(precision)
	if err != nil {
		return nil, "", &ui.UsageError{Err: fmt.Errorf("--precision: %w", err)}
	}
	dev, why, err := device.Open(name, p)
	if errors.Is(err, device.ErrName) {
		return nil, "", &ui.UsageError{Err: err}
	}
	if err == nil {
		onCompile(dev, func() { noteCompiling(io) })
	}
	return dev, why, err
}

func onCompile(dev op.Device, tell func()) {
	if c := dev.Capabilities().Compiler; c != nil {
		c.OnCompile(tell)
	}
}

func noteCompiling(io ui.Streams) {
	io.Note("device: the driver compiles hdmnet's kernels for this GPU as they are first used: ten seconds or so in all, and not again, for it keeps them")
}
