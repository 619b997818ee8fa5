package weights

import (
	"fmt"
	"math"
	"slices"
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

// maxExpanded bounds a tensor that has more elements than its storage: one repeated.
const maxExpanded = 1 << 20

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
