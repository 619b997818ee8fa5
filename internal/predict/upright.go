package predict

import (
	"bytes"
	"fmt"
	"os"

	"github.com/bep/imagemeta"

	"hdmnet/internal/data"
)

// photo is a picture as a person sees it.
type photo struct {
	pix         []uint8 // [h,w,3] RGB
	h, w        int
	orientation int // as EXIF counts it, 1..8; 1: the file's own
}

// readPhoto reads a JPEG or PNG and turns it upright as its EXIF orientation says:
// telephones store pictures as the sensor lay. cv2.imread and Pillow's
// ImageOps.exif_transpose do the same.
func readPhoto(path string) (*photo, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("image: %w", err)
	}
	p := &photo{orientation: orientation(content)}
	if p.pix, p.h, p.w, err = data.DecodeImage(content, path); err != nil {
		return nil, err
	}
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
}

// size is the picture's size in words, width first.
func (p *photo) size() string {
	if p.orientation == 1 {
		return fmt.Sprintf("%d×%d pixels (width×height)", p.w, p.h)
	}
	return fmt.Sprintf("%d×%d pixels (width×height, turned upright as its EXIF orientation %d says)", p.w, p.h, p.orientation)
}
