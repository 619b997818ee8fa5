package model

import (
	"hdmnet/internal/nn"
	"hdmnet/internal/op"
)

// features are the frozen maps of a batch: the B queries first, then the B·K supports. f5 is
// nil before the head has run.
type features struct {
	f2, f3, f4, f5 *nn.Var
}

// features runs the backbone and the head on queries and supports, which share all weights,
// as one list of images: as many at a time as fill the device, so that many shots need no
// more memory than few. The head is left to base where it runs on all images at once. Supports are masked, but for ambiguity elimination, which compares
// their foreground with their background. Images in the cache are taken from there. It panics
// with ErrForgotten where an image that was left out is not there.
func (n *HDMNet) features(t *nn.Tape, in Input, mask op.Tensor) features {
	qs, ss := in.Query.Shape(), in.Support.Shape()
	b, bk, h, w := qs[0], ss[0]*ss[1], qs[1], qs[2]
	support := t.Arena.Reshape(in.Support, bk, h, w, 3)
	total, chunk := b+bk, max(1, op.PreferredBatchPixels(t.Dev)/(((h+7)/8)*((w+7)/8)))
	cache := n.cache
	if in.Names == nil {
		cache = nil
	}

	if cache != nil {
		clear(cache.read) // of a pass that did not end
	}
	wanted := n.wanted[:0] // images to compute
	for i := range total {
		if cache != nil && cache.has(t, in.Names[i]) {
			continue
		}
		if in.Absent != nil && in.Absent[i] {
			panic(&op.DeviceError{Err: ErrForgotten})
		}
		wanted = append(wanted, i)
	}
	n.wanted = wanted
	var all features
	for lo := 0; lo < len(wanted); lo += chunk {
		images := wanted[lo:min(lo+chunk, len(wanted))]
		op.Region(t.Dev, RegionBackbone)
		x := t.Arena.Float32(len(images), h, w, 3)
		for lo := 0; lo < len(images); { // neighbors in one call
			hi := lo + 1
			for hi < len(images) && images[hi] == images[hi-1]+1 && images[hi] != b {
				hi++
			}
			to, i, count := t.Arena.Rows(x, lo, hi), images[lo], hi-lo
			switch {
			case i < b:
				t.Dev.Copy(to, t.Arena.Rows(in.Query, i, i+count))
			case n.ambiguity:
				t.Dev.Copy(to, t.Arena.Rows(support, i-b, i-b+count))
			default:
				t.Dev.MaskImage(to, t.Arena.Rows(support, i-b, i-b+count), t.Arena.Reshape(t.Arena.Rows(mask, i-b, i-b+count), count, h, w))
			}
			lo = hi
		}
		var part features
		t.Halves = !n.ambiguity
		part.f2, part.f3, part.f4 = n.Base.Backbone.features(t, t.Const(x))
		t.Halves = false
		t.Arena.Free(x)
		if len(images) == total {
			all = part
			break
		}
		n.head(t, &part)
		all.room(t, part.values(), total)
		for k, m := range part.values() {
			for row, i := range images {
				t.Dev.Copy(t.Arena.Rows(all.values()[k], i, i+1), t.Arena.Rows(m, row, row+1))
			}
		}
		t.Free(part.f2, part.f3, part.f4, part.f5)
	}
	if cache != nil {
		if all.f2 != nil && all.f5 == nil {
			n.head(t, &all)
		}
		cache.exchange(t, &all, in.Names, wanted)
	}
	return all
}

// head makes f5.
func (n *HDMNet) head(t *nn.Tape, f *features) {
	op.Region(t.Dev, RegionHead)
	t.Halves = !n.ambiguity // whose contrasts take float32
	f.f5 = n.Base.head(t, f.f4)
	t.Halves = false
}

func (f *features) values() [4]op.Tensor {
	return [4]op.Tensor{f.f2.Value, f.f3.Value, f.f4.Value, f.f5.Value}
}

// room makes maps for total images, like those of some, unless there are maps already.
func (f *features) room(t *nn.Tape, like [4]op.Tensor, total int) {
	if f.f2 != nil {
		return
	}
	for k, m := range []**nn.Var{&f.f2, &f.f3, &f.f4, &f.f5} {
		*m = t.Const(t.Arena.Of(like[k], append([]int{total}, like[k].Shape()[1:]...)...))
	}
}
