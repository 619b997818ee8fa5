// Package weights reads tensors from safetensors files and from what PyTorch's torch.save
// writes (.pth, .pt), writes both, and writes any file so that it appears complete or not
// at all.
//
// A safetensors file is an 8-byte little-endian header length, a JSON header that
// gives every tensor's type, shape and byte range, and the raw little-endian data.
// A file of torch.save is a Python pickle that describes the tensors, and their data
// beside it; the pickle is read as data, nothing of it is executed.
// The package knows no device and no network: values come and go as plain slices,
// in the layout of the file (PyTorch's, for PyTorch's weights).
package weights

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"hdmnet/internal/infile"
)

// maxFile bounds the size of a file, in bytes: many times that of the largest network with
// its optimizer's moments.
const maxFile = 64 << 30

// errTruncated marks a file that is shorter than it says.
var errTruncated = errors.New("the file is truncated")

// Remedies for files that are damaged.
const (
	copyAgain    = "copy or download the file again, or use an older checkpoint"
	damagedAgain = "the file is damaged: write or download it again"
)

// FormatError reports a file that is not a whole, valid file of weights. It is told from
// other errors with errors.As, for example to fall back on an older checkpoint.
type FormatError struct {
	Path   string // the file
	Reason string // what is wrong, naming the tensor where one is at fault
	Remedy string // what to do
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("%s: %s; %s", infile.Shown(e.Path), e.Reason, e.Remedy)
}

// Formats of a file of weights.
const (
	Safetensors = "safetensors"
	TorchZip    = "PyTorch zip"    // torch.save since 1.6
	TorchLegacy = "PyTorch legacy" // torch.save before 1.6
	Pickle      = "Python pickle"  // of a dict with numpy arrays
)

// File is an open file of weights. Its table of tensors is in memory, the tensors are
// read when asked for. The methods may be called from several goroutines.
type File struct {
	path    string
	format  string
	r       *os.File
	tensors []tensor
	index   map[string]int // name → position in tensors
	meta    map[string]string
	within  string
	prefix  string
	skipped []string
	pickled *pickled // of a PyTorch file
	chosen  bool     // Open was given a key

	verified string
}

// Open reads and checks the table of tensors of the file at path: safetensors, or
// PyTorch's .pth and .pt in the zip format and in the older one; the content tells, not
// the name.
//
// Everything that can be checked without reading the data is: lengths, types, shapes,
// byte ranges that do not pass the end of the file. So are the checksums that the file
// has: the one of Save, the CRC-32 of a zip archive's records. A file that fails is a
// *FormatError naming the file, the tensor and the remedy.
//
// In a PyTorch file the tensors, or numpy arrays, are those of the top-level dict or of the
// state_dict, model or net in it; what is no tensor, such as an optimizer's state, is left
// out (Skipped) or, numbers and text, is Metadata. path may be FILE#KEY: then the tensors
// are those At the key.
// Equivalents: safetensors.safe_open, torch.load(weights_only=True, mmap=True).
func Open(path string) (*File, error) {
	file, key := SplitKey(path)
	f, err := openFile(file)
	if err != nil || key == "" {
		return f, err
	}
	g, err := f.At(key)
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	g.path, g.chosen = path, true
	return g, nil
}

func openFile(path string) (*File, error) {
	r, err := infile.Open(path, maxFile)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("open weights: %w; check the path", err)
		}
		return nil, fmt.Errorf("open weights: %w", err)
	}
	f, err := open(path, r)
	if err != nil {
		_ = r.Close()
		return nil, err
	}
	f.r = r
	return f, nil
}

func open(path string, r *os.File) (*File, error) {
	info, err := r.Stat()
	if err != nil {
		return nil, fmt.Errorf("open weights: %w", err)
	}
	size := info.Size()
	start := make([]byte, min(size, 512))
	if _, err := r.ReadAt(start, 0); err != nil && err != io.EOF {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	switch s := string(start); {
	case strings.HasPrefix(s, "PK\x03\x04"):
		return openZip(path, r, size)
	case len(s) > 2 && s[0] == 0x80 && s[1] >= 2 && s[1] <= 5 && (len(s) < 9 || s[8] != '{'):
		// The length of a safetensors header may begin like a pickle; '{' follows it.
		return openLegacy(path, r, size)
	}
	if kind, remedy := otherFormat(string(start)); kind != "" {
		return nil, &FormatError{path, "this is " + kind + ", not a safetensors or PyTorch file", remedy}
	}
	return openSafetensors(path, r, size, start)
}

// Close releases the file. Slices already read stay valid.
func (f *File) Close() error { return f.r.Close() }

// Path is the path the file was opened with, its key included.
func (f *File) Path() string { return f.path }

// Names lists the tensors in file order.
func (f *File) Names() []string {
	names := make([]string, len(f.tensors))
	for i := range f.tensors {
		names[i] = f.tensors[i].name
	}
	return names
}

// Shape is the shape of a tensor, empty for a scalar; false when it is not there.
func (f *File) Shape(name string) ([]int, bool) {
	i, ok := f.index[name]
	if !ok {
		return nil, false
	}
	return slices.Clone(f.tensors[i].shape), true
}

// Dtype is the type of a tensor as safetensors spells it ("F32", "I64", …), "" when
// the tensor is not there.
func (f *File) Dtype(name string) string {
	i, ok := f.index[name]
	if !ok {
		return ""
	}
	return f.tensors[i].dtype
}

// Metadata is a copy of the file's string pairs, of a PyTorch file the numbers and text
// beside the state_dict; never nil.
func (f *File) Metadata() map[string]string { return maps.Clone(f.meta) }

// Float32 reads a tensor of type F32, F64, F16 or BF16 in row-major order, with its
// shape. F64 is rounded to nearest; the others are exact. It fails when the tensor
// is not there, has another type, or cannot be read.
func (f *File) Float32(name string) ([]float32, []int, error) {
	return read(f, name, floatDecoders, floatTypes)
}

const floatTypes = "F32, F64, F16 or BF16"

// ReadFloat32 is Float32 to memory of the caller: v has as many elements as the tensor.
func (f *File) ReadFloat32(name string, v []float32) error {
	t, decode, err := find(f, name, floatDecoders, floatTypes)
	if err != nil {
		return err
	}
	if len(v) != t.elements() {
		return fmt.Errorf("%s: tensor %q is %v, not of %d elements", f.path, name, t.shape, len(v))
	}
	return readInto(f, v, t, decode)
}

// Int64 reads a tensor of type I64, I32, I16, I8, U32, U16 or U8; see Float32.
func (f *File) Int64(name string) ([]int64, []int, error) {
	return read(f, name, intDecoders, "I64, I32, I16, I8, U32, U16 or U8")
}

// Uint8 reads a tensor of type U8 or BOOL; see Float32.
func (f *File) Uint8(name string) ([]uint8, []int, error) {
	return read(f, name, byteDecoders, "U8 or BOOL")
}

// Format is Safetensors, TorchZip, TorchLegacy or Pickle.
func (f *File) Format() string { return f.format }

// Within is where in a PyTorch file the tensors were found, such as "state_dict"; empty
// for the top level.
func (f *File) Within() string { return f.within }

// Prefix is what was dropped before every name, such as "module." of torch.nn.DataParallel.
func (f *File) Prefix() string { return f.prefix }

// Chosen tells that the file was opened with a key.
func (f *File) Chosen() bool { return f.chosen }

// Skipped describes what a PyTorch file holds that is no tensor of the network.
func (f *File) Skipped() []string { return slices.Clone(f.skipped) }

// Renamed is the file with other names: to gives each tensor's new name, or false to
// leave the tensor out. It shares the open file with f. It fails when two tensors get
// one name.
func (f *File) Renamed(to func(name string) (string, bool)) (*File, error) {
	g := *f
	g.tensors = nil
	from := map[string]string{}
	for _, t := range f.tensors {
		name, ok := to(t.name)
		if !ok {
			continue
		}
		if first, twice := from[name]; twice {
			return nil, &FormatError{f.path, fmt.Sprintf("tensors %q and %q both are %q of the network", first, t.name, name), "remove one of them"}
		}
		from[name], t.name = t.name, name
		g.tensors = append(g.tensors, t)
	}
	g.makeIndex()
	return &g, nil
}

func (f *File) makeIndex() {
	f.index = make(map[string]int, len(f.tensors))
	for i := range f.tensors {
		f.index[f.tensors[i].name] = i
	}
}

// position is that of a tensor in f.tensors.
func (f *File) position(name string) (int, error) {
	if i, ok := f.index[name]; ok {
		return i, nil
	}
	return 0, fmt.Errorf("%s has no tensor %q; it holds %d others, which `hdmnet weights inspect` lists", f.path, name, len(f.tensors))
}

// Split is the file with a tensor cut along its first axis into as many equal parts as there
// are names, in its place. It shares the open file with f. It fails when there is no such
// tensor, or no such parts.
func (f *File) Split(name string, parts ...string) (*File, error) {
	at, err := f.position(name)
	if err != nil {
		return nil, err
	}
	whole := f.tensors[at]
	if len(whole.shape) == 0 || whole.shape[0]%len(parts) != 0 {
		return nil, &FormatError{f.path, fmt.Sprintf("tensor %q is %v, which does not make %d equal parts", name, whole.shape, len(parts)), copyAgain}
	}
	g := *f
	g.tensors = slices.Delete(slices.Clone(f.tensors), at, at+1)
	rows := whole.shape[0] / len(parts)
	step := int64(rows) // elements from part to part
	if whole.strides != nil {
		step *= whole.strides[0]
	} else {
		for _, d := range whole.shape[1:] {
			step *= int64(d)
		}
	}
	for i, part := range parts {
		t := whole
		t.name, t.shape = part, slices.Clone(whole.shape)
		t.shape[0] = rows
		t.at += int64(i) * step * t.size
		g.tensors = append(g.tensors, t)
	}
	g.makeIndex()
	return &g, nil
}
