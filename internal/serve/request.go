package serve

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"hdmnet/internal/serve/fault"
	"hdmnet/internal/serve/project"
)

// maxBody bounds a JSON body, in bytes: an RLE of a mask of many small parts.
const maxBody = 32 << 20

// answer sends v as JSON.
func answer(w http.ResponseWriter, status int, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		status, text = http.StatusInternalServerError, []byte(`{"error":{"what":"the answer cannot be written as JSON","remedy":"report this as a defect"}}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n')) // whoever asked has gone
}

// none is an answer without a body.
func none(w http.ResponseWriter) { w.WriteHeader(http.StatusNoContent) }

// errorBody is what an error looks like.
type errorBody struct {
	Error *fault.Fault `json:"error"`
}

// fail answers with an error.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return // nobody waits for it
	}
	f := fault.Of(err)
	if f.Status == http.StatusInternalServerError {
		s.o.Warn(fmt.Sprintf("%s %s: %v", r.Method, strconv.Quote(r.URL.Path), err))
	}
	answer(w, f.Status, errorBody{f})
}

// read reads the JSON body of a request into v.
func read(w http.ResponseWriter, r *http.Request, v any) error {
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != "application/json" {
		return fault.New(http.StatusUnsupportedMediaType, "send JSON with the header Content-Type: application/json", "the content type is %.60q", r.Header.Get("Content-Type"))
	}
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if err == nil {
		if _, more := d.Token(); more == io.EOF {
			return nil
		}
		err = errors.New("there is more behind the end")
	}
	if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
		return fault.New(http.StatusRequestEntityTooLarge, "send less at a time", "the body has more than %d MiB", maxBody>>20)
	}
	return fault.New(http.StatusBadRequest, "see the request in docs/serve.md", "the body is not the JSON that is expected: %s", strings.TrimPrefix(err.Error(), "json: "))
}

// record is the picture that a path names.
func (s *Server) record(r *http.Request) (*project.Record, error) {
	id := r.PathValue("image")
	if !project.ValidID(id) {
		return nil, fault.New(http.StatusBadRequest, "ask /api/state for the pictures that there are", "%.60q is no id of a picture: 32 hexadecimal digits", id)
	}
	return s.project.Record(id)
}

// class is the id of a class in text.
func (s *Server) class(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, fault.New(http.StatusBadRequest, "ask /api/state for the classes that there are", "%.30q is no id of a class: a whole number from 1", text)
	}
	if _, err := s.project.Class(n); err != nil {
		return 0, err
	}
	return n, nil
}

// pngClass is the class of a path that ends in CLASS.png.
func (s *Server) pngClass(r *http.Request) (int, error) {
	text, ok := strings.CutSuffix(r.PathValue("file"), ".png")
	if !ok {
		return 0, fault.New(http.StatusNotFound, "ask for CLASS.png", "%.40q is not there", r.PathValue("file"))
	}
	return s.class(text)
}

func (s *Server) unknown(w http.ResponseWriter, r *http.Request) {
	s.fail(w, r, fault.New(http.StatusNotFound, "see docs/serve.md for the requests that there are", "there is no %s %.100q", r.Method, r.URL.Path))
}
