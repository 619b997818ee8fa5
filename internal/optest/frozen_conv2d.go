package optest

import (
	"fmt"

	"hdmnet/internal/op"
)

func testFrozenConv2D(s *suite) {
	geometry := func(stride, pad, dilation int) op.ConvParams {
		return op.ConvParams{Stride: stride, Pad: pad, Dilation: dilation}
	}
	for _, c := range []convSize{
		{1, 1, 1, 1, 1, 1, 1, geometry(1, 0, 1)},
		{2, 5, 7, 3, 5, 1, 1, geometry(1, 0, 1)},
		{1, 9, 6, 66, 64, 1, 1, geometry(1, 0, 1)},
		{2, 9, 8, 3, 5, 3, 3, geometry(2, 1, 1)},
		{1, 13, 12, 3, 5, 4, 4, geometry(4, 0, 1)},
		{1, 4, 6, 2, 3, 2, 3, geometry(1, 1, 1)},
		// 3×3 that a device may compute by Winograd's algorithm: sizes that tiles of 4
		// divide and do not, sub-grids of unequal size, more taps of padding than of map,
		// tiles for several rounds, channels that no vector or pass divides.
		{1, 1, 1, 128, 128, 3, 3, geometry(1, 1, 1)},
		{2, 4, 8, 64, 80, 3, 3, geometry(1, 1, 1)},
		{2, 6, 8, 128, 144, 3, 3, geometry(1, 1, 1)},
		{1, 7, 5, 144, 128, 3, 3, geometry(1, 1, 1)},
		{3, 9, 13, 64, 64, 3, 3, geometry(1, 1, 1)},
		{1, 8, 9, 128, 128, 3, 3, geometry(1, 2, 2)},
		{2, 7, 10, 128, 128, 3, 3, geometry(1, 4, 4)},
		{1, 3, 2, 128, 160, 3, 3, geometry(1, 4, 4)},
		{1, 5, 6, 528, 128, 3, 3, geometry(1, 2, 2)},
		{1, 5, 6, 1024, 64, 3, 3, geometry(1, 1, 1)},
		{1, 5, 6, 130, 131, 3, 3, geometry(1, 1, 1)},
		{1, 6, 6, 128, 128, 3, 3, geometry(1, 0, 1)},
		{1, 6, 6, 128, 128, 3, 3, geometry(1, 1, 2)},
	} {
		s.frozenConv2D(c)
	}
}

// frozenConv2D checks one size with every combination of the fused operands.
func (s *suite) frozenConv2D(c convSize) {
	s.Helper()
	what := fmt.Sprintf("%+v", c)
	x, w := random("frozen x"+what, size(c.in()), 1), random("frozen w"+what, size(c.weight()), 1)
	bias, residual := random("frozen b"+what, c.co, 1), random("frozen r"+what, size(c.out()), 1)
	tx, tr := s.tensor(x, c.in()...), s.tensor(residual, c.out()...)
	w32, b32 := narrow(w), narrow(bias)
	plain := conv2d(c, x, w, nil, nil)
	for fused := range 12 {
		activation := op.Activation(fused / 4)
		if activation == op.GELUActivation && c.kh*c.kw > 1 {
			continue
		}
		var hostBias []float32
		if fused&1 != 0 {
			hostBias = append(hostBias, b32...)
		}
		weights := append([]float32(nil), w32...)
		frozen, err := s.dev.FreezeConv2D(weights, hostBias, c.weight(), c.p)
		if err != nil {
			s.Fatal(err)
		}
		clear(weights) // the device has its own copy
		clear(hostBias)
		want := append([]float64(nil), plain...)
		var r op.Tensor
		for i := range want {
			if fused&1 != 0 {
				want[i] += bias[i%c.co]
			}
			if fused&2 != 0 {
				want[i] += residual[i]
			}
			if activation == op.ReLUActivation {
				want[i] = max(0, want[i])
			}
		}
		if activation == op.GELUActivation {
			want = gelu(want)
		}
		if fused&2 != 0 {
			r = tr
		}
		y := s.output(c.out()...)
		s.dev.FrozenConv2D(y, tx, frozen, r, activation)
		// Winograd's algorithm adds and subtracts inputs, and products, of the size of the
		// largest: its rounding is relative to that, not to the single result.
		s.nearTol(fmt.Sprintf("%s bias %t residual %t activation %d", what, fused&1 != 0, r != nil, activation),
			s.values(y), want, atol*scaleOf(want), rtol)
		if err := frozen.Close(); err != nil {
			s.Error(err)
		}
	}
}

func narrow(v []float64) []float32 {
	out := make([]float32, len(v))
	for i := range v {
		out[i] = float32(v[i])
	}
	return out
}
