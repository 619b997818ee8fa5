package predict

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// The files that are written for a query, after its stem.
const (
	maskSuffix    = "_mask.png"
	overlaySuffix = "_overlay.png"
	logitsSuffix  = "_logits.npy"
)

// supportPrefix starts the name of a support's overlay.
const supportPrefix = "support_"

// stem is a file's name without folder and extension.
func stem(path string) string {
	base := filepath.Base(path)
	return strings.TrimSuffix(base, filepath.Ext(base))
}

// supportOverlays are the files of the supports' overlays: support_cat_overlay.png, and
// support_cat_2_overlay.png for a second support of that name.
func supportOverlays(o *Options) []string {
	var out []string
	seen := map[string]int{}
	for _, s := range o.Supports {
		name := stem(s.Image)
		seen[name]++
		if n := seen[name]; n > 1 {
			name = fmt.Sprintf("%s_%d", name, n)
		}
		out = append(out, filepath.Join(o.Out, supportPrefix+name+overlaySuffix))
	}
	return out
}

// checkOutputs makes sure that no result overwrites another one or an input.
func checkOutputs(o *Options) error {
	inputs := append([]string(nil), o.Queries...)
	for _, s := range o.Supports {
		inputs = append(inputs, s.Image, s.Mask, s.Scribble)
	}
	writes := map[string]string{} // file → what it shows
	claim := func(path, what string) error {
		if other, taken := writes[path]; taken {
			return fmt.Errorf("%s and %s would both write %s; give them different names, or predict them into different folders", other, what, path)
		}
		writes[path] = what
		info, err := os.Stat(path)
		if err != nil {
			return nil // not there; a folder that cannot be used shows when it is made
		}
		for _, in := range inputs {
			if other, err := os.Stat(in); err == nil && os.SameFile(info, other) {
				return fmt.Errorf("%s would overwrite the input %s; choose another output folder", what, in)
			}
		}
		return nil
	}
	for _, q := range o.Queries {
		for _, suffix := range []string{maskSuffix, overlaySuffix, logitsSuffix} {
			if err := claim(filepath.Join(o.Out, stem(q)+suffix), "query "+q); err != nil {
				return err
			}
		}
	}
	for i, path := range supportOverlays(o) {
		if err := claim(path, "support "+o.Supports[i].Image); err != nil {
			return err
		}
	}
	return nil
}
