package insid3

// sure is how far a probability is from 1/2 at least, on the side that the mask says.
const sure = 1.0 / 1024

// enlarge gives the object's probability for every pixel of a picture [h,w].
//
// Above 1/2 it is where the program's mask is: the patches of the object, resized to the input and cut
// at 1/2, resized to the picture and cut at 1/2. How far above or below follows from the clusters'
// scores: 0 for a score of 0 or less, 1/2 for that of Settings.Merge, 1 for a score of 1, straight
// lines between; resized bilinearly, and 1/1024 from 1/2 at least.
func (f *found) enlarge(s Settings, h, w int) []float32 {
	object, p := make([]float32, len(f.object)), make([]float32, len(f.scores))
	for i, is := range f.object {
		if is {
			object[i] = 1
		}
		p[i] = float32(probability(float64(f.scores[i]), s.Merge))
	}
	input := bilinear(object, f.h, f.w, s.Size, s.Size)
	for i, v := range input {
		input[i] = 0
		if v > 0.5 {
			input[i] = 1
		}
	}
	mask := bilinear(input, s.Size, s.Size, h, w)
	out := bilinear(p, f.h, f.w, h, w)
	for i, v := range mask {
		if v > 0.5 {
			out[i] = max(out[i], 0.5+sure)
		} else {
			out[i] = min(out[i], 0.5-sure)
		}
	}
	return out
}

func probability(score, merge float64) float64 {
	if score < merge {
		return max(score, 0) / (2 * merge)
	}
	return min(0.5+(score-merge)/(2*(1-merge)), 1)
}
