package cpu

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"hdmnet/internal/op"
)

// useBlocking makes the products of one test use b.
func useBlocking(t *testing.T, b blocking) {
	old := machineBlocking
	machineBlocking = func() blocking { return b }
	t.Cleanup(func() { machineBlocking = old })
}

// Caches of other sizes give the same bits: of a product, of a sum over rows that is cut
// into chunks, and of Winograd's algorithm.
func TestSameBitsForEveryCache(t *testing.T) {
	r := rand.New(rand.NewPCG(27, 28))
	product := randomGemm(r, false, false, true, 700, 300, 2100, 7)
	sum := randomGemm(r, true, false, true, 300, 290, 3000, 0)
	s := newConvShape(1, 70, 70, 64, 64, 3, 3, 1, 1, 1)
	d := randomConv(r, s)
	w := newWinogradWeights(d.w, s.Cout, s.Cin)
	var want [3][]float32
	for _, caches := range [][2]int{{0, 0}, {1 << 17, 1 << 20}, {4 << 20, 256 << 20}} {
		t.Run(fmt.Sprint(caches), func(t *testing.T) {
			useBlocking(t, blockingFor(caches[0], caches[1]))
			y := make([]float32, len(d.y))
			convWinograd(s, y, d.x, w, d.bias, d.residual, true, false)
			for i, got := range [][]float32{product.run(op.FP32), sum.run(op.FP32), y} {
				if want[i] == nil {
					want[i] = got
				}
				sameBits(t, [...]string{"product", "sum", "convolution"}[i], got, want[i])
			}
		})
	}
}

func TestBlockingForCaches(t *testing.T) {
	usual := blocking{rows: 256, columns: 256, shared: 4 << 20, near: 256 << 10}
	for caches, want := range map[[2]int]blocking{
		{1 << 20, 32 << 20}:  usual,
		{-1, -1}:             usual,
		{256 << 10, 8 << 20}: {64, 64, 1 << 20, 64 << 10},
		{32 << 10, 1 << 20}:  {64, 64, 1 << 20, 8 << 10},
		{8 << 20, 64 << 20}:  {512, 512, 8 << 20, 2 << 20},
	} {
		if got := blockingFor(caches[0], caches[1]); got != want {
			t.Errorf("caches of %v bytes: %+v, want %+v", caches, got, want)
		}
	}
}

// Where weights are small, what a task writes and reads again stays in the second-level
// cache; where they are large, a task has as many tiles as other products have rows.
func TestWinogradTilesForCaches(t *testing.T) {
	for _, c := range []struct{ l2, cin, cout, want int }{
		{1 << 20, 64, 64, 50},
		{1 << 20, 64, 128, 256},
		{1 << 20, 512, 512, 256},
		{2 << 20, 64, 64, 101},
		{2 << 20, 64, 128, 70},
		{2 << 20, 512, 512, 512},
		{64 << 20, 64, 64, 512},
		{64 << 10, 64, 64, 64},
	} {
		useBlocking(t, blockingFor(c.l2, 0))
		w := new(winogradWeights)
		w.u[0] = new(packedB)
		w.u[0].reset(currentISA(), c.cin, 0, c.cout)
		if got := w.tilesPerTask(); got != c.want {
			t.Errorf("%d to %d channels, a cache of %d KiB: %d tiles, want %d", c.cin, c.cout, c.l2>>10, got, c.want)
		}
	}
}
