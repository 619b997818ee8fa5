package main

import (
	"errors"
	"fmt"

	"hdmnet/internal/config"
	"hdmnet/internal/device"
	"hdmnet/internal/op"
)

// openDevice opens the device that the settings name and says which it is and why.
func openDevice(io Streams, c *config.Config) (op.Device, error) {
	dev, why, err := openNamed(c.Device, c.Precision)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(io.Err, "device: %s, %s\n", dev.Name(), why)
	for _, l := range device.Describe(dev).Libraries {
		if l.Path == "" {
			fmt.Fprintf(io.Err, "device: no %s: hdmnet's own kernels compute %s, slower on some GPUs; `hdmnet doctor` says why, and how to get it\n", l.Name, l.Use)
		}
	}
	return dev, nil
}

// openNamed opens a device in a precision and says why it is this one. Names that mean
// nothing are usage errors.
func openNamed(name, precision string) (op.Device, string, error) {
	p, err := op.ParsePrecision(precision)
	if err != nil {
		return nil, "", &usageError{fmt.Errorf("--precision: %w", err)}
	}
	dev, why, err := device.Open(name, p)
	if errors.Is(err, device.ErrName) {
		return nil, "", &usageError{err}
	}
	return dev, why, err
}

// addDeviceFlags adds --device and --precision, which stand for the settings of that name.
func addDeviceFlags(s *settings) {
	f := s.cmd.Flags()
	f.String("device", "", "auto, cpu or cuda:N")
	f.String("precision", "", "what the inputs of products are rounded to: fp32 (not at all), tf32 or bf16")
	s.bind("device", "device")
	s.bind("precision", "precision")
	completeDevice(s.cmd)
}
