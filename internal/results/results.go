// Package results reads and writes what an evaluation found in every episode: a file of JSON
// lines, of which the first says what was scored.
package results

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"hdmnet/internal/infile"
	"hdmnet/internal/textfile"
)

// format marks the first line of a file.
const format = "hdmnet-results-1"

// Bins is into how many parts of equal width probabilities are sorted.
const Bins = 10

// Header says what was scored.
type Header struct {
	Format     string  `json:"format"`
	Dataset    string  `json:"dataset"`
	Fold       int     `json:"fold"` // −1: all classes
	Shots      int     `json:"shots"`
	Backbone   string  `json:"backbone"`
	Weights    string  `json:"weights"`
	Device     string  `json:"device"`
	Seconds    float64 `json:"seconds"`
	PeakMemory int64   `json:"peak_memory"` // bytes on the device
}

// Episode is one episode and what the final output made of it.
type Episode struct {
	Seed     int      `json:"seed"`
	Position int      `json:"position"` // among the episodes of the seed
	Query    string   `json:"query"`
	Supports []string `json:"supports"`
	Class    string   `json:"class"`
	// Pixels of the object: in both masks, in either of them.
	Intersection int64 `json:"intersection"`
	Union        int64 `json:"union"`
	// The same of the background.
	BackgroundIntersection int64 `json:"background_intersection"`
	BackgroundUnion        int64 `json:"background_union"`
	// Probability sorts the labeled pixels by the probability of the object.
	Probability [Bins]Bin `json:"probability"`
	// Picture is a JPEG of the worst and of the best episodes; empty of the others.
	Picture []byte `json:"picture,omitempty"`
}

// Bin is the pixels whose probability is in one tenth of [0, 1].
type Bin struct {
	Pixels int64   `json:"pixels"`
	Object int64   `json:"object"` // of which are the object
	Sum    float64 `json:"sum"`    // of their probabilities
}

// IoU is intersection over union, 0 where nothing shows the object.
func (e *Episode) IoU() float64 {
	if e.Union == 0 {
		return 0
	}
	return float64(e.Intersection) / float64(e.Union)
}

// Score fills in the counts: pred and label [n] as of metric.IoU.Add, object [n] the
// probabilities.
func (e *Episode) Score(pred, label []uint8, object []float32) {
	var pixels [2][2]int64 // [label][prediction]
	for i, l := range label {
		if l > 1 {
			continue
		}
		pixels[l][pred[i]]++
		b := &e.Probability[min(int(object[i]*Bins), Bins-1)]
		b.Pixels++
		b.Object += int64(l)
		b.Sum += float64(object[i])
	}
	differ := pixels[0][1] + pixels[1][0]
	e.Intersection, e.Union = pixels[1][1], pixels[1][1]+differ
	e.BackgroundIntersection, e.BackgroundUnion = pixels[0][0], pixels[0][0]+differ
}

// File is a whole file.
type File struct {
	Header
	Episodes []Episode
}

// Write writes the file.
func (f *File) Write(w io.Writer) error {
	f.Format = format
	enc := json.NewEncoder(w)
	if err := enc.Encode(&f.Header); err != nil {
		return err
	}
	for i := range f.Episodes {
		if err := enc.Encode(&f.Episodes[i]); err != nil {
			return err
		}
	}
	return nil
}

// limit bounds the size of a file that is read, in bytes.
const limit = 1 << 30

// Read reads a file. Errors name it and the line.
func Read(path string) (*File, error) {
	b, err := infile.ReadFile(path, limit)
	if err != nil {
		return nil, err
	}
	f := &File{}
	lines := bufio.NewScanner(bytes.NewReader(b))
	lines.Buffer(nil, len(b)+1)
	for n := 1; lines.Scan(); n++ {
		var e Episode
		into := any(&e)
		if n == 1 {
			into = &f.Header
		}
		if err := json.Unmarshal(lines.Bytes(), into); err != nil {
			return nil, fmt.Errorf("%s, line %d: %w; write the file again with `hdmnet eval --save-results`", path, n, textfile.JSONError(err))
		}
		if n > 1 {
			f.Episodes = append(f.Episodes, e)
		}
	}
	if f.Format != format {
		return nil, fmt.Errorf("%s is no file of results, which `hdmnet eval --save-results` writes", path)
	}
	return f, lines.Err()
}
