package metric

import (
	"maps"
	"slices"
)

// Sum replaces numbers by their sums with those of other accumulators of the same classes,
// in the same places: of other processes.
type Sum func(v []int64) error

// Combine adds what the other accumulators have counted.
func (m *IoU) Combine(sum Sum) error {
	v := m.foreground.append(nil)
	v = m.background.append(v)
	for _, class := range m.classes {
		v = m.perClass[class].append(append(v, int64(m.episodes[class])))
	}
	if err := sum(v); err != nil {
		return err
	}
	m.foreground, m.background = counts{v[0], v[1]}, counts{v[2], v[3]}
	for i, class := range m.classes {
		if n := v[4+3*i:]; n[0] > 0 { // classes without an episode are in no map
			m.episodes[class], m.perClass[class] = int(n[0]), counts{n[1], n[2]}
		}
	}
	return nil
}

func (c counts) append(v []int64) []int64 { return append(v, c.intersection, c.union) }

// Combine adds what the other accumulators have counted.
func (c *Confusion) Combine(sum Sum) error { return sum(c.pixels) }

// Combine adds what the other accumulators have counted.
func (g *Generalized) Combine(sum Sum) error {
	for _, class := range slices.Sorted(maps.Keys(g.novel)) {
		if err := g.novel[class].Combine(sum); err != nil {
			return err
		}
	}
	return nil
}
