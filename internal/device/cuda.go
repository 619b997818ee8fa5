//go:build cuda

package device

import (
	"hdmnet/internal/cuda"
	"hdmnet/internal/op"
)

func init() {
	kinds["cuda"] = func(index int) (op.Device, error) {
		dev, err := cuda.Open(index)
		if err != nil {
			return nil, err
		}
		return dev, nil
	}
}
