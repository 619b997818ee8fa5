package prototypes

import (
	"fmt"

	"hdmnet/internal/foundation"
	"hdmnet/internal/vit"
)

// Settings are the numbers of the method.
type Settings struct {
	Size     int    // side S of the square input, pixels, a multiple of the encoder's patch; 0: see For
	Clusters int    // k, prototypes of the object, and as many of the background
	Seed     uint64 // of k-means++
}

// paperSize is the side of the paper's input.
const paperSize = 512

// For are the settings with a size of 0 made the default for an encoder: 512 pixels, as in the paper, or the
// multiple of the patch next to it.
func (s Settings) For(e vit.Spec) Settings {
	if s.Size == 0 {
		s.Size = foundation.SizeFor(paperSize, e.Patch)
	}
	return s
}

// Side is the side of the input.
func (s Settings) Side() int { return s.Size }

// Check says which number is out of range for an encoder.
func (s Settings) Check(e vit.Spec) error {
	if s.Clusters < 1 {
		return fmt.Errorf("prototypes.clusters is %d, expected 1 or more", s.Clusters)
	}
	return foundation.CheckSize("prototypes", s.Size, e)
}

func (s Settings) String() string {
	return fmt.Sprintf("prototypes with %d clusters, seed %d", s.Clusters, s.Seed)
}

// Open needs no preparation.
func (s Settings) Open(e *foundation.Encoder) (foundation.Finder, error) { return &network{s, e}, nil }
