package predict

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Pair is a support: a picture and its mask, both files.
type Pair struct{ Image, Mask string }

// ParsePair reads "image:mask". Of several colons the one counts that leaves two
// existing files; with none of them the last one does, and reading will name what is
// missing.
func ParsePair(s string) (Pair, error) {
	var last Pair
	for i := range s {
		if s[i] != ':' || i == 0 || i == len(s)-1 {
			continue
		}
		last = Pair{s[:i], s[i+1:]}
		if isFile(last.Image) && isFile(last.Mask) {
			return last, nil
		}
	}
	if last == (Pair{}) {
		return last, fmt.Errorf("support %q: expected image:mask, for instance cat.jpg:cat_mask.png", s)
	}
	return last, nil
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// The files that are written for a query, after its stem.
const (
	maskSuffix    = "_mask.png"
	overlaySuffix = "_overlay.png"
	logitsSuffix  = "_logits.npy"
)

// stem is a file's name without folder and extension.
func stem(path string) string {
	base := filepath.Base(path)
	return strings.TrimSuffix(base, filepath.Ext(base))
}

// checkOutputs makes sure that no query overwrites another one's result or an input.
func checkOutputs(o *Options) error {
	first := map[string]string{}
	for _, q := range o.Queries {
		s := stem(q)
		if other, taken := first[s]; taken {
			return fmt.Errorf("queries %s and %s would both write %s; give them different names, or predict them into different folders",
				other, q, filepath.Join(o.Out, s+maskSuffix))
		}
		first[s] = q
	}
	inputs := append([]string(nil), o.Queries...)
	for _, p := range o.Supports {
		inputs = append(inputs, p.Image, p.Mask)
	}
	for _, q := range o.Queries {
		for _, suffix := range []string{maskSuffix, overlaySuffix, logitsSuffix} {
			out := filepath.Join(o.Out, stem(q)+suffix)
			info, err := os.Stat(out)
			if err != nil {
				continue // not there; a folder that cannot be used shows when it is made
			}
			for _, in := range inputs {
				if other, err := os.Stat(in); err == nil && os.SameFile(info, other) {
					return fmt.Errorf("query %s would overwrite the input %s; choose another output folder", q, in)
				}
			}
		}
	}
	return nil
}
