package weights

import (
	"archive/zip"
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// openZip reads a file of torch.save since PyTorch 1.6: a zip archive of NAME/data.pkl
// and the storages NAME/data/KEY, not compressed.
func openZip(path string, r *os.File, size int64) (*File, error) {
	archive, err := zip.NewReader(r, size)
	if err != nil {
		return nil, &FormatError{path, "the zip archive is damaged or cut short: " + err.Error(), copyAgain}
	}
	z := &zipFile{path: path, r: r, size: size, entries: make(map[string]*zip.File, len(archive.File))}
	var pickles []string
	for _, e := range archive.File {
		if z.entries[e.Name] != nil {
			return nil, &FormatError{path, fmt.Sprintf("the zip archive lists %q twice", shorten(e.Name)), damagedAgain}
		}
		z.entries[e.Name] = e
		if dir, ok := strings.CutSuffix(e.Name, "data.pkl"); ok && strings.Count(dir, "/") <= 1 && (dir == "" || strings.HasSuffix(dir, "/")) {
			pickles = append(pickles, dir)
		}
	}
	if len(pickles) != 1 {
		return nil, &FormatError{path, fmt.Sprintf("this is a zip archive with %d data.pkl, not a file of torch.save", len(pickles)), "give a file of torch.save, or unpack the archive and give the file of weights in it"}
	}
	z.dir = pickles[0]
	if z.entries[z.dir+"constants.pkl"] != nil {
		return nil, &FormatError{path, "this is a TorchScript archive, code and weights", "save the weights alone, in Python: torch.save(torch.jit.load(FILE).state_dict(), \"out.pth\")"}
	}
	return z.open()
}

// zipFile is an archive of torch.save that is being read.
type zipFile struct {
	path    string
	r       *os.File
	size    int64
	dir     string // "archive/"
	entries map[string]*zip.File
}

func (z *zipFile) open() (*File, error) {
	order, err := z.small("byteorder")
	if err != nil {
		return nil, z.damaged(err)
	}
	if order != "" && order != "little" {
		return nil, &FormatError{z.path, fmt.Sprintf("its byte order is %q, only little endian is supported", shorten(order)), "save it again on a little-endian machine"}
	}
	entry := z.entries[z.dir+"data.pkl"]
	content, err := entry.Open()
	if err != nil {
		return nil, z.damaged(err)
	}
	defer content.Close()
	b, err := newPickleReader(content, z.size).next()
	if err != nil {
		return nil, z.damaged(err)
	}
	reader := &torchReader{storages: map[string]*storage{}}
	top, err := reader.unpickle(b)
	if err != nil {
		return nil, z.damaged(err)
	}
	for _, s := range reader.storages {
		if err := z.find(s); err != nil {
			return nil, z.damaged(fmt.Errorf("storage %s: %w", shorten(s.key), err))
		}
	}
	verified, err := z.verify(reader.storages)
	if err != nil {
		return nil, err
	}
	f, err := torchFile(z.path, TorchZip, top)
	if err == nil {
		f.verified = verified
	}
	return f, err
}

// verify compares the CRC-32 of the records that are used. An archive in which none fits
// was written without them, as torch.serialization.set_crc32_options allows.
func (z *zipFile) verify(storages map[string]*storage) (string, error) {
	names := []string{"data.pkl"}
	for key := range storages {
		names = append(names, "data/"+key)
	}
	slices.Sort(names)
	var damaged []string
	unknown := 0
	buf := make([]byte, 1<<18)
	for _, name := range names {
		entry := z.entries[z.dir+name]
		if entry.CRC32 == 0 {
			unknown++
			continue
		}
		r, err := entry.Open()
		if err != nil {
			return "", z.damaged(err)
		}
		for err == nil {
			_, err = r.Read(buf)
		}
		_ = r.Close() // it was only read
		switch {
		case errors.Is(err, zip.ErrChecksum):
			damaged = append(damaged, name)
		case err != io.EOF:
			return "", z.damaged(fmt.Errorf("record %q: %w", shorten(name), err))
		}
	}
	switch checked := len(names) - unknown; len(damaged) {
	case checked: // perhaps 0
		return "", nil
	case 0:
		return "CRC-32 of its records", nil
	}
	return "", &FormatError{z.path, fmt.Sprintf("the CRC-32 of %d of its %d records do not match, the first is %q: bytes have changed since it was written",
		len(damaged), len(names), shorten(damaged[0])), "copy or download it again"}
}

func (z *zipFile) damaged(err error) error {
	remedy := damagedAgain
	if errors.Is(err, errTruncated) || errors.Is(err, io.ErrUnexpectedEOF) {
		remedy = copyAgain
	}
	return &FormatError{z.path, err.Error(), remedy}
}

// small reads a record of a few bytes; an absent one is empty.
func (z *zipFile) small(name string) (string, error) {
	entry := z.entries[z.dir+name]
	if entry == nil {
		return "", nil
	}
	r, err := entry.Open()
	if err != nil {
		return "", err
	}
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, 256))
	return strings.TrimSpace(string(b)), err
}

// maxRatio is more than deflate can compress: 1032 to 1.
const maxRatio = 1100

// find looks up where a storage's bytes lie.
func (z *zipFile) find(s *storage) error {
	entry := z.entries[z.dir+"data/"+s.key]
	if entry == nil {
		return errors.New("the archive lacks its data")
	}
	if need := uint64(s.elements) * uint64(s.size); entry.UncompressedSize64 < need {
		return fmt.Errorf("%d elements need %d bytes, the archive has %d", s.elements, need, entry.UncompressedSize64)
	}
	at, err := entry.DataOffset()
	if err != nil {
		return err
	}
	if entry.CompressedSize64 > uint64(z.size) || at > z.size-int64(entry.CompressedSize64) {
		return fmt.Errorf("its data ends beyond the file: %w", errTruncated)
	}
	switch {
	case entry.Method == zip.Store && entry.CompressedSize64 == entry.UncompressedSize64:
		s.src, s.at = func() io.ReaderAt { return z.r }, at
	case entry.Method == zip.Deflate && entry.UncompressedSize64 <= maxRatio*(entry.CompressedSize64+1):
		s.src = func() io.ReaderAt { return &inflater{entry: entry} }
	default:
		return fmt.Errorf("it is compressed by method %d from %d to %d bytes; only stored and deflated data can be read", entry.Method, entry.UncompressedSize64, entry.CompressedSize64)
	}
	return nil
}

// inflater reads a compressed entry at rising offsets; for a lower one it starts again.
type inflater struct {
	entry *zip.File
	file  io.ReadCloser
	r     *bufio.Reader
	at    int64
}

func (i *inflater) ReadAt(p []byte, off int64) (int, error) {
	if i.file == nil || off < i.at {
		if err := i.Close(); err != nil {
			return 0, err
		}
		file, err := i.entry.Open()
		if err != nil {
			return 0, err
		}
		i.file, i.r, i.at = file, bufio.NewReader(file), 0
	}
	n, err := io.CopyN(io.Discard, i.r, off-i.at)
	i.at += n
	if err != nil {
		return 0, err
	}
	m, err := io.ReadFull(i.r, p)
	i.at += int64(m)
	if err == io.ErrUnexpectedEOF {
		err = io.EOF
	}
	return m, err
}

func (i *inflater) Close() error {
	if i.file == nil {
		return nil
	}
	return i.file.Close()
}
