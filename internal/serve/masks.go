package serve

import (
	"encoding/json"
	"image"
	"net/http"
	"strconv"

	"hdmnet/internal/serve/fault"
	"hdmnet/internal/serve/project"
)

// heatSide is the longer side of probabilities for the page, in pixels.
const heatSide = 512

func (s *Server) getMask(w http.ResponseWriter, r *http.Request) {
	record, err := s.record(r)
	var class int
	if err == nil {
		class, err = s.pngClass(r)
	}
	threshold := -1.0
	if text := r.URL.Query().Get("threshold"); err == nil && text != "" {
		if threshold, err = strconv.ParseFloat(text, 64); err != nil || !(threshold >= 0 && threshold < 1) {
			err = fault.New(http.StatusBadRequest, "give a probability from 0 to below 1, or leave it out", "threshold=%.20q", text)
		}
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	switch as := r.URL.Query().Get("as"); as {
	case "probability":
		pix, height, width, err := s.studio.Heat(record, class, heatSide)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		s.sendPNG(w, r, &image.Gray{Pix: pix, Stride: width, Rect: image.Rect(0, 0, width, height)})
	case "", "mask":
		mask, err := s.studio.ClassMask(record, class, threshold)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		s.sendMask(w, r, mask, record)
	default:
		s.fail(w, r, fault.New(http.StatusBadRequest, "ask for as=probability, or leave it out", "as=%.30q", as))
	}
}

func (s *Server) putMask(w http.ResponseWriter, r *http.Request) {
	var in struct {
		RLE    json.RawMessage `json:"rle"`
		Status project.Status  `json:"status"`
	}
	record, err := s.record(r)
	var class int
	if err == nil {
		class, err = s.class(r.PathValue("class"))
	}
	if err == nil {
		err = read(w, r, &in)
	}
	if err == nil {
		switch {
		case in.RLE != nil && in.Status == "":
			var mask []uint8
			if mask, err = decodeRLE(in.RLE, record); err == nil {
				record, err = s.project.Fix(record.Image.ID, class, mask, true)
			}
		case in.RLE == nil && in.Status == project.Accepted:
			record, err = s.studio.Accept(record, class)
		case in.RLE == nil && (in.Status == project.Rejected || in.Status == project.Proposed):
			record, err = s.project.SetStatus(record.Image.ID, class, in.Status)
		default:
			err = fault.New(http.StatusBadRequest, `give {"rle":…} or {"status":"accepted"}, "rejected" or "proposed"`, "what the mask is to be is not said")
		}
	}
	s.maskIs(w, r, record, class, err)
}

func (s *Server) deleteMask(w http.ResponseWriter, r *http.Request) {
	record, err := s.record(r)
	var class int
	if err == nil {
		class, err = s.class(r.PathValue("class"))
	}
	if err == nil {
		record, err = s.project.Reset(record.Image.ID, class)
	}
	s.maskIs(w, r, record, class, err)
}

// maskIs answers with what has become of a mask.
func (s *Server) maskIs(w http.ResponseWriter, r *http.Request, record *project.Record, class int, err error) {
	if err != nil {
		s.fail(w, r, err)
		return
	}
	entry, there := s.studio.Mask(record, class)
	if !there {
		none(w)
		return
	}
	answer(w, http.StatusOK, entry)
}
