package predict

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"reflect"

	"hdmnet/internal/atomicfile"
	"hdmnet/internal/infile"
)

// recordFile holds a line for the settings of a run over a folder, and one for every
// picture that is done.
const recordFile = "results.jsonl"

// maxRecord bounds the size of a record that is read, in bytes.
const maxRecord = 4 << 30

// settings are what the results of a run depend on, besides the pictures.
type settings struct {
	Program   string          `json:"hdmnet"` // "predict"
	Network   string          `json:"network"`
	Format    string          `json:"format"`
	Folder    string          `json:"folder"`
	Threshold float64         `json:"threshold"`
	MinArea   int             `json:"min_area"`
	Simplify  float64         `json:"simplify"`
	Size      int             `json:"size"`
	Views     []string        `json:"views"`
	Refined   string          `json:"refine"`
	Saved     []string        `json:"saved"`
	Classes   []classSettings `json:"classes"`
}

type classSettings struct {
	Name     string `json:"name"`
	Supports int    `json:"supports"`
	Sum      string `json:"sha256"` // of pictures and masks as the network sees them
}

func newSettings(o *FolderOptions) *settings {
	s := &settings{Program: "predict", Network: o.Network, Format: o.Format.String(), Folder: filepath.ToSlash(o.Folder), Threshold: o.Threshold,
		MinArea: o.MinArea, Simplify: o.Simplify, Size: o.Size, Views: []string{}, Saved: []string{}}
	if path, err := filepath.Abs(o.Folder); err == nil {
		s.Folder = filepath.ToSlash(path)
	}
	for _, v := range o.Views {
		s.Views = append(s.Views, v.String())
	}
	if o.Refine != nil {
		s.Refined = fmt.Sprintf("%+v", *o.Refine)
	}
	if o.SaveProbabilities {
		s.Saved = append(s.Saved, "probabilities")
	}
	if o.SaveOverlays {
		s.Saved = append(s.Saved, "overlays")
	}
	for _, c := range o.Classes {
		s.Classes = append(s.Classes, classSettings{Name: c.Name, Supports: len(c.Supports)})
	}
	return s
}

// sum is a checksum of the supports as the network sees them.
func (s *supports) sum() string {
	h := sha256.New()
	row := make([]byte, 0, 4096)
	for _, v := range s.images {
		row = binary.LittleEndian.AppendUint32(row, math.Float32bits(v))
		if len(row) == cap(row) {
			h.Write(row)
			row = row[:0]
		}
	}
	h.Write(row)
	h.Write(s.masks)
	return hex.EncodeToString(h.Sum(nil))[:32]
}

// difference names a setting in which two runs differ.
func (s *settings) difference(other *settings) string {
	a, b := reflect.ValueOf(s).Elem(), reflect.ValueOf(other).Elem()
	for i := range a.NumField() {
		if name := a.Type().Field(i).Tag.Get("json"); !reflect.DeepEqual(a.Field(i).Interface(), b.Field(i).Interface()) {
			if name == "classes" {
				return "classes or supports"
			}
			return fmt.Sprintf("%s %v, now %v", name, b.Field(i).Interface(), a.Field(i).Interface())
		}
	}
	return ""
}

// recordLine is what is recorded of a picture.
type recordLine struct {
	Picture string       `json:"picture"`
	Height  int          `json:"height"`
	Width   int          `json:"width"`
	Count   int          `json:"objects"`
	Objects []cocoObject `json:"annotations,omitempty"` // where the format needs them at the end
}

// record is the open record of a run.
type record struct {
	file *os.File
	path string
	done map[string]bool
}

// OtherRunError says that the output folder holds something else than what the run would
// add to.
type OtherRunError struct{ Out, Why string }

func (e *OtherRunError) Error() string {
	return fmt.Sprintf("the output folder %s %s; choose another one", infile.Shown(e.Out), e.Why)
}

// openRecord opens the record of a run in out: a new one, or an earlier one of the same
// settings. With force an earlier one counts for nothing.
func openRecord(out string, s *settings, force bool) (*record, error) {
	r := &record{path: filepath.Join(out, recordFile), done: map[string]bool{}}
	if !force {
		if err := r.continues(out, s); err != nil {
			return nil, err
		}
	}
	if len(r.done) == 0 {
		first, err := json.Marshal(s)
		if err != nil {
			return nil, err
		}
		if err := atomicfile.Write(r.path, func(w io.Writer) error { _, err := w.Write(append(first, '\n')); return err }); err != nil {
			return nil, err
		}
	}
	f, err := os.OpenFile(r.path, os.O_APPEND|os.O_WRONLY, 0o666)
	r.file = f
	return r, err
}

// continues reads the record of an earlier run, if there is one.
func (r *record) continues(out string, s *settings) error {
	entries, err := os.ReadDir(out)
	if err != nil {
		return err
	}
	var before settings
	whole, err := r.read(func(line []byte) error { return json.Unmarshal(line, &before) }, func(l *recordLine) error {
		r.done[l.Picture] = true
		return nil
	})
	switch {
	case errors.Is(err, os.ErrNotExist):
		for _, e := range entries {
			if e.Name() != ".lock" {
				return &OtherRunError{out, "is not empty, and no earlier run over a folder wrote it"}
			}
		}
		return nil
	case err != nil:
		return fmt.Errorf("%s: %w", infile.Shown(r.path), err)
	case before.Program != "predict":
		return &OtherRunError{out, "has a " + recordFile + " that is not this program's"}
	}
	if d := s.difference(&before); d != "" {
		return &OtherRunError{out, "has results of other settings (" + d + ")"}
	}
	return os.Truncate(r.path, whole) // without a line that a sudden end has cut
}

// read passes on the first line and the others, and returns the bytes of all whole lines.
func (r *record) read(first func([]byte) error, each func(*recordLine) error) (whole int64, err error) {
	f, err := infile.Open(r.path, maxRecord)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	in := bufio.NewReaderSize(f, 1<<20)
	for n := 0; ; n++ {
		line, err := in.ReadBytes('\n')
		if err == io.EOF {
			return whole, nil
		}
		if err != nil {
			return whole, err
		}
		if n == 0 {
			err = first(line)
		} else {
			var l recordLine
			if err = json.Unmarshal(line, &l); err == nil {
				err = each(&l)
			}
		}
		if err != nil {
			return whole, fmt.Errorf("line %d: %w", n+1, err)
		}
		whole += int64(len(line))
	}
}

// each passes on the lines of all pictures.
func (r *record) each(f func(*recordLine) error) error {
	if _, err := r.read(func([]byte) error { return nil }, f); err != nil {
		return fmt.Errorf("%s: %w", infile.Shown(r.path), err)
	}
	return nil
}

// add records a picture as done.
func (r *record) add(l *recordLine) error {
	line, err := json.Marshal(l)
	if err != nil {
		return err
	}
	if _, err := r.file.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("%s: %w; results so far are kept", infile.Shown(r.path), err)
	}
	return nil
}

func (r *record) close() error { return r.file.Close() }
