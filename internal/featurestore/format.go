package featurestore

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"slices"
)

// A file is: magic; the CRC-32C of all that follows, 4 bytes; the name's length, 4 bytes, and
// the name; the number of maps, 1 byte; and of each map the bytes of a word, the number of its
// dimensions, 1 byte each, the dimensions, 4 bytes each, and the words in blocks of 64: 8
// bytes whose bit i says that word i is not zero, and the words that are not. Features come
// from rectifiers and are zero in large part. Numbers are little-endian.
const (
	magic     = "hdmnetf1"
	headBytes = len(magic) + 4
	blockSize = 64
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var (
	errDamaged = errors.New("the file is damaged")
	errForeign = errors.New("the file is of another name or version")
)

func encode(name string, maps []Map) []byte {
	size := headBytes + len(name) + 64
	for _, m := range maps {
		size += len(m.Data)/2 + len(m.Data)/m.Word/blockSize*8 + 64
	}
	out := make([]byte, headBytes, size)
	copy(out, magic)
	out = binary.LittleEndian.AppendUint32(out, uint32(len(name)))
	out = append(out, name...)
	out = append(out, byte(len(maps)))
	for _, m := range maps {
		out = append(out, byte(m.Word), byte(len(m.Shape)))
		for _, d := range m.Shape {
			out = binary.LittleEndian.AppendUint32(out, uint32(d))
		}
		for block := range slices.Chunk(m.Data, blockSize*m.Word) {
			out = pack(out, block, m.Word)
		}
	}
	seal(out)
	return out
}

// seal puts the checksum into a file.
func seal(file []byte) {
	binary.LittleEndian.PutUint32(file[len(magic):], crc32.Checksum(file[headBytes:], castagnoli))
}

// pack appends a block of words.
func pack(out, block []byte, word int) []byte {
	at, set := len(out), uint64(0)
	out = append(out, 0, 0, 0, 0, 0, 0, 0, 0)
	if word == 4 {
		for i := 0; i+4 <= len(block); i += 4 {
			if v := binary.LittleEndian.Uint32(block[i:]); v != 0 {
				set |= 1 << (i / 4)
				out = binary.LittleEndian.AppendUint32(out, v)
			}
		}
	} else {
		for i := 0; i+2 <= len(block); i += 2 {
			if v := binary.LittleEndian.Uint16(block[i:]); v != 0 {
				set |= 1 << (i / 2)
				out = binary.LittleEndian.AppendUint16(out, v)
			}
		}
	}
	binary.LittleEndian.PutUint64(out[at:], set)
	return out
}

// decode reads the maps of a name.
func decode(content []byte, name string) ([]Map, error) {
	if len(content) < headBytes || string(content[:len(magic)]) != magic {
		return nil, errForeign
	}
	sum, rest := binary.LittleEndian.Uint32(content[len(magic):]), content[headBytes:]
	if crc32.Checksum(rest, castagnoli) != sum {
		return nil, errDamaged
	}
	take := func(n int) []byte {
		if n > len(rest) {
			rest = nil
			return nil
		}
		piece := rest[:n]
		rest = rest[n:]
		return piece
	}
	b := take(4)
	if b == nil || string(take(int(binary.LittleEndian.Uint32(b)))) != name {
		return nil, errForeign
	}
	if b = take(1); b == nil {
		return nil, errDamaged
	}
	var maps []Map
	for range b[0] {
		head := take(2)
		if head == nil || head[0] != 4 && head[0] != 2 {
			return nil, errDamaged
		}
		m := Map{Word: int(head[0])}
		words := 1
		for range head[1] {
			d := take(4)
			if d == nil {
				return nil, errDamaged
			}
			side := int(binary.LittleEndian.Uint32(d))
			m.Shape = append(m.Shape, side)
			// A block of words takes 8 bytes at least: more words than that cannot follow.
			if most := blockSize/8*len(rest) + blockSize; side > most || words*side > most {
				return nil, errDamaged
			}
			words *= side
		}
		m.Data = make([]byte, words*m.Word)
		for block := range slices.Chunk(m.Data, blockSize*m.Word) {
			n := unpack(block, rest, m.Word)
			if n < 0 {
				return nil, errDamaged
			}
			rest = rest[n:]
		}
		maps = append(maps, m)
	}
	if len(rest) > 0 {
		return nil, errDamaged
	}
	return maps, nil
}

// unpack fills a block of words with what packed begins with, and tells how much that was; −1:
// too little.
func unpack(block, packed []byte, word int) int {
	if len(packed) < 8 {
		return -1
	}
	set, at := binary.LittleEndian.Uint64(packed), 8
	for i := 0; set != 0; i, set = i+word, set>>1 {
		if set&1 == 0 {
			continue
		}
		if i+word > len(block) || at+word > len(packed) {
			return -1
		}
		copy(block[i:i+word], packed[at:])
		at += word
	}
	return at
}
