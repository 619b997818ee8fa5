package weights

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
)

// tensor is where the values of one tensor of an open file lie.
type tensor struct {
	name, dtype string
	size        int64 // of one element, in bytes
	shape       []int
	strides     []int64 // in elements; nil: row-major without gaps
	src         source
	at          int64 // of the first element in src, in bytes
}

// source opens the bytes that tensors lie in.
type source func() io.ReaderAt

func (t *tensor) elements() int {
	n := 1
	for _, d := range t.shape {
		n *= d
	}
	return n
}

// errShrunk marks a file that has lost bytes since it was opened.
var errShrunk = errors.New("the file became shorter after it was opened; do not change it while it is in use")

// readChunk is the number of elements that are read and converted at a time.
const readChunk = 1 << 15

func read[T any](f *File, name string, decoders map[string]decoder[T], want string) ([]T, []int, error) {
	t, decode, err := find(f, name, decoders, want)
	if err != nil {
		return nil, nil, err
	}
	values := make([]T, t.elements())
	if err := readInto(f, values, t, decode); err != nil {
		return nil, nil, err
	}
	return values, slices.Clone(t.shape), nil
}

// find looks a tensor up that is to be read by one of decoders.
func find[T any](f *File, name string, decoders map[string]decoder[T], want string) (*tensor, decoder[T], error) {
	i, err := f.position(name)
	if err != nil {
		return nil, nil, err
	}
	t := &f.tensors[i]
	decode, ok := decoders[t.dtype]
	if !ok {
		return nil, nil, fmt.Errorf("%s: tensor %q is %s, expected %s", f.path, name, t.dtype, want)
	}
	return t, decode, nil
}

// readInto reads a tensor to values, which has its size.
func readInto[T any](f *File, values []T, t *tensor, decode decoder[T]) error {
	src := t.src()
	if c, ok := src.(*inflater); ok {
		defer c.Close()
	}
	var err error
	if t.strides == nil {
		err = readRows(values, t, src, decode)
	} else {
		err = readStrided(values, t, src, decode)
	}
	switch {
	case err == io.EOF:
		return fmt.Errorf("%s: tensor %q: %w", f.path, t.name, errShrunk)
	case err != nil:
		return fmt.Errorf("%s: read tensor %q: %w", f.path, t.name, err)
	}
	return nil
}

// readRows reads a tensor that lies in one piece.
func readRows[T any](values []T, t *tensor, src io.ReaderAt, decode decoder[T]) error {
	size := int(t.size)
	buf := make([]byte, min(len(values), readChunk)*size)
	at := t.at
	for rest := values; len(rest) > 0; {
		n := min(len(rest), readChunk)
		if got, err := src.ReadAt(buf[:n*size], at); got < n*size {
			return err
		}
		decode(rest[:n], buf)
		rest, at = rest[n:], at+int64(n*size)
	}
	return nil
}

// readStrided reads a view: a transposed tensor, a part of one, one repeated. It goes
// through the dimensions in the order of the file, longest stride first, so that every
// byte is read once, whatever the order of the dimensions in the tensor.
func readStrided[T any](values []T, t *tensor, src io.ReaderAt, decode decoder[T]) error {
	rank := len(t.shape)
	order, step := make([]int, rank), make([]int, rank) // step: stride in values
	for i, n := rank-1, 1; i >= 0; i-- {
		order[i], step[i], n = i, n, n*t.shape[i]
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(t.strides[b], t.strides[a]) })

	window, have := make([]byte, readChunk), int64(0)
	begin, at, to := int64(0), t.at, 0
	pos := make([]int, rank)
	for range values {
		if at < begin || at+t.size > begin+have {
			n, err := src.ReadAt(window, at)
			if begin, have = at, int64(n); have < t.size {
				return err
			}
		}
		decode(values[to:to+1], window[at-begin:])
		for i := rank - 1; i >= 0; i-- {
			d := order[i]
			pos[d]++
			at, to = at+t.strides[d]*t.size, to+step[d]
			if pos[d] < t.shape[d] {
				break
			}
			at, to = at-int64(t.shape[d])*t.strides[d]*t.size, to-t.shape[d]*step[d]
			pos[d] = 0
		}
	}
	return nil
}
