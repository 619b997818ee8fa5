package train

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"hdmnet/internal/run"
	"hdmnet/internal/textfile"
	"hdmnet/internal/weights"
)

// A checkpoint is a safetensors file: the network's parameters under their own names, the
// optimizer's moments under momentPrefix, and the state as metadata. The same state gives
// the same bytes. Package weights keeps a checksum with them.
const (
	checkpointFormat = "hdmnet-checkpoint-1"
	momentPrefix     = "optimizer."

	metaFormat = "format"
	metaState  = "state"
)

// saveCheckpoint writes state and tensors as the run's newest checkpoint; the newest so
// far becomes the previous one. Killed at any moment, it leaves at least one of them
// whole.
func saveCheckpoint(dir *run.Dir, s *State, tensors []weights.Tensor) error {
	text, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	err = weights.Save(dir.Next(), tensors, map[string]string{
		metaFormat: checkpointFormat,
		metaState:  string(text),
	})
	if err != nil {
		return fmt.Errorf("save the checkpoint: %w", err)
	}
	if err := os.Rename(dir.Last(), dir.Previous()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("save the checkpoint: %w", err)
	}
	if err := os.Rename(dir.Next(), dir.Last()); err != nil {
		return fmt.Errorf("save the checkpoint: %w", err)
	}
	return nil
}

// checkpoint is an open checkpoint file, checked.
type checkpoint struct {
	*weights.File
	state State
}

// openCheckpoint opens the run's newest readable checkpoint. Where the last one is
// damaged it says so with warn, sets the file aside and takes the previous one. No
// checkpoint at all is no error: then it returns nil.
func openCheckpoint(dir *run.Dir, warn func(string)) (*checkpoint, error) {
	c, err := readCheckpoint(dir.Last())
	if err == nil {
		return c, nil
	}
	gone := errors.Is(err, fs.ErrNotExist)
	damage := new(weights.FormatError)
	if !gone && !errors.As(err, &damage) {
		return nil, err
	}
	c, older := readCheckpoint(dir.Previous())
	switch {
	case older == nil && gone: // killed between the two renames of a save
		return c, nil
	case older == nil:
		if err := os.Rename(dir.Last(), dir.Damaged()); err != nil {
			_ = c.Close()
			return nil, fmt.Errorf("set the damaged checkpoint aside: %w", err)
		}
		warn(fmt.Sprintf("%v\nwarning: going on from the checkpoint before it, step %d of stage %s; the damaged file is now %s",
			err, c.state.Step, c.state.Stage, dir.Damaged()))
		return c, nil
	case gone && errors.Is(older, fs.ErrNotExist):
		return nil, nil
	case gone:
		return nil, fmt.Errorf("no checkpoint to go on from: %w", older)
	}
	return nil, fmt.Errorf("no checkpoint to go on from: %w\n%w\nremove %s to start the run again from its first step",
		err, older, dir.Checkpoints())
}

// readCheckpoint opens path and checks it. Damage is a
// *weights.FormatError.
func readCheckpoint(path string) (*checkpoint, error) {
	f, err := weights.Open(path)
	if err != nil {
		return nil, err
	}
	c := &checkpoint{File: f}
	if err := c.check(); err != nil {
		_ = f.Close()
		return nil, err
	}
	return c, nil
}

func (c *checkpoint) check() error {
	damaged := func(reason string) error {
		return &weights.FormatError{Path: c.Path(), Reason: reason, Remedy: "it cannot be continued from"}
	}
	meta := c.Metadata()
	if meta[metaFormat] != checkpointFormat {
		return damaged(fmt.Sprintf("not a checkpoint of this program: its format is %q, expected %q", meta[metaFormat], checkpointFormat))
	}
	if err := json.Unmarshal([]byte(meta[metaState]), &c.state); err != nil {
		return damaged("its state cannot be read: " + textfile.JSONError(err).Error())
	}
	if stageIndex(c.state.Stage) < 0 {
		return damaged(fmt.Sprintf("its stage is %q, expected one of %s", c.state.Stage, strings.Join(order, ", ")))
	}
	return nil
}
