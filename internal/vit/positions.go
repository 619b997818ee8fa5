package vit

import (
	"math"
	"math/rand/v2"

	"hdmnet/internal/nn"
	"hdmnet/internal/op"
)

// rule says how a table of positions is resized for pictures of other sizes than those that it
// was trained with. The programs that publish weights differ in it, and a file's features are
// those of its program. Files of hdmnet hold its number.
type rule int

const (
	bySize      rule = iota // bicubic, the corners of cells aligned: Hugging Face's DINOv2
	byScale                 // likewise, but by the factor (n + 0.1)/37: Meta's DINOv2
	antialiased             // bicubic with antialiasing: DINOv2 with registers, of both
)

// rule is that of a spec before a file says otherwise.
func (s Spec) rule() rule {
	if s.Registers > 0 {
		return antialiased
	}
	return bySize
}

// tables are what Forward needs for h×w patches: the tokens of no patch [first,C], and the
// positions of the patches, [1,h,w,C], or the cosines and sines of op.RotaryEmbedding.
func (e *Encoder) tables(dev op.Device, h, w int) []nn.Table {
	value := func(p *nn.Param) []float32 {
		v := make([]float32, p.Len())
		dev.Download(v, p.Value)
		return v
	}
	s, first := e.spec, value(e.Embeddings.Class)
	var tables []nn.Table
	if s.rotary() {
		cos, sin := rotary(value(e.Rope.Periods), h, w)
		shape := []int{h * w, s.Channels / s.Heads / 2}
		tables = []nn.Table{{Shape: shape, Values: cos}, {Shape: shape, Values: sin}}
	} else {
		all := value(e.Embeddings.Positions)
		for i := range first {
			first[i] += all[i]
		}
		resized := resize(all[s.Channels:], s.Grid, h, w, s.Channels, rule(e.Embeddings.Rule.N))
		tables = []nn.Table{{Shape: []int{1, h, w, s.Channels}, Values: resized}}
	}
	if e.Embeddings.Registers != nil {
		first = append(first, value(e.Embeddings.Registers)...)
	}
	return append([]nn.Table{{Shape: []int{1 + s.Registers, s.Channels}, Values: first}}, tables...)
}

// periods fills in those of DINOv3: 100^(4j/d), j = 0 … d/4−1.
func periods(_ []int, _ *rand.Rand, v []float32) {
	for j := range v {
		v[j] = float32(math.Pow(100, float64(j)/float64(len(v))))
	}
}

// rotary returns the cosines and sines [h·w, d/2] of the patches' angles: a patch lies at
// y, x = (i + 0.5)/n·2 − 1 of the picture, its angles are 2π·y/period for every period, then
// 2π·x/period.
func rotary(periods []float32, h, w int) (cos, sin []float32) {
	for i := range h * w {
		for _, at := range []float64{(float64(i/w)+0.5)/float64(h)*2 - 1, (float64(i%w)+0.5)/float64(w)*2 - 1} {
			for _, p := range periods {
				s, c := math.Sincos(2 * math.Pi * at / float64(p))
				cos, sin = append(cos, float32(c)), append(sin, float32(s))
			}
		}
	}
	return cos, sin
}

// resize returns a table [n,n,c] as [h,w,c] by a rule.
func resize(table []float32, n, h, w, c int, by rule) []float32 {
	if h == n && w == n {
		return table
	}
	rows, columns := resampling(n, h, by), resampling(n, w, by)
	wide := make([]float64, n*w*c)
	for y := range n {
		for x, taps := range columns {
			to := wide[(y*w+x)*c:][:c]
			for _, tap := range taps {
				for i, v := range table[(y*n+tap.at)*c:][:c] {
					to[i] += tap.weight * float64(v)
				}
			}
		}
	}
	out, sum := make([]float32, h*w*c), make([]float64, w*c)
	for y, taps := range rows {
		clear(sum)
		for _, tap := range taps {
			for i, v := range wide[tap.at*w*c:][:w*c] {
				sum[i] += tap.weight * v
			}
		}
		for i, v := range sum {
			out[y*w*c+i] = float32(v)
		}
	}
	return out
}

// tap is a source of a resampled position and its share.
type tap struct {
	at     int
	weight float64
}

// resampling returns the taps of every one of m positions among n, as
// torch.nn.functional.interpolate(mode="bicubic", align_corners=False) has them.
func resampling(n, m int, by rule) [][]tap {
	taps := make([][]tap, m)
	step := float64(n) / float64(m)
	if by == antialiased {
		stretch := max(step, 1)
		for i := range taps {
			center := step * (float64(i) + 0.5)
			lo, hi := max(0, int(center-2*stretch+0.5)), min(n, int(center+2*stretch+0.5))
			sum := 0.0
			for j := lo; j < hi; j++ {
				t := tap{j, cubic((float64(j)-center+0.5)/stretch, -0.5)}
				taps[i], sum = append(taps[i], t), sum+t.weight
			}
			for j := range taps[i] {
				taps[i][j].weight /= sum
			}
		}
		return taps
	}
	if by == byScale {
		step = float64(n) / (float64(m) + 0.1)
	}
	for i := range taps {
		at := step*(float64(i)+0.5) - 0.5
		floor := math.Floor(at)
		for j := -1; j <= 2; j++ {
			taps[i] = append(taps[i], tap{min(max(int(floor)+j, 0), n-1), cubic(at-floor-float64(j), -0.75)})
		}
	}
	return taps
}

// cubic is Keys' kernel with slope a at 1.
func cubic(x, a float64) float64 {
	switch x = math.Abs(x); {
	case x < 1:
		return ((a+2)*x-(a+3))*x*x + 1
	case x < 2:
		return ((a*x-5*a)*x+8*a)*x - 4*a
	}
	return 0
}
