package nn

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// Struct tags bind parameters to checkpoint names: `w:"layer1"` names a field; slices
// add their index; nested names are joined with dots. Options after a comma hold for
// everything below: "frozen", and "group=NAME" for the learning-rate group. A field
// without a tag is not part of the checkpoint; a nil pointer is left out.
type walker struct {
	params   []*Param
	counters map[string]*Counter
	layers   []frozenLayer
}

func (w *walker) walk(v reflect.Value, name string, frozen bool, group string) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return
		}
		switch x := v.Interface().(type) {
		case *Param:
			x.Name, x.Group = name, group
			if frozen && x.Role == Trainable {
				x.Role = Frozen
			}
			w.params = append(w.params, x)
			return
		case *Counter:
			w.counters[name] = x
			return
		case *Derived:
			w.layers = append(w.layers, x)
			return
		case *Projection:
			w.layers = append(w.layers, x)
		case *ConvBN:
			at := strings.LastIndexByte(name, '.') + 1
			conv, norm, ok := strings.Cut(name[at:], "+")
			if !ok {
				panic(fmt.Sprintf("nn: the tag of the ConvBN %q does not name both parts, as conv+bn", name))
			}
			w.layers = append(w.layers, x)
			w.walk(reflect.ValueOf(x.Conv), name[:at]+conv, frozen, group)
			w.walk(reflect.ValueOf(x.Norm), name[:at]+norm, frozen, group)
			return
		}
		w.walk(v.Elem(), name, frozen, group)
	case reflect.Slice:
		for i := range v.Len() {
			w.walk(v.Index(i), join(name, strconv.Itoa(i)), frozen, group)
		}
	case reflect.Struct:
		t := v.Type()
		for i := range t.NumField() {
			tag, ok := t.Field(i).Tag.Lookup("w")
			if !ok {
				continue
			}
			parts := strings.Split(tag, ",")
			fz, gr := frozen, group
			for _, opt := range parts[1:] {
				switch {
				case opt == "frozen":
					fz = true
				case strings.HasPrefix(opt, "group="):
					gr = strings.TrimPrefix(opt, "group=")
				default:
					panic(fmt.Sprintf("nn: unknown option %q in the tag of %s.%s", opt, t, t.Field(i).Name))
				}
			}
			w.walk(v.Field(i), join(name, parts[0]), fz, gr)
		}
	default:
		panic(fmt.Sprintf("nn: %s is a %s, not a layer", name, v.Type()))
	}
}

func join(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "." + b
}
