package prepare

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"hdmnet/internal/atomicfile"
	"hdmnet/internal/data"
	"hdmnet/internal/labelmap"
	"hdmnet/internal/picture"
)

// Mask is a mask to be written: class indices [H,W] row by row, 0 background, 255 ignore.
type Mask struct {
	Pix  []uint8
	H, W int
}

// maskWriter writes the masks of one preparation and counts what they hold. Its methods
// may be called from several goroutines.
type maskWriter struct {
	opt     Options
	classes int // greatest class index; 255 is allowed too

	mu     sync.Mutex
	report *Report
}

// newMaskWriter writes under opt.Out and counts in report.
func newMaskWriter(opt Options, classes int, report *Report) *maskWriter {
	return &maskWriter{opt: opt, classes: classes, report: report}
}

// put makes sure that the mask of a name (relative to Out, with slashes) exists: one that
// is there and whole is kept unless the options say Force; otherwise render makes it. A
// damaged one is made again, with a warning. Errors name the file: what render says, a
// value above the greatest class, a folder that cannot be written.
func (m *maskWriter) put(name string, render func() (Mask, error)) error {
	path := filepath.Join(m.opt.Out, filepath.FromSlash(name))
	if !m.opt.Force {
		pix, err := m.read(path)
		if err == nil {
			m.count(pix, true)
			return nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			m.warn(fmt.Sprintf("%v; it is made again", err))
		}
	}
	mask, err := render()
	if err != nil {
		return err
	}
	if err := m.check(name, mask); err != nil {
		return err
	}
	if err := writeMask(path, mask); err != nil {
		return err
	}
	m.count(mask.Pix, false)
	return nil
}

func (m *maskWriter) read(path string) ([]uint8, error) {
	pix, _, err := new(picture.Reader).ReadMask(path, m.classes)
	return pix, err
}

func (m *maskWriter) check(name string, mask Mask) error {
	if mask.H < 1 || mask.W < 1 || len(mask.Pix) != mask.H*mask.W {
		return fmt.Errorf("mask %s: %d×%d pixels (width×height) with %d values", name, mask.W, mask.H, len(mask.Pix))
	}
	for i, v := range mask.Pix {
		if int(v) > m.classes && v != labelmap.Ignore {
			return fmt.Errorf("mask %s: class %d at column %d, row %d, expected 0..%d or 255; does the annotation belong to another data set?",
				name, v, i%mask.W, i/mask.W, m.classes)
		}
	}
	return nil
}

func (m *maskWriter) warn(message string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.opt.Warn != nil {
		m.opt.Warn(message)
	}
}

func (m *maskWriter) count(pix []uint8, kept bool) {
	var pixels [256]int
	for _, v := range pix {
		pixels[v]++
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if kept {
		m.report.Kept++
	} else {
		m.report.Written++
	}
	for v, n := range pixels {
		if n > 0 {
			m.report.Images[v]++
		}
		if n >= data.FieldMinArea {
			m.report.Large[v]++
		}
	}
}

// writeMask writes an 8-bit palette PNG whose indices are the classes.
func writeMask(path string, mask Mask) error {
	img := &image.Paletted{Pix: mask.Pix, Stride: mask.W, Rect: image.Rect(0, 0, mask.W, mask.H), Palette: labelmap.Palette}
	var content bytes.Buffer
	if err := encoder.Encode(&content, img); err != nil {
		return fmt.Errorf("mask %s: %w", path, err)
	}
	return writeFile(path, content.Bytes())
}

var encoder = png.Encoder{BufferPool: &encoderBuffers{}}

// encoderBuffers lets the encoder use its memory again.
type encoderBuffers struct{ pool sync.Pool }

func (p *encoderBuffers) Get() *png.EncoderBuffer {
	b, _ := p.pool.Get().(*png.EncoderBuffer)
	return b
}

func (p *encoderBuffers) Put(b *png.EncoderBuffer) { p.pool.Put(b) }

// writeFile writes a whole file or nothing; its folder is made when missing.
func writeFile(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return fmt.Errorf("output folder: %w", err)
	}
	return atomicfile.Write(path, func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	})
}
