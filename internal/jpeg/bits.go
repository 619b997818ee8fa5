package jpeg

import "encoding/binary"

// bits reads the entropy-coded bytes. The next n bits are acc's highest; below
// them may be more of the right bits.
type bits struct {
	content []byte
	at      int
	acc     uint64
	n       int
	missing int  // zeros at the end of acc's n bits that stand for bytes which are not there
	dry     bool // zeros were taken for data: until the next restart marker nothing is decoded
	short   bool // that happened

	left    int  // units before the next restart marker
	number  byte // of that marker, 0..7
	endless int  // blocks of 0 until the end of the band's run, of progressive files
	bad     bool // a code that does not exist was met
}

func (d *Decoder) startScan() {
	d.in = bits{content: d.content, at: d.at, left: d.restart}
	for i := range d.comp {
		d.comp[i].last = 0
	}
}

// step prepares for the next unit: where a restart marker is due it goes past it.
func (b *bits) step(d *Decoder) {
	if d.restart == 0 {
		return
	}
	if b.left == 0 {
		b.pass(d)
		b.left = d.restart
		for i := range d.comp {
			d.comp[i].last = 0
		}
	}
	b.left--
}

// stop notes, after a unit, whether there was data for it.
func (b *bits) stop() {
	if b.n < b.missing {
		b.dry, b.short = true, true
	}
}

// pass goes past restart marker b.number. Where there is another one it does what libjpeg
// does (jpeg_resync_to_restart): one that is one or two ahead stays, and the units before
// it are empty; one that is one or two behind is passed over; others are taken for it. A
// marker of another kind stays.
func (b *bits) pass(d *Decoder) {
	want := b.number
	b.number = (want + 1) & 7
	exact := b.at
	if b.n-b.missing >= 8 { // more than fills up the last byte
		exact = -1
	}
	b.acc, b.n, b.missing, b.endless = 0, 0, 0, 0
	for {
		at, marker := findMarker(b.content, b.at)
		if at != exact || marker != rst0+want {
			d.warn("damaged data before a restart marker")
		}
		b.at, exact = at, at+2
		ahead := (marker - rst0 - want) & 7
		switch {
		case marker == 0, marker >= sof0 && (marker < rst0 || marker > rst7), marker >= sof0 && (ahead == 1 || ahead == 2):
			return
		case marker < sof0 || ahead == 6 || ahead == 7:
			b.at += 2
		default:
			for b.content[b.at+1] == 0xFF {
				b.at++
			}
			b.at += 2
			b.dry = false
			return
		}
	}
}

// endScan goes on behind the scan's data.
func (d *Decoder) endScan() {
	d.at = d.in.at
	next, marker := findMarker(d.content, d.at)
	switch {
	case d.in.dry:
		d.warn("the data ends too early; what is missing is gray or coarse")
	case d.in.bad, d.in.short, marker != 0 && next != d.at, d.in.n-d.in.missing >= 8:
		d.warn("damaged data")
	}
	for { // restart markers may follow
		at, marker := findMarker(d.content, d.at)
		if marker < rst0 || marker > rst7 {
			d.at = at
			return
		}
		d.at = at + 2
	}
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

// one takes a bit.
func (b *bits) one() bool {
	if b.n < 1 {
		b.fill()
	}
	v := b.acc>>63 != 0
	b.take(1)
	return v
}

// next decodes a code to an entry as in huffman.fast; 32 bits must be there. A code that
// does not exist counts as symbol 0.
func (b *bits) next(t *huffman) (entry uint32) {
	e := t.fast[b.acc>>(64-peek)]
	if n := int(e & 255); n > 0 {
		b.take(n)
		return e
	}
	symbol, n := t.slow(uint32(b.acc >> 48))
	b.take(n)
	if n > 16 {
		b.bad = true
		return 0
	}
	return uint32(symbol>>4)<<8 | uint32(symbol&15)<<12
}

// value gives an entry's value, reading its bits where they are still to come.
func (b *bits) value(entry uint32) int32 {
	size := int(entry >> 12 & 15)
	if size == 0 {
		return int32(entry) >> 16
	}
	v := extend(int(b.acc>>(64-size)), size)
	b.take(size)
	return int32(v)
}
