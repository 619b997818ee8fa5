package weights

import (
	"github.com/nlpodyssey/gopickle/types"
)

// Bounds of a pickled module: a hostile pickle can hold one module a million times.
const (
	maxModuleDepth = 50
	maxModules     = 5000
)

// isModule tells a whole pickled torch.nn.Module.
func isModule(o *object) bool {
	state, ok := o.state.(*types.Dict)
	if !ok {
		return false
	}
	for _, e := range *state {
		if e.Key == any("_modules") || e.Key == any("_parameters") {
			return true
		}
	}
	return false
}

// moduleTensors is the state_dict of a whole pickled module: what its modules hold as
// parameters and buffers. Its Python code, which makes the pickle a module again, is not
// needed for that.
func moduleTensors(module *object) []types.DictEntry {
	var out []types.DictEntry
	visits := 0
	var walk func(o *object, prefix string, depth int)
	walk = func(o *object, prefix string, depth int) {
		if visits++; visits > maxModules || depth > maxModuleDepth {
			return
		}
		for _, kind := range []string{"_parameters", "_buffers"} {
			held, _ := dict(under(o.state, kind))
			for _, e := range held {
				if name, ok := e.Key.(string); ok && isTensor(e.Value) {
					out = append(out, types.DictEntry{Key: prefix + name, Value: e.Value})
				}
			}
		}
		inner, _ := dict(under(o.state, "_modules"))
		for _, e := range inner {
			name, named := e.Key.(string)
			if m, ok := e.Value.(*object); ok && named && isModule(m) {
				walk(m, prefix+name+".", depth+1)
			}
		}
	}
	walk(module, "", 0)
	return out
}
