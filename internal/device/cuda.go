//go:build cuda

package device

import (
	"hdmnet/internal/cuda"
	"hdmnet/internal/op"
)

func init() {
	kinds["cuda"] = func(index int, p op.Precision) (op.Device, error) {
		dev, err := cuda.Open(index, p)
		if err != nil {
			return nil, err
		}
		return dev, nil
	}
	inspectCUDA = func() CUDA {
		driver, gpus, err := cuda.Inspect()
		c := CUDA{Built: true, GPUs: []GPU{}, DriverFile: driver.File, Driver: driver.Version, Version: driver.CUDA}
		for _, g := range gpus {
			c.GPUs = append(c.GPUs, GPU(g))
		}
		if err != nil {
			c.Problem = err.Error()
		}
		return c
	}
	detailsCUDA = func(dev op.Device) (Details, bool) {
		gpu, ok := dev.(*cuda.Device)
		if !ok {
			return Details{}, false
		}
		d := Details{Precision: gpu.Precision().String(), Libraries: []SharedLibrary{}}
		for _, l := range gpu.Libraries() {
			d.Libraries = append(d.Libraries, SharedLibrary(l))
		}
		return d, true
	}
}
