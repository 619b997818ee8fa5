// Package optest is the one test suite of all devices: RunAll checks every operator of
// package op against its definition in float64 (the Go functions in these files, short
// and naive on purpose), against finite differences of that definition, and against the
// golden outputs of the released network.
package optest

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"testing"

	"hdmnet/internal/op"
)

// Tolerances of |got−want| ≤ atol + rtol·|want| in float32. An operator that needs
// another pair passes it with the reason beside it.
const (
	atol = 1e-5
	rtol = 1e-5
)

// gradTol bounds gradients, which sum many rounded products: golden/README.md.
const gradTol = 1e-4

// suite holds the device under test and the helpers that every operator's test uses.
type suite struct {
	*testing.T
	operator string
	dev      op.Device
	arena    *op.Arena
}

// RunAll runs the tests of all operators on the device that open returns.
func RunAll(t *testing.T, open func(t *testing.T) op.Device) {
	dev := open(t)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := &suite{T: t, operator: c.name, dev: dev, arena: op.NewArena(dev)}
			defer s.arena.Close()
			c.run(s)
		})
	}
}

type opCase struct {
	name string
	run  func(*suite)
}

// random returns n values uniform in [−scale, scale), the same for the same name.
func random(name string, n int, scale float64) []float64 {
	var seed uint64 = 14695981039346656037
	for _, c := range []byte(name) {
		seed = (seed ^ uint64(c)) * 1099511628211
	}
	r := rand.New(rand.NewPCG(seed, uint64(n)))
	v := make([]float64, n)
	for i := range v {
		v[i] = float64(float32((2*r.Float64() - 1) * scale))
	}
	return v
}

func size(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// tensor uploads values as float32.
func (s *suite) tensor(v []float64, shape ...int) op.Tensor {
	s.Helper()
	if len(v) != size(shape) {
		s.Fatalf("%d values for shape %v", len(v), shape)
	}
	f := make([]float32, len(v))
	for i := range v {
		f[i] = float32(v[i])
	}
	t := s.arena.Float32(shape...)
	s.dev.Upload(t, f)
	return t
}

// output returns a tensor full of NaN, so that an element that is never written shows.
func (s *suite) output(shape ...int) op.Tensor {
	v := make([]float64, size(shape))
	for i := range v {
		v[i] = math.NaN()
	}
	return s.tensor(v, shape...)
}

// gradStart is what gradients hold before the operator adds to them.
const gradStart = 0.25

// gradient returns a tensor full of gradStart: an operator that overwrites instead of
// adding fails.
func (s *suite) gradient(shape ...int) op.Tensor {
	v := make([]float64, size(shape))
	for i := range v {
		v[i] = gradStart
	}
	return s.tensor(v, shape...)
}

// labels uploads uint8 values.
func (s *suite) labels(v []uint8, shape ...int) op.Tensor {
	t := s.arena.Uint8(shape...)
	s.dev.Upload(t, v)
	return t
}

// values downloads a float32 tensor.
func (s *suite) values(t op.Tensor) []float64 {
	f := make([]float32, op.Len(t))
	s.dev.Download(f, t)
	v := make([]float64, len(f))
	for i := range f {
		v[i] = float64(f[i])
	}
	return v
}

// near fails unless every |got−want| ≤ atol + rtol·|want|; NaN fails.
func (s *suite) near(what string, got op.Tensor, want []float64) {
	s.Helper()
	s.nearTol(what, s.values(got), want, atol, rtol)
}

func (s *suite) nearTol(what string, got, want []float64, atol, rtol float64) {
	s.Helper()
	if len(got) != len(want) {
		s.Errorf("%s: %d values, want %d", what, len(got), len(want))
		return
	}
	worst, at := 0.0, -1
	for i := range got {
		d := math.Abs(got[i]-want[i]) / (atol + rtol*math.Abs(want[i]))
		if !(d <= 1) && (at < 0 || !(d <= worst)) {
			worst, at = d, i
		}
	}
	if at >= 0 {
		s.Errorf("%s: element %d of %d is %g, want %g (%.1f times the tolerance)", what, at, len(got), got[at], want[at], worst)
	}
}

// nearGradient compares a gradient that the golden files give in full; got started as gradStart.
func (s *suite) nearGradient(what string, got op.Tensor, want []float64) {
	s.Helper()
	w := make([]float64, len(want))
	for i := range w {
		w[i] = want[i] + gradStart
	}
	s.nearTol(what, s.values(got), w, gradTol*scaleOf(want), gradTol)
}

// scaleOf is the largest magnitude, at least 1e-3: the unit of an absolute tolerance.
func scaleOf(v []float64) float64 {
	m := 1e-3
	for _, x := range v {
		m = max(m, math.Abs(x))
	}
	return m
}

// dot is Σ a·b, the scalar whose gradient the finite differences take.
func dot(a, b []float64) float64 {
	sum := 0.0
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}

// finiteDifferences compares the device's gradient of x (which started as gradStart)
// with central differences of loss in float64 at up to 48 positions. loss reads x.
func (s *suite) finiteDifferences(what string, got op.Tensor, x []float64, loss func() float64) {
	s.Helper()
	g := s.values(got)
	if len(g) != len(x) {
		s.Fatalf("%s: gradient of %d elements for %d values", what, len(g), len(x))
	}
	want := s.differences(what, x, loss)
	have := make([]float64, len(want))
	for k, i := range positions(len(x)) {
		have[k] = g[i] - gradStart
	}
	s.nearTol(fmt.Sprintf("gradient of %s", what), have, want, gradTol*scaleOf(want), gradTol)
}

// positions are the elements of n at which differences are taken, the last among them.
func positions(n int) (at []int) {
	stride := max(1, n/48)
	for i := (n - 1) % stride; i < n; i += stride {
		at = append(at, i)
	}
	return at
}

// difference names the central differences of one function at one place: by the operator
// and what is differentiated, and by x and the function's value there to the last bit.
type difference struct {
	operator, what string
	x              [sha256.Size]byte
	loss           uint64
}

// known holds the differences taken before in this program. They say nothing of a device and
// are nearly all of the suite's time, and the suite runs once per instruction set and number of threads.
var known sync.Map // difference → []float64

// differences are the central differences of loss at positions(len(x)).
func (s *suite) differences(what string, x []float64, loss func() float64) []float64 {
	h := sha256.New()
	if err := binary.Write(h, binary.LittleEndian, x); err != nil {
		s.Fatal(err)
	}
	key := difference{operator: s.operator, what: what, x: [sha256.Size]byte(h.Sum(nil)), loss: math.Float64bits(loss())}
	if want, ok := known.Load(key); ok {
		return want.([]float64)
	}
	const step = 1e-5
	var want []float64
	for _, i := range positions(len(x)) {
		keep := x[i]
		x[i] = keep + step
		up := loss()
		x[i] = keep - step
		down := loss()
		x[i] = keep
		want = append(want, (up-down)/(2*step))
	}
	known.Store(key, want)
	return want
}
