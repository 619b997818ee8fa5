package optest

import (
	"fmt"
	"math"

	"hdmnet/internal/golden"
	"hdmnet/internal/labelmap"
)

// crossEntropy is the definition: the mean over labeled rows, and how many there are.
func crossEntropy(logits []float64, label []uint8, classes int) (loss float64, count int) {
	for i, y := range label {
		if y == labelmap.Ignore {
			continue
		}
		row := logits[i*classes : (i+1)*classes]
		top, z := math.Inf(-1), 0.0
		for _, x := range row {
			top = max(top, x)
		}
		for _, x := range row {
			z += math.Exp(x - top)
		}
		loss += math.Log(z) + top - row[y]
		count++
	}
	return loss / math.Max(1, float64(count)), count
}

func testCrossEntropy(s *suite) {
	const scale = 0.7
	for _, sh := range [][4]int{{1, 1, 1, 2}, {2, 3, 5, 2}, {1, 7, 9, 16}, {2, 5, 3, 61}, {1, 3, 3, 255}, {1, 1, 2, 1}, {1, 130, 150, 3}} {
		for _, ignored := range []float64{0, 0.5, 1} {
			what := fmt.Sprintf("%v ignored %g", sh, ignored)
			b, h, w, c := sh[0], sh[1], sh[2], sh[3]
			spread := 5.0
			if c == 16 {
				spread = 100 // exp overflows unless the maximum is taken out
			}
			logits := random("ce"+what, b*h*w*c, spread)
			label := make([]uint8, b*h*w)
			for i, u := range random("ce label"+what, len(label), 1) {
				label[i] = uint8(min(c-1, int((u+1)/2*float64(c))))
				if v := u * 997; v-math.Floor(v) < ignored {
					label[i] = labelmap.Ignore
				}
			}
			loss := s.output(2)
			tx, ty := s.tensor(logits, b, h, w, c), s.labels(label, b, h, w)
			s.dev.CrossEntropy(loss, tx, ty)
			want, count := crossEntropy(logits, label, c)
			s.near(what+": loss", loss, []float64{want, float64(count)})
			dx := s.gradient(b, h, w, c)
			s.dev.CrossEntropyGrad(dx, loss, tx, ty, scale)
			s.finiteDifferences(what+": logits", dx, logits, func() float64 {
				l, _ := crossEntropy(logits, label, c)
				return scale * l
			})
		}
	}
	s.goldenCrossEntropy()
}

func (s *suite) goldenCrossEntropy() {
	s.Helper()
	f := golden.Load(s.T, "ops.safetensors")
	const name = "cross_entropy_ignore255"
	read := func(part string) ([]float64, []int) {
		v, shape := f.Float32(name + "." + part)
		if len(shape) == 4 {
			v, shape = golden.ToNHWC(v, shape)
		}
		return widen(v), shape
	}
	logits, shape := read("in.logits")
	y, labelShape := read("in.label")
	label := make([]uint8, len(y))
	for i, v := range y {
		label[i] = uint8(v)
	}
	tx, ty, loss := s.tensor(logits, shape...), s.labels(label, labelShape...), s.output(2)
	s.dev.CrossEntropy(loss, tx, ty)
	want, _ := read("out.y")
	s.nearTol(name, s.values(loss)[:1], want, atol, rtol)
	dx := s.gradient(shape...)
	s.dev.CrossEntropyGrad(dx, loss, tx, ty, 1)
	grad, _ := read("grad.logits")
	s.nearGradient(name, dx, grad)
}
