package model

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"hdmnet/internal/weights"
)

// Export reads the tensors of a file that Recognize returned with layout l, completed to
// what the release's PyTorch code loads strictly: every batch norm has its
// num_batches_tracked (0 where the file is older than that counter), and PSPNet its second
// name for the backbone, encoder.*, which shares the first one's values; Foreign tensors
// are left out.
//
// floats is the type of the floating-point tensors, F32, F16 or BF16; empty keeps each as
// it is, F64 rounded to F32. Tensors of types that no network has (complex, 8-bit floats,
// 64-bit unsigned) are an error that names them. Everything is in memory at once.
func Export(ctx context.Context, l Layout, f *weights.File, floats string) ([]weights.Tensor, error) {
	var out []weights.Tensor
	foreign := l.Foreign(f)
	for _, name := range f.Names() {
		if slices.Contains(foreign, name) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		t, err := exported(f, name, floats)
		if err != nil {
			return nil, err
		}
		out = append(out, t)
		if norm, ok := strings.CutSuffix(name, "running_var"); ok {
			if _, there := f.Shape(norm + "num_batches_tracked"); !there {
				out = append(out, weights.Tensor{Name: norm + "num_batches_tracked", Int64: []int64{0}})
			}
		}
	}
	if l.encoder != nil {
		if rule, ok := l.encoder.RuleTensor(); ok {
			rule.Name = encoderPrefix + rule.Name
			out = append(out, rule)
		}
	}
	if _, pspnet := f.Shape("cls.4.weight"); l.Kind == BaseLearner && pspnet {
		for _, t := range out {
			if rest, ok := strings.CutPrefix(t.Name, "layer"); ok {
				t.Name = "encoder." + rest
				out = append(out, t)
			}
		}
	}
	return out, nil
}

// exported reads one tensor in its own type or, where it is of floats, in that of floats.
func exported(f *weights.File, name, floats string) (t weights.Tensor, err error) {
	t.Name, t.Dtype = name, f.Dtype(name)
	switch t.Dtype {
	case "F32", "F64", "F16", "BF16":
		if floats != "" {
			t.Dtype = floats
		} else if t.Dtype == "F64" {
			t.Dtype = "F32"
		}
		t.Float32, t.Shape, err = f.Float32(name)
	case "I64", "I32", "I16", "I8", "U32", "U16":
		t.Int64, t.Shape, err = f.Int64(name)
	case "U8", "BOOL":
		t.Uint8, t.Shape, err = f.Uint8(name)
	default:
		err = fmt.Errorf("%s: tensor %q is %s, which no network here has; remove it from the file", f.Path(), name, t.Dtype)
	}
	return t, err
}
