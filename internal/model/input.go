package model

import (
	"hdmnet/internal/data"
	"hdmnet/internal/nn"
	"hdmnet/internal/op"
)

// Input is one batch of episodes on the device.
type Input struct {
	Query         op.Tensor // [B,S,S,3], normalized (Normalize)
	Support       op.Tensor // [B,K,S,S,3], likewise; nil for the base learner alone
	SupportMask   op.Tensor // uint8 [B,K,S,S]: 0, 1, 255; nil likewise
	Names         []string  // of the B queries and then the B·K supports with their masks, for CacheFeatures; nil: unknown
	Absent        []bool    // likewise: images that were left out, because their features are kept; nil: none
	ExcludedClass op.Tensor // int32 [B]: the base class left out of the base foreground; nil in evaluation
}

// Labels are what the losses compare the outputs for a batch with.
type Labels struct {
	Query op.Tensor // uint8 [B,S,S]: 1 the episode's class, 0 not, 255 ignored; nil for the base learner alone
	Base  op.Tensor // uint8 [B,S,S]: 0 background, 1.. base classes, 255 ignored
}

// Upload brings the pictures of a batch, and the supports' masks, to the device, into
// memory of the tape's pass. Pictures are gray levels until Normalize.
func Upload(t *nn.Tape, b *data.Batch) Input {
	op.Region(t.Dev, RegionUpload)
	n, k, s := b.Size, b.Shots, b.Side
	in := Input{Query: pictures(t, b.Query, n, s, s, 3)}
	if k > 0 {
		in.Support, in.SupportMask = pictures(t, b.Support, n, k, s, s, 3), masks(t, b.SupportMask, n, k, s, s)
	}
	return in
}

// UploadTraining is Upload with the class that the base foreground leaves out, and the
// labels for the losses.
func UploadTraining(t *nn.Tape, b *data.Batch) (Input, Labels) {
	in, n, s := Upload(t, b), b.Size, b.Side
	l := Labels{Base: masks(t, b.BaseLabel, n, s, s)}
	if b.Shots == 0 {
		return in, l
	}
	l.Query = masks(t, b.QueryMask, n, s, s)
	except := make([]int32, n)
	for i, class := range b.ClassIndex {
		except[i] = int32(class) + 1 // base label 0 is background
	}
	in.ExcludedClass = t.Arena.Int32(n)
	t.Dev.Upload(in.ExcludedClass, except)
	return in, l
}

// Normalize brings the pictures from gray levels to the network's range: minus mean, over
// standard deviation, by channel.
func (in *Input) Normalize(t *nn.Tape) {
	t.Dev.Normalize(in.Query, in.Query, data.Mean, data.Std)
	if in.Support != nil {
		t.Dev.Normalize(in.Support, in.Support, data.Mean, data.Std)
	}
}

func pictures(t *nn.Tape, v []float32, shape ...int) op.Tensor {
	x := t.Arena.Float32(shape...)
	t.Dev.Upload(x, v)
	return x
}

func masks(t *nn.Tape, v []uint8, shape ...int) op.Tensor {
	x := t.Arena.Uint8(shape...)
	t.Dev.Upload(x, v)
	return x
}
