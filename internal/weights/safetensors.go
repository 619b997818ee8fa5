package weights

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// openSafetensors reads and checks the header of a safetensors file; start is how the
// file begins.
func openSafetensors(path string, r *os.File, size int64, start []byte) (*File, error) {
	if size < 8 {
		return nil, &FormatError{path, fmt.Sprintf("the file has only %d bytes: it is empty or half-written", size), copyAgain}
	}
	n := binary.LittleEndian.Uint64(start)
	if n > maxHeader {
		return nil, &FormatError{path, fmt.Sprintf("it claims a header of %d bytes (the limit is %d): neither safetensors nor a file of torch.save", n, maxHeader), "give the path of a .safetensors or .pth file"}
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
		remedy := damagedAgain
		if errors.Is(err, errTruncated) {
			remedy = copyAgain
		}
		return nil, &FormatError{path, err.Error(), remedy}
	}
	f := &File{path: path, format: Safetensors, meta: meta, tensors: make([]tensor, len(entries))}
	src := func() io.ReaderAt { return r }
	for i, e := range entries {
		f.tensors[i] = tensor{name: e.name, dtype: e.dtype, size: dtypeSize[e.dtype], shape: e.shape, src: src, at: 8 + int64(n) + e.begin}
	}
	f.makeIndex()
	return f, f.verify(r, header, size)
}

// otherFormat recognizes files that people pass by mistake, from their first bytes.
func otherFormat(s string) (kind, remedy string) {
	switch {
	case len(s) > 262 && s[257:262] == "ustar":
		return "a tar archive (as PyTorch before 0.2 wrote)", "load it and save it again with a newer PyTorch, or unpack the archive and give the file of weights in it"
	case strings.HasPrefix(s, "\x1f\x8b"):
		return "a gzip archive", "unpack it and give the file of weights in it"
	case strings.HasPrefix(s, "\x89HDF"):
		return "an HDF5 file (as Keras writes)", "give weights of PyTorch"
	case strings.HasPrefix(s, "version https://git-lfs"):
		return "a Git LFS pointer", "fetch the real file: git lfs pull"
	case strings.HasPrefix(s, "<!"), strings.HasPrefix(s, "<html"):
		return "a web page", "download the file itself, not the page that links to it"
	}
	return "", ""
}
