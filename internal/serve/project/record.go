package project

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"hdmnet/internal/serve/fault"
)

// Image is a picture of a project.
type Image struct {
	ID          string `json:"id"`
	Name        string `json:"name"` // as people know it
	Width       int    `json:"width"`
	Height      int    `json:"height"` // upright
	Sample      bool   `json:"sample"`
	File        string `json:"file,omitempty"` // in pictures; empty: it is at Path
	Path        string `json:"path,omitempty"` // below the root, with slashes
	Orientation int    `json:"orientation"`    // of the file, by its EXIF data, 1..8
}

// Support is an object that is marked in a picture.
type Support struct {
	Class    int             `json:"class"`
	Object   float64         `json:"object"`  // share of the picture's pixels
	Strokes  json.RawMessage `json:"strokes"` // as the page drew it, null where it came as a mask
	Revision int64           `json:"revision"`
	Sum      string          `json:"sum"` // SHA-256 of the mask, 16 hexadecimal digits
}

// Status is what a person says of a mask.
type Status string

// The values of Status.
const (
	Proposed Status = "proposed"
	Accepted Status = "accepted"
	Rejected Status = "rejected"
)

// Mask is where a class is in a picture.
type Mask struct {
	Class      int     `json:"class"`
	Confidence float64 `json:"confidence"` // mean probability where the class is
	Area       float64 `json:"area"`       // share of the picture's pixels
	Threshold  float64 `json:"threshold"`  // of both
	Status     Status  `json:"status"`
	Corrected  bool    `json:"corrected"` // drawn by hand
	Revision   int64   `json:"revision"`
	// From names what the probabilities were computed from; empty: there are none.
	From string `json:"from"`
	Map  int64  `json:"map"` // revision of the file of probabilities; 0: there is none
	// Fixed is the revision of the file of a mask that was accepted or drawn; 0: there is none,
	// and the probabilities count.
	Fixed int64 `json:"fixed"`
}

// Decided tells whether a person has said what the mask is: it is not computed again.
func (m *Mask) Decided() bool { return m.Status != Proposed || m.Corrected }

// Record is all that is known of a picture.
type Record struct {
	Order    int64     `json:"order"`
	Image    Image     `json:"image"`
	Supports []Support `json:"supports"`
	Masks    []Mask    `json:"masks"`
}

// Support is the support of a class, nil if there is none.
func (r *Record) Support(class int) *Support {
	if i := slices.IndexFunc(r.Supports, func(s Support) bool { return s.Class == class }); i >= 0 {
		return &r.Supports[i]
	}
	return nil
}

// Mask is the mask of a class, nil if there is none.
func (r *Record) Mask(class int) *Mask {
	if i := slices.IndexFunc(r.Masks, func(m Mask) bool { return m.Class == class }); i >= 0 {
		return &r.Masks[i]
	}
	return nil
}

// without removes what belongs to a class.
func (r *Record) without(keep func(class int) bool) {
	r.Supports = slices.DeleteFunc(r.Supports, func(s Support) bool { return !keep(s.Class) })
	r.Masks = slices.DeleteFunc(r.Masks, func(m Mask) bool { return !keep(m.Class) })
}

func (r *Record) clone() *Record {
	c := *r
	c.Supports, c.Masks = slices.Clone(r.Supports), slices.Clone(r.Masks)
	return &c
}

func recordFile(id string) string { return dirImages + "/" + id + ".json" }

// pngFile is the file of a picture's class in one of the folders.
func pngFile(dir, id string, class int, revision int64) string {
	return fmt.Sprintf("%s/%s-%d-%d.png", dir, id, class, revision)
}

// files are the PNGs that a record names.
func (r *Record) files() []string {
	var all []string
	for _, s := range r.Supports {
		all = append(all, pngFile(dirSupports, r.Image.ID, s.Class, s.Revision))
	}
	for _, m := range r.Masks {
		if m.Map != 0 {
			all = append(all, pngFile(dirMaps, r.Image.ID, m.Class, m.Map))
		}
		if m.Fixed != 0 {
			all = append(all, pngFile(dirMasks, r.Image.ID, m.Class, m.Fixed))
		}
	}
	return all
}

// loadRecords reads all records, and removes files that none names.
func (p *Project) loadRecords() error {
	there := map[string]bool{}
	for _, d := range []string{dirImages, dirPictures, dirSupports, dirMaps, dirMasks} {
		entries, err := os.ReadDir(filepath.Join(p.dir, d))
		if err != nil {
			return err
		}
		for _, e := range entries {
			if !strings.HasPrefix(e.Name(), ".") {
				there[d+"/"+e.Name()] = true
				p.used.Add(size(filepath.Join(p.dir, d, e.Name())))
			}
		}
	}
	named := map[string]bool{}
	for name := range there {
		if !strings.HasPrefix(name, dirImages+"/") || !strings.HasSuffix(name, ".json") {
			continue
		}
		r := &Record{}
		remedy := fmt.Sprintf("restore it from a copy; or delete it, which takes the picture with its marks and masks out of the project (its file in %s stays)", dirPictures)
		if err := p.read(name, r); err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			return fmt.Errorf("%w; %s", err, remedy)
		}
		if why := r.check(name); why != "" {
			return fmt.Errorf("%s is damaged: %s; %s", name, why, remedy)
		}
		r.without(func(class int) bool { return p.head.class(class) != nil })
		named[name] = true
		for _, f := range r.files() {
			if !there[f] {
				return fmt.Errorf("%s, which %s names, is missing; restore it from a copy, or delete %s, which takes the picture with its marks and masks out of the project", f, name, name)
			}
			named[f] = true
		}
		if r.Image.File != "" {
			named[dirPictures+"/"+r.Image.File] = true // one that is missing is an error of the picture's
		}
		p.records[r.Image.ID] = r
		p.order = max(p.order, r.Order)
		for _, s := range r.Supports {
			p.revision.Store(max(p.revision.Load(), s.Revision))
		}
		for _, m := range r.Masks {
			p.revision.Store(max(p.revision.Load(), m.Revision, m.Map, m.Fixed))
		}
	}
	for name := range there {
		if !named[name] && !strings.HasPrefix(name, dirPictures+"/") && !strings.HasPrefix(name, dirImages+"/") {
			p.remove(name)
		}
	}
	return nil
}

// check says what is wrong with a record of a file.
func (r *Record) check(name string) string {
	i := &r.Image
	switch {
	case name != recordFile(i.ID) || !ValidID(i.ID):
		return fmt.Sprintf("it is of picture %q", i.ID)
	case i.Width < 1 || i.Height < 1 || i.Width > 1<<16 || i.Height > 1<<16:
		return fmt.Sprintf("a picture of %d×%d pixels", i.Width, i.Height)
	case i.File != "" && (!strings.HasPrefix(i.File, i.ID) || filepath.Base(i.File) != i.File):
		return fmt.Sprintf("its file is %q", i.File)
	}
	for _, m := range r.Masks {
		if m.Status != Proposed && m.Status != Accepted && m.Status != Rejected {
			return fmt.Sprintf("a mask is %q", m.Status)
		}
	}
	return ""
}

// ValidID tells whether text is an id of a picture.
func ValidID(text string) bool {
	return len(text) == 32 && strings.Trim(text, "0123456789abcdef") == ""
}

// Records are all pictures in the order in which they were added.
func (p *Project) Records() []*Record {
	p.mu.RLock()
	all := make([]*Record, 0, len(p.records))
	for _, r := range p.records {
		all = append(all, r)
	}
	p.mu.RUnlock()
	slices.SortFunc(all, func(a, b *Record) int { return int(a.Order - b.Order) })
	return all
}

// Record is what is known of a picture.
func (p *Project) Record(id string) (*Record, error) {
	p.mu.RLock()
	r := p.records[id]
	p.mu.RUnlock()
	if r == nil {
		return nil, fault.New(http.StatusNotFound, "ask /api/state for the pictures that there are", "there is no picture %.40q", id)
	}
	return r, nil
}

func (p *Project) lockOf(id string) *sync.Mutex {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id))
	return &p.commits[h.Sum32()%uint32(len(p.commits))]
}

// amend changes a record in memory alone: what can be computed again from what is on the disk.
func (p *Project) amend(id string, change func(r *Record)) {
	lock := p.lockOf(id)
	lock.Lock()
	defer lock.Unlock()
	if old, err := p.Record(id); err == nil {
		r := old.clone()
		change(r)
		p.mu.Lock()
		p.records[id] = r
		p.mu.Unlock()
	}
}

// change makes a change to a record durable. Files that the new record does not name any
// more are removed; those that it names anew, change writes.
func (p *Project) change(id string, change func(r *Record) error) (*Record, error) {
	lock := p.lockOf(id)
	lock.Lock()
	defer lock.Unlock()
	old, err := p.Record(id)
	if err != nil {
		return nil, err
	}
	if err := p.room(0); err != nil {
		return nil, err
	}
	r := old.clone()
	err = change(r)
	if err == nil {
		err = p.writeJSON(recordFile(id), r)
	}
	gone, keep := old.files(), r.files()
	if err != nil {
		gone, keep = keep, gone // what was written for nothing
	} else {
		p.mu.Lock()
		p.records[id] = r
		p.mu.Unlock()
	}
	// Only now: who finds a file of the old record gone finds the new record.
	p.remove(slices.DeleteFunc(gone, func(f string) bool { return slices.Contains(keep, f) })...)
	if err != nil {
		return nil, err
	}
	if !slices.EqualFunc(old.Supports, r.Supports, func(a, b Support) bool { return a.Revision == b.Revision }) {
		p.turns.Add(1)
	}
	return r, nil
}
