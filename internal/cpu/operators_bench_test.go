package cpu

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"gorgonia.org/tensor"

	"hdmnet/internal/op"
)

// BenchmarkOperators times what is not a matrix product at the sizes of the network:
// four images of a 473² episode, 60² positions. MB/s counts the elements of the larger
// operand once, so that operators compare with each other.
func BenchmarkOperators(b *testing.B) {
	dev := open(b)
	r := rand.New(rand.NewPCG(1, 2))
	random := func(shape ...int) op.Tensor {
		t := zerosOf(dev, shape...)
		for i := range t.Float32s() {
			t.Float32s()[i] = float32(r.NormFloat64())
		}
		return t
	}
	const n = 4
	hidden, dHidden, hiddenOut := random(n, 60, 60, 256), random(n, 60, 60, 256), random(n, 60, 60, 256)
	tokens, dTokens, tokensOut := random(n, 60, 60, 64), random(n, 60, 60, 64), random(n, 60, 60, 64)
	taps, hiddenBias := random(3, 3, 256), random(256)
	dTaps, dBias := random(3, 3, 256), random(256)
	gamma, beta, dGamma, dBeta := random(64), random(64), random(64), random(64)
	mean, rstd := random(n*60*60), random(n*60*60)
	chanMean, chanVar := random(256), tensor.New(tensor.WithShape(256), tensor.WithBacking(make([]float32, 256)))
	coarse, fine := random(n, 30, 30, 64), random(n, 60, 60, 64)
	logits, large := random(n, 60, 60, 2), random(n, 473, 473, 2)
	stem, pooled := random(2, 237, 237, 128), random(2, 119, 119, 128)
	argmax := tensor.New(tensor.WithShape(2, 119, 119, 128), tensor.WithBacking(make([]int32, 2*119*119*128)))
	wide, narrow, joined := random(n, 60, 60, 64), random(n, 60, 60, 2), random(n, 60, 60, 66)
	stemPool := op.PoolParams{Kernel: 3, Stride: 2, Pad: 1}
	drop := op.DropoutParams{P: 0.1, Seed: 7}
	classes, probabilities := random(n, 60, 60, 16), random(n, 60, 60, 16)
	mask := random(n, 60, 60)
	prototype := random(n, 64)
	weights, moment, square, slope := random(1<<20), random(1<<20), zerosOf(dev, 1<<20), random(1<<20)
	pyramid := random(n, 6, 6, 256)
	update := op.AdamWParams{LR: 1e-4, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, WeightDecay: 0.01, Step: 3}
	few, dFew, loss := random(n, 237, 237, 2), random(n, 237, 237, 2), zerosOf(dev, 2)
	labels := tensor.New(tensor.WithShape(n, 237, 237), tensor.WithBacking(make([]uint8, n*237*237)))

	for _, c := range []struct {
		name string
		of   op.Tensor
		f    func()
	}{
		{"depthwise3x3", hidden, func() { dev.Depthwise3x3(hiddenOut, hidden, taps, hiddenBias) }},
		{"depthwise3x3_grad", hidden, func() { dev.Depthwise3x3Grad(hiddenOut, dTaps, dBias, dHidden, hidden, taps) }},
		{"gelu", hidden, func() { dev.GELU(hiddenOut, hidden) }},
		{"gelu_grad", hidden, func() { dev.GELUGrad(hiddenOut, dHidden, hidden) }},
		{"relu", hidden, func() { dev.ReLU(hiddenOut, hidden) }},
		{"relu_grad", hidden, func() { dev.ReLUGrad(hiddenOut, dHidden, hidden) }},
		{"add", hidden, func() { dev.Add(hiddenOut, dHidden, hidden) }},
		{"add_scaled", hidden, func() { dev.AddScaled(hiddenOut, hidden, 1) }},
		{"dropout", hidden, func() { dev.Dropout(hiddenOut, hidden, drop) }},
		{"dropout_grad", hidden, func() { dev.DropoutGrad(hiddenOut, hidden, drop) }},
		{"layer_norm", tokens, func() { dev.LayerNorm(tokensOut, mean, rstd, tokens, gamma, beta, 1e-6) }},
		{"layer_norm_grad", tokens, func() { dev.LayerNormGrad(tokensOut, dGamma, dBeta, dTokens, tokens, gamma, mean, rstd) }},
		{"batch_norm_frozen", hidden, func() {
			dev.BatchNormFrozen(hiddenOut, hidden, hiddenBias, dBias, chanMean, chanVar, 1e-5)
		}},
		{"batch_norm_frozen_grad", hidden, func() {
			dev.BatchNormFrozenGrad(hiddenOut, chanVar, dBias, dHidden, hidden, hiddenBias, chanMean, chanVar, 1e-5)
		}},
		{"batch_norm_train", hidden, func() {
			dev.BatchNormTrain(hiddenOut, chanMean, chanMean, dBias, chanVar, hidden, hiddenBias, hiddenBias, 1e-5, 0.1)
		}},
		{"batch_norm_train_grad", hidden, func() {
			dev.BatchNormTrainGrad(hiddenOut, dBias, nil, dHidden, hidden, hiddenBias, chanMean, chanVar)
		}},
		{"resize_bilinear_x2", fine, func() { dev.ResizeBilinear(fine, coarse, false) }},
		{"resize_bilinear_x2_grad", fine, func() { dev.ResizeBilinearGrad(coarse, fine, false) }},
		{"resize_bilinear_logits", large, func() { dev.ResizeBilinear(large, logits, true) }},
		{"resize_bilinear_logits_grad", large, func() { dev.ResizeBilinearGrad(logits, large, true) }},
		{"max_pool", stem, func() { dev.MaxPool(pooled, nil, stem, stemPool) }},
		{"max_pool_argmax", stem, func() { dev.MaxPool(pooled, argmax, stem, stemPool) }},
		{"max_pool_grad", stem, func() { dev.MaxPoolGrad(stem, pooled, argmax) }},
		{"concat", joined, func() { dev.Concat(joined, wide, narrow) }},
		{"softmax", classes, func() { dev.Softmax(probabilities, classes) }},
		{"softmax_grad", classes, func() { dev.SoftmaxGrad(probabilities, classes, classes) }},
		{"cross_entropy", few, func() { dev.CrossEntropy(loss, few, labels) }},
		{"cross_entropy_grad", few, func() { dev.CrossEntropyGrad(dFew, loss, few, labels, 1) }},
		{"adaptive_avg_pool", hidden, func() { dev.AdaptiveAvgPool(pyramid, hidden) }},
		{"adaptive_avg_pool_grad", hidden, func() { dev.AdaptiveAvgPoolGrad(hiddenOut, pyramid) }},
		{"adamw", weights, func() { dev.AdamW(weights, moment, square, slope, update) }},
		{"sgd", weights, func() { dev.SGD(weights, moment, slope, op.SGDParams{LR: 1e-4, Momentum: 0.9, WeightDecay: 1e-4}) }},
		{"masked_average_pool", tokens, func() { dev.MaskedAveragePool(prototype, tokens, mask) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(4 * op.Len(c.of)))
			b.ReportAllocs()
			for b.Loop() {
				c.f()
			}
		})
	}
}

// BenchmarkLinear times the products of a training step at 473²: rows positions, in and
// out channels.
func BenchmarkLinear(b *testing.B) {
	dev := open(b)
	for _, c := range []struct{ rows, in, out int }{{7200, 1536, 256}, {14400, 64, 256}, {14400, 256, 64}, {7200, 514, 64}, {14400, 64, 64}, {900, 64, 64}, {2312, 48, 16}, {2312, 16, 48}} {
		x, dx, w, dw := zerosOf(dev, c.rows, c.in), zerosOf(dev, c.rows, c.in), zerosOf(dev, c.out, c.in), zerosOf(dev, c.out, c.in)
		y := zerosOf(dev, c.rows, c.out)
		flops := 2 * float64(c.rows) * float64(c.in) * float64(c.out)
		name := fmt.Sprintf("%dx%dx%d", c.rows, c.in, c.out)
		b.Run(name+"/forward", func(b *testing.B) { report(b, flops, func() { dev.Linear(y, x, w, nil) }) })
		b.Run(name+"/grad_input", func(b *testing.B) { report(b, flops, func() { dev.LinearGradInput(dx, y, w) }) })
		b.Run(name+"/grad_weight", func(b *testing.B) { report(b, flops, func() { dev.LinearGradWeight(dw, nil, x, y) }) })
	}
}
