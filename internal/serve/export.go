package serve

import (
	"net/http"
	"time"

	"hdmnet/internal/serve/studio"
)

// exporting is how long an export may take.
const exporting = 2 * time.Hour

func (s *Server) postExport(w http.ResponseWriter, r *http.Request) {
	var in studio.Exported
	err := read(w, r, &in)
	var e *studio.Export
	if err == nil {
		e, err = s.studio.Export(in)
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/zip")
	w.Header().Set("Content-Disposition", `attachment; filename="hdmnet-`+in.Format+`.zip"`)
	w.Header().Set("Cache-Control", "no-store")
	extend(w, exporting)
	if err := e.Write(r.Context(), w); err != nil {
		if r.Context().Err() == nil {
			s.o.Warn("export: " + err.Error())
		}
		panic(http.ErrAbortHandler) // the browser sees that the file is not whole
	}
}
