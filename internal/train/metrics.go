package train

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"hdmnet/internal/atomicfile"
	"hdmnet/internal/infile"
	"hdmnet/internal/textfile"
)

// Record is one line of metrics.jsonl: an optimizer step, or a validation.
type Record struct {
	Kind    string             `json:"kind"` // "step" or "validation"
	Stage   string             `json:"stage"`
	Epoch   int                `json:"epoch"` // from 1
	Step    int                `json:"step"`  // of the stage, from 1; in a validation the last step before it
	Losses  map[string]float64 `json:"losses,omitempty"`
	LR      map[string]float64 `json:"lr,omitempty"`     // by learning-rate group
	Scores  map[string]float64 `json:"scores,omitempty"` // 0..1: of a validation; of a meta step miou_train, that of its own pictures
	Best    bool               `json:"best,omitempty"`   // the validation is the best so far
	Seconds float64            `json:"seconds"`          // that the step or the validation took
}

const (
	kindStep       = "step"
	kindValidation = "validation"

	trainingMIoU = "miou_train"
)

// before tells whether a run in state s has already written the record.
func (r *Record) before(s *State) bool {
	switch {
	case r.Stage != s.Stage:
		return stageIndex(r.Stage) < stageIndex(s.Stage)
	case r.Kind == kindValidation:
		return r.Epoch <= s.Epoch
	}
	return r.Step <= s.Step
}

// maxMetrics bounds the size of a metrics.jsonl, in bytes: some 10 million steps.
const maxMetrics = 4 << 30

// ReadMetrics reads the records of a metrics.jsonl. An unfinished last line, which a
// killed process leaves, is no error; a file that does not exist has no records.
func ReadMetrics(path string) ([]Record, error) {
	f, err := infile.Open(path, maxMetrics)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the metrics: %w", err)
	}
	defer f.Close()
	var records []Record
	r := bufio.NewReader(f)
	for n := 1; ; n++ {
		line, err := r.ReadBytes('\n')
		if err == io.EOF {
			return records, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read the metrics: %s: %w", path, err)
		}
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		var rec Record
		if err := json.Unmarshal(line, &rec); err != nil {
			return nil, fmt.Errorf("%s, line %d: not a JSON record: %w; remove the line", path, n, textfile.JSONError(err))
		}
		records = append(records, rec)
	}
}

// metricsFile appends records to metrics.jsonl.
type metricsFile struct{ f *os.File }

// openMetrics opens path for a run in state s: records that the run has not reached yet,
// written by a process that was killed before it saved its state, are dropped.
func openMetrics(path string, s *State) (*metricsFile, error) {
	records, err := ReadMetrics(path)
	if err != nil {
		return nil, err
	}
	err = atomicfile.Write(path, func(w io.Writer) error {
		enc := json.NewEncoder(w)
		for i := range records {
			if records[i].before(s) {
				if err := enc.Encode(&records[i]); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0o666)
	if err != nil {
		return nil, fmt.Errorf("append to the metrics: %w", err)
	}
	return &metricsFile{f}, nil
}

// append writes a record as one line in one write.
func (m *metricsFile) append(r *Record) error {
	line, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("%s: %w", m.f.Name(), err)
	}
	if _, err := m.f.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("append to the metrics: %w; is the disk full?", err)
	}
	return nil
}

// sync waits until what was written is on the disk.
func (m *metricsFile) sync() error {
	if err := m.f.Sync(); err != nil {
		return fmt.Errorf("append to the metrics: %w", err)
	}
	return nil
}

func (m *metricsFile) close() error { return m.f.Close() }
