package weights

import (
	"fmt"
	"strings"

	"github.com/nlpodyssey/gopickle/types"
)

// object stands for a Python object of any class that is no tensor: a dict of a class
// of its own, an optimizer's or an option's. It takes whatever the pickle does to it.
type object struct {
	class string
	items types.Dict // what was set as in a dict
	state any        // what was given to __setstate__
}

func (o *object) Set(key, value any)           { o.items.Set(key, value) }
func (o *object) Append(any)                   {}
func (o *object) Add(any)                      {}
func (o *object) PySetState(state any) error   { o.state = state; return nil }
func (o *object) Call(...any) (any, error)     { return &object{class: o.class + "()"}, nil }
func (c class) PyNew(args ...any) (any, error) { return c.Call(args...) }

// class is a Python class or function; to call it makes an object of that name.
type class string

func (c class) Call(args ...any) (any, error) {
	o := &object{class: string(c)}
	if c != orderedDict || len(args) == 0 {
		return o, nil
	}
	pairs, ok := args[0].(*types.List)
	if !ok {
		return nil, fmt.Errorf("OrderedDict of something else than a list of pairs")
	}
	for _, p := range *pairs {
		pair, ok := sequence(p)
		if !ok || len(pair) != 2 {
			return nil, fmt.Errorf("OrderedDict of something else than a list of pairs")
		}
		o.Set(pair[0], pair[1])
	}
	return o, nil
}

const orderedDict class = "collections.OrderedDict"

// function is a function of torch that builds tensors.
type function func(args []any) (any, error)

func (f function) Call(args ...any) (any, error) { return f(args) }

// torchType is torch.float32 and the like, or a storage class.
type torchType struct {
	dtype string // safetensors' name; empty for untyped bytes
	size  int64  // of one element
}

func (t torchType) Call(...any) (any, error) { return &object{class: "torch storage"}, nil }

var storageTypes = map[string]torchType{
	"FloatStorage": {"F32", 4}, "DoubleStorage": {"F64", 8}, "HalfStorage": {"F16", 2}, "BFloat16Storage": {"BF16", 2},
	"LongStorage": {"I64", 8}, "IntStorage": {"I32", 4}, "ShortStorage": {"I16", 2}, "CharStorage": {"I8", 1},
	"ByteStorage": {"U8", 1}, "BoolStorage": {"BOOL", 1},
	"ComplexFloatStorage": {"C64", 8}, "ComplexDoubleStorage": {"C128", 16},
	"QInt8Storage": {"QI8", 1}, "QUInt8Storage": {"QU8", 1}, "QInt32Storage": {"QI32", 4},
	"UntypedStorage": {"", 1},
}

var elementTypes = map[string]torchType{
	"float32": {"F32", 4}, "float64": {"F64", 8}, "float16": {"F16", 2}, "bfloat16": {"BF16", 2},
	"int64": {"I64", 8}, "int32": {"I32", 4}, "int16": {"I16", 2}, "int8": {"I8", 1}, "uint8": {"U8", 1}, "bool": {"BOOL", 1},
	"uint16": {"U16", 2}, "uint32": {"U32", 4}, "uint64": {"U64", 8},
	"float8_e4m3fn": {"F8_E4M3", 1}, "float8_e5m2": {"F8_E5M2", 1}, "complex64": {"C64", 8}, "complex128": {"C128", 16},
}

// findClass gives torch's tensors and storages a meaning and every other class none.
func findClass(module, name string) (any, error) {
	switch {
	case strings.EqualFold(module, "collections") && name == "OrderedDict":
		return orderedDict, nil
	case numpyFunction(module, name) != nil:
		return numpyFunction(module, name), nil
	case module == "torch._utils" && rebuild[name] != nil:
		return rebuild[name], nil
	case module == "torch._tensor" && name == "_rebuild_from_type_v2":
		return fromType{}, nil
	case module == "torch" || module == "torch.cuda" || module == "torch.storage":
		if t, ok := storageTypes[name]; ok {
			return t, nil
		}
		if t, ok := elementTypes[name]; ok {
			return t, nil
		}
		if name == "Size" {
			return function(func(args []any) (any, error) {
				if len(args) != 1 {
					return nil, fmt.Errorf("torch.Size of %d arguments", len(args))
				}
				return args[0], nil
			}), nil
		}
	}
	return class(module + "." + name), nil
}

// rebuild are the functions of torch._utils that a pickled tensor calls.
var rebuild = map[string]function{
	"_rebuild_tensor":               func(args []any) (any, error) { return rebuildTensor(args, -1) },
	"_rebuild_tensor_v2":            func(args []any) (any, error) { return rebuildTensor(args, -1) },
	"_rebuild_tensor_v3":            func(args []any) (any, error) { return rebuildTensor(args, 6) },
	"_rebuild_parameter":            rebuildParameter,
	"_rebuild_parameter_with_state": rebuildParameter,
	// of tensors on devices that torch.save does not know, XLA for one
	"_rebuild_device_tensor_from_numpy":      rebuildParameter,
	"_rebuild_device_tensor_from_cpu_tensor": rebuildParameter,
}

// view is a tensor as torch pickles it, or a numpy array: a strided view of a storage.
// Numbers in elements.
type view struct {
	storage        *storage
	dtype          torchType
	offset         int64
	shape, strides []int64
	array          bool // of numpy; without a storage it holds no numbers
}

// rebuildTensor is _rebuild_tensor_v2(storage, offset, size, stride, …); typeAt is the
// position of the type where the storage does not tell it.
func rebuildTensor(args []any, typeAt int) (any, error) {
	if len(args) < 4 || typeAt >= len(args) {
		return nil, fmt.Errorf("a tensor with %d arguments", len(args))
	}
	s, ok := args[0].(*storage)
	if !ok {
		return &object{class: fmt.Sprintf("tensor of a %T", args[0])}, nil
	}
	offset, isInt := args[1].(int)
	shape, isShape := integers(args[2])
	strides, isStrides := integers(args[3])
	if !isInt || !isShape || !isStrides || len(shape) != len(strides) {
		return nil, fmt.Errorf("a tensor of storage %s whose offset, size or stride are no numbers", s.key)
	}
	v := &view{storage: s, dtype: s.torchType, offset: int64(offset), shape: shape, strides: strides}
	if typeAt >= 0 {
		if v.dtype, ok = args[typeAt].(torchType); !ok {
			return &object{class: "tensor of an unknown type"}, nil
		}
	}
	return v, nil
}

// rebuildParameter is _rebuild_parameter(tensor, …): the tensor.
func rebuildParameter(args []any) (any, error) {
	if len(args) == 0 {
		return nil, fmt.Errorf("a parameter without a tensor")
	}
	return args[0], nil
}

// fromType is _rebuild_from_type_v2(function, class, arguments, state): a tensor of a
// class of its own, or with attributes. The tensor.
type fromType struct{}

func (fromType) Call(args ...any) (any, error) {
	if len(args) < 3 {
		return nil, fmt.Errorf("a tensor with %d arguments", len(args))
	}
	f, isFunction := args[0].(function)
	inner, isTuple := sequence(args[2])
	if !isFunction || !isTuple {
		return &object{class: "tensor of a class of its own"}, nil
	}
	return f(inner)
}

// sequence returns the elements of a list or tuple.
func sequence(v any) ([]any, bool) {
	switch v := v.(type) {
	case *types.Tuple:
		return *v, true
	case *types.List:
		return *v, true
	}
	return nil, false
}

func integers(v any) ([]int64, bool) {
	list, ok := sequence(v)
	if !ok {
		return nil, false
	}
	out := make([]int64, len(list))
	for i, x := range list {
		n, ok := x.(int)
		if !ok {
			return nil, false
		}
		out[i] = int64(n)
	}
	return out, true
}

// dict returns the pairs of a dict of whatever class, in order.
func dict(v any) ([]types.DictEntry, bool) {
	switch v := v.(type) {
	case *types.Dict:
		return *v, true
	case *object:
		if isModule(v) {
			return moduleTensors(v), true
		}
		return v.items, v.class == string(orderedDict) || len(v.items) > 0
	case *types.OrderedDict:
		var out []types.DictEntry
		for e := v.List.Front(); e != nil; e = e.Next() {
			entry := e.Value.(*types.OrderedDictEntry)
			out = append(out, types.DictEntry{Key: entry.Key, Value: entry.Value})
		}
		return out, true
	}
	return nil, false
}
