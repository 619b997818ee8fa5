package picture

import (
	"fmt"

	"hdmnet/internal/infile"
)

const (
	// WholePixels is the largest picture that is read whole.
	WholePixels = 1 << 26
	// DefaultMaxPixels is the largest picture that is read at all, unless said otherwise.
	DefaultMaxPixels = 1 << 28

	// MaxSide is the longest side: places in 1024ths of a pixel must fit 32 bits.
	MaxSide = 1 << 16

	// reducedPixels is the most of a picture that is not read whole: far more than a network
	// sees, and little memory for the copies that training makes.
	reducedPixels = 1 << 22
)

// Size is the size of a picture file, in pixels.
type Size struct{ H, W int }

// Factor is n where every n×n pixels become one; 1: the picture is read whole.
func (s Size) Factor() int {
	if s.H*s.W <= WholePixels {
		return 1
	}
	n := 2
	for down(s.H, n)*down(s.W, n) > reducedPixels {
		n++
	}
	return n
}

// Read is the size that the picture is read with: H/n × W/n, rounded up.
func (s Size) Read() (h, w int) {
	n := s.Factor()
	return down(s.H, n), down(s.W, n)
}

func down(length, n int) int { return (length + n - 1) / n }

func (s Size) String() string { return fmt.Sprintf("%d×%d", s.W, s.H) }

// check refuses what would take too long or too much memory.
func (r *Reader) check(s Size) error {
	most := r.MaxPixels
	if most == 0 {
		most = DefaultMaxPixels
	}
	if s.H < 1 || s.W < 1 || max(s.H, s.W) > MaxSide {
		return fmt.Errorf("%v pixels, expected 1 to %d a side; make the picture smaller: crop it, or cut it into tiles", s, MaxSide)
	}
	if s.W > most/s.H {
		return fmt.Errorf("%v pixels are %d, more than %d; make the picture smaller (resize it, crop it, cut it into tiles), or raise the limit with --max-pixels",
			s, s.H*s.W, most)
	}
	return nil
}

// Size is the size of a picture file; it reads no more than the header. Errors name the file.
func (r *Reader) Size(path string) (Size, error) { return r.sizeOf("image", path) }

// sizeOf is Size of an "image" or a "mask".
func (r *Reader) sizeOf(what, path string) (Size, error) {
	f, err := infile.Open(path, maxFile)
	if err != nil {
		return Size{}, unopened(what, path, err)
	}
	defer f.Close()
	s, err := header(f)
	if err == nil {
		err = r.check(s)
	}
	if err != nil {
		return Size{}, fmt.Errorf("%s %s: %w", what, infile.Shown(path), err)
	}
	return s, nil
}
