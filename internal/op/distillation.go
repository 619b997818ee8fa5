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

// CheckDistillationTeacher panics unless the operands fit the contract. It returns their
// elements.
func CheckDistillationTeacher(y, label Tensor) int {
	return labeled("DistillationTeacher", y, label)
}

// CheckDistillation panics unless the operands fit the contract. It returns B and the
// positions of a sample.
func CheckDistillation(loss, student, teacher Tensor) (batch, n int) {
	const name = "Distillation"
	shaped(name, "loss", loss, 1)
	return checkDistillation(name, student, teacher)
}

// CheckDistillationGrad is CheckDistillation for the gradient.
func CheckDistillationGrad(dstudent, student, teacher Tensor) (batch, n int) {
	const name = "DistillationGrad"
	batch, n = checkDistillation(name, student, teacher)
	sizedOrNil(name, "dstudent", dstudent, batch*n)
	return batch, n
}

func checkDistillation(operator string, student, teacher Tensor) (batch, n int) {
	all := elements2(operator, "student", student, "teacher", teacher)
	batch = student.Shape()[0]
	return batch, all / batch
}
