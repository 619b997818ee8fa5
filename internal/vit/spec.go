// Package vit has vision transformers (ViT) as encoders: DINOv2 (Oquab et al., 2023) and DINOv3
// (Siméoni et al., 2025). It reads their files of weights under the names that Hugging Face and
// Meta give the tensors. Encoders are not trained: they have no gradients.
package vit

import (
	"fmt"
	"slices"
)

// Spec is one encoder.
type Spec struct {
	Name      string
	Patch     int // side of a patch in pixels
	Channels  int // C
	Heads     int // of attention, each of C/Heads channels
	Blocks    int
	Registers int // tokens beside the class token that stand for no patch
	// Grid is the side of the table of positions, in patches, that is added to the patches;
	// 0: positions are told to attention by op.RotaryEmbedding.
	Grid int
}

// hidden is the channels between the two products of a block's MLP.
func (s Spec) hidden() int { return 4 * s.Channels }

// eps is that of the layer norms.
func (s Spec) eps() float32 {
	if s.rotary() {
		return 1e-5
	}
	return 1e-6
}

func (s Spec) rotary() bool { return s.Grid == 0 }

// specs are the encoders by name. The tiny ones have no published weights: they are for tests
// and for trying commands out.
var specs = slices.Concat(
	dinov2("dinov2_vits14", 384, 6, 12),
	dinov2("dinov2_vitb14", 768, 12, 12),
	dinov2("dinov2_vitl14", 1024, 16, 24),
	[]Spec{
		dinov3("dinov3_vits16", 384, 6, 12),
		dinov3("dinov3_vitb16", 768, 12, 12),
		dinov3("dinov3_vitl16", 1024, 16, 24),
	},
	dinov2("dinov2_tiny14", 128, 2, 3),
	[]Spec{dinov3("dinov3_tiny16", 128, 2, 3)},
)

// dinov2 is an encoder without registers and with: trained at 518×518, 37 patches a side.
func dinov2(name string, channels, heads, blocks int) []Spec {
	s := Spec{Name: name, Patch: 14, Channels: channels, Heads: heads, Blocks: blocks, Grid: 37}
	r := s
	r.Name, r.Registers = name+"_reg", 4
	return []Spec{s, r}
}

func dinov3(name string, channels, heads, blocks int) Spec {
	return Spec{Name: name, Patch: 16, Channels: channels, Heads: heads, Blocks: blocks, Registers: 4}
}

// Names lists the encoders.
func Names() []string {
	var names []string
	for _, s := range specs {
		names = append(names, s.Name)
	}
	return names
}

// Find returns the encoder of a name.
func Find(name string) (Spec, bool) {
	i := slices.IndexFunc(specs, func(s Spec) bool { return s.Name == name })
	if i < 0 {
		return Spec{}, false
	}
	return specs[i], true
}

// CheckSize fails unless pictures of h×w pixels are whole patches; the error names the nearest
// sizes that are.
func (s Spec) CheckSize(h, w int) error {
	if h > 0 && w > 0 && h%s.Patch == 0 && w%s.Patch == 0 {
		return nil
	}
	near := func(n int) int { return max(1, (n+s.Patch/2)/s.Patch) * s.Patch }
	if h == w {
		return fmt.Errorf("%s takes pictures whose sides are multiples of %d pixels, not %d; the nearest is %d", s.Name, s.Patch, h, near(h))
	}
	return fmt.Errorf("%s takes pictures whose sides are multiples of %d pixels, not %d×%d; the nearest are %d×%d", s.Name, s.Patch, h, w, near(h), near(w))
}

// Cost is the floating-point operations of all products for a square picture, 2 for each
// product that is summed, and the side of its map of patches.
func (s Spec) Cost(size int) (flop float64, side int) {
	side = size / s.Patch
	patches, c := float64(side*side), float64(s.Channels)
	n := patches + float64(1+s.Registers)
	flop = 2 * patches * float64(3*s.Patch*s.Patch) * c
	return flop + float64(s.Blocks)*(2*n*c*(4*c+2*float64(s.hidden()))+4*n*n*c), side
}
