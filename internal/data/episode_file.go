package data

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"hdmnet/internal/infile"
	"hdmnet/internal/textfile"
)

// episodeFormat is in the first line of a file of episodes, and names its version.
const episodeFormat = "hdmnet episodes 1"

// EpisodeHeader says what the episodes of a file are about: the first line.
type EpisodeHeader struct {
	Format  string `json:"format"`
	Dataset string `json:"dataset"`  // Fold.Dataset
	Fold    int    `json:"fold"`     // Fold.Index
	Novel   []int  `json:"novel"`    // Fold.Novel, which also tells COCO-20i's splits apart
	Shots   int    `json:"shots"`    // supports of every episode, at least 1
	List    string `json:"list"`     // what the pictures were, for people
	Count   int    `json:"episodes"` // lines that follow, so that a file that was cut short is noticed
}

// NamedEpisode is one episode by the names of its pictures (Source.Name): a line.
type NamedEpisode struct {
	Seed     int      `json:"seed"` // episodes of one seed are scored together; at least 0
	Query    string   `json:"query"`
	Class    int      `json:"class"`    // one of the header's novel classes
	Supports []string `json:"supports"` // in the order drawn; the network sees them reversed

	line int // in the file that it was read from
}

// EpisodeFile are episodes that can be scored again elsewhere. As a file it is JSON
// lines: an EpisodeHeader, then one NamedEpisode a line in the order of scoring.
type EpisodeFile struct {
	Header   EpisodeHeader
	Episodes []NamedEpisode
	name     string // in messages
}

// NewEpisodeFile is an empty list of episodes of a fold; list says for people which
// pictures they are drawn from.
func NewEpisodeFile(fold Fold, shots int, list string) *EpisodeFile {
	return &EpisodeFile{Header: EpisodeHeader{
		Format: episodeFormat, Dataset: fold.Dataset, Fold: fold.Index, Novel: fold.Novel, Shots: shots, List: list,
	}}
}

// Add appends the episodes of a seed.
func (f *EpisodeFile) Add(src Source, seed int, draws []Draw) {
	for _, d := range draws {
		e := NamedEpisode{Seed: seed, Query: src.Name(d.Query), Class: d.Class}
		for _, s := range d.Supports {
			e.Supports = append(e.Supports, src.Name(s))
		}
		f.Episodes = append(f.Episodes, e)
	}
	f.Header.Count = len(f.Episodes)
}

// Write writes the file. Equal episodes give equal bytes.
func (f *EpisodeFile) Write(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
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

// maxEpisodeLine bounds the memory that a line of a broken file can take, in bytes.
const maxEpisodeLine = 1 << 20

// ReadEpisodeFile reads what Write wrote, or a person in that form, in UTF-8 or UTF-16;
// blank lines are skipped. name stands for the file in messages.
//
// Errors name file and line: no header or one of another version, an unknown field, a
// number of supports other than the header's, a class that is not novel, a picture
// that occurs twice in an episode, fewer or more episodes than the header says.
func ReadEpisodeFile(r io.Reader, name string) (*EpisodeFile, error) {
	content, err := textfile.ReadAll(r, name)
	if err != nil {
		return nil, err
	}
	name = infile.Shown(name)
	f := &EpisodeFile{name: name}
	for i, line := range textfile.Lines(string(content)) {
		n := i + 1
		if len(line) > maxEpisodeLine {
			return nil, fmt.Errorf("%s:%d: line longer than %d bytes; is this a file of episodes?", name, n, maxEpisodeLine)
		}
		text := []byte(strings.TrimSpace(line))
		if len(text) == 0 {
			continue
		}
		if f.Header.Format == "" {
			err = f.readHeader(text)
		} else {
			err = f.readEpisode(text, n)
		}
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, n, err)
		}
	}
	switch {
	case f.Header.Format == "":
		return nil, fmt.Errorf("%s: the file is empty, expected episodes as `hdmnet eval --save-episodes` writes them", name)
	case len(f.Episodes) != f.Header.Count:
		return nil, fmt.Errorf("%s: %d episodes, but its first line says %d: the file was cut short or changed; copy it again, or correct \"episodes\" there",
			name, len(f.Episodes), f.Header.Count)
	}
	return f, nil
}

func (f *EpisodeFile) readHeader(text []byte) error {
	h := &EpisodeHeader{}
	if err := decodeLine(text, h); err != nil || h.Format == "" {
		return fmt.Errorf("no header (%.80q), expected {\"format\":%q,…} as `hdmnet eval --save-episodes` writes it%s", text, episodeFormat, because(err))
	}
	switch {
	case h.Format != episodeFormat:
		return fmt.Errorf("format %.80q, expected %q; the file is of another version of hdmnet", h.Format, episodeFormat)
	case h.Shots < 1 || h.Count < 1 || len(h.Novel) == 0:
		return fmt.Errorf("%d shots, %d episodes, %d novel classes in the header, expected at least 1 each", h.Shots, h.Count, len(h.Novel))
	}
	f.Header = *h
	return nil
}

func (f *EpisodeFile) readEpisode(text []byte, line int) error {
	e := NamedEpisode{line: line}
	if err := decodeLine(text, &e); err != nil {
		return fmt.Errorf("no episode (%.80q), expected {\"seed\":…,\"query\":…,\"class\":…,\"supports\":[…]}%s", text, because(err))
	}
	switch {
	case e.Seed < 0:
		return fmt.Errorf("seed %d, expected at least 0", e.Seed)
	case len(e.Supports) != f.Header.Shots:
		return fmt.Errorf("%d supports, but the first line says %d shots", len(e.Supports), f.Header.Shots)
	case !slices.Contains(f.Header.Novel, e.Class):
		return fmt.Errorf("class %d is none of the novel classes %v in the first line", e.Class, f.Header.Novel)
	}
	if e.Query == "" || slices.Contains(e.Supports, "") {
		return errors.New("a picture without a name")
	}
	e.Query = cleanName(e.Query)
	for k := range e.Supports {
		e.Supports[k] = cleanName(e.Supports[k])
	}
	for k, picture := range append([]string{e.Query}, e.Supports...) {
		if k > 0 && (picture == e.Query || slices.Contains(e.Supports[:k-1], picture)) {
			return fmt.Errorf("picture %.200q occurs twice in the episode", picture)
		}
	}
	f.Episodes = append(f.Episodes, e)
	return nil
}

// decodeLine reads one JSON object of known fields, and nothing after it.
func decodeLine(text []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return textfile.JSONError(err)
	}
	if dec.InputOffset() != int64(len(text)) {
		return errors.New("text after the object")
	}
	return nil
}

func because(err error) string {
	if err == nil {
		return ""
	}
	return ": " + strings.TrimPrefix(err.Error(), "json: ")
}

// Seeds are the seeds of the episodes, in the order in which they first occur.
func (f *EpisodeFile) Seeds() []int {
	var seeds []int
	seen := map[int]bool{}
	for _, e := range f.Episodes {
		if !seen[e.Seed] {
			seen[e.Seed] = true
			seeds = append(seeds, e.Seed)
		}
	}
	return seeds
}
