package weights

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"

	"hdmnet/internal/atomicfile"
)

// metadataKey is where SaveTorch keeps string pairs beside the state_dict.
const metadataKey = "metadata"

// torchArchive is the folder in the zip archive; torch.load takes any.
const torchArchive = "archive/"

// torchAlign is where torch.save begins every storage, so that it can be mapped.
const torchAlign = 64

// SaveTorch writes tensors and string pairs as a .pth file of PyTorch ≥ 1.6, complete or
// not at all: {"state_dict": OrderedDict of the tensors in their order, "metadata":
// dict}. torch.load reads it, also with weights_only=True and mmap=True.
//
// Tensors that share one slice share one storage. The same tensors and pairs give the
// same bytes. It fails before writing as Save does, and for types that PyTorch's format
// has no storage for.
func SaveTorch(path string, tensors []Tensor, meta map[string]string) error {
	fail := func(err error) error { return fmt.Errorf("save %s: %w", path, err) }
	seen := make(map[string]bool, len(tensors))
	for i := range tensors {
		t := &tensors[i]
		if err := t.check(); err != nil {
			return fail(err)
		}
		if seen[t.Name] {
			return fail(fmt.Errorf("two tensors are called %q", t.Name))
		}
		seen[t.Name] = true
		if storageClass[t.dtype()] == "" {
			return fail(fmt.Errorf("tensor %q is %s, which a .pth file cannot hold; write safetensors", t.Name, t.dtype()))
		}
	}
	w := newTorchWriter(tensors, meta)
	return atomicfile.Write(path, w.write)
}

// storageClass is the class in module torch of a type's storages.
var storageClass = func() map[string]string {
	m := map[string]string{}
	for class, t := range storageTypes {
		m[t.dtype] = class
	}
	return m
}()

// torchWriter lays out one file.
type torchWriter struct {
	pickle   bytes.Buffer
	storages []*Tensor // the first tensor of each
	out      *counter
	zip      *zip.Writer
}

func newTorchWriter(tensors []Tensor, meta map[string]string) *torchWriter {
	w := &torchWriter{}
	p := &w.pickle
	p.WriteString("\x80\x02}(") // protocol 2, a dict, its pairs
	w.text("state_dict")
	p.WriteString("ccollections\nOrderedDict\n)R(")
	keys := map[any]int{}
	for i := range tensors {
		t := &tensors[i]
		key, shared := keys[t.storage()]
		if !shared {
			key = len(w.storages)
			w.storages = append(w.storages, t)
			if t.len() > 0 {
				keys[t.storage()] = key
			}
		}
		w.tensor(t, key)
	}
	p.WriteByte('u')
	w.text(metadataKey)
	p.WriteString("}(")
	for _, k := range slices.Sorted(maps.Keys(meta)) {
		w.text(k)
		w.text(meta[k])
	}
	p.WriteString("uu.")
	return w
}

// storage tells tensors of one slice from others.
func (t *Tensor) storage() any {
	type id struct {
		dtype string
		first any
	}
	switch {
	case len(t.Float32) > 0:
		return id{t.dtype(), &t.Float32[0]}
	case len(t.Int64) > 0:
		return id{t.dtype(), &t.Int64[0]}
	case len(t.Uint8) > 0:
		return id{t.dtype(), &t.Uint8[0]}
	}
	return nil
}

// tensor pickles a name and _rebuild_tensor_v2(storage, 0, shape, strides, False, OrderedDict()).
func (w *torchWriter) tensor(t *Tensor, key int) {
	w.text(t.Name)
	w.pickle.WriteString("ctorch._utils\n_rebuild_tensor_v2\n((")
	w.text("storage")
	w.pickle.WriteString("ctorch\n" + storageClass[t.dtype()] + "\n")
	w.text(strconv.Itoa(key))
	w.text("cpu")
	w.integer(t.len())
	w.pickle.WriteString("tQ") // the tuple is a persistent id
	w.integer(0)
	strides := make([]int, len(t.Shape))
	for i, n := len(t.Shape)-1, 1; i >= 0; i-- {
		strides[i], n = n, n*max(t.Shape[i], 1)
	}
	for _, list := range [][]int{t.Shape, strides} {
		w.pickle.WriteByte('(')
		for _, n := range list {
			w.integer(n)
		}
		w.pickle.WriteByte('t')
	}
	w.pickle.WriteString("\x89ccollections\nOrderedDict\n)RtR")
}

// text pickles a string (BINUNICODE).
func (w *torchWriter) text(s string) {
	w.pickle.WriteByte('X')
	w.pickle.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(s))))
	w.pickle.WriteString(s)
}

// integer pickles a number (BININT, LONG1).
func (w *torchWriter) integer(n int) {
	if n <= math.MaxInt32 {
		w.pickle.WriteByte('J')
		w.pickle.Write(binary.LittleEndian.AppendUint32(nil, uint32(n)))
		return
	}
	w.pickle.WriteString("\x8a\x08")
	w.pickle.Write(binary.LittleEndian.AppendUint64(nil, uint64(n)))
}

// write writes the archive.
func (w *torchWriter) write(out io.Writer) error {
	w.out = &counter{w: out}
	w.zip = zip.NewWriter(w.out)
	record := func(name, content string) error {
		return w.record(name, int64(len(content)), func(to io.Writer) error {
			_, err := io.WriteString(to, content)
			return err
		})
	}
	if err := record("data.pkl", w.pickle.String()); err != nil {
		return err
	}
	if err := record("byteorder", "little"); err != nil {
		return err
	}
	buf := make([]byte, 0, 8*readChunk)
	for key, t := range w.storages {
		size := int64(t.len()) * dtypeSize[t.dtype()]
		if err := w.record("data/"+strconv.Itoa(key), size, func(to io.Writer) error { return t.write(to, buf) }); err != nil {
			return err
		}
	}
	if err := record("version", "3\n"); err != nil {
		return err
	}
	return w.zip.Close()
}

// record stores one entry, not compressed, its content at a multiple of torchAlign. The
// content is made twice, for the checksum that comes first and for the file.
func (w *torchWriter) record(name string, size int64, content func(io.Writer) error) error {
	sum := crc32.NewIEEE()
	if err := content(sum); err != nil {
		return err
	}
	if err := w.zip.Flush(); err != nil {
		return err
	}
	const fixed, extra = 30, 4 // a local header, a field of padding
	name = torchArchive + name
	pad := (torchAlign - (w.out.n+fixed+extra+int64(len(name)))%torchAlign) % torchAlign
	field := binary.LittleEndian.AppendUint16([]byte("FB"), uint16(pad))
	e, err := w.zip.CreateRaw(&zip.FileHeader{
		Name: name, Method: zip.Store, CRC32: sum.Sum32(), Extra: append(field, make([]byte, pad)...),
		CompressedSize64: uint64(size), UncompressedSize64: uint64(size),
	})
	if err != nil {
		return err
	}
	return content(e)
}

// counter counts what is written.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}
