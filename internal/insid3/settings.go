package insid3

import (
	"fmt"

	"hdmnet/internal/foundation"
	"hdmnet/internal/vit"
)

// Settings are the numbers of the method.
type Settings struct {
	Size       int     // side S of the square input, pixels, a multiple of the encoder's patch; 0: see For
	Components int     // r, of the positions' subspace; 0 likewise
	Tau        float64 // τ: clusters are cut where the mean similarity falls to it, in (0, 1)
	Merge      float64 // score above which a cluster is the object, in (0, 1)
}

// paperSize is the side of the paper's input.
const paperSize = 1024

// defaultComponents is r for features of C channels: the paper's 500 for the 1024 channels of ViT-L,
// 20 for smaller encoders, as in the program's example with ViT-B (of matching points). The program
// itself takes 500 whatever the encoder, which leaves a third of ViT-B's channels and nothing of the 384
// of ViT-S. What tells the place has as many directions as there are smooth functions of two coordinates,
// not as there are channels.
func defaultComponents(channels int) int {
	if channels >= 1024 {
		return 500
	}
	return 20
}

// For are the settings with those that are 0 made the defaults for an encoder: a side of 1024 pixels, as in
// the paper, or the multiple of the patch next to it, and defaultComponents.
func (s Settings) For(e vit.Spec) Settings {
	if s.Size == 0 {
		s.Size = foundation.SizeFor(paperSize, e.Patch)
	}
	if s.Components == 0 {
		s.Components = defaultComponents(e.Channels)
	}
	return s
}

// Side is the side of the input.
func (s Settings) Side() int { return s.Size }

// Check says which number is out of range for an encoder.
func (s Settings) Check(e vit.Spec) error {
	switch {
	case s.Components < 0 || s.Components >= e.Channels:
		return fmt.Errorf("insid3.components is %d, expected fewer than the encoder's %d channels; 0 takes %d", s.Components, e.Channels, defaultComponents(e.Channels))
	case !(s.Tau > 0 && s.Tau < 1):
		return fmt.Errorf("insid3.tau is %g, expected a similarity between 0 and 1", s.Tau)
	case !(s.Merge > 0 && s.Merge < 1):
		return fmt.Errorf("insid3.merge is %g, expected a score between 0 and 1", s.Merge)
	}
	return foundation.CheckSize("insid3", s.Size, e)
}

func (s Settings) String() string {
	return fmt.Sprintf("insid3 with %d components, tau %g, merge %g", s.Components, s.Tau, s.Merge)
}
