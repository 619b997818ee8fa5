package nn

import (
	"errors"
	"math"
	"math/rand/v2"
	"sync"
	"testing"

	"hdmnet/internal/cpu"
	"hdmnet/internal/op"
)

// normed is a network of one batch norm.
type normed struct {
	Norm *BatchNorm `w:"bn"`
}

// pass is what one pass of a batch norm over rows of c channels leaves: the values, the
// gradients of x, weight and bias of the loss Σ y·dy, and the running statistics.
func pass(t *testing.T, x, dy []float32, c int, together *Together) [][]float32 {
	dev, err := cpu.New()
	if err != nil {
		t.Error(err)
		return nil
	}
	net := &normed{Norm: NewBatchNorm(c)}
	set := NewSet(dev, net, 1)
	defer set.Close()
	for i, p := range []*Param{net.Norm.Weight, net.Norm.Bias} {
		v := make([]float32, c)
		for k := range v {
			v[k] = float32(1+i) + float32(k)/7
		}
		set.Put(p, v)
	}
	tape := NewTape(dev)
	defer tape.Arena.Close()
	tape.Together, tape.BatchStats = together, true
	tape.Begin(true, 1)
	in := tape.out(len(x)/c, c)
	dev.Upload(in.Value, x)
	y := tape.BatchNorm(in, net.Norm)
	g := tape.Grad(y)
	dev.Upload(g, dy)
	values := make([]float32, len(x))
	dev.Download(values, y.Value)
	tape.Backward()
	dx := make([]float32, len(x))
	dev.Download(dx, tape.Grad(in))
	return [][]float32{values, dx, set.Gradient(net.Norm.Weight), set.Gradient(net.Norm.Bias), set.Get(net.Norm.Mean), set.Get(net.Norm.Var)}
}

// TestBatchNormTogether: two processes with half of a batch each do what one does with all
// of it.
func TestBatchNormTogether(t *testing.T) {
	const rows, c = 22, 5
	rng := rand.New(rand.NewPCG(1, 2))
	x, dy := make([]float32, rows*c), make([]float32, rows*c)
	for i := range x {
		x[i], dy[i] = 100+float32(i/c)/3+float32(rng.NormFloat64()), float32(rng.NormFloat64())
	}
	want := pass(t, x, dy, c, nil)

	var mu sync.Mutex
	changed := sync.NewCond(&mu)
	sums, round := [2][]float32{}, 0
	arrived := 0
	sum := func(v op.Tensor) error { // of two goroutines; the CPU's tensors are memory
		mu.Lock()
		defer mu.Unlock()
		mine := round
		sums[arrived] = v.Float32s()
		if arrived++; arrived == 2 {
			for i := range sums[0] {
				s := sums[0][i] + sums[1][i]
				sums[0][i], sums[1][i] = s, s
			}
			arrived, round = 0, round+1
			changed.Broadcast()
		}
		for round == mine {
			changed.Wait()
		}
		return nil
	}
	var got [2][][]float32
	var both sync.WaitGroup
	for i := range got {
		both.Go(func() {
			lo, hi := i*rows/2*c, (i+1)*rows/2*c
			got[i] = pass(t, x[lo:hi], dy[lo:hi], c, &Together{Processes: 2, Sum: sum})
		})
	}
	both.Wait()
	joined := [][]float32{append(got[0][0], got[1][0]...), append(got[0][1], got[1][1]...), nil, nil, got[0][4], got[1][5]}
	for part := 2; part < 4; part++ { // gradients of parameters are summed later
		for k := range c {
			joined[part] = append(joined[part], got[0][part][k]+got[1][part][k])
		}
	}
	for part, name := range []string{"values", "gradient of x", "gradient of the weight", "gradient of the bias", "running mean", "running variance"} {
		for i, w := range want[part] {
			if d := math.Abs(float64(joined[part][i] - w)); d > 3e-5*max(1, math.Abs(float64(w))) || d != d {
				t.Errorf("%s, %d: %v, in one process %v", name, i, joined[part][i], w)
				break
			}
		}
	}
}

// TestBatchNormTogetherFails: a sum that fails is Fit's error, without further passes.
func TestBatchNormTogetherFails(t *testing.T) {
	gone := errors.New("gone")
	passes := 0
	tape := NewTape(nil)
	tape.Together = &Together{Processes: 2, Sum: func(op.Tensor) error { return gone }}
	err := tape.Fit(2, 8, func(int) {
		passes++
		tape.sum(nil)
	})
	if !errors.Is(err, gone) || passes != 1 {
		t.Errorf("%v after %d passes", err, passes)
	}
}
