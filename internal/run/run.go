// Package run lays out the directory of one training run.
//
//	config.yaml                     every setting, resolved
//	metrics.jsonl                   one JSON object a step and a validation
//	log                             what was printed
//	curves.png                      loss and mIoU of every stage
//	tensorboard                     events for TensorBoard of stage meta; those of stage base are in tensorboard/base
//	base.safetensors                best base learner (stage base)
//	best.safetensors                the network to use (stage meta)
//	checkpoints/last.safetensors    where to go on
//	checkpoints/previous.safetensors  the one before, should last be unreadable
//
// A run directory is one process's at a time: Create and Resume lock it.
package run

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"hdmnet/internal/atomicfile"
	"hdmnet/internal/filelock"
)

// Parent is the folder where runs go that are given no directory of their own.
const Parent = "runs"

// Dir is a run directory.
type Dir struct {
	path string
	lock *os.File // nil where only read
}

// Path is the directory itself.
func (d *Dir) Path() string { return d.path }

// Config is the file of the resolved settings.
func (d *Dir) Config() string { return filepath.Join(d.path, "config.yaml") }

// Metrics is the file of losses and scores.
func (d *Dir) Metrics() string { return filepath.Join(d.path, "metrics.jsonl") }

// Log is the file of printed lines.
func (d *Dir) Log() string { return filepath.Join(d.path, "log") }

// Curves is the picture of losses and scores.
func (d *Dir) Curves() string { return filepath.Join(d.path, "curves.png") }

// TensorBoard is the folder of events for TensorBoard.
func (d *Dir) TensorBoard() string { return filepath.Join(d.path, "tensorboard") }

// Base is the file of the best base learner's weights.
func (d *Dir) Base() string { return filepath.Join(d.path, "base.safetensors") }

// Best is the file of the best network's weights.
func (d *Dir) Best() string { return filepath.Join(d.path, "best.safetensors") }

// Checkpoints is the folder of the state to go on from.
func (d *Dir) Checkpoints() string { return filepath.Join(d.path, "checkpoints") }

// Last is the newest checkpoint.
func (d *Dir) Last() string { return filepath.Join(d.Checkpoints(), "last.safetensors") }

// Previous is the checkpoint before the newest.
func (d *Dir) Previous() string { return filepath.Join(d.Checkpoints(), "previous.safetensors") }

// Next is a checkpoint that is being written.
func (d *Dir) Next() string { return filepath.Join(d.Checkpoints(), "next.safetensors") }

// Damaged is a checkpoint that could not be read, set aside.
func (d *Dir) Damaged() string { return filepath.Join(d.Checkpoints(), "damaged.safetensors") }

// Close unlocks the directory.
func (d *Dir) Close() error {
	if d.lock == nil {
		return nil
	}
	lock := d.lock
	d.lock = nil
	return lock.Close()
}

// Create makes the directory of a new run and locks it.
//
// Errors, each with the remedy: the directory holds a run already, or files of
// those names that no run has written; another process uses it; it cannot be written.
func Create(path string) (*Dir, error) {
	// Before it is claimed, so that a folder which is refused stays as it is; and after,
	// for another process may have been faster.
	if err := (&Dir{path: path}).free(); err != nil {
		return nil, err
	}
	d, err := claim(path)
	if err != nil {
		return nil, err
	}
	if err := d.free(); err != nil {
		_ = d.Close()
		return nil, err
	}
	return d, nil
}

// free makes sure that a new run would replace nothing.
func (d *Dir) free() error {
	there := d.there()
	switch {
	case len(there) == 0:
		return nil
	case d.begun():
		return fmt.Errorf("%s: %w: continue it with --resume, or choose another --out", d.path, errExists)
	}
	return fmt.Errorf("%s holds %s, which no run has written; a run here would replace it: choose another --out", d.path, strings.Join(there, ", "))
}

// there are the files of a run's names in the directory.
func (d *Dir) there() []string {
	var there []string
	for _, file := range []string{d.Config(), d.Metrics(), d.Log(), d.Curves(), d.TensorBoard(), d.Base(), d.Best(), d.Last(), d.Previous(), d.Next(), d.Damaged()} {
		if _, err := os.Lstat(file); err == nil {
			there = append(there, strings.TrimPrefix(file, d.path+string(filepath.Separator)))
		}
	}
	return there
}

// begun tells that a run has written here: it has locked the directory, or left a
// checkpoint, and its settings are the first of its files.
func (d *Dir) begun() bool {
	for _, file := range []string{filepath.Join(d.path, lockName), d.Last(), d.Previous()} {
		if _, err := os.Lstat(file); err == nil {
			return true
		}
	}
	return false
}

// errExists is Create's error on a directory that holds a run.
var errExists = errors.New("the directory holds a run already")

// Resume locks the directory of a run that was stopped and clears away the files that a
// killed process left unfinished. A run killed before it wrote anything, or a directory
// that does not exist yet, is no error: there is nothing to go on from, and the run
// starts at its first step. Files of a run's names that no run has written are an error.
func Resume(path string) (*Dir, error) {
	if d := (&Dir{path: path}); !d.begun() {
		if err := d.free(); err != nil {
			return nil, err
		}
	}
	d, err := claim(path)
	if err != nil {
		return nil, err
	}
	for _, dir := range []string{d.path, d.Checkpoints()} {
		if err := atomicfile.RemovePartial(dir); err != nil {
			_ = d.Close()
			return nil, err
		}
	}
	return d, nil
}

// claim makes the directories, locks them and proves that they can be written.
func claim(path string) (*Dir, error) {
	d := &Dir{path: path}
	if err := os.MkdirAll(d.Checkpoints(), 0o777); err != nil {
		return nil, unwritable(path, err)
	}
	name := filepath.Join(path, lockName)
	lock, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o666)
	if err != nil {
		return nil, unwritable(path, err)
	}
	if err := filelock.Lock(lock); err != nil && !errors.Is(err, filelock.ErrUnsupported) {
		_ = lock.Close()
		if errors.Is(err, filelock.ErrLocked) {
			return nil, fmt.Errorf("run directory %s is in use by another process: wait for it, stop it, or choose another --out", path)
		}
		return nil, fmt.Errorf("run directory %s: lock %s: %w", path, name, err)
	}
	d.lock = lock
	probe := filepath.Join(d.Checkpoints(), ".probe")
	err = os.WriteFile(probe, []byte("can this directory be written?\n"), 0o666)
	if removed := os.Remove(probe); err == nil {
		err = removed
	}
	if err != nil {
		_ = d.Close()
		return nil, unwritable(path, err)
	}
	return d, nil
}

// lockName is the file whose lock says that a process uses the directory. It stays
// behind: removing it could let two processes lock two different files.
const lockName = ".lock"

func unwritable(path string, err error) error {
	remedy := "choose another --out"
	switch {
	case errors.Is(err, syscall.ENOSPC):
		remedy = "the disk is full: free some space or choose another --out"
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, fs.ErrExist):
		remedy = "a part of this path is a file: choose another --out"
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		remedy = "it cannot be written: change its permissions or choose another --out"
	}
	return fmt.Errorf("run directory %s: %w; %s", path, err, remedy)
}

// Open finds the run in a directory, for reading. It fails when there is none.
func Open(path string) (*Dir, error) {
	d := &Dir{path: path}
	if _, err := os.Stat(d.Config()); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s is no run directory: it has no config.yaml; give the directory that train was given with --out", path)
		}
		return nil, fmt.Errorf("run directory %s: %w", path, err)
	}
	return d, nil
}

// Newest finds the run under root that was last worked on, for instance under "runs".
func Newest(root string) (string, error) {
	entries, err := os.ReadDir(root)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("look for runs: %w", err)
	}
	var paths []string
	for _, e := range entries {
		path := filepath.Join(root, e.Name())
		paths = append(append(paths, path), FoldsOf(path)...)
	}
	newest, when := "", time.Time{}
	for _, path := range paths {
		d := &Dir{path: path}
		if _, err := os.Stat(d.Config()); err != nil {
			continue
		}
		for _, file := range []string{d.Config(), d.Metrics()} {
			if info, err := os.Stat(file); err == nil && info.ModTime().After(when) {
				newest, when = d.path, info.ModTime()
			}
		}
	}
	if newest == "" {
		return "", fmt.Errorf("no run under %s: train one first, or name its directory", root)
	}
	return newest, nil
}

// FoldDir is the directory of one fold's run below that of all folds.
func FoldDir(parent string, fold int) string {
	return filepath.Join(parent, fmt.Sprintf("fold%d", fold))
}

// FoldsOf lists the runs of folds below a directory, from fold 0 as far as there are
// settings.
func FoldsOf(parent string) []string {
	var dirs []string
	for fold := 0; ; fold++ {
		d := &Dir{path: FoldDir(parent, fold)}
		if _, err := os.Stat(d.Config()); err != nil {
			return dirs
		}
		dirs = append(dirs, d.path)
	}
}

// Name is the directory name of a run that was given none: the configuration, the fold
// and the time, so that names sort by time within a configuration.
func Name(config, fold string, now time.Time) string {
	config = strings.TrimSuffix(filepath.Base(config), filepath.Ext(config))
	return fmt.Sprintf("%s_fold%s_%s", config, fold, now.Format("20060102-150405"))
}
