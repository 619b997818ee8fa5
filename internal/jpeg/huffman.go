package jpeg

import "errors"

// peek is the number of bits with which the tables are asked.
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
	valid  bool // there and possible
	broken bool // there but impossible
	// differences tells whether all symbols can be sizes of DC differences.
	differences bool
	fast        [1 << peek]uint32
	limit       [18]uint32 // first code of 16 bits, left aligned, that is longer than i
	offset      [17]int32  // place of a symbol less its code, by length
	symbol      [256]byte
}

func (d *Decoder) readHuffman(b []byte) error {
	for len(b) > 0 {
		n := 0
		if len(b) >= 17 {
			for _, count := range b[1:17] {
				n += int(count)
			}
		}
		if len(b) < 17 || b[0]>>4 > 1 || b[0]&15 > 3 || n > 256 || len(b) < 17+n {
			return errors.New("JPEG: a Huffman table that cannot be")
		}
		t := &d.dc[b[0]&15]
		if b[0]>>4 == 1 {
			t = &d.ac[b[0]&15]
		}
		t.build(b[1:17], b[17:17+n])
		b = b[17+n:]
	}
	return nil
}

// ready tells whether table at can be used. Tables 0 and 1 are the standard's where the
// file has none.
func (d *Decoder) ready(tables *[4]huffman, at int, ac bool) bool {
	if at > 3 {
		return false
	}
	t := &tables[at]
	if !t.valid && !t.broken && at < 2 {
		s := &standard[at]
		if ac {
			s = &standard[2+at]
		}
		t.build([]byte(s.counts), []byte(s.symbols))
	}
	return t.valid && (ac || t.differences)
}

// build makes the table of a canonical code: counts are the number of codes of
// length 1..16. It is broken where there are more codes than bits.
func (t *huffman) build(counts, symbols []byte) {
	t.valid, t.broken, t.differences = false, true, true
	clear(t.fast[:])
	clear(t.symbol[:])
	copy(t.symbol[:], symbols)
	code, k := 0, 0
	for length := 1; length <= 16; length++ {
		t.offset[length] = int32(k - code)
		for range counts[length-1] {
			if code >= 1<<length {
				return
			}
			if length <= peek {
				t.fill(code, length, symbols[k])
			}
			t.differences = t.differences && symbols[k] < 16
			code++
			k++
		}
		t.limit[length] = uint32(code) << (16 - length)
		code <<= 1
	}
	t.valid, t.broken = true, false
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
