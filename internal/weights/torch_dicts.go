package weights

import (
	"fmt"
	"slices"
	"strings"

	"github.com/nlpodyssey/gopickle/types"
)

// wrappers are the names under which training programs put the state_dict.
var wrappers = []string{"state_dict", "model_state_dict", "model_state", "model", "net", "network"}

// Bounds of the search for dicts of tensors: a hostile pickle can hold one dict a million
// times.
const (
	maxDictDepth = 5
	maxDicts     = 1000
)

// stateDict is where the tensors of a file were found.
type stateDict struct {
	items   []types.DictEntry
	within  string   // "state_dict", "model.state_dict"; empty at the top
	skipped []string // what else the file holds
	meta    map[string]string
}

// pickled is the object of a file of torch.save, and the dicts of tensors in it.
type pickled struct {
	top   any
	dicts [][]string // the keys that lead to each
}

// findDicts lists the dicts that hold tensors, outer ones first.
func findDicts(top any) *pickled {
	p := &pickled{top: top}
	visits := 0
	var walk func(v any, path []string)
	walk = func(v any, path []string) {
		items, ok := dict(v)
		if visits++; !ok || visits > maxDicts {
			return
		}
		if slices.ContainsFunc(items, func(e types.DictEntry) bool {
			_, named := e.Key.(string)
			return named && isTensor(e.Value)
		}) {
			p.dicts = append(p.dicts, path)
		}
		if len(path) == maxDictDepth {
			return
		}
		for _, e := range items {
			if key, ok := e.Key.(string); ok {
				walk(e.Value, append(slices.Clone(path), key))
			}
		}
	}
	walk(top, nil)
	return p
}

// usual is the way to the dict that training programs mean: through the wrappers' names,
// or to the dict with the most tensors where none has such a name.
func (p *pickled) usual() []string {
	var path []string
	for v := p.top; len(path) < maxDictDepth; {
		items, _ := dict(v)
		name, inner := wrapped(items)
		if inner == nil {
			break
		}
		path, v = append(path, name), inner
	}
	if len(p.dicts) == 0 || p.count(path) > 0 {
		return path
	}
	return slices.MaxFunc(p.dicts, func(a, b []string) int { return p.count(a) - p.count(b) })
}

// count is the number of tensors in a dict.
func (p *pickled) count(path []string) int {
	v := p.top
	for _, key := range path {
		v = under(v, key)
	}
	n := 0
	items, _ := dict(v)
	for _, e := range items {
		if isTensor(e.Value) {
			n++
		}
	}
	return n
}

// under is what a dict holds under a key, the last where there are two.
func under(v any, key string) (value any) {
	items, _ := dict(v)
	for _, e := range items {
		if e.Key == any(key) {
			value = e.Value
		}
	}
	return value
}

// wrapped returns the state_dict inside, by the first of the wrappers' names.
func wrapped(items []types.DictEntry) (string, any) {
	for _, name := range wrappers {
		for _, e := range items {
			if _, isTensor := e.Value.(*view); e.Key == any(name) && !isTensor {
				if _, isDict := dict(e.Value); isDict {
					return name, e.Value
				}
			}
		}
	}
	return "", nil
}

// at is the dict that keys lead to, and what lies beside the way.
func (p *pickled) at(path []string) (*stateDict, error) {
	s := &stateDict{meta: map[string]string{}}
	v := p.top
	for i := 0; ; i++ {
		items, ok := dict(v)
		if !ok {
			return nil, notADict(v, s.within)
		}
		if i == len(path) {
			s.items = items
			return s, nil
		}
		for _, e := range items {
			if key, ok := e.Key.(string); ok && key != path[i] {
				s.aside(key, e.Value)
			}
		}
		v, s.within = under(v, path[i]), strings.Join(path[:i+1], ".")
	}
}

// aside keeps what lies beside the state_dict: numbers and text as metadata.
func (s *stateDict) aside(key string, v any) {
	switch v := v.(type) {
	case int, float64, bool:
		s.meta[key] = fmt.Sprint(v)
	case string:
		s.meta[key] = shorten(v)
	case nil:
	case *object:
		s.skipped = append(s.skipped, fmt.Sprintf("%s (%s)", key, v.class))
	case *view:
		s.skipped = append(s.skipped, fmt.Sprintf("%s (%s)", key, v.describe()))
	default:
		items, ok := dict(v)
		if key == metadataKey {
			for _, e := range items {
				k, isText := e.Key.(string)
				text, alsoText := e.Value.(string)
				if isText && alsoText {
					s.meta[k] = text
				}
			}
			return
		}
		if ok {
			s.skipped = append(s.skipped, fmt.Sprintf("%s (a dict of %d)", key, len(items)))
		} else {
			s.skipped = append(s.skipped, key)
		}
	}
}

func notADict(v any, within string) error {
	if within != "" {
		within = " under " + within
	}
	what := "something else"
	switch v := v.(type) {
	case *view:
		what = v.describe() + " without a name"
	case *types.List, *types.Tuple:
		what = "a list without names"
	case *object:
		what = "an object of class " + shorten(v.class)
	}
	return fmt.Errorf("it holds%s %s, not a dict of tensors", within, what)
}

// tensors lists the state_dict's tensors, in its order; the last of a name counts.
func (s *stateDict) tensors() ([]tensor, error) {
	var out []tensor
	index := map[string]int{}
	for _, e := range s.items {
		name, ok := e.Key.(string)
		if !ok {
			continue
		}
		if !isTensor(e.Value) {
			s.aside(name, e.Value)
			continue
		}
		t, err := e.Value.(*view).tensor(name)
		if err != nil {
			return nil, fmt.Errorf("tensor %q: %w", shorten(name), err)
		}
		if i, twice := index[name]; twice {
			out[i] = t
			continue
		}
		index[name] = len(out)
		out = append(out, t)
	}
	return out, nil
}

// torchFile makes the File of a pickled object whose storages have been found, with the
// tensors of its usual dict.
func torchFile(path, format string, top any) (*File, error) {
	p := findDicts(top)
	f := &File{path: path, format: format, pickled: p}
	return f, f.take(p.usual())
}

// take makes a dict's tensors those of the file.
func (f *File) take(path []string) error {
	const saveAgain = "save the weights again, in Python: torch.save({\"state_dict\": model.state_dict()}, \"out.pth\")"
	s, err := f.pickled.at(path)
	if err != nil {
		return &FormatError{f.path, err.Error(), saveAgain}
	}
	if f.tensors, err = s.tensors(); err != nil {
		return &FormatError{f.path, err.Error(), damagedAgain}
	}
	if len(f.tensors) == 0 {
		return &FormatError{f.path, fmt.Sprintf("it holds no tensors, only %d other things", len(s.skipped)+len(s.meta)), saveAgain}
	}
	f.meta, f.within, f.skipped = s.meta, s.within, s.skipped
	f.makeIndex()
	return nil
}
