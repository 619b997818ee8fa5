package foundation

// sure is how far a probability is from 1/2 at least, on the side that the mask says.
const sure = 1.0 / 1024

// Answer gives the object's probability for every pixel of a picture [h,w]: above 1/2 where mask, which is
// 0 or 1 for every pixel of the input [size,size], is above 1/2 when it is resized to the picture. How far
// above or below follows from p [side,side], resized likewise, and is 1/1024 at least.
func Answer(mask []float32, size int, p []float32, side, h, w int) []float32 {
	object := Bilinear(mask, size, size, h, w)
	out := Bilinear(p, side, side, h, w)
	for i, v := range object {
		if v > 0.5 {
			out[i] = max(out[i], 0.5+sure)
		} else {
			out[i] = min(out[i], 0.5-sure)
		}
	}
	return out
}
