package op

import "gorgonia.org/tensor"

// CrossEntropy is the mean over labeled pixels of −log softmax(logits)[label].
//
// logits [B,H,W,C]; label uint8 [B,H,W], 255 ignored; loss [2] = (mean, number of
// labeled pixels). With no labeled pixel the loss and its gradient are 0.
// PyTorch: F.cross_entropy(ignore_index=255), which gives NaN in that last case.
type CrossEntropy interface {
	// CrossEntropy computes loss.
	CrossEntropy(loss, logits, label Tensor)
	// CrossEntropyGrad adds scale·(softmax(logits) − onehot(label))/count to dlogits;
	// loss is what CrossEntropy gave.
	CrossEntropyGrad(dlogits, loss, logits, label Tensor, scale float32)
}

// CheckCrossEntropy panics unless the operands fit the contract. It returns the positions
// and C.
func CheckCrossEntropy(loss, logits, label Tensor) (rows, c int) {
	return checkCrossEntropy("CrossEntropy", loss, logits, label)
}

// CheckCrossEntropyGrad is CheckCrossEntropy for the gradient.
func CheckCrossEntropyGrad(dlogits, loss, logits, label Tensor) (rows, c int) {
	const name = "CrossEntropyGrad"
	rows, c = checkCrossEntropy(name, loss, logits, label)
	sizedOrNil(name, "dlogits", dlogits, rows*c)
	return rows, c
}

func checkCrossEntropy(operator string, loss, logits, label Tensor) (rows, c int) {
	s := ranked(operator, "logits", logits, 4, "[B,H,W,C]")
	shapedOf(tensor.Uint8, operator, "label", label, s[:3]...)
	shaped(operator, "loss", loss, 2)
	return s[0] * s[1] * s[2], s[3]
}
