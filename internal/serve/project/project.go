// Package project is a labeling project as a folder: pictures, classes, supports and masks.
//
//	project.json               classes, and what the folder is
//	images/ID.json             one picture: where it is, its supports, its masks
//	pictures/ID.EXT            a picture that was uploaded, as it came
//	supports/ID-CLASS-REV.png  a support's mask, 1 bit
//	maps/ID-CLASS-REV.png      probabilities that were computed, 16 bits, 65535 being 1
//	masks/ID-CLASS-REV.png     a mask that was accepted or drawn, 1 bit
//
// ID is the first 32 hexadecimal digits of the SHA-256 of the picture's file. A change is on
// the disk before the call that makes it returns: a PNG under a name of its own first, then
// the JSON that names it, each complete or not at all. What no JSON names is removed by
// the next Open. One process works in a project at a time.
package project

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"hdmnet/internal/atomicfile"
	"hdmnet/internal/infile"
	"hdmnet/internal/lockfile"
	"hdmnet/internal/serve/fault"
)

// The parts of a project.
const (
	fileProject = "project.json"
	fileLock    = ".lock"
	dirImages   = "images"
	dirPictures = "pictures"
	dirSupports = "supports"
	dirMaps     = "maps"
	dirMasks    = "masks"
)

// format is the number of this layout.
const format = 1

// maxJSON bounds a JSON file of a project, maxPNG a PNG, in bytes.
const (
	maxJSON = 1 << 26
	maxPNG  = 1 << 28
)

// Limits bound what a project takes.
type Limits struct {
	Bytes   int64 // of all files below the folder
	Images  int
	Classes int
}

// Project is an open project. Its methods may be called from several goroutines. Records
// and classes that it gives are not to be changed.
type Project struct {
	dir     string
	root    *os.Root // nil: no pictures are referred to
	limits  Limits
	release func()

	used     atomic.Int64 // bytes on disk
	revision atomic.Int64 // the last one given
	turns    atomic.Int64 // how often classes, pictures or supports have changed
	commits  [64]sync.Mutex
	classing sync.Mutex // changes of classes and of the list of pictures

	mu      sync.RWMutex // guards what follows
	head    head
	records map[string]*Record
	order   int64 // of the last picture added
}

// head is what project.json holds.
type head struct {
	Format    int     `json:"hdmnet_project"`
	NextClass int     `json:"next_class"`
	Classes   []Class `json:"classes"`
}

// Open opens the project in a folder, or makes one where there is none. root is where
// pictures that are referred to lie; nil: there are none.
//
// Errors: a folder with anything else in it; a project that another process works in; files
// that are damaged or missing, with their names and what to do.
func Open(dir string, root *os.Root, limits Limits) (*Project, error) {
	p := &Project{dir: dir, root: root, limits: limits, records: map[string]*Record{}}
	if err := p.claim(); err != nil {
		return nil, err
	}
	var err error
	if p.release, err = lockfile.Acquire(filepath.Join(dir, fileLock)); err != nil {
		return nil, fmt.Errorf("project %s: %w; one server at a time works in it: stop the other one, or name another project", infile.Shown(dir), err)
	}
	if err := p.load(); err != nil {
		p.release()
		return nil, fmt.Errorf("project %s: %w", infile.Shown(dir), err)
	}
	return p, nil
}

// Close gives the folder back. Nothing is left to write.
func (p *Project) Close() { p.release() }

// claim makes the folder, and refuses one that is somebody's.
func (p *Project) claim() error {
	if err := os.MkdirAll(p.dir, 0o777); err != nil {
		return fmt.Errorf("project %s: %w; name another folder", infile.Shown(p.dir), err)
	}
	entries, err := os.ReadDir(p.dir)
	if err != nil {
		return fmt.Errorf("project %s: %w", infile.Shown(p.dir), err)
	}
	parts := []string{fileProject, fileLock, dirImages, dirPictures, dirSupports, dirMaps, dirMasks}
	foreign := slices.DeleteFunc(entries, func(e fs.DirEntry) bool {
		return slices.Contains(parts, e.Name()) || strings.HasPrefix(e.Name(), ".")
	})
	if _, err := os.Stat(filepath.Join(p.dir, fileProject)); errors.Is(err, fs.ErrNotExist) && len(foreign) > 0 {
		return fmt.Errorf("project %s: the folder holds other things (%s) and no %s; name an empty folder or a new one, or the folder of a project",
			infile.Shown(p.dir), infile.Shown(foreign[0].Name()), fileProject)
	}
	return nil
}

func (p *Project) load() error {
	for _, d := range []string{"", dirImages, dirPictures, dirSupports, dirMaps, dirMasks} {
		path := filepath.Join(p.dir, d)
		if err := os.MkdirAll(path, 0o777); err != nil {
			return err
		}
		if err := atomicfile.RemovePartial(path); err != nil {
			return err
		}
	}
	err := p.read(fileProject, &p.head)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if left, _ := os.ReadDir(filepath.Join(p.dir, dirImages)); len(left) > 0 {
			return fmt.Errorf("%s is missing, but there are pictures: restore it from a copy; or move %s away to begin anew", fileProject, dirImages)
		}
		p.head = head{Format: format, NextClass: 1, Classes: []Class{}}
		return p.writeHead(p.head)
	case err != nil:
		return fmt.Errorf("%w; restore it from a copy, or begin a new project", err)
	case p.head.Format != format:
		return fmt.Errorf("%s is of format %d, this program knows %d: use the version of hdmnet that wrote it", fileProject, p.head.Format, format)
	}
	p.used.Add(size(filepath.Join(p.dir, fileProject)))
	return p.loadRecords()
}

// read reads a JSON file of the project. Errors name it.
func (p *Project) read(name string, v any) error {
	text, err := infile.ReadFile(filepath.Join(p.dir, name), maxJSON)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("%s is damaged: %w", name, err)
	}
	if _, err := d.Token(); err != io.EOF {
		return fmt.Errorf("%s is damaged: there is more behind its end", name)
	}
	return nil
}

func (p *Project) writeHead(h head) error {
	return p.writeJSON(fileProject, h)
}

func (p *Project) writeJSON(name string, v any) error {
	text, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return err
	}
	return p.put(name, func(w io.Writer) error { _, err := w.Write(append(text, '\n')); return err })
}

// counter counts what is written.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	return n, err
}

// put writes a file of the project.
func (p *Project) put(name string, write func(io.Writer) error) error {
	path := filepath.Join(p.dir, filepath.FromSlash(name))
	before := size(path)
	var n int64
	err := atomicfile.Write(path, func(w io.Writer) error {
		c := &counter{w: w}
		err := write(c)
		n = c.n
		return err
	})
	if err != nil {
		return fault.New(http.StatusInsufficientStorage, "make room on the disk of the project; what was done before is kept", "%v", err)
	}
	p.used.Add(n - before)
	return nil
}

// remove removes files that no record names any more. One that stays is removed by the next
// Open.
func (p *Project) remove(names ...string) {
	for _, name := range names {
		path := filepath.Join(p.dir, filepath.FromSlash(name))
		n := size(path)
		if os.Remove(path) == nil {
			p.used.Add(-n)
		}
	}
}

func size(path string) int64 {
	if info, err := os.Lstat(path); err == nil {
		return info.Size()
	}
	return 0
}

// room is the error of a project that is full.
func (p *Project) room(more int64) error {
	if p.limits.Bytes > 0 && p.used.Load()+more > p.limits.Bytes {
		return fault.New(http.StatusInsufficientStorage, "remove pictures, or start the server with a larger --max-disk",
			"the project has %d MiB, and %d are allowed", p.used.Load()>>20, p.limits.Bytes>>20)
	}
	return nil
}

// Turn counts changes of classes, pictures and supports: what depends on them alone is the
// same while Turn is.
func (p *Project) Turn() int64 { return p.turns.Load() }

// Used is how many bytes the project has on the disk.
func (p *Project) Used() int64 { return p.used.Load() }

// Name is that of the folder.
func (p *Project) Name() string {
	if path, err := filepath.Abs(p.dir); err == nil {
		return filepath.Base(path)
	}
	return filepath.Base(p.dir)
}
