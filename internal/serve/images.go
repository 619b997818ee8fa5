package serve

import (
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"strconv"
	"time"
	"unicode/utf8"

	"hdmnet/internal/serve/fault"
	"hdmnet/internal/serve/project"
)

// thumbSide is the longer side of a thumbnail, in pixels.
const thumbSide = 256

// transfer is how long one picture may take to arrive or to leave.
const transfer = 5 * time.Minute

// refused is a picture that was not taken.
type refused struct {
	Name  string       `json:"name"`
	Error *fault.Fault `json:"error"`
}

// taken is the answer to pictures.
type taken struct {
	Images  []project.Image `json:"images"`
	Refused []refused       `json:"refused"`
}

func (s *Server) postImages(w http.ResponseWriter, r *http.Request) {
	parts, err := r.MultipartReader()
	if err != nil {
		s.fail(w, r, fault.New(http.StatusUnsupportedMediaType, "send the pictures as multipart/form-data in fields called file: curl -F file=@cat.jpg …", "the request has no parts: %v", err))
		return
	}
	out := taken{Images: []project.Image{}, Refused: []refused{}}
	for n := 0; ; n++ {
		extend(w, transfer)
		part, err := parts.NextRawPart()
		if err == io.EOF {
			break
		}
		if err == nil && n >= maxImages {
			err = errors.New("too many parts")
		}
		if err != nil {
			s.fail(w, r, fault.New(http.StatusBadRequest, "send the pictures again; those before it are there", "part %d of the request cannot be read: %v", n+1, err))
			return
		}
		name := shortened(part.FileName())
		record, err := s.upload(name, part)
		if err != nil {
			if r.Context().Err() != nil {
				return
			}
			if fault.Of(err).Status == http.StatusInsufficientStorage && len(out.Images) == 0 {
				s.fail(w, r, err) // nor will there be room for the next ones
				return
			}
			out.Refused = append(out.Refused, refused{name, fault.Of(err)})
			continue
		}
		out.Images = append(out.Images, record.Image)
	}
	if len(out.Images) == 0 && len(out.Refused) == 0 {
		s.fail(w, r, fault.New(http.StatusBadRequest, "send them in fields called file", "there is no picture in the request"))
		return
	}
	answer(w, http.StatusOK, out)
}

func (s *Server) upload(name string, part *multipart.Part) (*project.Record, error) {
	if part.FormName() != "file" || name == "" {
		return nil, fault.New(http.StatusBadRequest, "send pictures in fields called file, with their names", "a part is called %.60q", part.FormName())
	}
	content, err := io.ReadAll(io.LimitReader(part, s.o.MaxFile+1))
	if err != nil {
		return nil, fault.New(http.StatusBadRequest, "send it again", "picture %s did not arrive whole: %v", name, err)
	}
	return s.studio.Upload(name, content, false)
}

// shortened is a name as it is kept.
func shortened(name string) string {
	if !utf8.ValidString(name) {
		name = strconv.QuoteToASCII(name)
	}
	if r := []rune(name); len(r) > 200 {
		name = string(r[len(r)-200:])
	}
	return name
}

func (s *Server) postFolder(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Path string `json:"path"`
	}
	if err := read(w, r, &in); err != nil {
		s.fail(w, r, err)
		return
	}
	extend(w, time.Hour) // for a disk of many pictures
	records, left, err := s.studio.Folder(r.Context(), in.Path)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	out := taken{Images: []project.Image{}, Refused: []refused{}}
	for _, x := range records {
		out.Images = append(out.Images, x.Image)
	}
	for _, x := range left {
		out.Refused = append(out.Refused, refused{x.Name, fault.Of(x.Err)})
	}
	answer(w, http.StatusOK, out)
}

// forever lets a browser keep what an id stands for: the id is that of the content.
const forever = "private, max-age=31536000, immutable"

func (s *Server) getImage(w http.ResponseWriter, r *http.Request) {
	record, err := s.record(r)
	most := 0
	if text := r.URL.Query().Get("max"); err == nil && text != "" {
		if most, err = strconv.Atoi(text); err != nil || most < 16 || most > 1<<16 {
			err = fault.New(http.StatusBadRequest, "give pixels from 16 to 65536, or leave it out", "max=%.20q", text)
		}
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	extend(w, transfer)
	content, kind, err := s.studio.Shown(r.Context(), record, most)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	send(w, kind, forever, content)
}

func (s *Server) getThumb(w http.ResponseWriter, r *http.Request) {
	record, err := s.record(r)
	var content []byte
	if err == nil {
		content, err = s.studio.Thumb(r.Context(), record, thumbSide)
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	send(w, "image/jpeg", forever, content)
}

// send sends a file.
func send(w http.ResponseWriter, kind, cache string, content []byte) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", cache)
	w.Header().Set("Content-Length", strconv.Itoa(len(content)))
	_, _ = w.Write(content) // whoever asked has gone
}

func (s *Server) deleteImage(w http.ResponseWriter, r *http.Request) {
	record, err := s.record(r)
	if err == nil {
		err = s.project.RemoveImage(record.Image.ID)
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	none(w)
}
