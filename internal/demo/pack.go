package demo

import (
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"

	"hdmnet/internal/atomicfile"
	"hdmnet/internal/weights"
)

// A packed network is a compressed (DEFLATE) safetensors file. Of a weight w [O,…] it holds
// the bytes q = round(w/s_o) + 128, with one scale s_o = max|w_o|/127 for each output o,
// under the weight's name with scaleSuffix. Vectors, such as biases and the statistics of
// batch norms, are as they were.
const (
	scaleSuffix = "#scale"
	zero        = 128
	steps       = 127
)

// maxPacked bounds what a packed network may hold once it is not compressed, in bytes.
const maxPacked = 64 << 20

// Pack packs the network of a file of weights.
//
// Errors: a file that cannot be read; a weight that is not finite.
func Pack(from, to string) error {
	f, err := weights.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	var all []weights.Tensor
	for _, name := range f.Names() {
		shape, _ := f.Shape(name)
		if f.Dtype(name) == "I64" {
			v, _, err := f.Int64(name)
			if err != nil {
				return err
			}
			all = append(all, weights.Tensor{Name: name, Shape: shape, Int64: v})
			continue
		}
		v, _, err := f.Float32(name)
		if err != nil {
			return err
		}
		if len(shape) < 2 {
			all = append(all, weights.Tensor{Name: name, Shape: shape, Float32: v})
			continue
		}
		q, scale, err := quantize(v, shape[0])
		if err != nil {
			return fmt.Errorf("%s: tensor %q: %w", from, name, err)
		}
		all = append(all, weights.Tensor{Name: name, Shape: shape, Uint8: q},
			weights.Tensor{Name: name + scaleSuffix, Shape: shape[:1], Float32: scale})
	}
	return inFile(func(path string) error {
		if err := weights.Save(path, all, f.Metadata()); err != nil {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return atomicfile.Write(to, func(w io.Writer) error {
			z, err := flate.NewWriter(w, flate.BestCompression)
			if err != nil {
				return err
			}
			if _, err := z.Write(raw); err != nil {
				return err
			}
			return z.Close()
		})
	})
}

// quantize rounds the rows of a weight [rows,…] to bytes and a scale each.
func quantize(v []float32, rows int) ([]uint8, []float32, error) {
	q, scale := make([]uint8, len(v)), make([]float32, rows)
	n := len(v) / rows
	for o := range rows {
		most := float32(0)
		for _, w := range v[o*n:][:n] {
			if w-w != 0 {
				return nil, nil, fmt.Errorf("it holds %v, expected finite weights", w)
			}
			most = max(most, w, -w)
		}
		scale[o] = most / steps
		for i, w := range v[o*n:][:n] {
			q[o*n+i] = zero
			if most > 0 {
				q[o*n+i] = uint8(zero + int(math.RoundToEven(float64(w/scale[o]))))
			}
		}
	}
	return q, scale, nil
}

// unpack writes a packed network as a file of weights.
func unpack(packed []byte, to string) error {
	raw, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(packed)), maxPacked))
	if err != nil {
		return fmt.Errorf("the demo network is damaged: %w; install hdmnet again", err)
	}
	return inFile(func(path string) error {
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			return err
		}
		f, err := weights.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		var all []weights.Tensor
		for _, name := range f.Names() {
			if strings.HasSuffix(name, scaleSuffix) {
				continue
			}
			t, err := restore(f, name)
			if err != nil {
				return err
			}
			all = append(all, t)
		}
		return weights.Save(to, all, f.Metadata())
	})
}

// restore is a tensor of the network.
func restore(f *weights.File, name string) (weights.Tensor, error) {
	t := weights.Tensor{Name: name}
	var err error
	switch f.Dtype(name) {
	case "I64":
		t.Int64, t.Shape, err = f.Int64(name)
	case "F32":
		t.Float32, t.Shape, err = f.Float32(name)
	default:
		var q []uint8
		var scale []float32
		if q, t.Shape, err = f.Uint8(name); err != nil {
			break
		}
		if scale, _, err = f.Float32(name + scaleSuffix); err != nil {
			break
		}
		t.Float32 = make([]float32, len(q))
		n := len(q) / len(scale)
		for i, b := range q {
			t.Float32[i] = float32(int(b)-zero) * scale[i/n]
		}
	}
	return t, err
}

// inFile calls use with the name of a file in a folder that goes away with it.
func inFile(use func(path string) error) (err error) {
	dir, err := os.MkdirTemp("", "hdmnet-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	return use(filepath.Join(dir, "demo.safetensors"))
}
