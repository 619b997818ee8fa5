package serve

import (
	"net/http"

	"hdmnet/internal/serve/project"
	"hdmnet/internal/serve/strokes"
	"hdmnet/internal/serve/studio"
)

// state is the answer of GET /api/state.
type state struct {
	Project struct {
		Name string `json:"name"`
	} `json:"project"`
	Version string  `json:"version"`
	Network Network `json:"network"`
	Device  string  `json:"device"`
	Root    bool    `json:"root"`
	Limits  struct {
		FileBytes int64 `json:"fileBytes"`
		Pixels    int   `json:"pixels"`
		Strokes   int   `json:"strokes"`
	} `json:"limits"`
	studio.State
}

func (s *Server) getState(w http.ResponseWriter, _ *http.Request) {
	v := state{Version: s.o.Version, Network: s.o.Network, Device: s.o.Device, Root: s.root != nil, State: s.studio.State()}
	v.Project.Name = s.project.Name()
	v.Limits.FileBytes, v.Limits.Pixels, v.Limits.Strokes = s.o.MaxFile, s.o.MaxPixels, strokes.MaxStrokes
	answer(w, http.StatusOK, v)
}

func (s *Server) postClass(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Name  string `json:"name"`
		Color string `json:"color"`
	}
	err := read(w, r, &in)
	var c project.Class
	if err == nil {
		c, err = s.project.AddClass(in.Name, in.Color)
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	answer(w, http.StatusCreated, c)
}

func (s *Server) patchClass(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Name      *string  `json:"name"`
		Color     *string  `json:"color"`
		Threshold *float64 `json:"threshold"`
	}
	id, err := s.class(r.PathValue("class"))
	if err == nil {
		err = read(w, r, &in)
	}
	var c project.Class
	if err == nil {
		c, err = s.studio.ChangeClass(id, func(c *project.Class) {
			if in.Name != nil {
				c.Name = *in.Name
			}
			if in.Color != nil {
				c.Color = *in.Color
			}
			if in.Threshold != nil {
				c.Threshold = *in.Threshold
			}
		})
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	answer(w, http.StatusOK, c)
}

func (s *Server) deleteClass(w http.ResponseWriter, r *http.Request) {
	id, err := s.class(r.PathValue("class"))
	if err == nil {
		err = s.studio.RemoveClass(id)
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	none(w)
}
