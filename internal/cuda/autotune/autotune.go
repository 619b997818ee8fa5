// Package autotune keeps which algorithm was the fastest for which shape on which GPU, in a
// file, so that a later run takes the same ones and computes the same bits.
package autotune

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"

	"hdmnet/internal/atomicfile"
	"hdmnet/internal/infile"
)

const (
	format  = "hdmnet CUDA choices"
	largest = 64 << 20 // bytes that Parse accepts, far above what a program writes
)

// MaxChoice is the largest number of an algorithm that Parse accepts.
const MaxChoice = 63

// file is the JSON. A choice is the number of an algorithm, or −1 for hdmnet's kernels.
type file struct {
	Format  string         `json:"format"`
	Choices map[string]int `json:"choices"`
}

// Parse reads a file's contents.
func Parse(data []byte) (map[string]int, error) {
	if len(data) > largest {
		return nil, fmt.Errorf("%d bytes are more than such a file has (%d)", len(data), largest)
	}
	var f file
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, err
	}
	if f.Format != format {
		return nil, fmt.Errorf("its format is %q, not %q", f.Format, format)
	}
	for key, choice := range f.Choices {
		if key == "" || choice < -1 || choice > MaxChoice {
			return nil, fmt.Errorf("the choice of %q is %d; it must be from -1 to %d", key, choice, MaxChoice)
		}
	}
	if f.Choices == nil {
		f.Choices = map[string]int{}
	}
	return f.Choices, nil
}

// File is a file of choices.
type File struct {
	path string
	all  map[string]int
}

// Open reads a file, or makes an empty one: a place that cannot be written is an error now
// and not after the measurements.
func Open(path string) (*File, error) {
	f := &File{path: path, all: map[string]int{}}
	on, err := f.read()
	if errors.Is(err, fs.ErrNotExist) {
		return f, f.write()
	}
	if err != nil {
		return nil, err
	}
	f.all = on
	return f, nil
}

func (f *File) read() (map[string]int, error) {
	data, err := infile.ReadFile(f.path, largest)
	if err != nil {
		return nil, err
	}
	all, err := Parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s is no file of choices: %w; name another file, or delete this one to measure again", f.path, err)
	}
	return all, nil
}

func (f *File) write() error {
	return atomicfile.Write(f.path, func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetIndent("", "\t")
		return e.Encode(file{format, f.all})
	})
}

// Get returns the choice for key.
func (f *File) Get(key string) (choice int, known bool) {
	choice, known = f.all[key]
	return choice, known
}

// Put adds a choice and writes the file, with what another process has added meanwhile.
func (f *File) Put(key string, choice int) error {
	f.all[key] = choice
	on, err := f.read()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err == nil {
		maps.Copy(on, f.all)
		f.all = on
	}
	return f.write()
}
