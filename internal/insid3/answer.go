package insid3

import "hdmnet/internal/foundation"

// answer gives the object's probability for every pixel of a picture [h,w].
//
// Above 1/2 it is where the program's mask is: the patches of the object, resized to the input and cut
// at 1/2, resized to the picture and cut at 1/2. How far above or below follows from the clusters'
// scores: 0 for a score of 0 or less, 1/2 for that of Settings.Merge, 1 for a score of 1, straight
// lines between.
func (f *found) answer(s Settings, side, h, w int) []float32 {
	object, p := make([]float32, len(f.object)), make([]float32, len(f.scores))
	for i, is := range f.object {
		if is {
			object[i] = 1
		}
		p[i] = float32(probability(float64(f.scores[i]), s.Merge))
	}
	mask := foundation.Bilinear(object, side, side, s.Size, s.Size)
	for i, v := range mask {
		mask[i] = 0
		if v > 0.5 {
			mask[i] = 1
		}
	}
	return foundation.Answer(mask, s.Size, p, side, h, w)
}

func probability(score, merge float64) float64 {
	if score < merge {
		return max(score, 0) / (2 * merge)
	}
	return min(0.5+(score-merge)/(2*(1-merge)), 1)
}
