package onnx

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// Info is what a file says of itself.
type Info struct {
	Name      string
	Opset     int
	Inputs    []string       // "query [queries,3,473,473]"
	Outputs   []string       // likewise
	Operators map[string]int // how often each is used
	Weights   int64          // bytes of the constants
	Metadata  map[string]string
}

// Inspect reads a file that Write has written and checks that it is whole: every node reads
// what is an input, a constant or an earlier node's output, nothing has two values, and
// constants have as many bytes as their shapes say.
func Inspect(file []byte) (*Info, error) {
	i := &inspector{Info: Info{Operators: map[string]int{}, Metadata: map[string]string{}}, known: map[string]bool{"": true}}
	var graph []byte
	err := fields(file, func(f field) error {
		switch f.num {
		case 7:
			graph = f.bytes
		case 8:
			return fields(f.bytes, func(f field) error {
				if f.num == 2 {
					i.Opset = int(f.value)
				}
				return nil
			})
		case 14:
			var pair [3]string
			err := fields(f.bytes, func(f field) error { pair[min(f.num, 2)] = string(f.bytes); return nil })
			i.Metadata[pair[1]] = pair[2]
			return err
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if graph == nil {
		return nil, errors.New("no graph in the file")
	}
	if err := i.graph(graph); err != nil {
		return nil, err
	}
	return &i.Info, nil
}

// inspector collects an Info, and the values that are known so far.
type inspector struct {
	Info
	known map[string]bool
}

func (i *inspector) define(name string) error {
	if i.known[name] {
		return fmt.Errorf("the value %q is made twice", name)
	}
	i.known[name] = true
	return nil
}

// graph goes through a GraphProto: inputs and constants first, which stand behind the nodes.
func (i *inspector) graph(b []byte) error {
	err := fields(b, func(f field) (err error) {
		switch f.num {
		case 2:
			i.Name = string(f.bytes)
		case 5:
			return i.constant(f.bytes)
		case 11:
			var name string
			name, err = i.port(&i.Inputs, f.bytes)
			return errors.Join(err, i.define(name))
		}
		return nil
	})
	if err != nil {
		return err
	}
	return fields(b, func(f field) error {
		switch f.num {
		case 1:
			return i.node(f.bytes)
		case 12:
			name, err := i.port(&i.Outputs, f.bytes)
			if err == nil && !i.known[name] {
				err = fmt.Errorf("nothing makes the output %q", name)
			}
			return err
		}
		return nil
	})
}

func (i *inspector) node(b []byte) error {
	return fields(b, func(f field) error {
		switch name := string(f.bytes); f.num {
		case 1:
			if !i.known[name] {
				return fmt.Errorf("a node reads %q, which nothing before it makes", name)
			}
		case 2:
			return i.define(name)
		case 4:
			i.Operators[name]++
		}
		return nil
	})
}

func (i *inspector) constant(b []byte) error {
	var name string
	want, have := 1, -1
	err := fields(b, func(f field) error {
		switch f.num {
		case 1:
			want *= int(f.value)
		case 2:
			want *= ElemType(f.value).size()
		case 8:
			name = string(f.bytes)
		case 9:
			have = len(f.bytes)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if want != have {
		return fmt.Errorf("the constant %q has %d bytes, its shape says %d", name, have, want)
	}
	i.Weights += int64(have)
	return i.define(name)
}

// port reads a ValueInfoProto and adds it to a list.
func (i *inspector) port(list *[]string, b []byte) (name string, err error) {
	var dims []string
	err = fields(b, func(f field) error {
		if f.num == 1 {
			name = string(f.bytes)
		}
		if f.num != 2 {
			return nil
		}
		return within(f.bytes, []protowire.Number{1, 2, 1}, func(b []byte) error {
			return fields(b, func(f field) error {
				text := string(f.bytes)
				if f.num == 1 {
					text = fmt.Sprint(f.value)
				}
				dims = append(dims, text)
				return nil
			})
		})
	})
	*list = append(*list, fmt.Sprintf("%s [%s]", name, strings.Join(dims, ",")))
	return name, err
}

// within calls see for every message that a path of fields leads to.
func within(b []byte, path []protowire.Number, see func([]byte) error) error {
	if len(path) == 0 {
		return see(b)
	}
	return fields(b, func(f field) error {
		if f.num != path[0] {
			return nil
		}
		return within(f.bytes, path[1:], see)
	})
}

// field is one field of a message.
type field struct {
	num   protowire.Number
	value uint64 // of numbers
	bytes []byte // of texts and messages
}

// fields calls see for the fields of a message.
func fields(b []byte, see func(field) error) error {
	for len(b) > 0 {
		num, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return protowire.ParseError(n)
		}
		b = b[n:]
		f := field{num: num}
		switch kind {
		case protowire.VarintType:
			f.value, n = protowire.ConsumeVarint(b)
		case protowire.BytesType:
			f.bytes, n = protowire.ConsumeBytes(b)
		case protowire.Fixed32Type:
			n = 4
			if f.bytes = b[:min(n, len(b))]; len(b) >= n {
				f.value = uint64(binary.LittleEndian.Uint32(b))
			}
		default:
			n = protowire.ConsumeFieldValue(num, kind, b)
		}
		if n < 0 || n > len(b) {
			return errors.New("the file is cut short or damaged")
		}
		if err := see(f); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}
