package main

import (
	"errors"
	"fmt"

	"hdmnet/internal/device"
	"hdmnet/internal/op"
)

// openDevice opens the device of a name and says which it is and why.
func openDevice(io Streams, name string) (op.Device, error) {
	dev, why, err := device.Open(name)
	if errors.Is(err, device.ErrName) {
		return nil, &usageError{err}
	}
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(io.Err, "device: %s, %s\n", dev.Name(), why)
	return dev, nil
}
