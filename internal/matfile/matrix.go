package matfile

import (
	"bytes"
	"fmt"
	"reflect"
)

const (
	maxDepth = 64 // cells inside structs inside cells
	maxDims  = 32
	maxLen   = 1 << 40 // elements; what there is of them is bounded by the limit
	// arrayCost is what an Array takes beside its data, of the limit.
	arrayCost = 256
)

// array reads the content of a matrix element.
func (d *decoder) array(e *elements, depth int) (*Array, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("cells and structs more than %d deep; the file is damaged", maxDepth)
	}
	if err := d.take(arrayCost); err != nil {
		return nil, err
	}
	if e.empty() { // MATLAB's short form of []
		return &Array{Class: Double, Dims: []int{0, 0}, Real: []float64{}}, nil
	}
	flags, err := e.ints("array flags")
	if err != nil {
		return nil, err
	}
	if len(flags) != 2 {
		return nil, fmt.Errorf("%d array flags, expected 2; the file is damaged", len(flags))
	}
	a := &Array{Class: Class(flags[0]), Logical: flags[0]&0x200 != 0, Global: flags[0]&0x400 != 0}
	if a.Class < Cell || a.Class > Opaque {
		return nil, fmt.Errorf("an array of the unknown class %d; the file is damaged", uint8(a.Class))
	}
	if a.Class == Opaque {
		return a, nil
	}
	if err := a.header(e); err != nil {
		return nil, err
	}
	switch a.Class {
	case Sparse, Function:
	case Char:
		err = d.text(e, a)
	case Cell:
		a.Cells, err = d.parts(e, a.Len(), depth)
	case Struct, Object:
		err = d.elements(e, a, depth)
	default:
		err = d.numbers(e, a, flags[0]&0x800 != 0)
	}
	if err != nil {
		return nil, named(a.Name, err)
	}
	return a, nil
}

func named(name string, err error) error {
	if name == "" {
		return err
	}
	return fmt.Errorf("%.80q: %w", name, err)
}

// header reads dimensions and name.
func (a *Array) header(e *elements) error {
	dims, err := e.ints("dimensions")
	if err != nil {
		return err
	}
	if len(dims) < 2 || len(dims) > maxDims {
		return fmt.Errorf("an array of %d dimensions, expected 2..%d; the file is damaged", len(dims), maxDims)
	}
	n := int64(1)
	for _, dim := range dims {
		if dim < 0 || dim > 0 && n > maxLen/int64(dim) {
			return fmt.Errorf("an array with the dimensions %d; the file is damaged", dims)
		}
		n *= int64(dim)
		a.Dims = append(a.Dims, int(dim))
	}
	a.Name, err = e.name("array name")
	return err
}

// numbers reads the real and the imaginary part.
func (d *decoder) numbers(e *elements, a *Array, complex bool) (err error) {
	if a.Real, err = d.part(e, a); err == nil && complex {
		a.Imag, err = d.part(e, a)
	}
	return err
}

func (d *decoder) part(e *elements, a *Array) (any, error) {
	kind, data, err := e.next()
	if err != nil {
		return nil, err
	}
	if err := d.take(int64(len(data))); err != nil {
		return nil, err
	}
	v, err := e.numbers(kind, data)
	if err != nil {
		return nil, err
	}
	if n := reflect.ValueOf(v).Len(); n != a.Len() {
		return nil, fmt.Errorf("%d numbers of a %s array; the file is damaged", n, a.size())
	}
	return v, nil
}

// parts reads n arrays.
func (d *decoder) parts(e *elements, n, depth int) ([]*Array, error) {
	var all []*Array // grows as there is something to read, whatever n is
	for len(all) < n {
		kind, data, err := e.next()
		if err != nil {
			return nil, err
		}
		if kind != miMATRIX {
			return nil, fmt.Errorf("a part of type %d, expected an array; the file is damaged", kind)
		}
		a, err := d.array(&elements{data, e.order}, depth+1)
		if err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	return all, nil
}

// elements reads the fields of a struct or an object.
func (d *decoder) elements(e *elements, a *Array, depth int) (err error) {
	if a.Class == Object {
		if a.ClassName, err = e.name("class name"); err != nil {
			return err
		}
	}
	width, err := e.ints("length of field names")
	if err != nil {
		return err
	}
	if len(width) != 1 || width[0] < 1 {
		return fmt.Errorf("lengths of field names %d, expected one of 1 or more; the file is damaged", width)
	}
	names, err := e.name("field names")
	if err != nil {
		return err
	}
	w := int(width[0])
	if len(names)%w != 0 {
		return fmt.Errorf("%d bytes of field names of %d each; the file is damaged", len(names), w)
	}
	if err := d.take(int64(len(names)/w) * arrayCost); err != nil {
		return err
	}
	for ; names != ""; names = names[w:] {
		name, _, _ := bytes.Cut([]byte(names[:w]), []byte{0})
		a.Fields = append(a.Fields, string(name))
	}
	if err := d.take(24 * int64(a.Len())); err != nil { // elements of a struct without fields take nothing in the file
		return err
	}
	for len(a.Elements) < a.Len() {
		values, err := d.parts(e, len(a.Fields), depth)
		if err != nil {
			return err
		}
		a.Elements = append(a.Elements, values)
	}
	return nil
}
