// Package matfile reads MATLAB files of level 5 (MATLAB 5 to 7.2, `save -v6` and
// `save -v7`), compressed or not, of either byte order. What it gives is what
// scipy.io.loadmat gives with its default options, for numbers, text, cells, structs and
// objects; sparse arrays, function handles and opaque objects are skipped.
//
// The memory a file can take is bounded by a limit that the caller sets, whatever sizes
// the file speaks of or its compressed parts unpack to.
package matfile

import (
	"fmt"
	"slices"
	"strings"
)

// Class is what an array is to MATLAB.
type Class uint8

// The classes, with the format's numbers.
const (
	Cell Class = 1 + iota
	Struct
	Object
	Char
	Sparse
	Double
	Single
	Int8
	Uint8
	Int16
	Uint16
	Int32
	Uint32
	Int64
	Uint64
	Function
	Opaque
)

var classNames = [...]string{Cell: "cell", Struct: "struct", Object: "object", Char: "char", Sparse: "sparse", Double: "double",
	Single: "single", Int8: "int8", Uint8: "uint8", Int16: "int16", Uint16: "uint16", Int32: "int32", Uint32: "uint32",
	Int64: "int64", Uint64: "uint64", Function: "function", Opaque: "opaque"}

// String is MATLAB's name of the class.
func (c Class) String() string {
	if int(c) < len(classNames) && classNames[c] != "" {
		return classNames[c]
	}
	return fmt.Sprintf("class %d", uint8(c))
}

// Array is a variable or a part of one. Elements are in MATLAB's order: the first
// dimension runs fastest.
type Array struct {
	Name    string // of a variable; parts have none
	Class   Class
	Dims    []int // two or more; nil of an Opaque one
	Logical bool
	Global  bool

	// Real holds the numbers in the type they are saved in, which may be smaller than the
	// class (MATLAB saves whole doubles as bytes): []int8, []uint8, []int16, []uint16,
	// []int32, []uint32, []int64, []uint64, []float32 or []float64. Imag is the imaginary
	// part of a complex array, else nil.
	Real, Imag any
	// Text is a Char array's text: one string for each row, all rows of the first page
	// first. Zero characters at the end are left out, as numpy does.
	Text []string
	// Cells are the elements of a Cell array.
	Cells []*Array
	// Fields are the names of a Struct or Object array's fields; Elements gives, for every
	// element, its values in the order of the names.
	Fields   []string
	Elements [][]*Array
	// ClassName is the class of an Object.
	ClassName string
}

// Len is the number of elements, the product of the dimensions.
func (a *Array) Len() int {
	n := 1
	for _, d := range a.Dims {
		n *= d
	}
	return n
}

func (a *Array) size() string {
	parts := make([]string, len(a.Dims))
	for i, d := range a.Dims {
		parts[i] = fmt.Sprint(d)
	}
	return strings.Join(parts, "×") + " " + a.Class.String()
}

// Field is a field of a 1×1 struct.
func (a *Array) Field(name string) (*Array, error) {
	if a.Class != Struct && a.Class != Object || len(a.Elements) != 1 {
		return nil, fmt.Errorf("it is a %s array, expected a 1×1 struct with the field %q", a.size(), name)
	}
	i := slices.Index(a.Fields, name)
	if i < 0 {
		return nil, fmt.Errorf("no field %q, only %q", name, a.Fields)
	}
	return a.Elements[0][i], nil
}

// Bytes gives a matrix of whole numbers 0..255 row by row: [h,w]. Anything else is an
// error: another number of dimensions, text, a complex array, a value that does not fit.
func (a *Array) Bytes() (pix []uint8, h, w int, err error) {
	if len(a.Dims) != 2 || a.Imag != nil {
		return nil, 0, 0, fmt.Errorf("it is a %s array, expected a matrix of whole numbers 0..255", a.size())
	}
	h, w = a.Dims[0], a.Dims[1]
	switch v := a.Real.(type) {
	case []uint8:
		pix, err = byRows(v, h, w)
	case []int8:
		pix, err = byRows(v, h, w)
	case []uint16:
		pix, err = byRows(v, h, w)
	case []int16:
		pix, err = byRows(v, h, w)
	case []uint32:
		pix, err = byRows(v, h, w)
	case []int32:
		pix, err = byRows(v, h, w)
	case []uint64:
		pix, err = byRows(v, h, w)
	case []int64:
		pix, err = byRows(v, h, w)
	case []float32:
		pix, err = byRows(v, h, w)
	case []float64:
		pix, err = byRows(v, h, w)
	default:
		err = fmt.Errorf("it is a %s array, expected a matrix of whole numbers 0..255", a.size())
	}
	return pix, h, w, err
}

// byRows turns columns into rows.
func byRows[T number](v []T, h, w int) ([]uint8, error) {
	pix := make([]uint8, len(v))
	for i, x := range v {
		b := uint8(x)
		// A value out of range converts to anything, but, unless negative, to nothing equal.
		if x < 0 || T(b) != x {
			return nil, fmt.Errorf("value %v at row %d, column %d, expected a whole number 0..255", x, i%h, i/h)
		}
		pix[i%h*w+i/h] = b
	}
	return pix, nil
}
