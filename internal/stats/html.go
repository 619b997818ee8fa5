package stats

import (
	"encoding/base64"
	"html/template"
	"io"
)

// Page is what WriteHTML shows.
type Page struct {
	Title string
	Table string // plain text, columns aligned by spaces
	About string // of the episodes, one line
	PNG   []byte // the sheet
}

var page = template.Must(template.New("page").Parse(`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{{.Title}}</title>
<style>
body { font-family: sans-serif; margin: 2em; color: #1e1e1e }
pre { line-height: 1.3 }
img { max-width: 100% }
</style>
</head>
<body>
<h1>{{.Title}}</h1>
<pre>{{.Table}}</pre>
<p>Episodes: {{.About}}.</p>
<img alt="{{.About}}" src="{{.Source}}">
</body>
</html>
`))

// WriteHTML writes a page that needs no other file: the sheet is part of it.
func WriteHTML(w io.Writer, p Page) error {
	return page.Execute(w, struct {
		Page
		Source template.URL
	}{p, template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(p.PNG))})
}
