// Package featurestore keeps the features of pictures in a folder, so that a program that is
// started again need not compute them: each picture's in a file of its own, exactly as they
// were, with a checksum. The folder has a size that it does not pass; what was not used for
// the longest leaves.
package featurestore

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"hdmnet/internal/atomicfile"
	"hdmnet/internal/filelock"
	"hdmnet/internal/infile"
)

// Map is an array in memory, row by row.
type Map struct {
	Word  int // bytes of an element: 4 or 2
	Shape []int
	Data  []byte
}

const (
	extension = ".features"
	lockFile  = ".lock"
)

// waiting is how many pictures may wait to be written before Save waits.
const waiting = 2

// Store is an open folder. Its methods may be called from several goroutines.
type Store struct {
	folder string // of the identity, in the store's folder
	limit  int64
	warn   func(string)
	lock   *os.File
	queue  chan item
	done   chan struct{}

	mu      sync.Mutex
	files   map[string]*file // by path
	used    int64
	pending map[string]bool // paths that are being written
	full    bool            // nothing is written any more, after an error
}

type file struct {
	bytes int64
	last  time.Time // it was used
}

type item struct {
	name, path string
	maps       []Map
}

// Open opens a folder, and makes it where it is missing. identity is what features depend on
// besides a picture: those of another one are not found. The folder holds at most limit bytes,
// of all identities together. warn is told of files that are damaged or cannot be written.
//
// Errors: a folder that cannot be written, or that another program has open.
func Open(dir, identity string, limit int64, warn func(string)) (_ *Store, err error) {
	sum := sha256.Sum256([]byte(identity))
	s := &Store{folder: filepath.Join(dir, hex.EncodeToString(sum[:8])), limit: limit, warn: warn,
		queue: make(chan item, waiting), done: make(chan struct{}), files: map[string]*file{}, pending: map[string]bool{}}
	if err := os.MkdirAll(s.folder, 0o777); err != nil {
		return nil, err
	}
	if s.lock, err = os.OpenFile(filepath.Join(dir, lockFile), os.O_CREATE|os.O_RDWR, 0o666); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = s.lock.Close()
		}
	}()
	switch err := filelock.Lock(s.lock); {
	case errors.Is(err, filelock.ErrLocked):
		return nil, fmt.Errorf("%s is in use by another hdmnet; name another folder", infile.Shown(dir))
	case err != nil && !errors.Is(err, filelock.ErrUnsupported):
		return nil, err
	}
	if err := s.scan(dir); err != nil {
		return nil, err
	}
	go s.write()
	return s, nil
}

// scan takes stock of a folder.
func (s *Store) scan(dir string) error {
	folders, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, f := range folders {
		if !f.IsDir() {
			continue
		}
		at := filepath.Join(dir, f.Name())
		if err := atomicfile.RemovePartial(at); err != nil {
			return err
		}
		entries, err := os.ReadDir(at)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if info, err := e.Info(); err == nil && info.Mode().IsRegular() && strings.HasSuffix(e.Name(), extension) {
				s.files[filepath.Join(at, e.Name())] = &file{info.Size(), info.ModTime()}
				s.used += info.Size()
			}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shrink(s.limit)
	return nil
}

// path is where the features of a name are.
func (s *Store) path(name string) string {
	sum := sha256.Sum256([]byte(name))
	return filepath.Join(s.folder, hex.EncodeToString(sum[:16])+extension)
}

// Has tells whether there is a file for a name; Load may still find that it is damaged.
func (s *Store) Has(name string) bool {
	path := s.path(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.files[path] != nil
}

// Load reads the maps of a name; false where there are none, or where they are damaged: then
// the file goes.
func (s *Store) Load(name string) ([]Map, bool) {
	path := s.path(name)
	s.mu.Lock()
	f := s.files[path]
	if f != nil {
		f.last = time.Now()
	}
	s.mu.Unlock()
	if f == nil {
		return nil, false
	}
	maps, err := read(path, name, s.limit)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			s.warn(fmt.Sprintf("%s: %v; its features are computed again", infile.Shown(path), err))
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.remove(path)
		return nil, false
	}
	_ = os.Chtimes(path, time.Time{}, time.Now()) // the order in which files leave after a restart is no more than a wish
	return maps, true
}

func read(path, name string, limit int64) ([]Map, error) {
	r, err := infile.Open(path, limit)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	content, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	return decode(content, name)
}

// Save keeps maps under a name. They are written by and by, and must not change any more. Save
// waits where much is to be written.
func (s *Store) Save(name string, maps []Map) {
	path := s.path(name)
	s.mu.Lock()
	known := s.files[path] != nil || s.pending[path] || s.full
	if !known {
		s.pending[path] = true
	}
	s.mu.Unlock()
	if !known {
		s.queue <- item{name, path, maps}
	}
}

// write writes what was saved, one after the other.
func (s *Store) write() {
	defer close(s.done)
	for i := range s.queue {
		content := encode(i.name, i.maps)
		s.mu.Lock()
		fits := int64(len(content)) <= s.limit && !s.full
		if fits {
			s.shrink(s.limit - int64(len(content)))
		}
		s.mu.Unlock()
		var err error
		if fits {
			err = atomicfile.Write(i.path, func(w io.Writer) error {
				_, err := w.Write(content)
				return err
			})
		}
		s.mu.Lock()
		delete(s.pending, i.path)
		switch {
		case err != nil:
			s.full = true
			s.warn(fmt.Sprintf("features are not kept on disk any more: %v", err))
		case fits:
			s.files[i.path] = &file{int64(len(content)), time.Now()}
			s.used += int64(len(content))
		}
		s.mu.Unlock()
	}
}

// shrink lets files go until at most limit bytes are used; the caller has the lock.
func (s *Store) shrink(limit int64) {
	for s.used > limit && len(s.files) > 0 {
		oldest := ""
		for path, f := range s.files {
			if oldest == "" || f.last.Before(s.files[oldest].last) {
				oldest = path
			}
		}
		s.remove(oldest)
	}
}

// remove forgets a file; the caller has the lock.
func (s *Store) remove(path string) {
	f := s.files[path]
	if f == nil {
		return
	}
	delete(s.files, path)
	s.used -= f.bytes
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.warn(err.Error())
	}
}

// Close waits until all that was saved is written. Nothing may be saved any more.
func (s *Store) Close() error {
	close(s.queue)
	<-s.done
	return s.lock.Close()
}
