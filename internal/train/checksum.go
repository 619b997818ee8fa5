package train

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"slices"
	"strings"

	"hdmnet/internal/weights"
)

// castagnoli has an instruction of its own on today's processors.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// digest is a CRC-32C over the state and every tensor by name: it tells a checkpoint
// whose bytes have changed on the disk, which the file's header alone does not.
type digest struct {
	sum uint32
	buf []byte
}

func newDigest(state []byte) *digest {
	return &digest{sum: crc32.Checksum(state, castagnoli), buf: make([]byte, 0, 1<<15)}
}

func (d *digest) bytes(b []byte) { d.sum = crc32.Update(d.sum, castagnoli, b) }

func (d *digest) tensor(t *weights.Tensor) {
	d.bytes([]byte(t.Name))
	d.bytes(t.Uint8)
	for chunk := range slices.Chunk(t.Float32, cap(d.buf)/4) {
		b := d.buf
		for _, v := range chunk {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		}
		d.bytes(b)
	}
	for chunk := range slices.Chunk(t.Int64, cap(d.buf)/8) {
		b := d.buf
		for _, v := range chunk {
			b = binary.LittleEndian.AppendUint64(b, uint64(v))
		}
		d.bytes(b)
	}
}

func (d *digest) String() string { return fmt.Sprintf("crc32c:%08x", d.sum) }

// checksum is the digest of what is about to be saved.
func checksum(tensors []weights.Tensor, state []byte) string {
	sorted := slices.Clone(tensors)
	slices.SortFunc(sorted, func(a, b weights.Tensor) int { return strings.Compare(a.Name, b.Name) })
	d := newDigest(state)
	for i := range sorted {
		d.tensor(&sorted[i])
	}
	return d.String()
}

// checksum is the digest of what the file holds.
func (c *checkpoint) checksum(state string) (string, error) {
	names := c.Names()
	slices.Sort(names)
	d := newDigest([]byte(state))
	for _, name := range names {
		t := weights.Tensor{Name: name}
		var err error
		switch c.Dtype(name) {
		case "I64":
			t.Int64, _, err = c.Int64(name)
		case "U8":
			t.Uint8, _, err = c.Uint8(name)
		default:
			t.Float32, _, err = c.Float32(name)
		}
		if err != nil {
			return "", err
		}
		d.tensor(&t)
	}
	return d.String(), nil
}
