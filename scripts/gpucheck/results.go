package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"hdmnet/internal/atomicfile"
)

// results are those of all calls with one build.
type results struct {
	Build string             `json:"build"`
	Size  string             `json:"size"`
	Steps map[string]outcome `json:"steps"`

	path string
}

// openResults reads what earlier calls have found. Results of another build, or of other
// sizes, are set aside.
func openResults(path, build, size string) (*results, error) {
	r := &results{Build: build, Size: size, Steps: map[string]outcome{}, path: path}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return nil, err
	}
	old := &results{}
	if err := json.Unmarshal(text, old); err != nil {
		return nil, fmt.Errorf("%s is no result of an earlier call: %w; remove it, or name another --out", path, err)
	}
	if old.Build != build || old.Size != size {
		aside := path + ".old"
		fmt.Printf("%s is of another build or size: now %s\n", path, aside)
		return r, os.Rename(path, aside)
	}
	if old.Steps != nil {
		r.Steps = old.Steps
	}
	return r, nil
}

func (r *results) save() error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return atomicfile.Write(r.path, func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
}

func (r *results) put(name string, o outcome) { r.Steps[name] = o }

// done tells that a step is well, or cannot be made on this machine.
func (r *results) done(name string) bool {
	s := r.Steps[name].Status
	return s == "ok" || s == "skipped"
}

// data reads what a step found; false where it has found nothing.
func (r *results) data(name string, into any) bool {
	o := r.Steps[name]
	return o.Status == "ok" && json.Unmarshal(o.Data, into) == nil
}
