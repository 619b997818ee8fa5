package nn

import (
	"reflect"
	"sort"
)

// NamedShape is a tensor of a checkpoint. An empty Shape is a scalar.
type NamedShape struct {
	Name  string
	Shape []int // PyTorch's
}

// StateDict lists every parameter and counter of a network (a pointer to a struct with w
// tags) by name, without placing it on a device: what PyTorch's state_dict holds.
func StateDict(network any) []NamedShape {
	w := &walker{counters: map[string]*Counter{}}
	w.walk(reflect.ValueOf(network), "", false, "")
	var out []NamedShape
	for _, p := range w.params {
		out = append(out, NamedShape{p.Name, p.Shape})
	}
	for name := range w.counters {
		out = append(out, NamedShape{Name: name})
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}
