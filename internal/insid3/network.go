package insid3

import (
	"hdmnet/internal/data"
	"hdmnet/internal/foundation"
)

// network is the method with an encoder.
type network struct {
	Settings
	encoder   *foundation.Encoder
	projector []float32 // of the debiased features
}

// Open finds the subspace of positions in the features of a black picture. The encoder runs once for it; that
// and the decomposition take about as long as two pictures.
func (s Settings) Open(e *foundation.Encoder) (foundation.Finder, error) {
	black, err := e.Encode("a black picture", make([]float32, e.Size*e.Size*3))
	if err != nil {
		return nil, err
	}
	p, err := projector(foundation.Normalized(black, e.Channels), e.Channels, s.Components)
	return &network{s, e, p}, err
}

// Find follows the program; see Settings.answer for the probability, which is above 1/2 where its mask is.
//
// Memory, besides the encoder's, for n patches of C channels: 4·n·C bytes for the features of every
// support and of the query, and twice as much again with length 1, with and without the positions; 4·n²
// for the distances between the query's patches, half of n² in float64. For ViT-L at 1024×1024, n = 4096:
// 48 MiB a picture, 64 MiB.
func (n *network) Find(e *data.Episode) ([]float32, error) {
	read, raw, err := n.encoder.Read(e)
	if err != nil {
		return nil, err
	}
	if len(read) == 0 {
		return make([]float32, e.H*e.W), nil
	}
	p, c := n.encoder.Product(), n.encoder.Channels
	var supports []support
	for _, s := range read {
		supports = append(supports, support{featuresOf(p, s.Features, n.projector, c), s.Object})
	}
	found := segment(p, supports, featuresOf(p, raw, n.projector, c), c, n.Settings)
	return found.answer(n.Settings, n.encoder.Side, e.H, e.W), nil
}
