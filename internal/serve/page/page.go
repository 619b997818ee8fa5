// Package page holds the page of hdmnet serve: plain HTML, one style sheet, and modules of
// JavaScript that the browser reads as they are. Nothing is built, nothing comes from
// elsewhere.
package page

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"time"
)

//go:embed static
var files embed.FS

// types are the media types of the page's files. The machine's own table of endings is not
// asked: on some machines it calls JavaScript text/plain, which browsers do not run.
var types = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
}

// policy lets the page load nothing that this server does not give, and nobody frame it.
const policy = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"

type file struct {
	content []byte
	kind    string
	tag     string
}

// Handler answers GET and HEAD of / with the page and of /static/NAME with its parts, each
// with an entity tag, so that a browser asks again and is sent only what changed. Other
// paths are not found.
func Handler() http.Handler {
	all := map[string]file{}
	err := fs.WalkDir(files, "static", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := files.ReadFile(name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(content)
		all["/"+name] = file{content: content, kind: types[path.Ext(name)], tag: `"` + hex.EncodeToString(sum[:12]) + `"`}
		return nil
	})
	if err != nil {
		panic(err) // the files are part of the program
	}
	all["/"] = all["/static/index.html"]
	delete(all, "/static/index.html")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, found := all[r.URL.Path]
		if !found {
			http.NotFound(w, r)
			return
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "the page can only be read", http.StatusMethodNotAllowed)
			return
		}
		header := w.Header()
		header.Set("Content-Type", f.kind)
		header.Set("Content-Security-Policy", policy)
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Cache-Control", "no-cache")
		header.Set("ETag", f.tag)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.content))
	})
}
