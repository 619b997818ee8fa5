package project

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"io/fs"
	"net/http"
	"path/filepath"
	"slices"

	"hdmnet/internal/infile"
	"hdmnet/internal/serve/fault"
)

// Probabilities are those of a class over a picture, [H,W] cells, 65535 being 1.
type Probabilities struct {
	H, W int
	P    []uint16
}

// SetSupport makes mask [h,w] of the picture (0, 1) the support of a class; the strokes are
// kept for the page.
func (p *Project) SetSupport(id string, class int, mask []uint8, strokes json.RawMessage) (*Record, error) {
	if _, err := p.Class(class); err != nil {
		return nil, err
	}
	return p.change(id, func(r *Record) error {
		sum := sha256.Sum256(mask)
		s := Support{Class: class, Object: share(mask), Strokes: strokes, Revision: p.revision.Add(1), Sum: hex.EncodeToString(sum[:8])}
		if old := r.Support(class); old != nil {
			*old = s
		} else {
			r.Supports = append(r.Supports, s)
		}
		return p.putMask(pngFile(dirSupports, id, class, s.Revision), mask, &r.Image)
	})
}

// RemoveSupport removes the support of a class.
func (p *Project) RemoveSupport(id string, class int) error {
	_, err := p.change(id, func(r *Record) error {
		if r.Support(class) == nil {
			return noSupport(class)
		}
		r.Supports = slices.DeleteFunc(r.Supports, func(s Support) bool { return s.Class == class })
		return nil
	})
	return err
}

func noSupport(class int) error {
	return fault.New(http.StatusNotFound, "mark the object with PUT /api/supports first", "the picture is no support of class %d", class)
}

// SupportMask is the mask [h,w] of a support, 0 and 1; nil: there is none.
func (p *Project) SupportMask(r *Record, class int) ([]uint8, error) {
	return p.readMask(r, func(r *Record) string {
		if s := r.Support(class); s != nil {
			return pngFile(dirSupports, r.Image.ID, class, s.Revision)
		}
		return ""
	})
}

// SetProbabilities keeps what was computed from the supports that from names, unless a person
// has decided on the mask meanwhile.
func (p *Project) SetProbabilities(id string, class int, v Probabilities, threshold, confidence, area float64, from string) (*Record, error) {
	if _, err := p.Class(class); err != nil {
		return nil, err
	}
	return p.change(id, func(r *Record) error {
		m := r.Mask(class)
		if m == nil {
			r.Masks = append(r.Masks, Mask{Class: class, Status: Proposed})
			m = &r.Masks[len(r.Masks)-1]
		}
		if m.Decided() {
			return nil
		}
		m.Revision = p.revision.Add(1)
		m.Threshold, m.Confidence, m.Area, m.From, m.Map = threshold, confidence, area, from, m.Revision
		img := image.NewGray16(image.Rect(0, 0, v.W, v.H))
		for i, x := range v.P {
			img.Pix[2*i], img.Pix[2*i+1] = uint8(x>>8), uint8(x)
		}
		return p.putPNG(pngFile(dirMaps, id, class, m.Map), img)
	})
}

// Reassess changes confidence and area of a mask that is not fixed to what a threshold gives.
// They follow from the probabilities, and are not written.
func (p *Project) Reassess(id string, class int, threshold, confidence, area float64) {
	p.amend(id, func(r *Record) {
		if m := r.Mask(class); m != nil && m.Fixed == 0 {
			m.Threshold, m.Confidence, m.Area, m.Revision = threshold, confidence, area, p.revision.Add(1)
		}
	})
}

// Probabilities are what was computed for a mask; nil if nothing was.
func (p *Project) Probabilities(r *Record, class int) (*Probabilities, error) {
	img, name, err := p.readPNG(r, func(r *Record) string {
		if m := r.Mask(class); m != nil && m.Map != 0 {
			return pngFile(dirMaps, r.Image.ID, class, m.Map)
		}
		return ""
	})
	if err != nil || name == "" {
		return nil, err
	}
	gray, ok := img.(*image.Gray16)
	if !ok {
		return nil, damaged(name, "it is no gray picture of 16 bits")
	}
	v := &Probabilities{H: gray.Rect.Dy(), W: gray.Rect.Dx()}
	v.P = make([]uint16, v.H*v.W)
	for i := range v.P {
		v.P[i] = uint16(gray.Pix[2*i])<<8 | uint16(gray.Pix[2*i+1])
	}
	return v, nil
}

// Fix makes mask [h,w] (0, 1) what a class is in a picture, accepted: as it was computed, or
// corrected by hand.
func (p *Project) Fix(id string, class int, mask []uint8, corrected bool) (*Record, error) {
	if _, err := p.Class(class); err != nil {
		return nil, err
	}
	return p.change(id, func(r *Record) error {
		m := r.Mask(class)
		if m == nil {
			r.Masks = append(r.Masks, Mask{Class: class, Confidence: 1})
			m = &r.Masks[len(r.Masks)-1]
		}
		m.Revision = p.revision.Add(1)
		m.Status, m.Corrected, m.Area, m.Fixed = Accepted, m.Corrected || corrected, share(mask), m.Revision
		return p.putMask(pngFile(dirMasks, id, class, m.Fixed), mask, &r.Image)
	})
}

// SetStatus says proposed or rejected of a mask; to accept one is Fix. A mask drawn by hand
// stays.
func (p *Project) SetStatus(id string, class int, status Status) (*Record, error) {
	return p.change(id, func(r *Record) error {
		m := r.Mask(class)
		if m == nil {
			return NoMask(class)
		}
		m.Status, m.Revision = status, p.revision.Add(1)
		if !m.Corrected {
			m.Fixed = 0
		}
		return nil
	})
}

// Reset brings a mask back to what was computed; without that there is none any more.
func (p *Project) Reset(id string, class int) (*Record, error) {
	return p.change(id, func(r *Record) error {
		m := r.Mask(class)
		if m == nil {
			return NoMask(class)
		}
		if m.Map == 0 {
			r.Masks = slices.DeleteFunc(r.Masks, func(m Mask) bool { return m.Class == class })
			return nil
		}
		m.Status, m.Corrected, m.Fixed, m.Revision = Proposed, false, 0, p.revision.Add(1)
		return nil
	})
}

// NoMask is the error of a picture that has no mask of a class.
func NoMask(class int) error {
	return fault.New(http.StatusNotFound, "run the class over the picture first (POST /api/run), or draw a mask", "the picture has no mask of class %d", class)
}

// FixedMask is a mask [h,w] that was accepted or drawn; nil: there is none.
func (p *Project) FixedMask(r *Record, class int) ([]uint8, error) {
	return p.readMask(r, func(r *Record) string {
		if m := r.Mask(class); m != nil && m.Fixed != 0 {
			return pngFile(dirMasks, r.Image.ID, class, m.Fixed)
		}
		return ""
	})
}

// share is that of the pixels that are 1.
func share(mask []uint8) float64 {
	n := 0
	for _, v := range mask {
		n += int(v)
	}
	return float64(n) / float64(max(len(mask), 1))
}

var blackWhite = color.Palette{color.Gray{}, color.Gray{Y: 255}}

func (p *Project) putMask(name string, mask []uint8, i *Image) error {
	return p.putPNG(name, &image.Paletted{Pix: mask, Stride: i.Width, Rect: image.Rect(0, 0, i.Width, i.Height), Palette: blackWhite})
}

func (p *Project) putPNG(name string, img image.Image) error {
	return p.put(name, func(w io.Writer) error {
		return (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(w, img)
	})
}

func (p *Project) readMask(r *Record, file func(*Record) string) ([]uint8, error) {
	img, name, err := p.readPNG(r, file)
	if err != nil || name == "" {
		return nil, err
	}
	m, ok := img.(*image.Paletted)
	if i := &r.Image; !ok || m.Rect != image.Rect(0, 0, i.Width, i.Height) || m.Stride != i.Width {
		return nil, damaged(name, fmt.Sprintf("expected a mask of %d×%d pixels of 1 bit", i.Width, i.Height))
	}
	return m.Pix, nil
}

// readPNG reads the PNG that file names for a record or, when a newer record has taken its
// place meanwhile and the PNG is gone, for that one. Without a name there is none.
func (p *Project) readPNG(r *Record, file func(*Record) string) (img image.Image, name string, err error) {
	for {
		if name = file(r); name == "" {
			return nil, "", nil
		}
		f, err := infile.Open(filepath.Join(p.dir, filepath.FromSlash(name)), maxPNG)
		if errors.Is(err, fs.ErrNotExist) {
			newer, gone := p.Record(r.Image.ID)
			if gone != nil {
				return nil, "", gone
			}
			if newer != r {
				r = newer
				continue
			}
		}
		if err != nil {
			return nil, name, damaged(name, err.Error())
		}
		img, err = png.Decode(f)
		_ = f.Close()
		if err != nil {
			return nil, name, damaged(name, err.Error())
		}
		return img, name, nil
	}
}

func damaged(name, why string) error {
	return fault.New(http.StatusInternalServerError, "restore it from a copy; or delete the mask, and run or draw it again", "%s in the project is damaged: %s", name, why)
}
