package weights

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"hdmnet/internal/infile"
)

// TopKey is the key of the tensors at the top of a file.
const TopKey = "."

// SplitKey parts FILE#KEY, which names a dict or a prefix inside a file of weights. A file
// whose own name has a # is a file; key is empty where there is none.
func SplitKey(path string) (file, key string) {
	at := strings.LastIndexByte(path, '#')
	if at < 0 {
		return path, ""
	}
	if _, err := os.Stat(path); err == nil {
		return path, ""
	}
	if file, key = path[:at], path[at+1:]; key != TopKey {
		key = strings.TrimSuffix(key, ".")
	}
	return file, key
}

// Keys lists the places that hold tensors: of a PyTorch file the dicts, each as the keys
// that lead to it with dots between; "" is the top. Safetensors have no dicts.
func (f *File) Keys() []string {
	if f.pickled == nil {
		return []string{""}
	}
	var keys []string
	for _, path := range f.pickled.dicts {
		keys = append(keys, strings.Join(path, "."))
	}
	return keys
}

// At is the file with the tensors of one place alone: those of a dict (see Keys), those
// whose names begin with key and a dot, or, of a dict, those whose names begin with the rest
// of the key. Their names lose what they have in common with the key. It shares the open
// file with f.
func (f *File) At(key string) (*File, error) {
	if key == TopKey {
		key = ""
	}
	if f.pickled == nil {
		if key == "" {
			return f, nil
		}
		return f.Under(key + ".")
	}
	var best []string
	found, rest := false, ""
	for _, path := range f.pickled.dicts {
		dict := strings.Join(path, ".")
		tail, ok := strings.CutPrefix(key, dict)
		if ok && (tail == "" || dict == "" || tail[0] == '.') && (!found || len(path) > len(best)) {
			best, rest, found = path, strings.TrimPrefix(tail, "."), true
		}
	}
	if !found {
		return nil, f.noSuch(key)
	}
	g := *f
	if err := g.take(best); err != nil {
		return nil, err
	}
	g.pickled = nil
	if rest == "" {
		return &g, nil
	}
	return g.Under(rest + ".")
}

// Under is the file with the tensors whose names begin with prefix, which is dropped; the
// others are Skipped. Names that torch.compile and FSDP put between modules (_orig_mod)
// count for nothing.
func (f *File) Under(prefix string) (*File, error) {
	bare := WithoutWrappers(prefix)
	var others []string
	g, err := f.Renamed(func(name string) (string, bool) {
		rest, ok := strings.CutPrefix(WithoutWrappers(name), bare)
		if !ok || rest == "" {
			others = append(others, shorten(name)+" (a tensor)")
			return "", false
		}
		return rest, true
	})
	if err != nil {
		return nil, err
	}
	if len(g.tensors) == 0 {
		return nil, f.noSuch(strings.TrimSuffix(prefix, "."))
	}
	g.prefix += prefix
	g.skipped = append(slices.Clone(f.skipped), others...)
	return g, nil
}

// between are the names that PyTorch's wrappers put between modules, at any depth.
var between = []string{"_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"}

// WithoutWrappers is the name of a tensor without the parts that torch.compile, FSDP and
// activation checkpointing put between modules.
func WithoutWrappers(name string) string {
	if !strings.Contains(name, "_") {
		return name
	}
	parts := strings.Split(name, ".")
	return strings.Join(slices.DeleteFunc(parts, func(part string) bool { return slices.Contains(between, part) }), ".")
}

func (f *File) noSuch(key string) error {
	var there []string
	for _, k := range f.Keys() {
		if k != "" {
			there = append(there, infile.Shown(shorten(k)))
		}
	}
	if len(there) == 0 {
		there = f.tops()
	}
	if len(there) > 10 {
		there = append(there[:10], "…")
	}
	return fmt.Errorf("%s holds no tensors under the key %q; there are %s", f.path, shorten(key), strings.Join(there, ", "))
}

// tops are the first parts of the tensors' names.
func (f *File) tops() []string {
	var tops []string
	for _, name := range f.Names() {
		if top, _, _ := strings.Cut(name, "."); !slices.Contains(tops, infile.Shown(shorten(top))) && len(tops) <= 10 {
			tops = append(tops, infile.Shown(shorten(top)))
		}
	}
	return tops
}
