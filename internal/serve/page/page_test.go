package page

import (
	"io/fs"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"strings"
	"testing"
)

func get(t *testing.T, method, target string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	Handler().ServeHTTP(w, r)
	return w
}

// TestEveryPartIsServed follows all references between the page's files: each names a file
// that is there, with a type that browsers take, and no file lies there unused.
func TestEveryPartIsServed(t *testing.T) {
	references := regexp.MustCompile(`(?:href|src)="(/static/[^"#]+)|from '\./([^']+)'|/static/([a-z]+\.svg)`)
	used := map[string]bool{}
	err := fs.WalkDir(files, "static", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := files.ReadFile(name)
		if err != nil {
			return err
		}
		if types[path.Ext(name)] == "" {
			t.Errorf("%s has no media type", name)
		}
		for _, m := range references.FindAllStringSubmatch(string(text), -1) {
			target := m[1]
			if m[2]+m[3] != "" {
				target = "/static/" + m[2] + m[3]
			}
			used[target] = true
			if w := get(t, "GET", target); w.Code != http.StatusOK || w.Header().Get("Content-Type") != types[path.Ext(target)] {
				t.Errorf("%s refers to %s: %d %s", name, target, w.Code, w.Header().Get("Content-Type"))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	entries, err := files.ReadDir("static")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if name := "/static/" + e.Name(); !used[name] && e.Name() != "index.html" {
			t.Errorf("nothing refers to %s", name)
		}
	}
}

// TestNothingInline: the policy that the page is sent with refuses scripts and styles in the
// HTML, and everything from elsewhere.
func TestNothingInline(t *testing.T) {
	w := get(t, "GET", "/")
	if csp := w.Header().Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'self';") {
		t.Errorf("Content-Security-Policy: %s", csp)
	}
	for _, bad := range []string{"<style", " style=", "onclick=", "<script>", "http://", "https://"} {
		if strings.Contains(w.Body.String(), bad) {
			t.Errorf("the page has %q in it", bad)
		}
	}
}

// TestIconsThatAreNamedExist looks up every icon that a script or the page names.
func TestIconsThatAreNamedExist(t *testing.T) {
	sprite, err := files.ReadFile("static/icons.svg")
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile(`href="#i-([a-z-]+)"|icon\('([a-z-]+)'|iconButton\('([a-z-]+)'|icon: '([a-z-]+)'`)
	entries, err := files.ReadDir("static")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, e := range entries {
		text, err := files.ReadFile("static/" + e.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range names.FindAllStringSubmatch(string(text), -1) {
			n++
			if id := strings.Join(m[1:], ""); !strings.Contains(string(sprite), `<symbol id="i-`+id+`"`) {
				t.Errorf("%s names the icon %s, which icons.svg does not have", e.Name(), id)
			}
		}
	}
	if n < 30 {
		t.Errorf("only %d icons are named", n)
	}
}

func TestWhatDidNotChangeIsNotSentAgain(t *testing.T) {
	first := get(t, "GET", "/static/main.js")
	if first.Code != http.StatusOK || first.Body.Len() == 0 {
		t.Fatalf("%d, %d bytes", first.Code, first.Body.Len())
	}
	again := get(t, "GET", "/static/main.js", "If-None-Match", first.Header().Get("ETag"))
	if again.Code != http.StatusNotModified || again.Body.Len() != 0 {
		t.Errorf("%d, %d bytes; want 304 and none", again.Code, again.Body.Len())
	}
}

func TestOnlyThePageIsServed(t *testing.T) {
	for _, target := range []string{"/static/", "/static", "/index.html", "/static/index.html", "/static/../page.go", "/page.go"} {
		if w := get(t, "GET", target); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", target, w.Code)
		}
	}
	if w := get(t, "POST", "/"); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST /: %d", w.Code)
	}
}
