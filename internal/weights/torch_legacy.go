package weights

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/big"
	"os"

	"github.com/nlpodyssey/gopickle/types"
)

// legacyMagic opens a file of torch.save before PyTorch 1.6, as a pickled number.
var legacyMagic, _ = new(big.Int).SetString("1950a86a20f9469cfc6c", 16)

// legacyProtocol is the only version of that format there has been.
const legacyProtocol = 1001

// openLegacy reads a file that is pickles: of one dict with numpy arrays, or of torch.save
// before PyTorch 1.6: five pickles (magic number,
// version, machine, object, keys of the storages), then every storage as an 8-byte
// number of elements and the elements, in the order of the keys.
func openLegacy(path string, r *os.File, size int64) (*File, error) {
	reader := &torchReader{storages: map[string]*storage{}}
	pickles := newPickleReader(io.NewSectionReader(r, 0, size), size)
	next := func() (any, error) {
		b, err := pickles.next()
		if err != nil {
			return nil, err
		}
		return reader.unpickle(b)
	}
	damaged := func(err error) error {
		remedy := damagedAgain
		if errors.Is(err, errTruncated) {
			remedy = copyAgain
		}
		return &FormatError{path, err.Error(), remedy}
	}
	magic, err := next()
	if n, ok := magic.(*big.Int); err != nil || !ok || n.Cmp(legacyMagic) != 0 {
		if _, isDict := dict(magic); err == nil && isDict && len(reader.storages) == 0 {
			if f, err := torchFile(path, Pickle, magic); err == nil {
				return f, nil
			}
		}
		return nil, &FormatError{path, "this is a Python pickle, but none of torch.save, nor of a dict of numpy arrays", "save the weights with torch.save(model.state_dict(), \"out.pth\")"}
	}
	version, err := next()
	if err != nil {
		return nil, damaged(err)
	}
	if version != any(legacyProtocol) {
		return nil, damaged(fmt.Errorf("its version is not %d", legacyProtocol))
	}
	machine, err := next()
	if err != nil {
		return nil, damaged(err)
	}
	about, _ := dict(machine)
	for _, e := range about {
		if e.Key == any("little_endian") && e.Value == any(false) {
			return nil, &FormatError{path, "its byte order is big endian, only little endian is supported", "save it again on a little-endian machine"}
		}
	}
	top, err := next()
	if err != nil {
		return nil, damaged(err)
	}
	keys, err := next()
	if err != nil {
		return nil, damaged(err)
	}
	list, ok := keys.(*types.List)
	if !ok {
		return nil, damaged(errors.New("the list of its storages is none"))
	}
	if err := reader.layStorages(*list, r, pickles.read, size); err != nil {
		return nil, damaged(err)
	}
	return torchFile(path, TorchLegacy, top)
}

// layStorages finds the storages of a legacy file that lie from byte at on.
func (t *torchReader) layStorages(keys []any, r *os.File, at, size int64) error {
	laid := map[string]bool{}
	for _, k := range keys {
		key, ok := k.(string)
		s := t.storages[key]
		if !ok || s == nil || laid[key] {
			return fmt.Errorf("storage %q is listed, but no tensor is in it or it is listed twice", shorten(key))
		}
		laid[key] = true
		var head [8]byte
		if _, err := r.ReadAt(head[:], at); err != nil {
			return fmt.Errorf("the data of storage %s is missing: %w", shorten(key), errTruncated)
		}
		n := int64(binary.LittleEndian.Uint64(head[:]))
		if n != s.elements {
			return fmt.Errorf("storage %s has %d elements, the file stores %d", shorten(key), s.elements, n)
		}
		at += 8
		if n > (size-at)/s.size {
			return fmt.Errorf("storage %s needs %d bytes, the file has only %d more: %w", shorten(key), n*s.size, size-at, errTruncated)
		}
		s.src, s.at = func() io.ReaderAt { return r }, at
		at += n * s.size
	}
	for _, s := range t.storages {
		if !laid[s.key] {
			return fmt.Errorf("storage %s has no data", shorten(s.key))
		}
	}
	return nil
}
