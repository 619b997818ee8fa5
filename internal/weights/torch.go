package weights

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/nlpodyssey/gopickle/types"
)

// storage is a block of elements of a file of torch.save that tensors are views of.
type storage struct {
	torchType
	key      string
	elements int64
	src      source // set when the block has been found in the file
	at       int64
}

// torchReader collects what a file's pickle speaks of.
type torchReader struct {
	storages map[string]*storage
}

// persistent is torch's persistent_load: ("storage", class, key, location, elements) and
// in old files a sixth, the part of the storage that is meant. Locations are devices
// and mean nothing here.
func (r *torchReader) persistent(id any) (any, error) {
	args, ok := sequence(id)
	if !ok || len(args) == 0 {
		return nil, fmt.Errorf("a persistent id that is no tuple")
	}
	if args[0] == "module" && len(args) > 1 {
		return args[1], nil // the class of a whole pickled module, with its source code
	}
	if args[0] != "storage" || len(args) < 5 {
		return nil, fmt.Errorf("a persistent id that is no storage")
	}
	kind, isType := args[1].(torchType)
	key, isKey := args[2].(string)
	n, isCount := args[4].(int)
	if !isType || !isKey || !isCount || n < 0 || int64(n) > math.MaxInt64/16 {
		return nil, fmt.Errorf("a storage whose type, key or size is not one")
	}
	s := r.storages[key]
	if s == nil {
		s = &storage{torchType: kind, key: key, elements: int64(n)}
		r.storages[key] = s
	}
	if s.torchType != kind || s.elements != int64(n) {
		return nil, fmt.Errorf("storage %s has two types or sizes", shorten(key))
	}
	if len(args) > 5 && args[5] != nil {
		return nil, fmt.Errorf("storage %s is part of another one, as PyTorch before 0.4 wrote", shorten(key))
	}
	return s, nil
}

// unpickle builds the object of a pickle.
func (r *torchReader) unpickle(b []byte) (any, error) { return unpickle(b, findClass, r.persistent) }

// wrappers are the names under which training programs put the state_dict.
var wrappers = []string{"state_dict", "model_state_dict", "model_state", "model", "net", "network"}

// stateDict is where the tensors of a file were found.
type stateDict struct {
	items   []types.DictEntry
	within  string   // "state_dict", "model.state_dict"; empty at the top
	skipped []string // what else the file holds
	meta    map[string]string
}

// findStateDict looks for tensors at the top of a file's object and in its wrappers.
func findStateDict(top any) (*stateDict, error) {
	s := &stateDict{meta: map[string]string{}}
	for range 4 {
		items, ok := dict(top)
		if !ok {
			return nil, notADict(top, s.within)
		}
		name, inner := wrapped(items)
		if inner == nil {
			s.items = items
			return s, nil
		}
		for _, e := range items {
			if key, ok := e.Key.(string); ok && key != name {
				s.aside(key, e.Value)
			}
		}
		top, s.within = inner, strings.TrimPrefix(s.within+"."+name, ".")
	}
	return nil, fmt.Errorf("its state_dict lies deeper than four dicts")
}

// wrapped returns the state_dict inside, by the first of the wrappers' names.
func wrapped(items []types.DictEntry) (string, any) {
	for _, name := range wrappers {
		for _, e := range items {
			if _, isTensor := e.Value.(*view); e.Key == any(name) && !isTensor {
				if _, isDict := dict(e.Value); isDict || moduleClass(e.Value) != "" {
					return name, e.Value
				}
			}
		}
	}
	return "", nil
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
		s.skipped = append(s.skipped, key+" (a tensor)")
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

// moduleClass is the class of a whole pickled module, "" for anything else.
func moduleClass(v any) string {
	o, ok := v.(*object)
	if !ok {
		return ""
	}
	state, _ := dict(o.state)
	for _, e := range state {
		if e.Key == any("_modules") || e.Key == any("_parameters") {
			return o.class
		}
	}
	return ""
}

func notADict(v any, within string) error {
	if within != "" {
		within = " under " + within
	}
	if class := moduleClass(v); class != "" {
		return fmt.Errorf("it holds%s a whole pickled module, %s, which only its Python code can rebuild", within, shorten(class))
	}
	what := "something else"
	switch v := v.(type) {
	case *view:
		what = "one tensor without a name"
	case *types.List, *types.Tuple:
		what = "a list without names"
	case *object:
		what = "an object of class " + shorten(v.class)
	}
	return fmt.Errorf("it holds%s %s, not a dict of tensors", within, what)
}

// maxExpanded bounds a tensor that has more elements than its storage: one repeated.
const maxExpanded = 1 << 20

// tensors lists the state_dict's tensors, in its order; the last of a name counts.
func (s *stateDict) tensors() ([]tensor, error) {
	var out []tensor
	index := map[string]int{}
	for _, e := range s.items {
		name, ok := e.Key.(string)
		if !ok {
			continue
		}
		v, ok := e.Value.(*view)
		if !ok {
			s.aside(name, e.Value)
			continue
		}
		t, err := v.tensor(name)
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

// tensor checks a view against its storage.
func (v *view) tensor(name string) (tensor, error) {
	t := tensor{name: name, dtype: v.dtype.dtype, size: v.dtype.size, src: v.storage.src, shape: make([]int, len(v.shape))}
	if len(v.shape) > maxRank {
		return t, fmt.Errorf("it has %d dimensions, at most %d are supported", len(v.shape), maxRank)
	}
	if t.dtype == "" {
		t.dtype = "U8"
	}
	have := v.storage.elements * v.storage.size / t.size
	count, last := int64(1), v.offset
	rows := make([]int64, len(v.shape)) // the strides of a tensor in one piece
	for i := len(v.shape) - 1; i >= 0; i-- {
		d, stride := v.shape[i], v.strides[i]
		if d < 0 || d > math.MaxInt32 || stride < 0 || v.offset < 0 {
			return t, fmt.Errorf("size %v, stride %v, offset %d are out of range", v.shape, v.strides, v.offset)
		}
		if d > 0 && count > math.MaxInt64/16/d {
			return t, fmt.Errorf("size %v has too many elements", v.shape)
		}
		t.shape[i], rows[i], count = int(d), count, count*d
	}
	if count == 0 {
		return t, nil
	}
	for i, d := range v.shape {
		if d > 1 && v.strides[i] > 0 {
			if last > have || d-1 > (have-last)/v.strides[i] {
				last = have
				break
			}
			last += (d - 1) * v.strides[i]
		}
	}
	if last >= have {
		return t, fmt.Errorf("size %v, stride %v and offset %d reach beyond its storage of %d elements", v.shape, v.strides, v.offset, have)
	}
	if count > have && count > maxExpanded {
		return t, fmt.Errorf("it repeats the %d elements of its storage to %v; save it with .contiguous()", have, v.shape)
	}
	t.at = v.storage.at + v.offset*t.size
	for i, d := range v.shape {
		if d > 1 && v.strides[i] != rows[i] {
			t.strides = slices.Clone(v.strides)
		}
	}
	return t, nil
}

// dataParallel is what torch.nn.DataParallel puts before every name.
const dataParallel = "module."

// torchFile makes the File of a pickled object whose storages have been found.
func torchFile(path string, top any) (*File, error) {
	const saveAgain = "save the weights again, in Python: torch.save({\"state_dict\": model.state_dict()}, \"out.pth\")"
	s, err := findStateDict(top)
	if err != nil {
		return nil, &FormatError{path, err.Error(), saveAgain}
	}
	tensors, err := s.tensors()
	if err != nil {
		return nil, &FormatError{path, err.Error(), "the file is damaged: write or download it again"}
	}
	if len(tensors) == 0 {
		return nil, &FormatError{path, fmt.Sprintf("it holds no tensors, only %d other things", len(s.skipped)+len(s.meta)), saveAgain}
	}
	f := &File{path: path, tensors: tensors, meta: s.meta, within: s.within, skipped: s.skipped}
	for f.all(func(name string) bool { return len(name) > len(dataParallel) && strings.HasPrefix(name, dataParallel) }) {
		for i := range f.tensors {
			f.tensors[i].name = strings.TrimPrefix(f.tensors[i].name, dataParallel)
		}
		f.prefix += dataParallel
	}
	f.makeIndex()
	return f, nil
}
