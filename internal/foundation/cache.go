package foundation

import "container/list"

// cache keeps features by name, those asked for last, in a bounded amount of memory.
type cache struct {
	limit, used int64
	byName      map[string]*list.Element
	recent      list.List // of kept, latest first
}

type kept struct {
	name     string
	features []float32
}

func (k kept) bytes() int64 { return 4 * int64(len(k.features)) }

// resize makes limit the memory that may be used.
func (c *cache) resize(limit int64) {
	if c.byName == nil {
		c.byName = map[string]*list.Element{}
	}
	c.limit = limit
	c.shrink(limit)
}

// shrink drops the features asked for least recently until those that stay need at most so many bytes.
func (c *cache) shrink(bytes int64) {
	for c.used > bytes {
		last := c.recent.Remove(c.recent.Back()).(kept)
		delete(c.byName, last.name)
		c.used -= last.bytes()
	}
}

// get returns the features of a name, nil where there are none.
func (c *cache) get(name string) []float32 {
	e := c.byName[name]
	if e == nil {
		return nil
	}
	c.recent.MoveToFront(e)
	return e.Value.(kept).features
}

// put keeps features, which must not change from now on, where they fit.
func (c *cache) put(name string, features []float32) {
	k := kept{name, features}
	if k.bytes() > c.limit {
		return
	}
	c.shrink(c.limit - k.bytes())
	c.byName[name] = c.recent.PushFront(k)
	c.used += k.bytes()
}
