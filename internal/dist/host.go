package dist

import (
	"fmt"
	"maps"
	"slices"

	"hdmnet/internal/op"
)

// sum replaces v by its sum over the processes, through the memory of the device.
func sum(g ProcessGroup, dev op.Device, v []float32) error {
	arena := op.NewArena(dev)
	defer arena.Close()
	t := arena.Float32(len(v))
	dev.Upload(t, v)
	if err := g.AllReduce(t); err != nil {
		return fmt.Errorf("talk to the other processes: %w", err)
	}
	dev.Download(v, t)
	return nil
}

// Any tells in every process whether the flag is up in at least one.
func Any(g ProcessGroup, dev op.Device, flag bool) (bool, error) {
	if g.Size() == 1 {
		return flag, nil
	}
	v := []float32{0}
	if flag {
		v[0] = 1
	}
	err := sum(g, dev, v)
	return v[0] > 0, err
}

// Mean replaces values, which have the same names in all processes, by their means over
// the processes. One that is no finite number in one process is none in all.
func Mean(g ProcessGroup, dev op.Device, values map[string]float64) error {
	if g.Size() == 1 || len(values) == 0 {
		return nil
	}
	names := slices.Sorted(maps.Keys(values))
	v := make([]float32, len(names))
	for i, name := range names {
		v[i] = float32(values[name])
	}
	if err := sum(g, dev, v); err != nil {
		return err
	}
	for i, name := range names {
		values[name] = float64(v[i]) / float64(g.Size())
	}
	return nil
}
