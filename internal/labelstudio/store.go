package labelstudio

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"hdmnet/internal/atomicfile"
	"hdmnet/internal/infile"
)

// annotation is one of a project's, as Label Studio gives it.
type annotation struct {
	ID       int64    `json:"id"`
	Task     int64    `json:"task"`
	Canceled bool     `json:"was_cancelled"`
	Result   []region `json:"result"`
	// Data is the task's; it holds the picture's address.
	Data map[string]any `json:"data"`
}

// Limits of what is kept.
const (
	maxAnnotations = 5000 // of a project; the oldest leave
	maxAnnotation  = 64 << 20
)

// store keeps the annotations of projects, one file each, so that they are supports again
// after a restart: DIR/PROJECT/ANNOTATION.json. Identifiers are numbers.
type store struct {
	dir string

	mu       sync.Mutex
	projects map[int64]map[int64]*annotation // those that have been read
}

func newStore(dir string) *store {
	return &store{dir: dir, projects: map[int64]map[int64]*annotation{}}
}

func (s *store) folder(project int64) string {
	return filepath.Join(s.dir, strconv.FormatInt(project, 10))
}

func (s *store) file(project, id int64) string {
	return filepath.Join(s.folder(project), strconv.FormatInt(id, 10)+".json")
}

// of gives the annotations of a project; the caller has the lock.
func (s *store) of(project int64) (map[int64]*annotation, error) {
	if all := s.projects[project]; all != nil {
		return all, nil
	}
	entries, err := os.ReadDir(s.folder(project))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	all := map[int64]*annotation{}
	for _, e := range entries {
		id, err := strconv.ParseInt(strings.TrimSuffix(e.Name(), ".json"), 10, 64)
		if err != nil || filepath.Ext(e.Name()) != ".json" {
			continue // not ours
		}
		a, err := readAnnotation(s.file(project, id))
		if err != nil {
			return nil, err
		}
		all[id] = a
	}
	s.projects[project] = all
	return all, nil
}

func readAnnotation(path string) (*annotation, error) {
	f, err := infile.Open(path, maxAnnotation)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	a := &annotation{}
	if err := json.NewDecoder(f).Decode(a); err != nil {
		return nil, fmt.Errorf("%s: %w; remove it, and press Start Training in Label Studio to read the annotations again", infile.Shown(path), err)
	}
	return a, nil
}

// put keeps an annotation; it is on the disk when put returns.
func (s *store) put(project int64, a *annotation) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	all, err := s.of(project)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(s.folder(project), 0o777); err != nil {
		return err
	}
	err = atomicfile.Write(s.file(project, a.ID), func(w io.Writer) error { return json.NewEncoder(w).Encode(a) })
	if err != nil {
		return err
	}
	all[a.ID] = a
	if len(all) > maxAnnotations {
		return s.drop(project, all, slices.Min(slices.Collect(maps.Keys(all))))
	}
	return nil
}

// remove forgets an annotation.
func (s *store) remove(project, id int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	all, err := s.of(project)
	if err != nil {
		return err
	}
	return s.drop(project, all, id)
}

func (s *store) drop(project int64, all map[int64]*annotation, id int64) error {
	if err := os.Remove(s.file(project, id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	delete(all, id)
	return nil
}

// list gives the annotations of a project, the newest first.
func (s *store) list(project int64) ([]*annotation, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all, err := s.of(project)
	if err != nil {
		return nil, err
	}
	var out []*annotation
	for _, a := range all {
		out = append(out, a)
	}
	slices.SortFunc(out, func(a, b *annotation) int { return cmp.Compare(b.ID, a.ID) })
	return out, nil
}
