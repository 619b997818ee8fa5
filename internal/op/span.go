package op

import (
	"cmp"
	"slices"

	"gorgonia.org/tensor"
)

// A slab is memory that an arena has from its device. It is cut into spans, in use or
// idle; idle neighbors are one span. A request takes the smallest idle span that is large
// enough, of equal ones the first, and leaves the rest idle: what is taken depends on the
// sequence of requests alone, and once everything is idle it starts anew.
type slab struct {
	mem   tensor.Memory
	bytes int64
}

type span struct {
	addr          uintptr
	bytes         int64
	slab          int
	idle          bool
	before, after *span // neighbors in the slab
}

// spanAlign is what spans begin at and are multiples of, as devices align memory.
const spanAlign = 256

// slabMax bounds what a slab holds beyond the request it is made for.
const slabMax = 16 << 20

// grow takes a slab from the device with room for a tensor of some bytes: more than that,
// so that small tensors share slabs, if the device has it.
func (a *Arena) grow(bytes int64) error {
	size := max(bytes, min(a.held/4, slabMax)&^(spanAlign-1))
	mem, err := a.dev.Alloc(size)
	if err != nil && size > bytes {
		size = bytes
		mem, err = a.dev.Alloc(size)
	}
	if err != nil {
		return err
	}
	a.held += size
	a.slabs = append(a.slabs, slab{mem, size})
	a.insert(a.newSpan(span{addr: mem.Uintptr(), bytes: size, slab: len(a.slabs) - 1}))
	return nil
}

// take cuts bytes from an idle span, nil if none is large enough.
func (a *Arena) take(bytes int64) *span {
	i, _ := slices.BinarySearchFunc(a.idle, bytes, func(s *span, bytes int64) int { return cmp.Or(cmp.Compare(s.bytes, bytes), 1) })
	if i == len(a.idle) {
		return nil
	}
	s := a.idle[i]
	a.idle = slices.Delete(a.idle, i, i+1)
	s.idle = false
	if s.bytes > bytes {
		rest := a.newSpan(span{addr: s.addr + uintptr(bytes), bytes: s.bytes - bytes, slab: s.slab, before: s, after: s.after})
		if rest.after != nil {
			rest.after.before = rest
		}
		s.bytes, s.after = bytes, rest
		a.insert(rest)
	}
	return s
}

// release makes s idle, together with idle neighbors.
func (a *Arena) release(s *span) {
	a.inUse -= s.bytes
	if next := s.after; next != nil && next.idle {
		a.remove(next)
		a.join(s, next)
	}
	if last := s.before; last != nil && last.idle {
		a.remove(last)
		a.join(last, s)
		s = last
	}
	a.insert(s)
}

// join adds the span after s to s.
func (a *Arena) join(s, after *span) {
	s.bytes += after.bytes
	if s.after = after.after; s.after != nil {
		s.after.before = s
	}
	a.spare = append(a.spare, after)
}

// newSpan returns a span like s, in memory of one that is no more if there is any.
func (a *Arena) newSpan(s span) *span {
	var p *span
	if last := len(a.spare) - 1; last >= 0 {
		p, a.spare = a.spare[last], a.spare[:last]
	} else {
		p = new(span)
	}
	*p = s
	return p
}

func (a *Arena) insert(s *span) {
	s.idle = true
	i, _ := slices.BinarySearchFunc(a.idle, s, compareSpans)
	a.idle = slices.Insert(a.idle, i, s)
}

func (a *Arena) remove(s *span) {
	i, _ := slices.BinarySearchFunc(a.idle, s, compareSpans)
	a.idle = slices.Delete(a.idle, i, i+1)
}

// compareSpans orders spans by size, then by place.
func compareSpans(a, b *span) int {
	return cmp.Or(cmp.Compare(a.bytes, b.bytes), cmp.Compare(a.slab, b.slab), cmp.Compare(a.addr, b.addr))
}
