package project

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"syscall"

	"hdmnet/internal/infile"
	"hdmnet/internal/serve/fault"
)

// IDOf is the id of a picture file's content.
func IDOf(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:16])
}

// Add takes a picture into the project: where image.Path is empty the content is stored
// under image.ID with the extension. One that is there already stays as it is, and is
// returned.
func (p *Project) Add(image Image, extension string, content []byte) (*Record, error) {
	p.classing.Lock()
	defer p.classing.Unlock()
	p.mu.RLock()
	r, n, order := p.records[image.ID], len(p.records), p.order
	p.mu.RUnlock()
	if r != nil {
		if r.Image.Path == "" || image.Path == r.Image.Path {
			return r, p.restore(r, content)
		}
		if _, err := p.Content(r); err == nil {
			return r, nil
		}
		// It is where it was no more, and is found again.
		return p.change(image.ID, func(r *Record) error {
			r.Image.Path, r.Image.File, r.Image.Name = image.Path, "", image.Name
			if image.Path == "" {
				r.Image.File = image.ID + extension
				return p.store(r.Image.File, content)
			}
			return nil
		})
	}
	if n >= p.limits.Images {
		return nil, fault.New(http.StatusConflict, "remove pictures, or begin another project", "the project has %d pictures, and no more are possible", n)
	}
	if image.Path == "" {
		image.File = image.ID + extension
		if err := p.room(int64(len(content))); err != nil {
			return nil, err
		}
		if err := p.store(image.File, content); err != nil {
			return nil, err
		}
	}
	r = &Record{Order: order + 1, Image: image, Supports: []Support{}, Masks: []Mask{}}
	if err := p.writeJSON(recordFile(image.ID), r); err != nil {
		return nil, err
	}
	p.mu.Lock()
	p.records[image.ID], p.order = r, r.Order
	p.mu.Unlock()
	p.turns.Add(1)
	return r, nil
}

func (p *Project) store(file string, content []byte) error {
	return p.put(dirPictures+"/"+file, func(w io.Writer) error { _, err := w.Write(content); return err })
}

// restore writes a stored picture that is missing or damaged once more.
func (p *Project) restore(r *Record, content []byte) error {
	if r.Image.File == "" {
		return nil
	}
	if _, err := p.Content(r); err == nil {
		return nil
	}
	return p.store(r.Image.File, content)
}

// RemoveImage takes a picture out of the project; one that is referred to stays where it is.
func (p *Project) RemoveImage(id string) error {
	lock := p.lockOf(id)
	lock.Lock()
	defer lock.Unlock()
	r, err := p.Record(id)
	if err != nil {
		return err
	}
	path := filepath.Join(p.dir, recordFile(id))
	n := size(path)
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("remove picture: %w", err)
	}
	p.used.Add(-n)
	p.mu.Lock()
	delete(p.records, id)
	p.mu.Unlock()
	p.turns.Add(1)
	files := r.files()
	if r.Image.File != "" {
		files = append(files, dirPictures+"/"+r.Image.File)
	}
	p.remove(files...)
	return nil
}

// Content is the file of a picture.
//
// Errors: it is missing, or has changed since it was added.
func (p *Project) Content(r *Record) ([]byte, error) {
	var content []byte
	var err error
	remedy := "put it back, or remove the picture from the project"
	i := &r.Image
	if i.File != "" {
		content, err = infile.ReadFile(filepath.Join(p.dir, dirPictures, i.File), maxPicture)
	} else {
		content, err = ReadBelow(p.root, i.Path, maxPicture)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fault.New(http.StatusGone, remedy, "the file of picture %q is missing", i.Name)
	case err != nil:
		return nil, fault.New(http.StatusGone, remedy, "the file of picture %q cannot be read: %v", i.Name, err)
	case IDOf(content) != i.ID:
		return nil, fault.New(http.StatusGone, "put the old file back; or add it again, as another picture", "the file of picture %q has changed since it was added", i.Name)
	}
	return content, nil
}

// maxPicture bounds the file of a picture, in bytes.
const maxPicture = 1 << 30

// ReadBelow is the content of the regular file at a path below a root, of at most limit
// bytes. Links that lead out of the root are not followed.
func ReadBelow(root *os.Root, path string, limit int64) ([]byte, error) {
	if root == nil {
		return nil, errors.New("the server was started without --root")
	}
	info, err := root.Stat(path)
	if err != nil {
		return nil, Reason(err)
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is no regular file")
	}
	f, err := root.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, Reason(err)
	}
	defer f.Close()
	info, err = f.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errors.New("it is no regular file")
	case info.Size() > limit:
		return nil, fmt.Errorf("%d bytes, expected at most %d", info.Size(), limit)
	}
	var b bytes.Buffer
	b.Grow(int(min(info.Size()+512, 1<<24)))
	n, err := b.ReadFrom(io.LimitReader(f, limit+1))
	if err == nil && n > limit {
		err = fmt.Errorf("more than %d bytes", limit)
	}
	return b.Bytes(), err
}

// Reason is a system's error without the call and the path (statat a.png: no such file), for
// messages that name the file already.
func Reason(err error) error {
	if e := (*fs.PathError)(nil); errors.As(err, &e) {
		return e.Err
	}
	return err
}
