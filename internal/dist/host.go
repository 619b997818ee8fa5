package dist

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"
)

// Barrier returns once every process has called it.
func Barrier(l Link) error {
	_, err := l.Gather(nil)
	return err
}

// Any tells in every process whether the flag is up in at least one.
func Any(l Link, flag bool) (bool, error) {
	if l.Place().Size == 1 {
		return flag, nil
	}
	mine := []byte{0}
	if flag {
		mine[0] = 1
	}
	all, err := l.Gather(mine)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(all, func(b []byte) bool { return slices.Contains(b, 1) }), nil
}

// SumInts replaces v, as long in every process, by its sums over the processes.
func SumInts(l Link, v []int64) error {
	return reduceInts(l, v, func(a, b int64) int64 { return a + b })
}

// MaxInts replaces v, as long in every process, by its maxima over the processes.
func MaxInts(l Link, v []int64) error {
	return reduceInts(l, v, func(a, b int64) int64 { return max(a, b) })
}

func reduceInts(l Link, v []int64, reduce func(a, b int64) int64) error {
	if l.Place().Size == 1 {
		return nil
	}
	mine := make([]byte, 0, 8*len(v))
	for _, n := range v {
		mine = binary.LittleEndian.AppendUint64(mine, uint64(n))
	}
	all, err := l.Gather(mine)
	if err != nil {
		return err
	}
	for rank, b := range all {
		if len(b) != len(mine) {
			return fmt.Errorf("process %d brings %d values to a sum, this one %d: they run different programs or settings", rank, len(b)/8, len(v))
		}
		for i := range v {
			x := int64(binary.LittleEndian.Uint64(b[8*i:]))
			if rank > 0 {
				x = reduce(v[i], x)
			}
			v[i] = x
		}
	}
	return nil
}

// SumFloats replaces values, which have the same names in all processes, by their sums over
// the processes, in the order of ranks: the same bits everywhere. One that is no finite
// number in one process is none in all.
func SumFloats(l Link, values map[string]float64) error {
	if l.Place().Size == 1 || len(values) == 0 {
		return nil
	}
	names := slices.Sorted(maps.Keys(values))
	var mine []byte
	for _, name := range names {
		mine = binary.LittleEndian.AppendUint64(mine, math.Float64bits(values[name]))
	}
	all, err := l.Gather(mine)
	if err != nil {
		return err
	}
	clear(values)
	for rank, b := range all {
		if len(b) != len(mine) {
			return fmt.Errorf("process %d brings %d values to a sum, this one %d: they run different programs or settings", rank, len(b)/8, len(names))
		}
		for i, name := range names {
			values[name] += math.Float64frombits(binary.LittleEndian.Uint64(b[8*i:]))
		}
	}
	return nil
}
