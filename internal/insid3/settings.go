package insid3

import "fmt"

// Settings are the numbers of the method.
type Settings struct {
	Size       int     // side S of the square input, pixels, a multiple of the encoder's patch
	Components int     // r, of the positions' subspace; 0: defaultComponents
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

// Check says which number is out of range for an encoder of a patch and channels.
func (s Settings) Check(patch, channels int) error {
	switch {
	case s.Size < patch || s.Size%patch != 0:
		return fmt.Errorf("insid3: size %d: expected a multiple of the encoder's patch, %d", s.Size, patch)
	case s.Components < 0 || s.Components >= channels:
		return fmt.Errorf("insid3: %d components: expected fewer than the encoder's %d channels; 0 takes %d", s.Components, channels, defaultComponents(channels))
	case !(s.Tau > 0 && s.Tau < 1):
		return fmt.Errorf("insid3: tau %g: expected a similarity between 0 and 1", s.Tau)
	case !(s.Merge > 0 && s.Merge < 1):
		return fmt.Errorf("insid3: merge %g: expected a score between 0 and 1", s.Merge)
	}
	return nil
}
