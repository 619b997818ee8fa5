package cpu

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"hdmnet/internal/op"
)

// newConvShape fills in the output extents.
func newConvShape(b, h, w, cin, cout, kh, kw, stride, pad, dil int) convShape {
	s := convShape{B: b, H: h, W: w, Cin: cin, Cout: cout, KH: kh, KW: kw, Stride: stride, Pad: pad, Dil: dil}
	s.Ho = (h+2*pad-dil*(kh-1)-1)/stride + 1
	s.Wo = (w+2*pad-dil*(kw-1)-1)/stride + 1
	return s
}

var convShapes = []convShape{
	newConvShape(1, 1, 1, 1, 1, 1, 1, 1, 0, 1),
	newConvShape(2, 5, 7, 9, 11, 1, 1, 1, 0, 1),
	newConvShape(1, 6, 5, 8, 3, 1, 1, 2, 0, 1),
	newConvShape(2, 9, 8, 5, 33, 3, 3, 1, 1, 1),
	newConvShape(1, 9, 11, 17, 40, 3, 3, 1, 2, 2),
	newConvShape(1, 11, 10, 4, 7, 3, 3, 1, 4, 4),
	newConvShape(1, 3, 3, 4, 7, 3, 3, 1, 4, 4),
	newConvShape(2, 13, 12, 3, 20, 3, 3, 2, 1, 1),
	newConvShape(1, 13, 12, 6, 5, 3, 3, 2, 2, 2),
	newConvShape(1, 14, 9, 6, 5, 3, 3, 3, 1, 1),
	newConvShape(2, 8, 12, 10, 33, 4, 4, 4, 0, 1),
	newConvShape(2, 9, 7, 10, 12, 2, 2, 2, 0, 1),
	newConvShape(1, 10, 9, 6, 12, 2, 2, 4, 0, 1),
	newConvShape(1, 7, 8, 5, 6, 4, 4, 1, 2, 1),
	newConvShape(1, 7, 8, 5, 6, 2, 3, 1, 0, 1),
	newConvShape(1, 6, 6, 30, 6, 3, 3, 1, 1, 1), // several passes over the patch
	newConvShape(1, 33, 33, 3, 5, 3, 3, 1, 1, 1),
}

// eachTap calls f for every product of the convolution with the indices of y, x
// and w.
func (s *convShape) eachTap(f func(y, x, w int)) {
	for p := range s.pixels() {
		b, oy, ox := p/(s.Ho*s.Wo), p/s.Wo%s.Ho, p%s.Wo
		for o := range s.Cout {
			for tap := range s.KH * s.KW {
				iy, ix := oy*s.Stride-s.Pad+tap/s.KW*s.Dil, ox*s.Stride-s.Pad+tap%s.KW*s.Dil
				if iy < 0 || iy >= s.H || ix < 0 || ix >= s.W {
					continue
				}
				for c := range s.Cin {
					f(p*s.Cout+o, ((b*s.H+iy)*s.W+ix)*s.Cin+c, (o*s.KH*s.KW+tap)*s.Cin+c)
				}
			}
		}
	}
}

// exactSum is a sum in float64 with what its float32 rounding error scales with.
type exactSum struct {
	sum, size float64
	terms     int
}

func (e *exactSum) add(v float64) {
	e.sum += v
	e.size += math.Abs(v)
	e.terms++
}

// checkSums compares got with the exact sums, within the rounding error of a
// sum of that many products.
func checkSums(t *testing.T, what string, got []float32, want []exactSum) {
	t.Helper()
	for i, e := range want {
		if tol := float64(e.terms+2) * 0x1p-24 * e.size; !(math.Abs(float64(got[i])-e.sum) <= tol) {
			t.Fatalf("%s[%d] = %v, want %v ± %.1e", what, i, got[i], e.sum, tol)
		}
	}
}

// convData are random operands of one convolution.
type convData struct{ x, w, y, bias, residual []float32 }

func randomConv(r *rand.Rand, s convShape) convData {
	y := s.pixels() * s.Cout
	return convData{randomFloats(r, s.B*s.H*s.W*s.Cin), randomFloats(r, s.Cout*s.patch()),
		randomFloats(r, y), randomFloats(r, s.Cout), randomFloats(r, y)}
}

func eachConv(t *testing.T, f func(t *testing.T, in op.Precision, s convShape, d convData)) {
	eachArithmetic(t, func(t *testing.T, in op.Precision) {
		for i, s := range convShapes {
			f(t, in, s, randomConv(rand.New(rand.NewPCG(uint64(i), 1)), s))
		}
	})
}

func TestConvForward(t *testing.T) {
	eachConv(t, func(t *testing.T, in op.Precision, s convShape, d convData) {
		for options := range 8 {
			var bias, residual []float32
			want := make([]exactSum, len(d.y))
			s.eachTap(func(y, x, w int) { eachProduct(in, d.x[x], d.w[w], want[y].add) })
			if options&1 != 0 {
				bias = d.bias
				for i := range want {
					want[i].add(float64(bias[i%s.Cout]))
				}
			}
			if options&2 != 0 {
				residual = d.residual
				for i := range want {
					want[i].add(float64(residual[i]))
				}
			}
			relu := options&4 != 0
			for i := range want {
				if relu {
					want[i].sum = max(0, want[i].sum)
				}
			}
			for _, pre := range []*packedB{nil, packWeights(in, d.w, s.Cout, s.KH*s.KW, s.Cin)} {
				y := append([]float32(nil), d.y...)
				convForward(in, s, y, d.x, d.w, pre, epilogue{bias, residual, op.ReLUIf(relu)}, halves{})
				checkSums(t, fmt.Sprintf("%+v options %d packed %v: y", s, options, pre != nil), y, want)
			}
		}
	})
}

func TestConvBackwardData(t *testing.T) {
	eachConv(t, func(t *testing.T, in op.Precision, s convShape, d convData) {
		for _, accumulate := range []bool{false, true} {
			want := make([]exactSum, len(d.x))
			s.eachTap(func(y, x, w int) { eachProduct(in, d.y[y], d.w[w], want[x].add) })
			dx := append([]float32(nil), d.x...)
			if accumulate {
				for i := range want {
					want[i].add(float64(dx[i]))
				}
			}
			convBackwardData(in, s, dx, d.y, d.w, accumulate)
			checkSums(t, fmt.Sprintf("%+v accumulate %v: dx", s, accumulate), dx, want)
		}
	})
}

func TestConvBackwardWeight(t *testing.T) {
	eachConv(t, func(t *testing.T, in op.Precision, s convShape, d convData) {
		wantW, wantB := make([]exactSum, len(d.w)), make([]exactSum, len(d.bias))
		s.eachTap(func(y, x, w int) { eachProduct(in, d.y[y], d.x[x], wantW[w].add) })
		for i, v := range d.y {
			wantB[i%s.Cout].add(float64(v))
		}
		dw, db := append([]float32(nil), d.w...), append([]float32(nil), d.bias...)
		for i := range wantW {
			wantW[i].add(float64(dw[i]))
		}
		for i := range wantB {
			wantB[i].add(float64(db[i]))
		}
		convBackwardWeight(in, s, dw, db, d.x, d.y)
		checkSums(t, fmt.Sprintf("%+v: dw", s), dw, wantW)
		checkSums(t, fmt.Sprintf("%+v: db", s), db, wantB)
		convBackwardWeight(in, s, nil, nil, d.x, d.y)
	})
}

func TestConvSameBitsForEveryGOMAXPROCS(t *testing.T) {
	for _, s := range []convShape{
		newConvShape(2, 33, 33, 16, 24, 3, 3, 1, 2, 2),
		newConvShape(2, 40, 40, 8, 16, 3, 3, 2, 1, 1),
		newConvShape(3, 40, 40, 64, 64, 1, 1, 1, 0, 1),
	} {
		d := randomConv(rand.New(rand.NewPCG(21, 22)), s)
		var wantY, wantX, wantW, wantB []float32
		for _, procs := range []int{1, 2, 5} {
			withProcs(procs, func() {
				y, dx := make([]float32, len(d.y)), make([]float32, len(d.x))
				dw, db := make([]float32, len(d.w)), make([]float32, len(d.bias))
				convForward(op.FP32, s, y, d.x, d.w, nil, epilogue{d.bias, d.residual, op.ReLUActivation}, halves{})
				convBackwardData(op.FP32, s, dx, d.y, d.w, false)
				convBackwardWeight(op.FP32, s, dw, db, d.x, d.y)
				if procs == 1 {
					wantY, wantX, wantW, wantB = y, dx, dw, db
				}
				what := fmt.Sprintf("%+v procs=%d ", s, procs)
				sameBits(t, what+"y", y, wantY)
				sameBits(t, what+"dx", dx, wantX)
				sameBits(t, what+"dw", dw, wantW)
				sameBits(t, what+"db", db, wantB)
			})
		}
	}
}

func TestConvDoesNotAllocate(t *testing.T) {
	s := newConvShape(1, 20, 20, 16, 24, 3, 3, 2, 1, 1)
	d := randomConv(rand.New(rand.NewPCG(23, 24)), s)
	pre := packWeights(op.FP32, d.w, s.Cout, s.KH*s.KW, s.Cin)
	for name, f := range map[string]func(){
		"forward": func() {
			convForward(op.FP32, s, d.y, d.x, d.w, pre, epilogue{d.bias, d.residual, op.ReLUActivation}, halves{})
		},
		"backward data":   func() { convBackwardData(op.FP32, s, d.x, d.y, d.w, true) },
		"backward weight": func() { convBackwardWeight(op.FP32, s, d.w, d.bias, d.x, d.y) },
	} {
		if got := testing.AllocsPerRun(10, f); got != 0 {
			t.Errorf("%s: %v allocations once warm, want 0", name, got)
		}
	}
}

func BenchmarkConv2D(b *testing.B) {
	for _, c := range []struct {
		name string
		s    convShape
	}{
		{"stem317x317x3-64_3x3s2", newConvShape(1, 633, 633, 3, 64, 3, 3, 2, 1, 1)},
		{"60x60x256-256_3x3d2", newConvShape(1, 60, 60, 256, 256, 3, 3, 1, 2, 2)},
		{"60x60x1024-256_1x1", newConvShape(1, 60, 60, 1024, 256, 1, 1, 1, 0, 1)},
		{"60x60x256-1024_1x1", newConvShape(1, 60, 60, 256, 1024, 1, 1, 1, 0, 1)},
		{"30x30x2048-512_3x3d4", newConvShape(1, 30, 30, 2048, 512, 3, 3, 1, 4, 4)},
		{"159x159x64-64_3x3", newConvShape(1, 159, 159, 64, 64, 3, 3, 1, 1, 1)},
		{"33x33x64-64_3x3", newConvShape(1, 33, 33, 64, 64, 3, 3, 1, 1, 1)},
		{"60x60x64-256_1x1", newConvShape(1, 60, 60, 64, 256, 1, 1, 1, 0, 1)},
		{"60x60x64-64_3x3s2", newConvShape(2, 60, 60, 64, 64, 3, 3, 2, 1, 1)},
		{"60x60x64-64_4x4s4", newConvShape(2, 60, 60, 64, 64, 4, 4, 4, 0, 1)},
	} {
		s, d := c.s, randomConv(rand.New(rand.NewPCG(27, 28)), c.s)
		gflop := 2 * float64(s.pixels()) * float64(s.Cout) * float64(s.patch()) * 1e-9
		pre := packWeights(op.FP32, d.w, s.Cout, s.KH*s.KW, s.Cin)
		for _, way := range []struct {
			name string
			f    func()
		}{
			{"forward", func() {
				convForward(op.FP32, s, d.y, d.x, d.w, nil, epilogue{bias: d.bias, activation: op.ReLUActivation}, halves{})
			}},
			{"frozen", func() {
				convForward(op.FP32, s, d.y, d.x, d.w, pre, epilogue{d.bias, d.residual, op.ReLUActivation}, halves{})
			}},
			{"data", func() { convBackwardData(op.FP32, s, d.x, d.y, d.w, false) }},
			{"weight", func() { convBackwardWeight(op.FP32, s, d.w, d.bias, d.x, d.y) }},
		} {
			b.Run(c.name+"/"+way.name, func(b *testing.B) {
				for b.Loop() {
					way.f()
				}
				b.ReportMetric(gflop*float64(b.N)/b.Elapsed().Seconds(), "GF/s")
			})
		}
	}
}
