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
	branch        Branch // that gave it back and may have it again; 0: whoever asks
	before, after *span  // neighbors in the slab
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

// take cuts bytes from an idle span, nil if none is large enough. A branch takes what it gave
// back before what is idle for all.
func (a *Arena) take(bytes int64) *span {
	if s := a.takeOf(a.branch, bytes); s != nil || a.branch == 0 {
		return s
	}
	return a.takeOf(0, bytes)
}

func (a *Arena) takeOf(branch Branch, bytes int64) *span {
	idle := a.idle[branch]
	i, _ := slices.BinarySearchFunc(idle, bytes, func(s *span, bytes int64) int { return cmp.Or(cmp.Compare(s.bytes, bytes), 1) })
	if i == len(idle) {
		return nil
	}
	s := idle[i]
	a.idle[branch] = slices.Delete(idle, i, i+1)
	s.idle = false
	if s.bytes > bytes {
		rest := a.newSpan(span{addr: s.addr + uintptr(bytes), bytes: s.bytes - bytes, slab: s.slab, branch: branch, before: s, after: s.after})
		if rest.after != nil {
			rest.after.before = rest
		}
		s.bytes, s.after = bytes, rest
		a.insert(rest)
	}
	return s
}

// release makes s idle, for the branch that gives it back, together with idle neighbors.
func (a *Arena) release(s *span) {
	s.branch = a.branch
	if next := s.after; next != nil && next.idle && next.branch == s.branch {
		a.remove(next)
		a.unite(s, next)
	}
	if last := s.before; last != nil && last.idle && last.branch == s.branch {
		a.remove(last)
		a.unite(last, s)
		s = last
	}
	a.insert(s)
}

// unite adds the span after s to s.
func (a *Arena) unite(s, after *span) {
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
	idle := a.idle[s.branch]
	i, _ := slices.BinarySearchFunc(idle, s, compareSpans)
	a.idle[s.branch] = slices.Insert(idle, i, s)
}

func (a *Arena) remove(s *span) {
	idle := a.idle[s.branch]
	i, _ := slices.BinarySearchFunc(idle, s, compareSpans)
	a.idle[s.branch] = slices.Delete(idle, i, i+1)
}

// compareSpans orders spans by size, then by place.
func compareSpans(a, b *span) int {
	return cmp.Or(cmp.Compare(a.bytes, b.bytes), cmp.Compare(a.slab, b.slab), cmp.Compare(a.addr, b.addr))
}
