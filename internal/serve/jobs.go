package serve

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"hdmnet/internal/serve/fault"
	"hdmnet/internal/serve/studio"
)

func (s *Server) postRun(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Classes []int    `json:"classes"`
		Queries []string `json:"queries"`
	}
	err := read(w, r, &in)
	var j *studio.Job
	if err == nil {
		j, err = s.studio.Run(in.Classes, in.Queries)
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	answer(w, http.StatusAccepted, j.Entry())
}

func (s *Server) deleteJob(w http.ResponseWriter, r *http.Request) {
	j, err := s.studio.Job(r.PathValue("job"))
	if err != nil {
		s.fail(w, r, err)
		return
	}
	j.Cancel()
	none(w)
}

func (s *Server) postFirst(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Queries []string `json:"queries"`
	}
	j, err := s.studio.Job(r.PathValue("job"))
	if err == nil {
		err = read(w, r, &in)
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	j.First(in.Queries)
	none(w)
}

// breath is how often a stream that has nothing to say shows that it is there.
const breath = 15 * time.Second

// getEvents streams what a job has done and does, as server-sent events, until it ends.
func (s *Server) getEvents(w http.ResponseWriter, r *http.Request) {
	j, err := s.studio.Job(r.PathValue("job"))
	if err != nil {
		s.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no") // of proxies
	w.WriteHeader(http.StatusOK)
	c := http.NewResponseController(w)
	told := -1
	for at := 0; ; {
		events, entry, news := j.Events(at)
		at += len(events)
		extend(w, 4*breath)
		for _, e := range events {
			err = s.tell(w, e)
		}
		if entry.Done != told || len(events) > 0 {
			told = entry.Done
			err = stream(w, "progress", map[string]int{"done": entry.Done, "total": entry.Total})
		}
		if entry.State != studio.Queued && entry.State != studio.Running {
			_ = stream(w, "end", map[string]any{"state": entry.State, "error": entry.Error}) // the last
			return
		}
		if err == nil {
			err = c.Flush()
		}
		if err != nil {
			return
		}
		select {
		case <-news:
		case <-time.After(breath):
			_, err = fmt.Fprint(w, ": here\n\n")
		case <-r.Context().Done():
			return
		case <-s.end.Done():
			return
		}
	}
}

// tell streams one event.
func (s *Server) tell(w http.ResponseWriter, e studio.Event) error {
	if e.Err != nil {
		return stream(w, "failed", struct {
			Image string       `json:"image"`
			Class int          `json:"class"`
			Error *fault.Fault `json:"error"`
		}{e.Image, e.Class, e.Err})
	}
	record, err := s.project.Record(e.Image)
	if err != nil {
		return nil // removed meanwhile
	}
	entry, there := s.studio.Mask(record, e.Class)
	if !there {
		return nil
	}
	return stream(w, "mask", entry)
}

func stream(w http.ResponseWriter, event string, v any) error {
	text, err := json.Marshal(v)
	if err == nil {
		_, err = fmt.Fprintf(w, "event: %s\ndata: %s\n\n", event, text)
	}
	return err
}
