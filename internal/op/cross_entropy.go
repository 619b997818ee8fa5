package op

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
