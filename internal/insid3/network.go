package insid3

import (
	"errors"
	"fmt"

	"hdmnet/internal/data"
	"hdmnet/internal/nn"
	"hdmnet/internal/op"
	"hdmnet/internal/vit"
)

// Network finds objects by an encoder that was not trained for it.
type Network struct {
	input
	Settings
	tape      *nn.Tape
	encoder   *vit.Encoder
	projector []float32 // of the debiased features
	cache     cache
}

// SizeFor is the side of the input for an encoder of a patch where none is asked for: 1024 as in the
// paper, or the multiple of the patch next to it.
func SizeFor(patch int) int { return (paperSize + patch/2) / patch * patch }

// New returns the method on an encoder's features. It runs the encoder on a black picture and takes the
// positions' subspace from it, which takes about as long as two pictures.
//
// Errors: settings that the encoder cannot be used with (Settings.Check); weights that give NaN.
func New(e *vit.Encoder, t *nn.Tape, s Settings) (*Network, error) {
	spec := e.Spec()
	if err := s.Check(spec.Patch, spec.Channels); err != nil {
		return nil, err
	}
	if s.Components == 0 {
		s.Components = defaultComponents(spec.Channels)
	}
	n := &Network{Settings: s, tape: t, encoder: e}
	black, err := n.encode("a black picture", make([]float32, s.Size*s.Size*3))
	if err != nil {
		return nil, err
	}
	normalize(black, spec.Channels)
	n.projector, err = projector(black, spec.Channels, s.Components)
	return n, err
}

// CacheFeatures keeps the features of named pictures in at most bytes of memory, those asked for last;
// 0 ends it.
func (n *Network) CacheFeatures(bytes int64) { n.cache.resize(bytes) }

// FeatureBytes is the memory of one picture's features.
func (n *Network) FeatureBytes() int64 {
	spec := n.encoder.Spec()
	side := int64(n.Size / spec.Patch)
	return side * side * int64(spec.Channels) * 4
}

// Find returns the probability [H,W] of an episode's object for every pixel of its query; see
// found.enlarge. It is above 1/2 where the program's mask is. Pictures and masks of the episode are those
// of Picture and Label at the side Settings.Size, gray levels. Features are kept under the pictures' names.
//
// Memory, besides the encoder's, for n patches of C channels: 4·n·C bytes for the features of every
// support and of the query, and as much again without the positions; 4·n² for the distances between the
// query's patches, half of n² in float64. For ViT-L at 1024×1024, n = 4096: 32 MiB a picture, 64 MiB.
//
// Errors: weights that give NaN, naming the picture.
func (n *Network) Find(e *data.Episode) ([]float32, error) {
	side := n.Size / n.encoder.Spec().Patch
	var supports []support
	for i, s := range e.Supports {
		f, err := n.features(e.SupportNames[i], s.Image)
		if err != nil {
			return nil, err
		}
		supports = append(supports, support{f, patches(s.Mask, n.Size, side, side)})
	}
	query, err := n.features(e.QueryName, e.Query.Image)
	if err != nil {
		return nil, err
	}
	n.tape.Begin(false, 0)
	return segment(product{n.tape}, supports, query, n.Settings).enlarge(n.Settings, e.H, e.W), nil
}

// features are those of a picture, kept or computed.
func (n *Network) features(name string, image []float32) (*features, error) {
	plain := n.cache.get(name)
	if plain == nil {
		raw, err := n.encode(name, image)
		if err != nil {
			return nil, err
		}
		normalize(raw, n.encoder.Spec().Channels)
		plain = raw
		n.cache.put(name, plain)
	}
	side := n.Size / n.encoder.Spec().Patch
	n.tape.Begin(false, 0)
	return debiased(product{n.tape}, plain, n.projector, side, side), nil
}

// encode is the encoder's output [n,C] for an image [S,S,3] of gray levels.
func (n *Network) encode(name string, image []float32) ([]float32, error) {
	t := n.tape
	t.Begin(false, 0)
	x := t.Arena.Float32(1, n.Size, n.Size, 3)
	t.Dev.Upload(x, image)
	t.Dev.Normalize(x, x, data.Mean, data.Std)
	out := n.encoder.Forward(t, x, []int{n.encoder.Spec().Blocks})[0].Value
	raw := make([]float32, op.Len(out))
	t.Dev.Download(raw, out)
	for _, v := range raw {
		if v-v != 0 {
			return nil, fmt.Errorf("%s: %w", name, errNotFinite)
		}
	}
	return raw, nil
}

var errNotFinite = errors.New("the encoder gives NaN or Inf; its weights are damaged")
