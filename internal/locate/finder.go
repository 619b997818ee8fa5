package locate

import (
	"context"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"golang.org/x/text/unicode/norm"

	"hdmnet/internal/infile"
)

// Finder finds files below a folder. Its methods may be called from several goroutines.
type Finder struct {
	root string

	mu      sync.Mutex
	folders map[string]map[string][]string // names in a folder, by folded name
	tree    map[string][]string            // paths of all files below root, by folded file name
}

// New is a Finder of files below root.
func New(root string) *Finder { return &Finder{root: root, folders: map[string]map[string][]string{}} }

// FindPath finds a file by a path, the first of these that is there:
//
//   - the path as written, below the folder unless it is absolute;
//   - with letters of another case, or accents encoded otherwise (a.PNG for a.png);
//   - without its first folders, as few as possible (D:/voc/JPEGImages/a.jpg is
//     JPEGImages/a.jpg).
//
// The error is fs.ErrNotExist's kind where there is none, and names the candidates where
// several fit equally.
func (f *Finder) FindPath(name string) (string, error) {
	if exact := filepath.Join(f.root, filepath.FromSlash(strings.ReplaceAll(name, `\`, "/"))); !filepath.IsAbs(name) && isFile(exact) {
		return exact, nil
	}
	return f.inside(name)
}

// inside is FindPath that does not leave the folder upwards.
func (f *Finder) inside(name string) (string, error) {
	written := name
	name = strings.ReplaceAll(name, `\`, "/")
	if filepath.IsAbs(name) && isFile(name) {
		return filepath.Clean(name), nil
	}
	for rest := path.Clean("/" + name)[1:]; rest != ""; {
		found, err := f.below(rest)
		if found != "" || err != nil {
			return found, err
		}
		_, after, more := strings.Cut(rest, "/")
		if !more {
			break
		}
		rest = after
	}
	return "", &fs.PathError{Op: "find", Path: infile.Shown(written) + " in " + infile.Shown(f.root), Err: fs.ErrNotExist}
}

// Find finds a file by a name that an annotation tool wrote: as FindPath does, but never
// above the folder by ".."; else with
// the characters that an address encodes (my%20cup.jpg, ?d=cup.jpg), else by its file name
// alone in any folder below, else without, or with, the prefix of eight digits that Label
// Studio gives uploads (1a2b3c4d-cup.jpg), else with another extension of pictures, as after
// a conversion (cup.png for cup.jpg). Errors as FindPath.
func (f *Finder) Find(name string) (string, error) {
	found, err := f.inside(name)
	if err == nil || !isAbsent(err) {
		return found, err
	}
	if plain := unescape(name); plain != name {
		if found, other := f.Find(plain); other == nil || !isAbsent(other) {
			return found, other
		}
	}
	base := path.Base(strings.ReplaceAll(name, `\`, "/"))
	for _, candidates := range [][]string{f.named(base), f.named(upload.ReplaceAllString(base, "")), f.uploaded(base), f.converted(base)} {
		if len(candidates) > 0 {
			return one(name, candidates)
		}
	}
	return "", err
}

// Beside finds the file of a folder that has the name stem and one of the extensions (".jpg"),
// whatever their case; "" where there is none. Of several that with the extension that
// comes first.
func (f *Finder) Beside(folder, stem string, extensions []string) string {
	for _, ext := range extensions {
		for _, name := range f.names(folder)[fold(stem+ext)] {
			if path := filepath.Join(folder, name); isFile(path) {
				return path
			}
		}
	}
	return ""
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.IsDir()
}

func isAbsent(err error) bool { return os.IsNotExist(err) }

// below is a path below the root, as written or else folded; "" where there is none. Folders
// are read once: many names that are nowhere cost nothing each.
func (f *Finder) below(name string) (string, error) {
	folders := []string{f.root}
	for rest := name; rest != ""; {
		var part string
		part, rest, _ = strings.Cut(rest, "/")
		var next []string
		for _, folder := range folders {
			for _, there := range f.names(folder)[fold(part)] {
				next = append(next, filepath.Join(folder, there))
			}
		}
		if len(next) == 0 {
			return "", nil
		}
		folders = next
	}
	folders = slices.DeleteFunc(folders, func(p string) bool { return !isFile(p) })
	if exact := filepath.Join(f.root, filepath.FromSlash(name)); slices.Contains(folders, exact) {
		return exact, nil
	}
	if len(folders) == 0 {
		return "", nil
	}
	return one(name, folders)
}

// one is the one file that candidates, which may be links to it, are.
func one(name string, candidates []string) (string, error) {
	ids := map[ID]bool{}
	for _, c := range candidates {
		if id, _, err := Identify(c); err == nil {
			ids[id] = true
		}
	}
	if len(ids) < 2 {
		return candidates[0], nil
	}
	const shown = 3
	var names []string
	for _, c := range candidates[:min(shown, len(candidates))] {
		names = append(names, infile.Shown(c))
	}
	return "", fmt.Errorf("%s could be any of %d files, such as %s: give them different names", infile.Shown(name), len(candidates), strings.Join(names, ", "))
}

// names are what is in a folder, by folded name.
func (f *Finder) names(folder string) map[string][]string {
	f.mu.Lock()
	defer f.mu.Unlock()
	names, ok := f.folders[folder]
	if !ok {
		names = map[string][]string{}
		entries, _ := os.ReadDir(folder) // one that cannot be read holds nothing to be found
		for _, e := range entries {
			key := fold(e.Name())
			names[key] = append(names[key], e.Name())
		}
		f.folders[folder] = names
	}
	return names
}

// named are the files below the root with a file name.
func (f *Finder) named(base string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.index()
	return f.tree[fold(base)]
}

// uploaded are the files below the root that have a name behind the prefix of an upload.
func (f *Finder) uploaded(base string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.index()
	return f.tree["*-"+fold(base)]
}

// Extensions are those of picture files, small letters; the usual ones first.
var Extensions = []string{".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"}

// converted are the pictures below the root that have a name but for the extension, which
// is that of a picture, too.
func (f *Finder) converted(base string) []string {
	ext := path.Ext(base)
	if !slices.Contains(Extensions, strings.ToLower(ext)) {
		return nil
	}
	var found []string
	for _, other := range Extensions {
		found = append(found, f.named(strings.TrimSuffix(base, ext)+other)...)
	}
	return found
}

func (f *Finder) index() {
	if f.tree != nil {
		return
	}
	f.tree = map[string][]string{}
	tree, _ := Walk(context.Background(), f.root, nil) // what cannot be read holds nothing to be found
	for _, p := range tree.Files {
		base := filepath.Base(p)
		f.tree[fold(base)] = append(f.tree[fold(base)], p)
		if plain := upload.ReplaceAllString(base, ""); plain != base {
			f.tree["*-"+fold(plain)] = append(f.tree["*-"+fold(plain)], p)
		}
	}
}

// upload is what Label Studio puts before the names of uploads.
var upload = regexp.MustCompile(`^[0-9a-f]{8}-`)

// unescape is the path in an address: of "/data/local-files/?d=a/my%20cup.jpg" it is
// "a/my cup.jpg".
func unescape(name string) string {
	if _, query, ok := strings.Cut(name, "?d="); ok {
		name = query
	}
	if plain, err := url.PathUnescape(name); err == nil {
		return plain
	}
	return name
}

// fold makes names that differ in case, or in how accents are encoded, equal.
func fold(name string) string { return strings.ToLower(norm.NFC.String(name)) }
