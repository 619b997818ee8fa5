// Package weights reads and writes tensors in safetensors files, and writes any
// file so that it appears complete or not at all.
//
// A safetensors file is an 8-byte little-endian header length, a JSON header that
// gives every tensor's type, shape and byte range, and the raw little-endian data.
// The package knows no device and no network: values come and go as plain slices,
// in the layout of the file (PyTorch's, for PyTorch's weights).
package weights

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
)

// errTruncated marks a file that is shorter than its header says.
var errTruncated = errors.New("the file is truncated")

// FormatError reports a file that is not a whole, valid safetensors file. It is
// told from other errors with errors.As, for example to fall back on an older
// checkpoint.
type FormatError struct {
	Path   string // the file
	Reason string // what is wrong, naming the tensor where one is at fault
	Remedy string // what to do
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("%s: %s; %s", e.Path, e.Reason, e.Remedy)
}

// File is an open safetensors file. Its header is in memory, its tensors are read
// when asked for. The methods may be called from several goroutines.
type File struct {
	path    string
	r       *os.File
	data    int64 // offset of the data section
	entries []entry
	index   map[string]int // name → position in entries
	meta    map[string]string
}

// Open reads and checks the header of the safetensors file at path.
//
// Everything that can be checked without reading the data is: header length, types,
// shapes, byte ranges that neither overlap, nor leave gaps, nor pass the end of the
// file. A file that fails is a *FormatError naming the file, the tensor and the
// remedy. Equivalent: safetensors.safe_open.
func Open(path string) (*File, error) {
	r, err := os.Open(path)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("open weights: %w; check the path", err)
		}
		return nil, fmt.Errorf("open weights: %w", err)
	}
	f, err := readHeader(path, r)
	if err != nil {
		r.Close()
		return nil, err
	}
	return f, nil
}

func readHeader(path string, r *os.File) (*File, error) {
	info, err := r.Stat()
	if err != nil {
		return nil, fmt.Errorf("open weights: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("open weights: %s is not a regular file; give the path of a .safetensors file", path)
	}
	size := info.Size()
	start := make([]byte, min(size, 64))
	if _, err := r.ReadAt(start, 0); err != nil && err != io.EOF {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if kind, remedy := otherFormat(start); kind != "" {
		return nil, &FormatError{path, "this is " + kind + ", not a safetensors file", remedy}
	}
	const copyAgain = "copy or download the file again, or use an older checkpoint"
	if size < 8 {
		return nil, &FormatError{path, fmt.Sprintf("the file has only %d bytes: it is empty or half-written", size), copyAgain}
	}
	n := binary.LittleEndian.Uint64(start)
	if n > maxHeader {
		return nil, &FormatError{path, fmt.Sprintf("it claims a header of %d bytes (the limit is %d): not a safetensors file", n, maxHeader), "give the path of a .safetensors file"}
	}
	if int64(n) > size-8 {
		return nil, &FormatError{path, fmt.Sprintf("its header needs %d bytes but the file ends after %d: truncated or half-written", n, size-8), copyAgain}
	}
	header := make([]byte, n)
	if _, err := r.ReadAt(header, 8); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	entries, meta, err := parseHeader(header, size-8-int64(n))
	if err != nil {
		remedy := "the file is damaged: write or download it again"
		if errors.Is(err, errTruncated) {
			remedy = copyAgain
		}
		return nil, &FormatError{path, err.Error(), remedy}
	}
	f := &File{path: path, r: r, data: 8 + int64(n), entries: entries, meta: meta, index: make(map[string]int, len(entries))}
	for i := range entries {
		f.index[entries[i].name] = i
	}
	return f, nil
}

// otherFormat recognises files that people pass by mistake, from their first bytes.
func otherFormat(start []byte) (kind, remedy string) {
	s := string(start)
	const convert = "convert it, in Python: safetensors.torch.save_file(state_dict, \"out.safetensors\")"
	switch {
	case strings.HasPrefix(s, "PK\x03\x04"):
		return "a zip archive (as PyTorch's .pth)", convert
	case strings.HasPrefix(s, "\x80\x02"), strings.HasPrefix(s, "\x80\x04"):
		// A safetensors header may have this length too; its ninth byte is '{'.
		if len(s) > 8 && s[8] == '{' {
			return "", ""
		}
		return "a Python pickle (as PyTorch's .pth)", convert
	case strings.HasPrefix(s, "version https://git-lfs"):
		return "a Git LFS pointer", "fetch the real file: git lfs pull"
	case strings.HasPrefix(s, "<!"), strings.HasPrefix(s, "<html"):
		return "a web page", "download the file itself, not the page that links to it"
	}
	return "", ""
}

// Close releases the file. Slices already read stay valid.
func (f *File) Close() error { return f.r.Close() }

// Path is the path the file was opened with.
func (f *File) Path() string { return f.path }

// Names lists the tensors in file order.
func (f *File) Names() []string {
	names := make([]string, len(f.entries))
	for i := range f.entries {
		names[i] = f.entries[i].name
	}
	return names
}

// Shape is the shape of a tensor, empty for a scalar; false when it is not there.
func (f *File) Shape(name string) ([]int, bool) {
	i, ok := f.index[name]
	if !ok {
		return nil, false
	}
	return slices.Clone(f.entries[i].shape), true
}

// Dtype is the type of a tensor as the file spells it ("F32", "I64", …), "" when
// the tensor is not there.
func (f *File) Dtype(name string) string {
	i, ok := f.index[name]
	if !ok {
		return ""
	}
	return f.entries[i].dtype
}

// Metadata is a copy of the file's string pairs; never nil.
func (f *File) Metadata() map[string]string { return maps.Clone(f.meta) }

// Float32 reads a tensor of type F32, F64, F16 or BF16 in row-major order, with its
// shape. F64 is rounded to nearest; the others are exact. It fails when the tensor
// is not there, has another type, or cannot be read.
func (f *File) Float32(name string) ([]float32, []int, error) {
	return read(f, name, floatDecoders, "F32, F64, F16 or BF16")
}

// Int64 reads a tensor of type I64, I32, I16, I8 or U8; see Float32.
func (f *File) Int64(name string) ([]int64, []int, error) {
	return read(f, name, intDecoders, "I64, I32, I16, I8 or U8")
}

// Uint8 reads a tensor of type U8 or BOOL; see Float32.
func (f *File) Uint8(name string) ([]uint8, []int, error) {
	return read(f, name, byteDecoders, "U8 or BOOL")
}

// readChunk is the number of elements that are read and converted at a time.
const readChunk = 1 << 15

func read[T any](f *File, name string, decoders map[string]decoder[T], want string) ([]T, []int, error) {
	i, ok := f.index[name]
	if !ok {
		return nil, nil, fmt.Errorf("%s has no tensor %q; it holds %d others", f.path, name, len(f.entries))
	}
	e := &f.entries[i]
	decode, ok := decoders[e.dtype]
	if !ok {
		return nil, nil, fmt.Errorf("%s: tensor %q is %s, expected %s", f.path, name, e.dtype, want)
	}
	values := make([]T, e.elements())
	size := int(dtypeSize[e.dtype])
	buf := make([]byte, min(len(values), readChunk)*size)
	at := f.data + e.begin
	for rest := values; len(rest) > 0; {
		n := min(len(rest), readChunk)
		if _, err := f.r.ReadAt(buf[:n*size], at); err == io.EOF {
			return nil, nil, fmt.Errorf("%s: tensor %q: the file became shorter after it was opened; do not change it while it is in use", f.path, name)
		} else if err != nil {
			return nil, nil, fmt.Errorf("%s: read tensor %q: %w", f.path, name, err)
		}
		decode(rest[:n], buf)
		rest, at = rest[n:], at+int64(n*size)
	}
	return values, slices.Clone(e.shape), nil
}
