package model

import (
	"container/list"
	"errors"
	"fmt"

	"gorgonia.org/tensor"

	"hdmnet/internal/featurestore"
	"hdmnet/internal/nn"
	"hdmnet/internal/op"
)

// ErrForgotten is the error of a pass without an image whose features were kept and are not
// there any more. With the image the pass will do.
var ErrForgotten = errors.New("features that were kept are gone")

// featureCache keeps the frozen maps of pictures that have been seen, in a bounded amount
// of the device's memory. Once that is full, the one not asked for the longest leaves, but only
// for one that comes back sooner: were it to leave for any newcomer, a folder that does not fit,
// gone through again and again, would find none of its pictures. What is not there may be in a folder.
type featureCache struct {
	dev         op.Device
	limit, used int64
	byName      map[string]*list.Element
	recent      list.List               // of *cachedMaps, latest first
	uses        int64                   // of pictures, so far: the time
	lastUse     map[string]int64        // of names, kept or not
	store       *featurestore.Store     // nil: none
	read        map[string][4]op.Tensor // from the store, in this pass
}

// cachedMaps are f2, f3, f4 and f5 of one picture, each [1,h,w,C].
type cachedMaps struct {
	name  string
	mem   tensor.Memory
	bytes int64
	maps  [4]op.Tensor
	used  int64 // the latest use
}

// maxNames bounds the names whose last use is known: some 100 bytes each.
const maxNames = 1 << 18

// CacheFeatures keeps the frozen features of named pictures (Input.Names) in at most
// bytes of the device's memory, for evaluations in which pictures come back: the same
// results, sooner. 0 ends it, and StoreFeatures too. The frozen weights must not change meanwhile.
func (n *HDMNet) CacheFeatures(t *nn.Tape, bytes int64) error {
	var err error
	if n.cache != nil {
		err = n.cache.shrink(0)
		n.cache = nil
	}
	if bytes > 0 {
		n.cache = &featureCache{dev: t.Dev, limit: bytes, byName: map[string]*list.Element{}, lastUse: map[string]int64{}}
	}
	return err
}

// StoreFeatures makes CacheFeatures, which comes first, keep the features in a folder as well:
// exactly as they are, for the same weights, size of pictures and kind of device alone. The
// store is closed by its owner, after the last pass.
func (n *HDMNet) StoreFeatures(s *featurestore.Store) {
	n.cache.store, n.cache.read = s, map[string][4]op.Tensor{}
}

// KeepsFeatures tells whether the features of a name are kept now.
func (n *HDMNet) KeepsFeatures(name string) bool {
	c := n.cache
	return c != nil && (c.byName[name] != nil || c.store != nil && c.store.Has(name))
}

// has tells whether the maps of a name are there for exchange. Those in the folder are read.
func (c *featureCache) has(t *nn.Tape, name string) bool {
	if c.byName[name] != nil {
		return true
	}
	if c.store == nil {
		return false
	}
	if _, ok := c.read[name]; ok {
		return true
	}
	stored, ok := c.store.Load(name)
	if !ok || len(stored) != 4 {
		return false
	}
	var maps [4]op.Tensor
	for k, m := range stored {
		if m.Word == 4 {
			maps[k] = t.Arena.Float32(m.Shape...)
		} else {
			maps[k] = t.Arena.Half(m.Shape...)
		}
		c.dev.Upload(asBytes(c.dev, maps[k]), m.Data)
	}
	c.read[name] = maps
	return true
}

// asBytes is a tensor's memory.
func asBytes(dev op.Device, x op.Tensor) op.Tensor {
	return op.FromMemory(dev, tensor.Uint8, x.Uintptr(), op.Len(x)*int(x.Dtype().Size()))
}

// exchange copies the maps of the named pictures that were not computed to their rows of
// all, and keeps those that were.
func (c *featureCache) exchange(t *nn.Tape, all *features, names []string, computed []int) {
	isNew := make([]bool, len(names))
	for _, i := range computed {
		isNew[i] = true
	}
	for i, name := range names {
		if isNew[i] {
			continue
		}
		maps, ok := c.read[name]
		if !ok {
			e := c.byName[name]
			c.recent.MoveToFront(e)
			kept := e.Value.(*cachedMaps)
			c.use(name)
			kept.used = c.uses
			maps = kept.maps
		}
		all.room(t, maps, len(names))
		for k, m := range all.values() {
			c.dev.Copy(op.Rows(m, i, i+1), maps[k])
		}
	}
	for i, name := range names { // only now: what comes in may put out what was asked for
		_, read := c.read[name]
		if !isNew[i] && !read {
			continue
		}
		if err := c.put(all.values(), i, name, c.use(name)); err != nil {
			panic(&op.DeviceError{Err: fmt.Errorf("%s: %w", c.dev.Name(), err)})
		}
		if isNew[i] && c.store != nil && !c.store.Has(name) {
			c.store.Save(name, c.download(all.values(), i))
		}
	}
	for _, maps := range c.read {
		for _, m := range maps {
			t.Arena.Free(m)
		}
	}
	clear(c.read)
}

// download brings a row of the maps to the host.
func (c *featureCache) download(maps [4]op.Tensor, row int) []featurestore.Map {
	var out []featurestore.Map
	for _, m := range maps {
		x := op.Rows(m, row, row+1)
		data := make([]byte, op.Len(x)*int(x.Dtype().Size()))
		c.dev.Download(data, asBytes(c.dev, x))
		out = append(out, featurestore.Map{Word: int(x.Dtype().Size()), Shape: x.Shape().Clone(), Data: data})
	}
	return out
}

// use notes a use of a picture and tells how many uses of any ago its last one was. One never
// seen counts as away for twice as many as are kept: what is kept and was not asked for
// that long makes room for other pictures.
func (c *featureCache) use(name string) (away int64) {
	if len(c.lastUse) >= maxNames {
		clear(c.lastUse)
	}
	c.uses++
	before, ok := c.lastUse[name]
	c.lastUse[name] = c.uses
	if !ok {
		return 2 * int64(len(c.byName))
	}
	return c.uses - before
}

// put keeps a row of the maps, where it fits the limit, or where what leaves for it has not
// been asked for longer than away. Memory that the device does not have is no error: the
// limit comes down to what there is.
func (c *featureCache) put(maps [4]op.Tensor, row int, name string, away int64) error {
	bytes := int64(0)
	for _, m := range maps {
		bytes += int64(op.Len(m)/m.Shape()[0]) * int64(m.Dtype().Size())
	}
	if c.byName[name] != nil || bytes > c.limit {
		return nil
	}
	if c.used > c.limit-bytes && c.uses-c.recent.Back().Value.(*cachedMaps).used <= away {
		return nil
	}
	if err := c.shrink(c.limit - bytes); err != nil {
		return err
	}
	mem, err := c.dev.Alloc(bytes)
	if err != nil {
		c.limit = c.used
		return nil
	}
	kept := &cachedMaps{name: name, mem: mem, bytes: bytes, used: c.uses}
	at := mem.Uintptr()
	for i, m := range maps {
		from := op.Rows(m, row, row+1)
		kept.maps[i] = op.FromMemory(c.dev, m.Dtype(), at, from.Shape()...)
		c.dev.Copy(kept.maps[i], from)
		at += uintptr(op.Len(from)) * m.Dtype().Size()
	}
	c.byName[name] = c.recent.PushFront(kept)
	c.used += bytes
	return nil
}

// shrink lets pictures go until at most limit bytes are used.
func (c *featureCache) shrink(limit int64) error {
	for c.used > limit {
		last := c.recent.Remove(c.recent.Back()).(*cachedMaps)
		delete(c.byName, last.name)
		c.used -= last.bytes
		if err := c.dev.Free(last.mem, last.bytes); err != nil {
			return err
		}
	}
	return nil
}
