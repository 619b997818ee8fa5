package op

// Distillation pulls a correlation map toward its teacher (section 3.5 of the paper).
//
//	t = softmax over positions of teacher    p = softmax over positions of student
//	KL = mean_b Σ_n t(log(t + 1e-12) − log(p + 1e-12))
//
// student, teacher [B,n...]; loss [1].
type Distillation interface {
	// DistillationTeacher computes the first teacher from the query label (uint8):
	// y = 1 where label is 1, else −1e9.
	DistillationTeacher(y, label Tensor)
	// Distillation computes loss.
	Distillation(loss, student, teacher Tensor)
	// DistillationGrad adds scale·∂KL/∂student to dstudent; the teacher has no gradient.
	DistillationGrad(dstudent, student, teacher Tensor, scale float32)
}
