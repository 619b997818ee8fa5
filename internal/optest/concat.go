package optest

import (
	"fmt"

	"hdmnet/internal/op"
)

// concat is the definition for b samples of n positions; a part of b·C_i values is
// repeated at every position.
func concat(b, n int, parts [][]float64, sizes []int) []float64 {
	var y []float64
	for i := range b {
		for p := range n {
			for k, part := range parts {
				at := (i*n + p) * sizes[k]
				if len(part) == b*sizes[k] {
					at = i * sizes[k]
				}
				y = append(y, part[at:at+sizes[k]]...)
			}
		}
	}
	return y
}

func testConcat(s *suite) {
	for _, c := range []struct {
		b, h, w  int
		sizes    []int
		repeated int // the part that is a vector per sample, or −1
	}{
		{1, 1, 1, []int{2}, -1},
		{2, 3, 5, []int{3, 5}, -1},
		{2, 7, 3, []int{64, 66}, 1},
		{3, 20, 17, []int{16, 8, 2}, 1},
		{1, 5, 5, []int{2, 257, 1, 3}, 0},
	} {
		what := fmt.Sprintf("%+v", c)
		n, total := c.h*c.w, 0
		var parts [][]float64
		var tensors, grads []op.Tensor
		for k, size := range c.sizes {
			total += size
			shape := []int{c.b, c.h, c.w, size}
			if k == c.repeated {
				shape = []int{c.b, size}
			}
			v := random(fmt.Sprint(what, k), size*c.b*n, 1)
			if k == c.repeated {
				v = v[:c.b*size]
			}
			parts = append(parts, v)
			tensors = append(tensors, s.tensor(v, shape...))
			grads = append(grads, s.gradient(shape...))
		}
		y := s.output(c.b, c.h, c.w, total)
		s.dev.Concat(y, tensors...)
		s.near(what, y, concat(c.b, n, parts, c.sizes))
		dy := random(what+"dy", c.b*n*total, 1)
		tdy := s.tensor(dy, c.b, c.h, c.w, total)
		s.dev.ConcatGrad(grads, tdy, c.sizes)
		for k := range parts {
			s.finiteDifferences(fmt.Sprintf("%s: part %d", what, k), grads[k], parts[k], func() float64 {
				return dot(dy, concat(c.b, n, parts, c.sizes))
			})
		}
		if len(grads) > 1 {
			last := len(grads) - 1
			alone := make([]op.Tensor, len(grads))
			alone[last] = s.gradient(grads[last].Shape()...)
			s.dev.ConcatGrad(alone, tdy, c.sizes)
			s.same(what+": the last part alone", alone[last], grads[last])
		}
	}
}
