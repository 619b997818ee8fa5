package cpu

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"

	"hdmnet/internal/op"
)

// useISA makes the products of one test use isa.
func useISA(t testing.TB, isa *instructionSet) {
	old := activeISA
	activeISA = func() (*instructionSet, error) { return isa, nil }
	t.Cleanup(func() { activeISA = old })
}

// eachISA runs a subtest for every instruction set of this machine.
func eachISA(t *testing.T, f func(t *testing.T)) {
	for _, isa := range instructionSets {
		if !isa.usable {
			continue
		}
		t.Run(isa.name, func(t *testing.T) {
			useISA(t, isa)
			f(t)
		})
	}
}

// emulatedTiles returns the instruction set of AMX on a processor that lacks it, or nil where
// its instructions cannot be emulated. amx_test.go sets it.
var emulatedTiles = func(testing.TB) *instructionSet { return nil }

// eachArithmetic runs a subtest for every instruction set of this machine and every precision
// that it has, and for AMX where it can be emulated.
func eachArithmetic(t *testing.T, f func(t *testing.T, in op.Precision)) {
	run := func(isa *instructionSet, in op.Precision) {
		t.Run(isa.name+" in "+in.String(), func(t *testing.T) {
			useISA(t, isa)
			f(t, in)
		})
	}
	sets := []*instructionSet{emulatedTiles(t)}
	for _, isa := range instructionSets {
		if isa.usable {
			sets = append(sets, isa)
			run(isa, op.FP32)
		}
	}
	for _, isa := range sets {
		for _, in := range []op.Precision{op.BF16, op.BF16X3} {
			if isa != nil && isa.pairs != nil {
				run(isa, in)
			}
		}
	}
}

// eachProduct calls add with what a precision makes of a·b.
func eachProduct(in op.Precision, a, b float32, add func(v float64)) {
	product := func(i, j int) { add(float64(termOf(a, i)) * float64(termOf(b, j))) }
	switch in {
	case op.FP32:
		add(float64(a) * float64(b))
	case op.BF16X3:
		product(0, 1)
		product(1, 0)
		fallthrough
	case op.BF16:
		product(0, 0)
	}
}

func randomFloats(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

// gemmCase is one product with all its operands.
type gemmCase struct {
	transA, transB, accumulate bool
	m, n, k, lda, ldb, ldc     int
	a, b, c                    []float32
	epi                        epilogue
}

func randomGemm(r *rand.Rand, transA, transB, accumulate bool, m, n, k, options int) gemmCase {
	g := gemmCase{transA: transA, transB: transB, accumulate: accumulate, m: m, n: n, k: k}
	rowsA, rowsB := m, k
	g.lda, g.ldb, g.ldc = k+r.IntN(3), n+r.IntN(3), n+r.IntN(3)
	if transA {
		rowsA, g.lda = k, m+r.IntN(3)
	}
	if transB {
		rowsB, g.ldb = n, k+r.IntN(3)
	}
	g.a, g.b, g.c = randomFloats(r, rowsA*g.lda), randomFloats(r, rowsB*g.ldb), randomFloats(r, m*g.ldc)
	if options&1 != 0 {
		g.epi.bias = randomFloats(r, n)
	}
	if options&2 != 0 {
		g.epi.residual = randomFloats(r, m*g.ldc)
	}
	g.epi.activation = op.ReLUIf(options&4 != 0)
	return g
}

func (g *gemmCase) run(in op.Precision) []float32 {
	c := append([]float32(nil), g.c...)
	gemm(in, g.transA, g.transB, g.m, g.n, g.k, g.a, g.lda, g.b, g.ldb, g.accumulate, c, g.ldc, g.epi)
	return c
}

// check compares got, computed in a precision, with sums in float64: all elements, or some if
// that takes more than about a million products. The rounding error of a sum of n products is
// at most n·2⁻²⁴·Σ|a·b|; elements outside C must not have changed.
func (g *gemmCase) check(t *testing.T, in op.Precision, got []float32) {
	t.Helper()
	skip := (1 + g.m*g.n*g.k>>20) | 1
	for i := range g.m {
		for j := range g.ldc {
			at := i*g.ldc + j
			if j >= g.n {
				if got[at] != g.c[at] {
					t.Fatalf("%s: wrote C[%d,%d], outside the matrix", g, i, j)
				}
				continue
			}
			if at%skip != 0 {
				continue
			}
			want, size, terms := 0.0, 0.0, 1
			add := func(v float64) { want += v; size += math.Abs(v); terms++ }
			for k := range g.k {
				ia, ib := i*g.lda+k, k*g.ldb+j
				if g.transA {
					ia = k*g.lda + i
				}
				if g.transB {
					ib = j*g.ldb + k
				}
				eachProduct(in, g.a[ia], g.b[ib], add)
			}
			if g.accumulate {
				add(float64(g.c[at]))
			}
			if g.epi.bias != nil {
				add(float64(g.epi.bias[j]))
			}
			if g.epi.residual != nil {
				add(float64(g.epi.residual[at]))
			}
			if g.epi.activation == op.ReLUActivation {
				want = max(want, 0)
			}
			if tol := float64(terms+3) * 0x1p-24 * size; !(math.Abs(float64(got[at])-want) <= tol) {
				t.Fatalf("%s: C[%d,%d] = %v, want %v ± %.1e", g, i, j, got[at], want, tol)
			}
		}
	}
}

func (g *gemmCase) String() string {
	return fmt.Sprintf("m=%d n=%d k=%d transA=%v transB=%v accumulate=%v bias=%v residual=%v relu=%v",
		g.m, g.n, g.k, g.transA, g.transB, g.accumulate, g.epi.bias != nil, g.epi.residual != nil, g.epi.activation == op.ReLUActivation)
}

func TestGemmEdgeTiles(t *testing.T) {
	eachArithmetic(t, func(t *testing.T, in op.Precision) {
		r := rand.New(rand.NewPCG(1, 2))
		trial := 0
		for m := 1; m <= 40; m++ {
			for n := 1; n <= 40; n++ {
				k := (m*7+n*3)%40 + 1
				g := randomGemm(r, trial&1 != 0, trial&2 != 0, trial&4 != 0, m, n, k, trial/8%8)
				g.check(t, in, g.run(in))
				trial += 1 + r.IntN(3)
			}
		}
	})
}

func TestGemmManyBlocks(t *testing.T) {
	eachArithmetic(t, func(t *testing.T, in op.Precision) {
		r := rand.New(rand.NewPCG(3, 4))
		for _, s := range [][3]int{{1, 1, 1000}, {3, 1100, 5}, {463, 70, 300}, {17, 33, 2100}, {230, 260, 259}, {64, 64, 5000}} {
			for options := range 8 {
				g := randomGemm(r, options&1 != 0, options&2 != 0, options&4 != 0, s[0], s[1], s[2], options)
				g.check(t, in, g.run(in))
			}
		}
	})
}

func TestGemmEmptyInner(t *testing.T) {
	eachArithmetic(t, func(t *testing.T, in op.Precision) {
		r := rand.New(rand.NewPCG(5, 6))
		for options := range 8 {
			g := randomGemm(r, false, false, options&1 != 0, 15, 33, 0, options)
			g.check(t, in, g.run(in))
		}
	})
}

// A packed panel wider than the matrix, and B in several rounds.
func TestGemmLargeB(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	g := randomGemm(r, false, false, false, 3, 1030, 4200, 1)
	g.check(t, op.FP32, g.run(op.FP32))
}

func TestGemmSameBitsForEveryGOMAXPROCS(t *testing.T) {
	eachArithmetic(t, func(t *testing.T, in op.Precision) {
		r := rand.New(rand.NewPCG(9, 10))
		for _, transA := range []bool{false, true} {
			for _, s := range [][3]int{{300, 77, 300}, {20, 700, 600}, {64, 70, 3000}} {
				g := randomGemm(r, transA, false, true, s[0], s[1], s[2], 7)
				var want []float32
				for _, procs := range []int{1, 2, 5} {
					withProcs(procs, func() {
						got := g.run(in)
						if want == nil {
							want = got
						}
						sameBits(t, fmt.Sprintf("%s procs=%d", &g, procs), got, want)
					})
				}
			}
		}
	})
}

func sameBits(t *testing.T, what string, got, want []float32) {
	t.Helper()
	for i := range want {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			t.Fatalf("%s: element %d is %v, want the same bits as %v", what, i, got[i], want[i])
		}
	}
}

// The assembly kernels add in the same order with the same rounding.
func TestGemmAssemblyKernelsAgree(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	g := randomGemm(r, false, true, true, 67, 95, 700, 7)
	var want []float32
	for _, isa := range instructionSets {
		if !isa.usable || isa.name == "go" {
			continue
		}
		t.Run(isa.name, func(t *testing.T) {
			useISA(t, isa)
			got := g.run(op.FP32)
			if want == nil {
				want = got
			}
			sameBits(t, isa.name, got, want)
		})
	}
}

func TestGemmKeepsNaN(t *testing.T) {
	eachArithmetic(t, func(t *testing.T, in op.Precision) {
		r := rand.New(rand.NewPCG(15, 16))
		g := randomGemm(r, false, false, false, 15, 33, 4, 4)
		g.a[3*g.lda] = float32(math.NaN())
		c := g.run(in)
		for j := range g.n {
			if v := c[3*g.ldc+j]; v == v {
				t.Fatalf("ReLU of NaN at column %d is %v, want NaN", j, v)
			}
		}
	})
}

func TestGemmDoesNotAllocate(t *testing.T) {
	eachArithmetic(t, func(t *testing.T, in op.Precision) {
		for _, transA := range []bool{false, true} {
			g := randomGemm(rand.New(rand.NewPCG(17, 18)), transA, !transA, true, 64, 64, 3000, 7)
			if got := testing.AllocsPerRun(10, func() {
				gemm(in, g.transA, g.transB, g.m, g.n, g.k, g.a, g.lda, g.b, g.ldb, g.accumulate, g.c, g.ldc, g.epi)
			}); got != 0 {
				t.Fatalf("%v allocations per product once warm, want 0", got)
			}
		}
	})
}

func TestGemmRejectsShortOperands(t *testing.T) {
	for name, f := range map[string]func(){
		"A": func() {
			gemm(op.FP32, false, false, 2, 2, 2, make([]float32, 3), 2, make([]float32, 4), 2, false, make([]float32, 4), 2, epilogue{})
		},
		"B": func() {
			gemm(op.FP32, false, false, 2, 2, 2, make([]float32, 4), 2, make([]float32, 3), 2, false, make([]float32, 4), 2, epilogue{})
		},
		"C": func() {
			gemm(op.FP32, false, false, 2, 2, 2, make([]float32, 4), 2, make([]float32, 4), 2, false, make([]float32, 3), 2, epilogue{})
		},
		"bias": func() {
			gemm(op.FP32, false, false, 2, 2, 2, make([]float32, 4), 2, make([]float32, 4), 2, false, make([]float32, 4), 2, epilogue{bias: make([]float32, 1)})
		},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Fatal("no panic")
				}
			}()
			f()
		})
	}
}

func TestChooseISA(t *testing.T) {
	if _, err := chooseISA("sse9"); err == nil {
		t.Error("HDMNET_CPU=sse9 was accepted")
	}
	if isa, err := chooseISA("go"); err != nil || isa.name != "go" {
		t.Errorf("HDMNET_CPU=go gave %v, %v", isa, err)
	}
	if isa, err := chooseISA(""); err != nil || !isa.usable {
		t.Errorf("no HDMNET_CPU gave %v, %v", isa, err)
	}
	old := instructionSets
	defer func() { instructionSets = old }()
	instructionSets = append([]*instructionSet{{name: "future", requires: "a later processor"}}, old...)
	if _, err := chooseISA("future"); err == nil {
		t.Error("HDMNET_CPU=future was accepted on a processor that lacks it")
	}
	if isa, err := chooseISA(""); err != nil || isa.name == "future" {
		t.Errorf("no HDMNET_CPU gave %v, %v: an instruction set that this processor lacks", isa, err)
	}
}

func BenchmarkGemm(b *testing.B) {
	r := rand.New(rand.NewPCG(19, 20))
	for _, n := range []int{256, 512, 1024, 2048} {
		x, y, z := randomFloats(r, n*n), randomFloats(r, n*n), make([]float32, n*n)
		gflop := 2 * float64(n) * float64(n) * float64(n) * 1e-9
		b.Run(fmt.Sprintf("hdmnet/%d", n), func(b *testing.B) {
			for b.Loop() {
				gemm(op.FP32, false, false, n, n, n, x, n, y, n, false, z, n, epilogue{})
			}
			b.ReportMetric(gflop*float64(b.N)/b.Elapsed().Seconds(), "GF/s")
		})
		b.Run(fmt.Sprintf("gonum/%d", n), func(b *testing.B) {
			for b.Loop() {
				gonum.Implementation{}.Sgemm(blas.NoTrans, blas.NoTrans, n, n, n, 1, x, n, y, n, 0, z, n)
			}
			b.ReportMetric(gflop*float64(b.N)/b.Elapsed().Seconds(), "GF/s")
		})
	}
}
