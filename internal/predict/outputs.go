package predict

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"hdmnet/internal/atomicfile"
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

// checkOutputs makes sure that no result overwrites another one, an input or, without
// Force, a file that is nobody's result.
func checkOutputs(o *Options) error {
	inputs := append([]string(nil), o.Queries...)
	for _, s := range o.Supports {
		inputs = append(inputs, s.Image, s.Mask, s.Scribble)
	}
	writes := map[string]string{} // file → what it shows
	var there []string
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
		if atomicfile.Free(path) != nil && !own(path) {
			there = append(there, path)
		}
		return nil
	}
	suffixes := []string{maskSuffix, overlaySuffix}
	if o.SaveLogits {
		suffixes = append(suffixes, logitsSuffix)
	}
	for _, q := range o.Queries {
		for _, suffix := range suffixes {
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
	if len(there) > 0 && !o.Force {
		return &ExistError{there}
	}
	return nil
}

// ExistError are files of the results' names that are there already.
type ExistError struct{ Paths []string }

func (e *ExistError) Error() string {
	more := ""
	if n := len(e.Paths) - 1; n > 0 {
		more = fmt.Sprintf(" (and %d more of the results)", n)
	}
	return fmt.Sprintf("%s%s is there already, and not as predict wrote it; choose another output folder", e.Paths[0], more)
}

// Unwrap is fs.ErrExist.
func (e *ExistError) Unwrap() error { return fs.ErrExist }
