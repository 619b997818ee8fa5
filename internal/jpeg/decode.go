package jpeg

import (
	"errors"
	"slices"
)

// Decoder decodes pictures and keeps its memory from one to the next: Open, then Rows.
// The zero value is ready. One goroutine at a time may use it.
type Decoder struct {
	content []byte
	at      int // next byte of content

	w, h        int
	maxH, maxV  int // greatest sampling factors
	comp        []component
	quant       [4][64]int32 // in zigzag order
	quantized   [4]bool
	dc, ac      [4]huffman
	restart     int // units between restart markers, 0 for none
	progressive bool
	jfif        bool
	adobe       int // the color transform that Adobe's marker tells; -1: there is none
	scan        scan

	across, down int // units of the picture
	in           bits
	memory       [4]planes
	sums         []byte // of upsampling
	warnings     []string
}

type component struct {
	id, h, v, table int
	dc, ac          int
	last            int32 // DC value of the block before
	quant           [64]int32
	scanned         bool

	*planes
	stride        int // of a row of samples
	height, width int // samples that belong to the picture
}

// planes are a component's memory.
type planes struct {
	coefs []int16 // [down·v, across·h, 64] in natural order, of files with several scans
	plane []uint8 // three rows of units, of which unit row m is the (m mod 3)-th
	line  []uint8 // a row at full size
}

// scan is what the scan at hand has.
type scan struct {
	comps     []int
	from, to  int // coefficients
	high, low int // bits: those above low are there since the scan before, whose low was high
}

func (s *scan) has(comp int) bool { return slices.Contains(s.comps, comp) }

// Open reads the header of a file up to its first scan. content is used again by Rows.
// The error is Unsupported where the file may be whole.
func (d *Decoder) Open(content []byte) (h, w int, err error) {
	d.content, d.at, d.restart, d.comp = content, 2, 0, d.comp[:0]
	d.jfif, d.adobe, d.warnings, d.quantized = false, -1, d.warnings[:0], [4]bool{}
	for i := range 4 {
		d.dc[i].valid, d.ac[i].valid = false, false
	}
	if len(content) < 2 || content[0] != 0xFF || content[1] != soi {
		return 0, 0, errors.New("JPEG: no start marker")
	}
	found, err := d.readSegments()
	if err != nil {
		return 0, 0, err
	}
	if !found {
		return 0, 0, errors.New("JPEG: there is no picture in it")
	}
	d.across, d.down = (d.w+8*d.maxH-1)/(8*d.maxH), (d.h+8*d.maxV-1)/(8*d.maxV)
	blocks := 0
	for i := range d.comp {
		blocks += d.across * d.down * d.comp[i].h * d.comp[i].v
	}
	// A block takes two bits; of files that are cut short a quarter should be there.
	if blocks/16 > len(content)+1024 {
		return 0, 0, errors.New("JPEG: next to nothing of the picture is there")
	}
	return d.h, d.w, nil
}

// Rows decodes the picture that Open has opened: into, called for every row from the top,
// gives the row's memory, 3·w values, which then become its RGB values, 0..255. Gray
// becomes three equal channels; CMYK is turned into RGB as OpenCV does, with values
// inverted as Adobe's programs write them. A row is complete when into is called for the
// next one, the last when Rows returns.
func (d *Decoder) Rows(into func(y int) []byte) error {
	d.allocate()
	if len(d.scan.comps) == len(d.comp) && !d.progressive {
		d.streamed(into)
		return nil
	}
	return d.collected(into)
}

// Warnings say how the file that was read last is damaged.
func (d *Decoder) Warnings() []string { return d.warnings }

func (d *Decoder) warn(text string) {
	if text = "JPEG: " + text; !slices.Contains(d.warnings, text) {
		d.warnings = append(d.warnings, text)
	}
}

// streamed decodes a file of one scan, unit row by unit row.
func (d *Decoder) streamed(into func(y int) []byte) {
	d.startScan()
	var block [64]int32
	for my := range d.down {
		for mx := range d.across {
			d.in.step(d)
			for i := range d.comp {
				c := &d.comp[i]
				for b := range c.h * c.v {
					used := uint64(1)
					if d.in.dry {
						block[0] = 0
					} else {
						used = d.in.block(&block, &d.dc[c.dc], &d.ac[c.ac], &c.quant, &c.last)
					}
					y := my%3*c.v + b/c.h
					inverseDCT(c.plane[8*(y*c.stride+mx*c.h+b%c.h):], c.stride, &block, used)
				}
			}
			d.in.stop()
		}
		if my > 0 {
			d.emit(my-1, into)
		}
	}
	d.emit(d.down-1, into)
	d.endScan()
	if _, marker := findMarker(d.content, d.at); marker == 0 && !d.in.dry {
		d.warn("no end marker")
	}
}

// collected decodes all scans to coefficients, and these to rows.
func (d *Decoder) collected(into func(y int) []byte) error {
	for {
		d.startScan()
		d.collect()
		d.endScan()
		more, err := d.readSegments()
		if err == errEnds { // those from the start on are in full, later ones in part
			d.warn("the file ends before its end marker")
			break
		}
		if err != nil {
			return err
		}
		if !more {
			break
		}
	}
	var block [64]int32
	for my := range d.down {
		for i := range d.comp {
			c := &d.comp[i]
			across := d.across * c.h
			for b := range across * c.v {
				coefs := c.coefs[(my*c.v*across+b)*64:][:64]
				used := uint64(1)
				block[0] = int32(coefs[0]) * c.quant[0]
				for k := 1; k < 64; k++ {
					at := natural[k]
					if block[at] = int32(coefs[at]) * c.quant[k]; block[at] != 0 {
						used |= 1 << at
					}
				}
				inverseDCT(c.plane[8*((my%3*c.v+b/across)*c.stride+b%across):], c.stride, &block, used)
			}
		}
		if my > 0 {
			d.emit(my-1, into)
		}
	}
	d.emit(d.down-1, into)
	return nil
}

// allocate lays out the planes, and the coefficients where there are several scans.
func (d *Decoder) allocate() {
	whole := len(d.scan.comps) < len(d.comp) || d.progressive
	for i := range d.comp {
		c := &d.comp[i]
		c.planes, c.stride = &d.memory[i], 8*c.h*d.across
		c.height, c.width = (d.h*c.v+d.maxV-1)/d.maxV, (d.w*c.h+d.maxH-1)/d.maxH
		c.line = sized(c.line, 2*c.width+d.w)
		c.plane = sized(c.plane, c.stride*8*c.v*3)
		if whole {
			c.coefs = sized(c.coefs, d.across*d.down*c.h*c.v*64)
			clear(c.coefs)
		}
	}
}

// Size gives the size in the header of a file of any kind, of which content is the start;
// false where it is not in it.
func Size(content []byte) (h, w int, ok bool) {
	if len(content) < 2 || content[0] != 0xFF || content[1] != soi {
		return 0, 0, false
	}
	d := Decoder{content: content, at: 2}
	for {
		marker, body, err := d.segment()
		switch {
		case err != nil, marker == eoi, marker == sos:
			return 0, 0, false
		case isFrame(marker):
			if len(body) < 5 {
				return 0, 0, false
			}
			h, w = int(body[1])<<8|int(body[2]), int(body[3])<<8|int(body[4])
			return h, w, h > 0 && w > 0
		}
	}
}

// sized gives a slice of n elements, in the old memory where it suffices. The contents are unspecified.
func sized[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}
