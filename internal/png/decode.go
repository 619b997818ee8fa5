package png

import (
	"compress/zlib"
	"errors"
	"fmt"
	"io"
)

// Decoder reads files and keeps its memory from one to the next: Open, then Rows. The
// zero value is ready. One goroutine at a time may use it.
type Decoder struct {
	header   Header
	data     stream
	inflater io.ReadCloser
	rows     [2][]byte // filter type and filtered row; this one and the one above
	line     []byte    // samples of less than 8 bits, one a byte
	full     []byte    // an interlaced picture
	warnings []string
}

// Warnings say what is wrong with the file that was read last, but changes no pixel.
func (d *Decoder) Warnings() []string { return d.warnings }

// Rows calls each with the samples of every row, from the top, in the file's order of
// channels: a byte each, 16-bit ones two bytes, the higher first. The row's memory is
// used again. An error says in which row the data is damaged or ends; rows before it
// have been given.
func (d *Decoder) Rows(each func(y int, samples []byte)) error {
	h := &d.header
	if err := d.restart(); err != nil {
		return err
	}
	if h.Interlaced {
		if err := d.passes(); err != nil {
			return err
		}
		n := h.W * h.sampleBytes()
		for y := range h.H {
			each(y, d.full[y*n:][:n])
		}
		return d.finish()
	}
	err := d.pass(h.H, h.W, func(y int, row []byte) { each(y, d.unpack(row, h.W)) })
	if err != nil {
		return err
	}
	return d.finish()
}

func (d *Decoder) restart() error {
	d.data.rewind()
	var err error
	if d.inflater == nil {
		d.inflater, err = zlib.NewReader(&d.data)
	} else {
		err = d.inflater.(zlib.Resetter).Reset(&d.data, nil)
	}
	if err != nil {
		return fmt.Errorf("PNG: %w", early(err))
	}
	return nil
}

// pass reads h rows of w pixels and undoes their filters.
func (d *Decoder) pass(h, w int, each func(y int, row []byte)) error {
	n := (w*d.header.pixelBits() + 7) / 8
	step := max(1, d.header.pixelBits()/8)
	d.rows[0], d.rows[1] = sized(d.rows[0], n+1), sized(d.rows[1], n+1)
	this, above := d.rows[0], d.rows[1]
	clear(above)
	for y := range h {
		if _, err := io.ReadFull(d.inflater, this); err != nil {
			return fmt.Errorf("PNG: row %d of %d: %w", y, h, early(err))
		}
		if !unfilter(this[0], this[1:], above[1:], step) {
			return fmt.Errorf("PNG: row %d of %d: there is no filter %d", y, h, this[0])
		}
		each(y, this[1:])
		this, above = above, this
	}
	return nil
}

// passes reads the seven passes of an interlaced picture into d.full.
func (d *Decoder) passes() error {
	h := &d.header
	size := h.sampleBytes()
	d.full = sized(d.full, h.H*h.W*size)
	for _, p := range [7]struct{ x, y, dx, dy int }{
		{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2},
	} {
		pw, ph := (h.W-p.x+p.dx-1)/p.dx, (h.H-p.y+p.dy-1)/p.dy
		if pw <= 0 || ph <= 0 {
			continue
		}
		err := d.pass(ph, pw, func(y int, row []byte) {
			samples := d.unpack(row, pw)
			at := ((p.y+y*p.dy)*h.W + p.x) * size
			for x := range pw {
				copy(d.full[at+x*p.dx*size:][:size], samples[x*size:])
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// unpack gives samples of less than 8 bits a byte each.
func (d *Decoder) unpack(row []byte, w int) []byte {
	depth := d.header.Depth
	if depth >= 8 {
		return row
	}
	d.line = sized(d.line, w)
	mask, each := byte(1)<<depth-1, 8/depth
	for x := range d.line {
		d.line[x] = row[x/each] >> (8 - depth*(x%each+1)) & mask
	}
	return d.line
}

// finish goes to the end of the compressed data, where its checksum is compared.
func (d *Decoder) finish() error {
	var more [1]byte
	n, err := d.inflater.Read(more[:])
	switch {
	case n > 0:
		d.warn("more compressed data than rows")
	case err != io.EOF:
		return fmt.Errorf("PNG: after the last row: %w", early(err))
	case d.data.left():
		d.warn("bytes after the end of the compressed data")
	}
	return nil
}

func (d *Decoder) warn(text string) { d.warnings = append(d.warnings, "PNG: "+text) }

func early(err error) error {
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the compressed data ends too early")
	}
	return err
}

// stream gives the bytes of the chunks of image data one after the other.
type stream struct {
	chunks [][]byte
	next   int
	now    []byte
}

func (s *stream) rewind() { s.next, s.now = 0, nil }

// left tells whether there are bytes that were not read.
func (s *stream) left() bool {
	for len(s.now) == 0 && s.next < len(s.chunks) {
		s.now = s.chunks[s.next]
		s.next++
	}
	return len(s.now) > 0
}

func (s *stream) ReadByte() (byte, error) {
	if len(s.now) == 0 && !s.left() {
		return 0, io.EOF
	}
	b := s.now[0]
	s.now = s.now[1:]
	return b, nil
}

func (s *stream) Read(p []byte) (int, error) {
	if !s.left() {
		return 0, io.EOF
	}
	n := copy(p, s.now)
	s.now = s.now[n:]
	return n, nil
}

// sized gives a slice of n bytes, in the old memory where it suffices. The contents are unspecified.
func sized(s []byte, n int) []byte {
	if cap(s) < n {
		return make([]byte, n)
	}
	return s[:n]
}
