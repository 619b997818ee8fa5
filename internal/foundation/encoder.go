package foundation

import (
	"errors"
	"fmt"
	"slices"

	"hdmnet/internal/data"
	"hdmnet/internal/nn"
	"hdmnet/internal/op"
	"hdmnet/internal/vit"
)

// SizeFor is the multiple of a patch next to a side, in pixels.
func SizeFor(side, patch int) int { return (side + patch/2) / patch * patch }

// CheckSize fails unless a side is a multiple of the patch of a method's encoder; the error names the
// setting and the nearest side.
func CheckSize(method string, side int, s vit.Spec) error {
	if err := s.CheckSize(side, side); err != nil {
		return fmt.Errorf("%s.size is %d: %w", method, side, err)
	}
	return nil
}

// Encoder gives the features of pictures at its square input.
type Encoder struct {
	input
	Size     int // side of the input, pixels
	Side     int // of the map of patches
	Channels int // C, of a patch's features
	tape     *nn.Tape
	encoder  *vit.Encoder
	cache    cache
}

// New returns an encoder whose input has a side of size pixels, a multiple of its patch.
func New(e *vit.Encoder, t *nn.Tape, size int) *Encoder {
	spec := e.Spec()
	return &Encoder{Size: size, Side: size / spec.Patch, Channels: spec.Channels, tape: t, encoder: e}
}

// CacheFeatures keeps the features of named pictures in at most bytes of memory, those asked for last;
// 0 ends it.
func (e *Encoder) CacheFeatures(bytes int64) { e.cache.resize(bytes) }

// FeatureBytes is the memory of one picture's features.
func (e *Encoder) FeatureBytes() int64 { return int64(e.Side) * int64(e.Side) * int64(e.Channels) * 4 }

// Product is how features are multiplied. It takes the device memory of the last Encode or Product.
func (e *Encoder) Product() Product {
	e.tape.Begin(false, 0)
	return Product{e.tape}
}

// Support is a picture in which the object is marked.
type Support struct {
	Features []float32 // [n,C], not to be changed
	Object   []bool    // [n] patches of the object, one at least
	Mask     []uint8   // [Size,Size]
}

// Read encodes the pictures of an episode: its supports, without those that show no object, and its query
// [n,C]. Without a support that shows one, the query is nil.
func (e *Encoder) Read(episode *data.Episode) (supports []Support, query []float32, err error) {
	for i, s := range episode.Supports {
		object := Patches(s.Mask, e.Size, e.Side)
		if !slices.Contains(object, true) {
			continue
		}
		f, err := e.features(episode.SupportNames[i], s.Image)
		if err != nil {
			return nil, nil, err
		}
		supports = append(supports, Support{f, object, s.Mask})
	}
	if len(supports) == 0 {
		return nil, nil, nil
	}
	query, err = e.features(episode.QueryName, episode.Query.Image)
	return supports, query, err
}

// features are those of a picture, kept or computed.
func (e *Encoder) features(name string, image []float32) ([]float32, error) {
	if f := e.cache.get(name); f != nil {
		return f, nil
	}
	f, err := e.Encode(name, image)
	if err == nil {
		e.cache.put(name, f)
	}
	return f, err
}

// Encode is the encoder's output [n,C] for an image [Size,Size,3] of gray levels; errors say its name.
func (e *Encoder) Encode(name string, image []float32) ([]float32, error) {
	t := e.tape
	t.Begin(false, 0)
	x := t.Arena.Float32(1, e.Size, e.Size, 3)
	t.Dev.Upload(x, image)
	t.Dev.Normalize(x, x, data.Mean, data.Std)
	out := e.encoder.Forward(t, x, []int{e.encoder.Spec().Blocks})[0].Value
	f := make([]float32, op.Len(out))
	t.Dev.Download(f, out)
	for _, v := range f {
		if v-v != 0 {
			return nil, fmt.Errorf("%s: %w", name, errNotFinite)
		}
	}
	return f, nil
}

var errNotFinite = errors.New("the encoder gives NaN or Inf; its weights are damaged")
