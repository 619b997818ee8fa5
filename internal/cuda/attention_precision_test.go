//go:build cuda

package cuda

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"hdmnet/internal/op"
)

// unit is the largest relative error of rounding to p.
func (p precision) unit() float64 {
	return map[precision]float64{tf32: math.Ldexp(1, -11), bf16: math.Ldexp(1, -8)}[p]
}

// attentionCase is one self-attention of a sample; operands are [rows, heads·d].
type attentionCase struct{ n, m, heads, d int }

// TestAttentionPrecision compares self-attention on tensor cores with its definition on
// inputs rounded beforehand, to tf32 also where the device is opened in bf16. What is left is
// the rounding of the probabilities and of their gradients, which takes a sum Σ a·b by at most
// u·Σ|a|·|b|.
func TestAttentionPrecision(t *testing.T) {
	for _, opened := range []precision{tf32, bf16} {
		dev, p := openIn(t, opened), tf32
		for _, c := range []attentionCase{{300, 70, 2, 32}, {70, 129, 3, 16}, {33, 17, 2, 8}, {1, 1, 1, 5}, {150, 65, 1, 64}, {20, 90, 1, 40}} {
			t.Run(fmt.Sprintf("%v %+v", opened, c), func(t *testing.T) {
				arena := op.NewArena(dev)
				defer arena.Close()
				draw := rand.New(rand.NewPCG(1, 2))
				width := c.heads * c.d
				input := func(rows int) (op.Tensor, []float32) {
					x, v := arena.Float32(1, rows, width), make([]float32, rows*width)
					for i := range v {
						v[i] = p.rounded(3*draw.Float32() - 1.5)
					}
					dev.Upload(x, v)
					return x, v
				}
				q, hq := input(c.n)
				k, hk := input(c.m)
				v, hv := input(c.m)
				dy, hdy := input(c.n)
				y, lse := arena.Float32(1, c.n, width), arena.Float32(1, c.heads, c.n)
				dq, dk, dv := arena.Zeros(1, c.n, width), arena.Zeros(1, c.m, width), arena.Zeros(1, c.m, width)
				dev.SelfAttention(y, lse, q, k, v, c.heads)
				dev.SelfAttentionGrad(dq, dk, dv, dy, y, lse, q, k, v, c.heads)
				want := c.define(hq, hk, hv, hdy)
				for i, x := range []op.Tensor{y, lse, dq, dk, dv} {
					got := make([]float32, op.Len(x))
					dev.Download(got, x)
					for j, g := range got {
						// y is off by u·Σa|v|; so D_i is off by that times |dy|, which dq and dk
						// inherit: their magnitudes hold it.
						if e := math.Abs(float64(g) - want[i].value[j]); !(e <= p.unit()*want[i].magnitude[j]+2e-5*(1+want[i].magnitude[j])) {
							t.Fatalf("%s: element %d is %g, want %g, magnitude %g", []string{"y", "lse", "dq", "dk", "dv"}[i], j, g, want[i].value[j], want[i].magnitude[j])
						}
					}
				}
			})
		}
	}
}

// defined is a result in float64, and the sum of the magnitudes that rounding acts on.
type defined struct{ value, magnitude []float64 }

func (d defined) add(i int, a, b float64, more float64) {
	d.value[i] += a * b
	d.magnitude[i] += (math.Abs(a) + more) * math.Abs(b)
}

// define returns y, lse, dq, dk and dv.
func (c attentionCase) define(q, k, v, dy []float32) [5]defined {
	var out [5]defined
	width := c.heads * c.d
	for i, n := range []int{c.n * width, c.heads * c.n, c.n * width, c.m * width, c.m * width} {
		out[i] = defined{make([]float64, n), make([]float64, n)}
	}
	dot := func(x, y []float32, i, j, h int) (sum float64) {
		for e := range c.d {
			sum += float64(x[i*width+h*c.d+e]) * float64(y[j*width+h*c.d+e])
		}
		return sum
	}
	scale := 1 / math.Sqrt(float64(c.d))
	for h := range c.heads {
		for i := range c.n {
			a, total := make([]float64, c.m), 0.0
			for j := range a {
				a[j] = math.Exp(scale * dot(q, k, i, j, h))
				total += a[j]
			}
			out[1].value[h*c.n+i] = math.Log(total)
			for j := range a {
				a[j] /= total
				for e := range c.d {
					out[0].add(i*width+h*c.d+e, a[j], float64(v[j*width+h*c.d+e]), 0)
				}
			}
			shift, unsure := 0.0, 0.0
			for e := range c.d {
				at := i*width + h*c.d + e
				shift += float64(dy[at]) * out[0].value[at]
				unsure += math.Abs(float64(dy[at])) * out[0].magnitude[at]
			}
			for j := range a {
				ds := a[j] * (dot(dy, v, i, j, h) - shift)
				for e := range c.d {
					row, col := i*width+h*c.d+e, j*width+h*c.d+e
					out[2].add(row, scale*ds, float64(k[col]), scale*a[j]*unsure)
					out[3].add(col, scale*ds, float64(q[row]), scale*a[j]*unsure)
					out[4].add(col, a[j], float64(dy[row]), 0)
				}
			}
		}
	}
	return out
}

// TestCorrelationPrecision: masked correlation on tensor cores, in tf32 also where the
// device is opened in bf16. Unit vectors rounded by at most u take a score, 10 times their
// product, by at most E = 10(2u + u²); weights by a factor of at most e^{2E}, as their sum
// has the same errors; values by u twice.
func TestCorrelationPrecision(t *testing.T) {
	u := tf32.unit()
	bound := math.Exp(20*(2*u+u*u)) - 1 + 2*u
	for _, p := range []precision{tf32, bf16} {
		dev, host := openIn(t, p), openCPU(t)
		for _, c := range []struct{ n, m, heads, d int }{{150, 290, 2, 32}, {65, 130, 4, 16}, {33, 70, 1, 8}, {1, 3, 1, 12}, {40, 70, 1, 64}} {
			t.Run(fmt.Sprintf("%v %+v", p, c), func(t *testing.T) {
				run := func(change func(float32) float32) func(op.Device, *operands) []op.Tensor {
					return func(d op.Device, o *operands) []op.Tensor {
						const b = 2
						width := c.heads * c.d
						q, k, mask := o.floats(b, c.n, width), o.floats(b, c.m, width), o.mask(b, c.m)
						values := func(rows int) op.Tensor {
							x := o.floats(b, rows, width)
							v := make([]float32, op.Len(x))
							d.Download(v, x)
							for i := range v {
								v[i] = change(v[i])
							}
							d.Upload(x, v)
							return x
						}
						v, dy := values(c.m), values(c.n)
						y, corr, colSum := o.arena.Zeros(b, c.n, width), o.arena.Zeros(b, c.n), o.arena.Zeros(b, c.heads, c.m)
						dq, dk, dv := o.arena.Zeros(b, c.n, width), o.arena.Zeros(b, c.m, width), o.arena.Zeros(b, c.m, width)
						d.MaskedCorrelation(y, corr, colSum, q, k, v, mask, c.heads)
						d.MaskedCorrelationGrad(dq, dk, dv, dy, nil, colSum, q, k, v, mask, c.heads)
						return []op.Tensor{y, dv, corr, dq, dk}
					}
				}
				got, want := results(dev, run(func(v float32) float32 { return v })), results(host, run(func(v float32) float32 { return v }))
				magnitude := results(host, run(func(v float32) float32 { return float32(math.Abs(float64(v))) }))
				for i, name := range []string{"y", "dv"} {
					for j, g := range got[i] {
						if e := math.Abs(float64(g - want[i][j])); !(e <= bound*float64(magnitude[i][j])+1e-6) {
							t.Fatalf("%s: element %d is %g, the CPU's %g, magnitude %g", name, j, g, want[i][j], magnitude[i][j])
						}
					}
				}
				for j, g := range got[2] { // the map is linear in the scores, which it takes in float32
					if e := math.Abs(float64(g - want[2][j])); !(e <= 2e-5) {
						t.Fatalf("corr: element %d is %g, the CPU's %g", j, g, want[2][j])
					}
				}
				// ds_ij is a difference of products: its error is a share of the terms, not of it.
				for i, name := range map[int]string{3: "dq", 4: "dk"} {
					diff, norm := 0.0, 0.0
					for j, g := range got[i] {
						diff += math.Pow(float64(g-want[i][j]), 2)
						norm += math.Pow(float64(want[i][j]), 2)
					}
					if !(math.Sqrt(diff) <= bound*math.Sqrt(norm)+1e-6) {
						t.Errorf("%s differs by %.2g of its norm, at most %.2g", name, math.Sqrt(diff/norm), bound)
					}
				}
			})
		}
	}
}
