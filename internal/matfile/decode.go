package matfile

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"hdmnet/internal/infile"
)

// Read reads the variables of a file, in its order. limit bounds the bytes that the file,
// its unpacked parts and the arrays made of them take together.
//
// Errors name the file and, where known, the variable: it cannot be read, it is no MATLAB
// file of level 5 (a file of level 4 or 7.3 is told apart), it is damaged, it needs more
// than the limit.
func Read(path string, limit int64) ([]*Array, error) {
	f, err := infile.Open(path, maxFile)
	if err != nil {
		return nil, fmt.Errorf("MATLAB file: %w", err)
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, fmt.Errorf("MATLAB file: %w", err)
	}
	return decode(content, path, limit)
}

// maxFile is the size of the largest file that is opened, in bytes.
const maxFile = 1 << 30

// decode is Read for a file's content; name stands for it in messages.
func decode(content []byte, name string, limit int64) ([]*Array, error) {
	order, err := byteOrder(content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	d := &decoder{limit: limit, left: limit}
	if err := d.take(int64(len(content))); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	var all []*Array
	for e := (&elements{content[headerSize:], order}); !e.empty(); {
		a, err := d.variable(e)
		if err != nil {
			return nil, fmt.Errorf("%s: variable %d: %w", name, len(all)+1, err)
		}
		all = append(all, a)
	}
	return all, nil
}

// Lookup finds a variable by its name.
func Lookup(all []*Array, name string) (*Array, error) {
	var names []string
	for _, a := range all {
		if a.Name == name {
			return a, nil
		}
		names = append(names, a.Name)
	}
	return nil, fmt.Errorf("no variable %q, only %q", name, names)
}

const headerSize = 128

// byteOrder reads the header: 116 bytes of text, 8 of an offset, version and byte order.
func byteOrder(content []byte) (binary.ByteOrder, error) {
	const hdf5 = "\x89HDF\r\n\x1a\n"
	var order binary.ByteOrder
	if len(content) >= headerSize {
		switch string(content[126:128]) {
		case "IM":
			order = binary.LittleEndian
		case "MI":
			order = binary.BigEndian
		}
	}
	switch {
	case order != nil && order.Uint16(content[124:]) == 0x0100:
		return order, nil
	case order != nil && order.Uint16(content[124:]) == 0x0200,
		bytes.HasPrefix(content, []byte(hdf5)), len(content) > 520 && string(content[512:520]) == hdf5:
		return nil, errors.New("a MATLAB file of version 7.3 (HDF5), which is not read; save it with `save -v7` or scipy.io.savemat")
	case len(content) >= 20 && bytes.IndexByte(content[:4], 0) >= 0:
		return nil, errors.New("it looks like a MATLAB file of level 4, which is not read; save it with `save -v7` or scipy.io.savemat")
	}
	return nil, fmt.Errorf("not a MATLAB file of level 5 (%d bytes): its header says neither version nor byte order; is it damaged or cut short?", len(content))
}

// decoder counts what a file takes.
type decoder struct{ limit, left int64 }

func (d *decoder) take(bytes int64) error {
	if d.left -= bytes; d.left < 0 {
		return fmt.Errorf("it needs more than %d bytes of memory; it is no file of annotations, or damaged", d.limit)
	}
	return nil
}

// variable reads a top-level element.
func (d *decoder) variable(e *elements) (*Array, error) {
	kind, data, err := e.next()
	if err != nil {
		return nil, err
	}
	if kind == miCOMPRESSED {
		if data, err = d.unpack(data); err != nil {
			return nil, err
		}
		inner := &elements{data, e.order}
		if kind, data, err = inner.next(); err != nil {
			return nil, err
		}
	}
	if kind != miMATRIX {
		return nil, fmt.Errorf("a data element of type %d, expected a variable; the file is damaged", kind)
	}
	return d.array(&elements{data, e.order}, 0)
}

// unpack inflates a compressed element, never further than the limit.
func (d *decoder) unpack(data []byte) ([]byte, error) {
	z, err := zlib.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("its compressed data cannot be unpacked: %w", err)
	}
	unpacked, err := io.ReadAll(io.LimitReader(z, d.left+1))
	if err != nil {
		return nil, fmt.Errorf("its compressed data cannot be unpacked: %w; the file is damaged or cut short", err)
	}
	return unpacked, d.take(int64(len(unpacked)))
}
