package flags

import (
	"errors"
	"fmt"

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
	f.String("precision", "", "precision of the inputs of matrix products: fp32, tf32 or bf16 (fp32: not rounded)")
	s.Bind("device", "device")
	s.Bind("precision", "precision")
	CompleteDevice(s.Cmd)
}

// CompleteDevice offers the values of --device and --precision.
func CompleteDevice(cmd *cobra.Command) {
	Complete(cmd, "device", device.Names()...)
	Complete(cmd, "precision", op.PrecisionNames()...)
}

// OpenDevice opens the device that the settings name and says which it is and why.
func OpenDevice(io ui.Streams, c *config.Config) (op.Device, error) {
	dev, why, err := OpenNamed(c.Device, c.Precision)
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

// OpenNamed opens a device in a precision and says why it is this one. Names that mean
// nothing are usage errors.
func OpenNamed(name, precision string) (op.Device, string, error) {
	p, err := op.ParsePrecision(precision)
	if err != nil {
		return nil, "", &ui.UsageError{Err: fmt.Errorf("--precision: %w", err)}
	}
	dev, why, err := device.Open(name, p)
	if errors.Is(err, device.ErrName) {
		return nil, "", &ui.UsageError{Err: err}
	}
	return dev, why, err
}
