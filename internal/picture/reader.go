package picture

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"hdmnet/internal/infile"
	"hdmnet/internal/jpeg"
	"hdmnet/internal/locate"
	"hdmnet/internal/png"
)

// maxFile is the largest picture file, in bytes.
const maxFile = 1 << 30

// Reader reads picture files. The zero value is ready; its methods may be called from
// several goroutines.
type Reader struct {
	MaxPixels int // the largest picture that is read; 0: DefaultMaxPixels
	// Warn is told what is odd about a file, once for each file, by one goroutine at a
	// time; nil: nobody is told.
	Warn func(file, message string)
	// Colors says which classes the colors of painted masks are; nil: PASCAL VOC's
	// colors are tried.
	Colors *Table
	// FewBits makes the values of gray masks of 1, 2 or 4 bits classes; else they are refused.
	FewBits bool

	mu     sync.Mutex
	warned map[[2]string]bool // by file and message
}

// readFile reads the file of an "image" or a "mask" whole, into memory where that suffices.
// One that is large without being a large picture is refused before.
func (r *Reader) readFile(what string, memory []byte, path string) ([]byte, error) {
	const large = 1 << 26
	if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Size() > large && info.Size() <= maxFile {
		s, err := r.sizeOf(what, path)
		if err != nil {
			return nil, err
		}
		if most := large + 16*int64(s.H)*int64(s.W); info.Size() > most {
			return nil, fmt.Errorf("%s %s: %d bytes for %v pixels, expected at most %d; is it damaged?", what, infile.Shown(path), info.Size(), s, most)
		}
	}
	content, err := infile.ReadInto(memory, path, maxFile)
	if err != nil {
		return nil, unopened(what, path, err)
	}
	return content, nil
}

// unopened is the error of an "image" or a "mask" that cannot be opened. Of one that is not there it
// names the file that was probably meant: with letters of another case, or another extension.
func unopened(what, path string, err error) error {
	var cause *fs.PathError
	if !errors.Is(err, fs.ErrNotExist) || !errors.As(err, &cause) {
		return fmt.Errorf("%s: %w", what, err)
	}
	folder, name := filepath.Dir(path), filepath.Base(path)
	remedy := "check its name and its folder"
	if there := locate.New(folder).Beside(folder, strings.TrimSuffix(name, filepath.Ext(name)), locate.Extensions); there != "" {
		remedy = "did you mean " + infile.Shown(there) + "?"
	} else if _, err := os.Stat(folder); err != nil {
		remedy = "there is no folder " + infile.Shown(folder) + " either"
	}
	return fmt.Errorf("%s %s: %w; %s", what, infile.Shown(path), cause.Err, remedy)
}

// ReadImage decodes a picture file to RGB, [h,w,3], 0..255; h and w are its size as
// Size.Read gives it. Gray becomes three equal channels, 16 bits become 8, transparency is
// dropped. Errors name the file and what to do.
func (r *Reader) ReadImage(path string) (pix []uint8, s Size, err error) {
	content, err := r.readFile("image", nil, path)
	if err != nil {
		return nil, Size{}, err
	}
	return r.Image(nil, content, path)
}

// LoadImage is ReadImage with memory for the pixels and for the file's content, used where
// they suffice; it gives the latter back.
func (r *Reader) LoadImage(memory, file []uint8, path string) (pix, content []uint8, s Size, err error) {
	if content, err = r.readFile("image", file, path); err != nil {
		return nil, nil, Size{}, err
	}
	pix, s, err = r.Image(memory, content, path)
	return pix, content, s, err
}

// Image is ReadImage of a file's content, into the memory of memory where it suffices;
// name stands for the file in messages.
func (r *Reader) Image(memory, content []byte, name string) (pix []uint8, s Size, err error) {
	f, err := sniff(content)
	if err == nil {
		switch f {
		case formatJPEG:
			pix, s, err = r.fromJPEG(memory, content, name)
		case formatPNG:
			pix, s, err = r.fromPNG(memory, content, name)
		default:
			pix, s, err = r.fromRare(memory, f, content)
		}
	}
	if err != nil {
		return nil, Size{}, fmt.Errorf("image %s: %w", infile.Shown(name), err)
	}
	r.tellReduced(name, s)
	return pix, s, nil
}

// damage says what to do about an error of a decoder.
func damage(err error, content []byte) error {
	if errors.As(err, new(jpeg.Unsupported)) || errors.As(err, new(png.Unsupported)) {
		return err
	}
	return fmt.Errorf("%w; the file is damaged or cut short (%d bytes): copy it again", err, len(content))
}

// decoders keep their memory.
var (
	jpegDecoders = sync.Pool{New: func() any { return new(jpeg.Decoder) }}
	pngDecoders  = sync.Pool{New: func() any { return new(png.Decoder) }}
)

func (r *Reader) fromJPEG(memory, content []byte, name string) ([]uint8, Size, error) {
	d := jpegDecoders.Get().(*jpeg.Decoder)
	defer jpegDecoders.Put(d)
	if h, w, ok := jpeg.Size(content); ok { // before it allocates
		if err := r.check(Size{h, w}); err != nil {
			return nil, Size{}, err
		}
	}
	h, w, err := d.Open(content)
	if err != nil {
		return nil, Size{}, damage(err, content)
	}
	s := Size{h, w}
	k := newSink(memory, s)
	if err := d.Rows(k.row); err != nil {
		return nil, Size{}, damage(err, content)
	}
	k.flush()
	r.tell(name, d.Warnings())
	return k.dst, s, nil
}

func (r *Reader) fromPNG(memory, content []byte, name string) ([]uint8, Size, error) {
	d := pngDecoders.Get().(*png.Decoder)
	defer pngDecoders.Put(d)
	h, s, err := r.openPNG(d, content)
	if err != nil {
		return nil, Size{}, err
	}
	k := newSink(memory, s)
	if err := d.Rows(func(y int, samples []byte) { toRGB(k.row(y), samples, &h) }); err != nil {
		return nil, Size{}, damage(err, content)
	}
	k.flush()
	r.tell(name, d.Warnings())
	return k.dst, s, nil
}

// openPNG reads a PNG up to its pixels and checks its size.
func (r *Reader) openPNG(d *png.Decoder, content []byte) (png.Header, Size, error) {
	h, err := png.ReadHeader(content)
	s := Size{h.H, h.W}
	if err == nil {
		if err := r.check(s); err != nil {
			return h, s, err
		}
		h, err = d.Open(content)
	}
	if err != nil {
		return h, s, damage(err, content)
	}
	if h.Interlaced && s.Factor() > 1 {
		return h, s, fmt.Errorf("an interlaced PNG of %v pixels cannot be read row by row; save it without interlacing, or make it smaller (%d pixels at most)", s, WholePixels)
	}
	return h, s, nil
}

// toRGB turns a row of a PNG into RGB.
func toRGB(out, samples []byte, h *png.Header) {
	step, wide := 1, h.Depth/8 // bytes of a sample
	if wide == 2 {             // the higher byte
		step = 2
	}
	switch h.Color {
	case png.Gray, png.GrayAlpha:
		stretch := byte(1)
		if h.Depth < 8 {
			stretch = 255 / (1<<h.Depth - 1)
		}
		step *= h.Color.Channels()
		for x := range h.W {
			v := samples[x*step] * stretch
			out[3*x], out[3*x+1], out[3*x+2] = v, v, v
		}
	case png.Palette:
		for x, v := range samples {
			if at := 3 * int(v); at+3 <= len(h.Palette) {
				copy(out[3*x:][:3], h.Palette[at:])
			} else { // as libpng does
				clear(out[3*x:][:3])
			}
		}
	case png.RGB, png.RGBA:
		if h.Color == png.RGB && step == 1 {
			copy(out, samples)
			return
		}
		pixel := step * h.Color.Channels()
		for x := range h.W {
			p := samples[x*pixel:]
			out[3*x], out[3*x+1], out[3*x+2] = p[0], p[step], p[2*step]
		}
	}
}

// tell passes on warnings, once for each file.
func (r *Reader) tell(name string, warnings []string) {
	if r.Warn == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, w := range warnings {
		if about := [2]string{name, w}; !r.warned[about] {
			if r.warned == nil {
				r.warned = map[[2]string]bool{}
			}
			r.warned[about] = true
			r.Warn(name, w)
		}
	}
}

func (r *Reader) tellReduced(name string, s Size) {
	if n := s.Factor(); n > 1 {
		h, w := s.Read()
		r.tell(name, []string{fmt.Sprintf("%v pixels are read at a smaller scale, 1 to %d: %d×%d", s, n, w, h)})
	}
}
