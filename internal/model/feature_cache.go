package model

import (
	"container/list"
	"fmt"

	"gorgonia.org/tensor"

	"hdmnet/internal/nn"
	"hdmnet/internal/op"
)

// featureCache keeps the frozen maps of pictures that have been seen, in a bounded amount
// of the device's memory; the one not asked for the longest leaves first.
type featureCache struct {
	dev         op.Device
	limit, used int64
	byName      map[string]*list.Element
	recent      list.List // of *cachedMaps, latest first
}

// cachedMaps are f2, f3, f4 and f5 of one picture, each [1,h,w,C].
type cachedMaps struct {
	name  string
	mem   tensor.Memory
	bytes int64
	maps  [4]op.Tensor
}

// CacheFeatures keeps the frozen features of named pictures (Input.Names) in at most
// bytes of the device's memory, for evaluations in which pictures come back: the same
// results, sooner. 0 ends it. The frozen weights must not change meanwhile.
func (n *HDMNet) CacheFeatures(t *nn.Tape, bytes int64) error {
	var err error
	if n.cache != nil {
		err = n.cache.shrink(0)
		n.cache = nil
	}
	if bytes > 0 {
		n.cache = &featureCache{dev: t.Dev, limit: bytes, byName: map[string]*list.Element{}}
	}
	return err
}

// KeepsFeatures tells whether the features of a name are kept now.
func (n *HDMNet) KeepsFeatures(name string) bool {
	return n.cache != nil && n.cache.byName[name] != nil
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
		e := c.byName[name]
		c.recent.MoveToFront(e)
		kept := e.Value.(*cachedMaps)
		all.room(t, kept.maps, len(names))
		for k, m := range all.values() {
			c.dev.Copy(op.Rows(m, i, i+1), kept.maps[k])
		}
	}
	for _, i := range computed {
		if err := c.put(all.values(), i, names[i]); err != nil {
			panic(&op.DeviceError{Err: fmt.Errorf("%s: %w", c.dev.Name(), err)})
		}
	}
}

// put keeps a row of the maps, where it fits the limit. Memory that the device does not
// have is no error: the limit comes down to what there is.
func (c *featureCache) put(maps [4]op.Tensor, row int, name string) error {
	bytes := int64(0)
	for _, m := range maps {
		bytes += int64(op.Len(m)/m.Shape()[0]) * int64(m.Dtype().Size())
	}
	if c.byName[name] != nil || bytes > c.limit {
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
	kept := &cachedMaps{name: name, mem: mem, bytes: bytes}
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
