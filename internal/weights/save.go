package weights

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"hdmnet/internal/atomicfile"
	"hdmnet/internal/infile"
)

// Tensor is a named array to be saved. Exactly one of Float32, Int64 and Uint8 is
// not nil; it holds the product of Shape values in row-major order. An empty Shape
// is a scalar.
//
// Dtype is the type in the file: F32, F16 or BF16 for Float32, rounded to nearest, ties
// to even; I64, I32, I16, I8, U32 or U16 for Int64; U8 or BOOL for Uint8. Empty is the first of
// each. A finite value that is beyond the type is an error.
type Tensor struct {
	Name    string
	Dtype   string
	Shape   []int
	Float32 []float32
	Int64   []int64
	Uint8   []uint8
}

// Save writes tensors and string pairs as the safetensors file path, complete or
// not at all (atomicfile.Write).
//
// The same tensors and pairs give the same bytes in whatever order they come: the
// data is ordered by element size, widest first so that every tensor is aligned,
// then by name. It fails before writing when a tensor's name repeats or its data
// does not match its shape. The pair "crc32c" is the file's checksum, which Open compares.
// Equivalent: safetensors.torch.save_file.
func Save(path string, tensors []Tensor, meta map[string]string) error {
	sorted := slices.Clone(tensors)
	for i := range sorted {
		if err := sorted[i].check(); err != nil {
			return fmt.Errorf("save %s: %w", infile.Shown(path), err)
		}
	}
	slices.SortFunc(sorted, func(a, b Tensor) int {
		if sa, sb := dtypeSize[a.dtype()], dtypeSize[b.dtype()]; sa != sb {
			return cmp.Compare(sb, sa)
		}
		return strings.Compare(a.Name, b.Name)
	})
	sealed := map[string]string{checksumKey: noChecksum}
	for k, v := range meta {
		if k != checksumKey {
			sealed[k] = v
		}
	}
	header, err := makeHeader(sorted, sealed)
	if err == nil {
		err = seal(header, sorted)
	}
	if err != nil {
		return fmt.Errorf("save %s: %w", infile.Shown(path), err)
	}
	return atomicfile.Write(path, func(w io.Writer) error {
		if _, err := w.Write(header); err != nil {
			return err
		}
		buf := make([]byte, 0, 8*readChunk)
		for i := range sorted {
			if err := sorted[i].write(w, buf); err != nil {
				return err
			}
		}
		return nil
	})
}

// makeHeader is the length and the JSON header, padded so that the data starts at a
// multiple of 8.
func makeHeader(tensors []Tensor, meta map[string]string) ([]byte, error) {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	put := func(v any) error {
		if err := enc.Encode(v); err != nil {
			return err
		}
		text.Truncate(text.Len() - 1) // Encode ends with a newline
		return nil
	}
	text.WriteByte('{')
	text.WriteString(`"__metadata__":`)
	if err := put(meta); err != nil { // encoding/json sorts the keys
		return nil, err
	}
	type entryJSON struct {
		Dtype   string   `json:"dtype"`
		Shape   []int    `json:"shape"`
		Offsets [2]int64 `json:"data_offsets"`
	}
	at, seen := int64(0), make(map[string]bool, len(tensors))
	for i := range tensors {
		t := &tensors[i]
		if seen[t.Name] {
			return nil, fmt.Errorf("two tensors are called %q", t.Name)
		}
		seen[t.Name] = true
		if text.Len() > 1 {
			text.WriteByte(',')
		}
		if err := put(t.Name); err != nil {
			return nil, err
		}
		text.WriteByte(':')
		end := at + int64(t.len())*dtypeSize[t.dtype()]
		shape := t.Shape
		if shape == nil {
			shape = []int{} // a scalar is [], not null
		}
		if err := put(entryJSON{t.dtype(), shape, [2]int64{at, end}}); err != nil {
			return nil, err
		}
		at = end
	}
	text.WriteByte('}')
	for text.Len()%8 != 0 {
		text.WriteByte(' ')
	}
	if text.Len() > maxHeader {
		return nil, fmt.Errorf("the header of %d tensors has %d bytes, more than the format's %d", len(tensors), text.Len(), maxHeader)
	}
	header := binary.LittleEndian.AppendUint64(nil, uint64(text.Len()))
	return append(header, text.Bytes()...), nil
}

func (t *Tensor) dtype() string {
	switch {
	case t.Dtype != "":
		return t.Dtype
	case t.Float32 != nil:
		return "F32"
	case t.Int64 != nil:
		return "I64"
	}
	return "U8"
}

func (t *Tensor) len() int { return len(t.Float32) + len(t.Int64) + len(t.Uint8) }

func (t *Tensor) check() error {
	if t.Name == "" || t.Name == "__metadata__" || !utf8.ValidString(t.Name) {
		return fmt.Errorf("%q is not a tensor name", t.Name)
	}
	set := 0
	for _, there := range []bool{t.Float32 != nil, t.Int64 != nil, t.Uint8 != nil} {
		if there {
			set++
		}
	}
	if set != 1 {
		return fmt.Errorf("tensor %q has %d data slices, expected exactly one", t.Name, set)
	}
	n := 1
	for _, d := range t.Shape {
		if d < 0 {
			return fmt.Errorf("tensor %q has the negative dimension %d", t.Name, d)
		}
		n *= d
	}
	if n != t.len() {
		return fmt.Errorf("tensor %q has shape %v, %d elements, but %d values", t.Name, t.Shape, n, t.len())
	}
	return t.checkDtype()
}

// write appends the little-endian data to w, through buf's capacity.
func (t *Tensor) write(w io.Writer, buf []byte) error {
	if t.Uint8 != nil {
		_, err := w.Write(t.Uint8)
		return err
	}
	if err := writeChunks(w, buf, t.Float32, floatEncoders[t.dtype()]); err != nil {
		return err
	}
	return writeChunks(w, buf, t.Int64, intEncoders[t.dtype()])
}

func writeChunks[T any](w io.Writer, buf []byte, values []T, encode encoder[T]) error {
	for chunk := range slices.Chunk(values, readChunk) {
		if _, err := w.Write(encode(buf[:0], chunk)); err != nil {
			return err
		}
	}
	return nil
}
