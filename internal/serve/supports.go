package serve

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"net/http"
	"time"

	"hdmnet/internal/coco"
	"hdmnet/internal/serve/fault"
	"hdmnet/internal/serve/project"
	"hdmnet/internal/serve/strokes"
	"hdmnet/internal/serve/studio"
)

// preview is the answer of POST /api/preview.
type preview struct {
	RLE    coco.RLE `json:"rle"`
	Object float64  `json:"object"`
	MS     int64    `json:"ms"`
}

func (s *Server) postPreview(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	var in struct {
		Image   string           `json:"image"`
		Strokes []strokes.Stroke `json:"strokes"`
	}
	err := read(w, r, &in)
	var record *project.Record
	if err == nil {
		record, err = s.project.Record(in.Image)
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	mask, height, width, err := s.studio.Preview(r.Context(), record, in.Strokes)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	object := 0
	for _, v := range mask {
		object += int(v)
	}
	answer(w, http.StatusOK, preview{coco.NewRLE(mask, height, width, r.URL.Query().Get("rle") == "compressed"), float64(object) / float64(len(mask)), time.Since(start).Milliseconds()})
}

func (s *Server) putSupport(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Class   int             `json:"class"`
		Strokes json.RawMessage `json:"strokes"`
		RLE     json.RawMessage `json:"rle"`
	}
	record, err := s.record(r)
	if err == nil {
		err = read(w, r, &in)
	}
	if err == nil {
		_, err = s.project.Class(in.Class)
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	var mask []uint8
	if in.RLE != nil {
		mask, err = decodeRLE(in.RLE, record)
		in.Strokes = nil
	} else {
		var drawn []strokes.Stroke
		if err = json.Unmarshal(in.Strokes, &drawn); err != nil {
			err = fault.New(http.StatusBadRequest, "give strokes or rle; see docs/serve.md", "the strokes are not understood: %v", err)
		} else {
			mask, err = s.studio.Understood(r.Context(), record, drawn)
		}
	}
	if err == nil && bytes.IndexByte(mask, 1) < 0 {
		err = fault.New(http.StatusBadRequest, "mark the object", "the mask shows no object")
	}
	if err == nil {
		record, err = s.project.SetSupport(record.Image.ID, in.Class, mask, in.Strokes)
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	answer(w, http.StatusOK, studio.NewSupportEntry(record, record.Support(in.Class)))
}

// decodeRLE is a mask of a picture's size.
func decodeRLE(raw json.RawMessage, r *project.Record) ([]uint8, error) {
	mask, err := coco.DecodeRLE(raw, r.Image.Height, r.Image.Width)
	if err != nil {
		return nil, fault.New(http.StatusBadRequest, fmt.Sprintf("give {\"size\":[%d,%d],\"counts\":[…]}, as COCO has it", r.Image.Height, r.Image.Width), "the rle is no mask of the picture: %v", err)
	}
	return mask, nil
}

func (s *Server) getSupport(w http.ResponseWriter, r *http.Request) {
	record, err := s.record(r)
	var class int
	if err == nil {
		class, err = s.pngClass(r)
	}
	var mask []uint8
	if err == nil {
		mask, err = s.project.SupportMask(record, class)
	}
	if err == nil && mask == nil {
		err = fault.New(http.StatusNotFound, "mark the object with PUT /api/supports first", "the picture is no support of class %d", class)
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.sendMask(w, r, mask, record)
}

// sendMask sends a mask of 0 and 1 as a gray PNG of 0 and 255 or, where that is asked for, as
// an RLE.
func (s *Server) sendMask(w http.ResponseWriter, r *http.Request, mask []uint8, record *project.Record) {
	img := &image.Paletted{Pix: mask, Stride: record.Image.Width, Rect: image.Rect(0, 0, record.Image.Width, record.Image.Height), Palette: blackWhite}
	s.sendPNG(w, r, img)
}

var blackWhite = color.Palette{color.Gray{}, color.Gray{Y: 255}}

func (s *Server) sendPNG(w http.ResponseWriter, r *http.Request, img image.Image) {
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&b, img); err != nil {
		s.fail(w, r, err)
		return
	}
	send(w, "image/png", "no-store", b.Bytes())
}

func (s *Server) deleteSupport(w http.ResponseWriter, r *http.Request) {
	record, err := s.record(r)
	var class int
	if err == nil {
		class, err = s.class(r.URL.Query().Get("class"))
	}
	if err == nil {
		err = s.project.RemoveSupport(record.Image.ID, class)
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	none(w)
}
