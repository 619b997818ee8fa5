package weights

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"io"
)

// Save keeps a checksum in the metadata of every file, by which Open tells a file whose
// bytes have changed on the disk: under checksumKey the CRC-32C (Castagnoli) of the whole
// file, in which its own eight digits count as zeros. Files without it are read as well.
const checksumKey = "crc32c"

const noChecksum = "00000000"

// castagnoli has an instruction of its own on today's processors.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksumAt is where in a header the digits of a checksum are, -1 for nowhere. Quotes in
// names and values are escaped, so that only the pair itself looks like this.
func checksumAt(header []byte, digits string) int {
	before := fmt.Sprintf("%q:\"", checksumKey)
	at := bytes.Index(header, []byte(before+digits+`"`))
	if at < 0 {
		return -1
	}
	return at + len(before)
}

// seal puts the checksum of header and tensors into the header, which holds noChecksum.
func seal(header []byte, tensors []Tensor) error {
	sum := crc32.New(castagnoli)
	sum.Write(header)
	buf := make([]byte, 0, 8*readChunk)
	for i := range tensors {
		if err := tensors[i].write(sum, buf); err != nil {
			return err
		}
	}
	copy(header[checksumAt(header, noChecksum):], fmt.Sprintf("%08x", sum.Sum32()))
	return nil
}

// verify compares the checksum of a safetensors file whose JSON header is given, if it
// has one, and takes it out of the metadata: it is not that of the tensors written anew.
func (f *File) verify(r io.ReaderAt, header []byte, size int64) error {
	digits, ok := f.meta[checksumKey]
	if !ok || len(digits) != len(noChecksum) {
		return nil
	}
	at := checksumAt(header, digits)
	if at < 0 {
		return nil // in another spelling than ours: somebody else's
	}
	delete(f.meta, checksumKey)
	sum, buf := uint32(0), make([]byte, min(size, 1<<18))
	for from := int64(0); from < size; {
		n, err := r.ReadAt(buf[:min(int64(len(buf)), size-from)], from)
		if n == 0 && err != nil {
			return fmt.Errorf("read %s: %w", f.path, err)
		}
		for i := range len(digits) { // they may lie across two pieces
			if j := 8 + int64(at+i) - from; j >= 0 && j < int64(n) {
				buf[j] = '0'
			}
		}
		sum = crc32.Update(sum, castagnoli, buf[:n])
		from += int64(n)
	}
	if fmt.Sprintf("%08x", sum) != digits {
		return &FormatError{f.path, "its checksum does not match: bytes have changed since it was written",
			"copy it again, or use an older checkpoint; if another program wrote it anew, that has to leave " + checksumKey + " out of the metadata"}
	}
	f.verified = "CRC-32C of the file"
	return nil
}

// Verified is what was compared when the file was opened: the checksum of a file that Save
// wrote, those of a zip archive's records, or nothing.
func (f *File) Verified() string { return f.verified }
