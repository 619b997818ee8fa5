package jpeg

import "encoding/binary"

// peek is the number of bits that the tables look at at once.
const peek = 10

// huffman is a code table. fast is indexed by the next peek bits:
//
//	bits 0..7    bits to take, 0 where the code is longer than peek
//	bits 8..11   run of zeros before the coefficient (AC)
//	bits 12..15  size: further bits that hold the value, 0 where it is known already
//	bits 16..31  the value, where its bits were within the peek
//
// An entry without size and value is an end of block, or a run of 16 zeros.
type huffman struct {
	valid  bool
	fast   [1 << peek]uint32
	limit  [18]uint32 // first code of 16 bits, left aligned, that is longer than i
	offset [17]int32  // place of a symbol less its code, by length
	symbol [256]byte
}

func (d *Decoder) readHuffman(b []byte) bool {
	for len(b) > 0 {
		if len(b) < 17 || b[0]>>4 > 1 || b[0]&15 > 3 {
			return false
		}
		t := &d.dc[b[0]&15]
		if b[0]>>4 == 1 {
			t = &d.ac[b[0]&15]
		}
		n := 0
		for _, count := range b[1:17] {
			n += int(count)
		}
		if n == 0 || n > 256 || len(b) < 17+n || !t.build(b[1:17], b[17:17+n]) {
			return false
		}
		b = b[17+n:]
	}
	return true
}

// build makes the table of a canonical code: counts are the number of codes of
// length 1..16. False where there are more codes than bits.
func (t *huffman) build(counts, symbols []byte) bool {
	t.valid = true
	clear(t.fast[:])
	copy(t.symbol[:], symbols)
	code, k := 0, 0
	for length := 1; length <= 16; length++ {
		t.offset[length] = int32(k - code)
		for range counts[length-1] {
			if code >= 1<<length {
				return false
			}
			if length <= peek {
				t.fill(code, length, symbols[k])
			}
			code++
			k++
		}
		t.limit[length] = uint32(code) << (16 - length)
		code <<= 1
	}
	return true
}

// fill writes the entries of all peeks that begin with a code.
func (t *huffman) fill(code, length int, symbol byte) {
	run, size := uint32(symbol>>4), int(symbol&15)
	free := peek - length
	for rest := range 1 << free {
		e := uint32(length) | run<<8 | uint32(size)<<12
		if size > 0 && size <= free {
			v := extend(rest>>(free-size), size)
			e = uint32(length+size) | run<<8 | uint32(uint16(v))<<16
		}
		t.fast[code<<free|rest] = e
	}
}

// slow decodes a code of more than peek bits from the next 16; length 17 stands for none.
func (t *huffman) slow(bits uint32) (symbol byte, length int) {
	for length = peek + 1; length <= 16; length++ {
		if bits < t.limit[length] {
			at := int32(bits>>(16-length)) + t.offset[length]
			return t.symbol[at&255], length
		}
	}
	return 0, length
}

// extend turns the bits of a value of size 1..15 into the value: those that
// begin with 0 are negative.
func extend(bits, size int) int {
	if bits < 1<<(size-1) {
		return bits - 1<<size + 1
	}
	return bits
}

// bits reads the entropy-coded bytes. The next n bits are acc's highest; below
// them may be more of the right bits.
type bits struct {
	content []byte
	at      int
	acc     uint64
	n       int
	missing int // zeros at the end of acc's n bits that stand for bytes which are not there
}

// fill brings n to 48 or more.
func (b *bits) fill() {
	if b.at+8 <= len(b.content) {
		x := binary.BigEndian.Uint64(b.content[b.at:])
		if (^x-0x0101010101010101)&x&0x8080808080808080 == 0 { // no byte is 0xFF
			b.acc |= x >> b.n
			taken := (63 - b.n) >> 3
			b.at += taken
			b.n += taken << 3
			return
		}
	}
	for b.n <= 56 {
		var v byte
		switch {
		case b.at >= len(b.content):
			b.missing += 8
		case b.content[b.at] != 0xFF:
			v = b.content[b.at]
			b.at++
		case b.at+1 < len(b.content) && b.content[b.at+1] == 0:
			v = 0xFF
			b.at += 2
		default: // a marker
			b.missing += 8
		}
		b.acc |= uint64(v) << (56 - b.n)
		b.n += 8
	}
}

// take drops k bits.
func (b *bits) take(k int) {
	b.acc <<= k & 63
	b.n -= k
}
