// Package report draws trainings and their scores side by side, as one HTML page that needs
// no other file and no network.
package report

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"hdmnet/internal/config"
	"hdmnet/internal/infile"
	"hdmnet/internal/results"
	"hdmnet/internal/run"
	"hdmnet/internal/train"
)

// resultsFile is the name of the file in a run's folder that the report takes scores from.
const resultsFile = "results.jsonl"

// entry is one run, or one file of results.
type entry struct {
	Name     string
	settings map[string]string
	metrics  []train.Record
	results  *results.File // nil: there are none
	memory   string        // peak of the training; empty: unknown
}

// open reads a run's folder, or a file of results.
func open(path string) (*entry, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("%w; give folders of runs, or files that `hdmnet eval --save-results` wrote", err)
	}
	e := &entry{Name: filepath.Clean(path)}
	if !info.IsDir() {
		e.results, err = results.Read(path)
		return e, err
	}
	dir, err := run.Open(path)
	if err != nil {
		return nil, err
	}
	c, err := config.Load(config.Options{Config: dir.Config()})
	if err != nil {
		return nil, err
	}
	e.settings = c.Values()
	if e.metrics, err = train.ReadMetrics(dir.Metrics()); err != nil {
		return nil, err
	}
	if e.memory, err = peakMemory(dir.Log()); err != nil {
		return nil, err
	}
	e.results, err = results.Read(filepath.Join(path, resultsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return e, nil
	}
	return e, err
}

// maxLog bounds the size of a log that is read, in bytes.
const maxLog = 1 << 28

var peakLine = regexp.MustCompile(`peak memory ([\d.]+ \w+) so far`)

// peakMemory is what the log of a run says at the end of its last stage.
func peakMemory(path string) (string, error) {
	log, err := infile.ReadFile(path, maxLog)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	all := peakLine.FindAllSubmatch(log, -1)
	if len(all) == 0 {
		return "", nil
	}
	return string(all[len(all)-1][1]), nil
}

// shorten leaves out the folders that all names begin with.
func shorten(entries []*entry) {
	for {
		first, rest, ok := strings.Cut(entries[0].Name, string(filepath.Separator))
		if !ok || rest == "" || slices.ContainsFunc(entries, func(e *entry) bool {
			return !strings.HasPrefix(e.Name, first+string(filepath.Separator))
		}) {
			return
		}
		for _, e := range entries {
			e.Name = strings.TrimPrefix(e.Name, first+string(filepath.Separator))
		}
	}
}

// setting is a key of which the runs have different values; one per run, empty where unknown.
type setting struct {
	Key    string
	Values []string
}

// differing lists the settings that are not the same in all runs.
func differing(entries []*entry) (out []setting) {
	keys := map[string]bool{}
	for _, e := range entries {
		for key := range e.settings {
			keys[key] = true
		}
	}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		s, seen := setting{Key: key}, map[string]bool{}
		for _, e := range entries {
			value, ok := e.settings[key]
			s.Values = append(s.Values, value)
			if ok {
				seen[value] = true
			}
		}
		if len(seen) > 1 {
			out = append(out, s)
		}
	}
	return out
}
