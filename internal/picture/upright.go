package picture

import (
	"bytes"
	"fmt"

	"github.com/bep/imagemeta"

	"hdmnet/internal/infile"
)

// Photo is a picture as a person sees it: turned upright as its EXIF orientation says.
// Telephones store pictures as the sensor lay. cv2.imread and Pillow's
// ImageOps.exif_transpose turn them likewise.
type Photo struct {
	Pix         []uint8 // [H,W,3] RGB
	H, W        int
	Orientation int  // as EXIF counts it, 1..8; 1: the file's own
	Size        Size // upright, of the file: larger than H×W where it was read at a smaller scale
}

// ReadPhoto reads a picture file as ReadImage does, and turns it upright.
func (r *Reader) ReadPhoto(path string) (*Photo, error) {
	content, err := r.readFile("image", nil, path)
	if err != nil {
		return nil, err
	}
	return r.Photo(content, path)
}

// Photo is ReadPhoto of a file's content; name stands for the file in messages.
func (r *Reader) Photo(content []byte, name string) (*Photo, error) {
	pix, size, err := r.Image(nil, content, name)
	if err != nil {
		return nil, err
	}
	p := &Photo{Pix: pix, Size: size, Orientation: orientation(content)}
	p.H, p.W = size.Read()
	p.turn()
	return p, nil
}

// PhotoSize is the size of a picture file's content, upright, and its orientation; the
// pixels are not read. Errors are those of Photo that the header shows.
func (r *Reader) PhotoSize(content []byte, name string) (Size, int, error) {
	s, err := header(bytes.NewReader(content))
	if err == nil {
		err = r.check(s)
	}
	if err != nil {
		return Size{}, 0, fmt.Errorf("image %s: %w", infile.Shown(name), err)
	}
	o := orientation(content)
	if o > 4 {
		s.H, s.W = s.W, s.H
	}
	return s, o, nil
}

// orientation is what a JPEG's EXIF data say, 1..8; 1 when they say nothing or cannot be
// read: they are not worth refusing a picture for.
func orientation(content []byte) int {
	found := 1
	_, err := imagemeta.Decode(imagemeta.Options{
		R: bytes.NewReader(content), ImageFormat: imagemeta.JPEG, Sources: imagemeta.EXIF,
		ShouldHandleTag: func(tag imagemeta.TagInfo) bool { return tag.Tag == "Orientation" && tag.Namespace == "IFD0" },
		HandleTag: func(tag imagemeta.TagInfo) error {
			if v, ok := tag.Value.(uint16); ok && v >= 1 && v <= 8 {
				found = int(v)
			}
			return imagemeta.ErrStopWalking
		},
	})
	if err != nil {
		return 1
	}
	return found
}

// turn undoes the orientation.
func (p *Photo) turn() {
	o := p.Orientation - 1
	if o == 0 {
		return
	}
	flipX, flipY, swap := o == 1 || o == 2 || o == 6 || o == 7, o == 2 || o == 3 || o == 5 || o == 6, o >= 4
	h, w := p.H, p.W
	if swap {
		h, w = w, h
	}
	pix := make([]uint8, len(p.Pix))
	for y := range h {
		for x := range w {
			sy, sx := y, x
			if swap {
				sy, sx = x, y
			}
			if flipY {
				sy = p.H - 1 - sy
			}
			if flipX {
				sx = p.W - 1 - sx
			}
			copy(pix[(y*w+x)*3:][:3], p.Pix[(sy*p.W+sx)*3:])
		}
	}
	p.Pix, p.H, p.W = pix, h, w
	if swap {
		p.Size.H, p.Size.W = p.Size.W, p.Size.H
	}
}

// InWords is the picture's size in words, width first.
func (p *Photo) InWords() string {
	if p.Orientation == 1 {
		return fmt.Sprintf("%v pixels (width×height)", p.Size)
	}
	return fmt.Sprintf("%v pixels (width×height, turned upright as its EXIF orientation %d says)", p.Size, p.Orientation)
}
