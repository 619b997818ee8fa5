// Package tta is test-time augmentation: the network sees an episode in several views,
// and the mean of its probabilities at full size counts.
package tta

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"hdmnet/internal/data"
)

// View is one way of showing an episode to the network.
type View struct {
	Flip  bool    // the query mirrored left to right; supports as they are
	Scale float64 // of the side of the network's input; 1: as it is
	Patch int     // of which a scaled side is a multiple; 0: it is 8n + 1
}

// Plain is the episode as it is.
var Plain = View{Scale: 1}

// scaleRange are the scales that make sense.
const leastScale, mostScale = 0.25, 4

// Parse reads what --tta says: parts separated by commas, flip and scales=A,B,…. The views
// are all combinations of scale and, with flip, mirroring. Nothing is one plain view.
func Parse(text string) ([]View, error) {
	flip, scales := false, []float64{}
	inScales := false
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		if rest, ok := strings.CutPrefix(part, "scales="); ok {
			inScales, part = true, rest
		} else if part == "flip" {
			flip, inScales = true, false
			continue
		} else if part == "" && strings.TrimSpace(text) == "" {
			break
		}
		v, err := strconv.ParseFloat(part, 64)
		if !inScales || err != nil || !(v >= leastScale && v <= mostScale) {
			return nil, fmt.Errorf("test-time augmentation %q: %q is not understood; expected flip, scales=A,B,… (%g to %g), or both: flip,scales=0.8,1,1.2",
				text, part, leastScale, float64(mostScale))
		}
		if slices.Contains(scales, v) {
			return nil, fmt.Errorf("test-time augmentation %q: scale %g is there twice", text, v)
		}
		scales = append(scales, v)
	}
	if len(scales) == 0 {
		scales = []float64{1}
	}
	var views []View
	for _, s := range scales {
		views = append(views, View{Scale: s})
		if flip {
			views = append(views, View{Flip: true, Scale: s})
		}
	}
	return views, nil
}

// String names the view; the plain one is empty.
func (v View) String() string {
	text := ""
	if v.Scale != 1 {
		text = fmt.Sprintf("scale %g", v.Scale)
	}
	if v.Flip {
		text = strings.TrimSpace(text + " flip")
	}
	return text
}

// InPatches returns the views for a network that cuts pictures into patches of a side in pixels;
// 0: it does not.
func InPatches(views []View, patch int) []View {
	out := slices.Clone(views)
	for i := range out {
		if out[i].Scale != 1 {
			out[i].Patch = patch
		}
	}
	return out
}

// Side is the side of the network's input in this view of inputs of a side: 8n + 1, or a
// multiple of Patch.
func (v View) Side(side int) int {
	if v.Scale == 1 {
		return side
	}
	if v.Patch > 0 {
		return v.Patch * max(2, int(math.Round(float64(side)*v.Scale/float64(v.Patch))))
	}
	return 8*max(4, int(math.Round(float64(side-1)*v.Scale/8))) + 1
}

// Batch shows a batch in this view; the plain one is b itself. Labels at full size, names
// and positions are those of b; of what training compares with, nothing is there.
func (v View) Batch(b *data.Batch) *data.Batch {
	if v == Plain {
		return b
	}
	s := v.Side(b.Side)
	out := &data.Batch{Size: b.Size, Shots: b.Shots, Side: s, ClassIndex: b.ClassIndex, Episodes: b.Episodes, Epoch: b.Epoch, Step: b.Step}
	out.Query = scaled(b.Query, b.Side, s)
	if v.Flip {
		out.Query = slices.Clone(out.Query)
		mirror(out.Query, s, 3)
	}
	out.Support = scaled(b.Support, b.Side, s)
	out.SupportMask = b.SupportMask
	if s != b.Side {
		out.SupportMask = make([]uint8, len(b.SupportMask)/(b.Side*b.Side)*s*s)
		for i := range len(b.SupportMask) / (b.Side * b.Side) {
			data.ResizeLabel(out.SupportMask[i*s*s:(i+1)*s*s], s, s, b.SupportMask[i*b.Side*b.Side:(i+1)*b.Side*b.Side], b.Side, b.Side)
		}
	}
	return out
}

// scaled resizes pictures [n,from,from,3] to [n,to,to,3].
func scaled(x []float32, from, to int) []float32 {
	if from == to {
		return x
	}
	n, in, out := len(x)/(from*from*3), from*from*3, to*to*3
	y := make([]float32, n*out)
	for i := range n {
		data.ResizePicture(y[i*out:(i+1)*out], to, x[i*in:(i+1)*in], from)
	}
	return y
}

// mirror swaps left and right of maps [n,·,w,c].
func mirror[T any](x []T, w, c int) {
	for row := 0; row < len(x); row += w * c {
		for l, r := 0, w-1; l < r; l, r = l+1, r-1 {
			for k := range c {
				a, b := row+l*c+k, row+r*c+k
				x[a], x[b] = x[b], x[a]
			}
		}
	}
}
