package predict

import (
	"bytes"
	"fmt"

	"github.com/bep/imagemeta"

	"hdmnet/internal/picture"
)

// photo is a picture as a person sees it.
type photo struct {
	pix         []uint8 // [h,w,3] RGB
	h, w        int
	orientation int          // as EXIF counts it, 1..8; 1: the file's own
	size        picture.Size // upright, of the file: larger than h×w where it was read at a smaller scale
}

// readPhoto reads a picture and turns it upright as its EXIF orientation says:
// telephones store pictures as the sensor lay. cv2.imread and Pillow's
// ImageOps.exif_transpose do the same.
func readPhoto(r *picture.Reader, path string) (*photo, error) {
	pix, content, size, err := r.LoadImage(nil, nil, path)
	if err != nil {
		return nil, err
	}
	p := &photo{pix: pix, size: size, orientation: orientation(content)}
	p.h, p.w = size.Read()
	p.turn()
	return p, nil
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
func (p *photo) turn() {
	o := p.orientation - 1
	if o == 0 {
		return
	}
	flipX, flipY, swap := o == 1 || o == 2 || o == 6 || o == 7, o == 2 || o == 3 || o == 5 || o == 6, o >= 4
	h, w := p.h, p.w
	if swap {
		h, w = w, h
	}
	pix := make([]uint8, len(p.pix))
	for y := range h {
		for x := range w {
			sy, sx := y, x
			if swap {
				sy, sx = x, y
			}
			if flipY {
				sy = p.h - 1 - sy
			}
			if flipX {
				sx = p.w - 1 - sx
			}
			copy(pix[(y*w+x)*3:][:3], p.pix[(sy*p.w+sx)*3:])
		}
	}
	p.pix, p.h, p.w = pix, h, w
	if swap {
		p.size.H, p.size.W = p.size.W, p.size.H
	}
}

// inWords is the picture's size in words, width first.
func (p *photo) inWords() string {
	if p.orientation == 1 {
		return fmt.Sprintf("%v pixels (width×height)", p.size)
	}
	return fmt.Sprintf("%v pixels (width×height, turned upright as its EXIF orientation %d says)", p.size, p.orientation)
}
