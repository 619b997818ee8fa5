//go:build cuda

package cuda

import "hdmnet/internal/op"

// distillationThreads is a block of kernels/distillation.cu, which holds one sample.
const distillationThreads = 512

// DistillationTeacher implements op.Distillation.
func (d *Device) DistillationTeacher(y, label op.Tensor) {
	op.SameSize("DistillationTeacher", y, label)
	n := op.Len(y)
	d.launch("distillation_teacher", d.perElement(n), y, label, n)
}

// Distillation implements op.Distillation.
func (d *Device) Distillation(loss, student, teacher op.Tensor) {
	op.Shape("Distillation", "loss", loss, 1)
	op.SameSize("Distillation", student, teacher)
	batch := student.Shape()[0]
	partial := d.scratch(batch)
	defer d.freeScratch(partial)
	d.launch("distillation", grid1(batch, distillationThreads), partial, student, teacher, op.Len(student)/batch)
	d.launch("distillation_end", grid1(1, 32), loss, partial, batch)
}

// DistillationGrad implements op.Distillation.
func (d *Device) DistillationGrad(dstudent, student, teacher op.Tensor, scale float32) {
	op.SameSize("DistillationGrad", dstudent, student, teacher)
	if dstudent == nil {
		return
	}
	batch := student.Shape()[0]
	d.launch("distillation_grad", grid1(batch, distillationThreads), dstudent, student, teacher, scale/float32(batch), op.Len(student)/batch)
}
