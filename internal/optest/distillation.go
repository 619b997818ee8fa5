package optest

import (
	"fmt"
	"math"

	"hdmnet/internal/golden"
	"hdmnet/internal/op"
)

// distillation is the definition, for b samples.
func distillation(b int, student, teacher []float64) float64 {
	softmax := func(x []float64) []float64 {
		top, z := math.Inf(-1), 0.0
		for _, v := range x {
			top = max(top, v)
		}
		y := make([]float64, len(x))
		for i, v := range x {
			y[i] = math.Exp(v - top)
			z += y[i]
		}
		for i := range y {
			y[i] /= z
		}
		return y
	}
	n, total := len(student)/b, 0.0
	for i := range b {
		p, t := softmax(student[i*n:(i+1)*n]), softmax(teacher[i*n:(i+1)*n])
		for j := range p {
			total += t[j] * (math.Log(t[j]+1e-12) - math.Log(p[j]+1e-12))
		}
	}
	return total / float64(b)
}

func testDistillation(s *suite) {
	const scale = 1.0 / 3
	for _, sh := range [][3]int{{1, 1, 1}, {2, 3, 5}, {3, 7, 7}, {1, 60, 60}} {
		for _, teacher := range []string{"map", "mask", "nothing"} {
			what := fmt.Sprint(sh, " teacher ", teacher)
			b, h, w := sh[0], sh[1], sh[2]
			student, target := random("student"+what, b*h*w, 8), random("teacher"+what, b*h*w, 8)
			for i := range target {
				if teacher == "nothing" || teacher == "mask" && target[i] < 0 && i > 0 {
					target[i] = -1e9
				}
			}
			loss, ts, tt := s.output(1), s.tensor(student, b, h, w), s.tensor(target, b, h, w)
			s.dev.Distillation(loss, ts, tt)
			s.near(what+": loss", loss, []float64{distillation(b, student, target)})
			ds := s.gradient(b, h, w)
			s.dev.DistillationGrad(ds, ts, tt, scale)
			if h*w == 1 {
				s.near(what+": one position", ds, repeat(gradStart, b)) // softmax of one position is 1
				continue
			}
			s.finiteDifferences(what+": student", ds, student, func() float64 { return scale * distillation(b, student, target) })
		}
	}
	y := s.output(1, 2, 3)
	s.dev.DistillationTeacher(y, s.labels([]uint8{0, 1, 255, 1, 0, 2}, 1, 2, 3))
	s.near("first teacher", y, []float64{-1e9, 1, -1e9, 1, -1e9, -1e9})

	s.goldenDistillation("distill_first", "query_mask")
	s.goldenDistillation("distill_no_foreground", "query_mask")
	s.goldenDistillation("distill_chain", "teacher")
}

// goldenDistillation resizes the teacher to the student's size as the network does,
// bilinear without aligned corners.
func (s *suite) goldenDistillation(name, teacher string) {
	s.Helper()
	f := golden.Load(s.T, "ops.safetensors")
	student, shape := f.Float32(name + ".in.student")
	source, from := f.Float32(name + ".in." + teacher)
	full := s.tensor(widen(source), from[0], from[1], from[2], 1)
	if teacher == "query_mask" {
		label := make([]uint8, len(source))
		for i, v := range source {
			label[i] = uint8(v)
		}
		s.dev.DistillationTeacher(full, s.labels(label, from[0], from[1], from[2], 1))
	}
	target := s.output(shape[0], shape[1], shape[2], 1)
	s.dev.ResizeBilinear(target, full, false)
	ts, tt := s.tensor(widen(student), shape...), op.Reshape(target, shape...)
	loss := s.output(1)
	s.dev.Distillation(loss, ts, tt)
	want, _ := f.Float32(name + ".out.y")
	s.near(name, loss, widen(want))
	ds := s.gradient(shape...)
	s.dev.DistillationGrad(ds, ts, tt, 1)
	grad, _ := f.Float32(name + ".grad.student")
	s.nearGradient(name, ds, widen(grad))
}
