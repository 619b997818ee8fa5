package prepare

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"hdmnet/internal/atomicfile"
	"hdmnet/internal/dist"
	"hdmnet/internal/infile"
	"hdmnet/internal/lockfile"
	"hdmnet/internal/tally"
	"hdmnet/internal/textfile"
)

// recordFile is the name of the record in the output folder: what was prepared there, and
// how. It is what an interrupted preparation is gone on with.
const recordFile = "prepare.json"

// task is what a preparation is about to do.
type task struct {
	command string   // "voc", "coco"
	folders []string // of masks, under Out
	// settings decide what the masks hold: the mode, and something that tells the source
	// from others wherever it lies, such as a checksum. A setting that an earlier run did
	// not have is added to the record.
	settings map[string]string
	// shares are other commands that write the very same masks into these folders.
	shares []string
}

// record is the content of recordFile.
type record struct {
	Tasks map[string]*recordedTask `json:"tasks"` // by command
	// Files are the checksums of what was ever written to lists and class files, by name.
	Files map[string][]string `json:"files,omitempty"`
}

type recordedTask struct {
	Folders  []string          `json:"folders"`
	Settings map[string]string `json:"settings"`
	// Result counts the objects that the masks were drawn from, and those left out and why;
	// nil until all masks are made, and where none are drawn from objects.
	Result *tally.Tally `json:"result,omitempty"`
	// Rewriting says that all masks are being made again: those that are there may be of
	// other settings, and are not to be kept until all are done.
	Rewriting bool `json:"rewriting,omitempty"`
}

// lockName is the file in the output folder that one preparation at a time has locked.
const lockName = ".prepare.lock"

// begin takes the output folder for this preparation alone, checks a task against what was
// done there before, records it, and returns the options to go on with: Force is set when
// an earlier run was told to make everything again and did not come to its end. Files that
// killed runs left half-written are removed. release gives the folder back.
//
// Errors: another preparation is at work in the folder; unless opt.Force, another setting
// than in the record, and masks in a folder that no record speaks of. A record that cannot
// be read is always an error.
func begin(opt Options, t task) (now Options, release func(), err error) {
	link := opt.link()
	if err := dist.Agree(link, nil); err != nil {
		return opt, nil, err
	}
	now, release = opt, func() {}
	if opt.first() {
		now, release, err = acquire(opt, t)
	}
	if err = dist.Agree(link, err); err == nil {
		now, err = opt.follow(now)
	}
	if err != nil {
		if release != nil {
			release()
		}
		return opt, nil, err
	}
	return now, release, nil
}

// acquire is begin in process 0.
func acquire(opt Options, t task) (now Options, release func(), err error) {
	if err := os.MkdirAll(opt.Out, 0o777); err != nil {
		return opt, nil, fmt.Errorf("output folder: %w", err)
	}
	release, err = lockfile.Acquire(filepath.Join(opt.Out, lockName))
	if errors.Is(err, lockfile.ErrHeld) {
		return opt, nil, fmt.Errorf("output folder %s: %w: a preparation; wait for its end, or choose another output folder", infile.Shown(opt.Out), err)
	}
	if err != nil {
		return opt, nil, fmt.Errorf("output folder: %w", err)
	}
	if now, err = beginLocked(opt, t); err != nil {
		release()
		return opt, nil, err
	}
	return now, release, nil
}

func beginLocked(opt Options, t task) (Options, error) {
	path := filepath.Join(opt.Out, recordFile)
	rec, err := readRecord(path)
	if err != nil {
		return opt, err
	}
	before := rec.Tasks[t.command]
	if before != nil && before.Rewriting {
		opt.Force = true
	}
	if !opt.Force {
		if err := compare(opt, t, rec); err != nil {
			return opt, err
		}
	}
	now := &recordedTask{Folders: t.folders, Settings: map[string]string{}, Rewriting: opt.Force}
	if before != nil && !opt.Force {
		now.Folders = union(before.Folders, t.folders)
		for k, v := range before.Settings {
			now.Settings[k] = v
		}
	}
	for k, v := range t.settings {
		now.Settings[k] = v
	}
	if before != nil && !opt.Force && maps.Equal(before.Settings, now.Settings) {
		now.Result = before.Result // what is missing of the masks is made again, and counts no more
	}
	rec.Tasks[t.command] = now
	rec.release(t)
	for _, folder := range append([]string{"."}, t.folders...) {
		if err := atomicfile.RemovePartial(filepath.Join(opt.Out, folder)); err != nil {
			return opt, err
		}
	}
	return opt, rec.write(path)
}

// counted is what the record holds of a task whose masks were all made with the same
// settings; nil where they are to be counted.
func counted(opt Options, t task) (*tally.Tally, error) {
	rec, err := readRecord(filepath.Join(opt.Out, recordFile))
	if err != nil || rec.Tasks[t.command] == nil {
		return nil, err
	}
	return rec.Tasks[t.command].Result, nil
}

// finish records that all masks of a task are made, and what they were made of. After it
// everything is there, whichever process wrote it.
func finish(opt Options, t task, report *Report) (err error) {
	if opt.first() {
		err = recordEnd(opt, t, report)
	}
	return dist.Agree(opt.link(), err)
}

func recordEnd(opt Options, t task, report *Report) error {
	path := filepath.Join(opt.Out, recordFile)
	rec, err := readRecord(path)
	if err != nil {
		return err
	}
	done := rec.Tasks[t.command]
	if done == nil {
		return nil
	}
	done.Rewriting = false
	if report.Objects.Read > 0 || report.Objects.Dropped != nil {
		done.Result = &report.Objects
	}
	return rec.write(path)
}

// compare fails when the masks that are there may be others than the task would make.
func compare(opt Options, t task, rec *record) error {
	path := filepath.Join(opt.Out, recordFile)
	before := rec.Tasks[t.command]
	for _, key := range sortedKeys(t.settings) {
		if before == nil {
			break
		}
		if was, ok := before.Settings[key]; ok && was != t.settings[key] {
			return fmt.Errorf("%s: the masks here were made with %s %s, now it is %s; they would be mixed: "+
				"go on as before, choose another output folder, or make all again with --force", path, key, brief(was), brief(t.settings[key]))
		}
	}
	for _, folder := range t.folders {
		known := false
		for command, other := range rec.Tasks {
			if !slices.Contains(other.Folders, folder) {
				continue
			}
			if command != t.command && !slices.Contains(t.shares, command) {
				return fmt.Errorf("%s: the masks in %s were made by `data prepare %s`; choose another output folder, or replace them with --force",
					path, filepath.Join(opt.Out, folder), command)
			}
			known = true
		}
		if !known && holdsPNG(filepath.Join(opt.Out, folder)) {
			return fmt.Errorf("%s holds masks that were not made here (there is no record of them in %s): "+
				"use them as they are, choose another output folder, or replace them with --force", filepath.Join(opt.Out, folder), path)
		}
	}
	return nil
}

// brief is a setting's value for a message: of a checksum its beginning.
func brief(value string) string {
	if _, err := hex.DecodeString(value); err == nil && len(value) == 2*sha256.Size {
		return value[:12] + "…"
	}
	return value
}

// release takes the task's folders from commands that no longer have masks there, which
// only happens when all were made again.
func (r *record) release(t task) {
	for command, other := range r.Tasks {
		if command == t.command || slices.Contains(t.shares, command) {
			continue
		}
		other.Folders = slices.DeleteFunc(other.Folders, func(f string) bool { return slices.Contains(t.folders, f) })
	}
}

func readRecord(path string) (*record, error) {
	rec := &record{}
	content, err := infile.ReadFile(path, 1<<30)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, fmt.Errorf("record of earlier preparations: %w", err)
	default:
		if err := json.Unmarshal(content, rec); err != nil {
			return nil, fmt.Errorf("%s: %w; it is no record of a preparation: remove it and use --force, or choose another output folder", path, textfile.JSONError(err))
		}
	}
	if rec.Tasks == nil {
		rec.Tasks = map[string]*recordedTask{}
	}
	for command, t := range rec.Tasks {
		if t == nil {
			return nil, fmt.Errorf("%s: task %q is empty; the record is damaged: remove it and use --force, or choose another output folder", path, command)
		}
	}
	return rec, nil
}

func (r *record) write(path string) error {
	content, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return writeFile(path, append(content, '\n'))
}

func holdsPNG(dir string) bool {
	entries, err := os.ReadDir(dir)
	return err == nil && slices.ContainsFunc(entries, func(e fs.DirEntry) bool {
		return strings.EqualFold(filepath.Ext(e.Name()), ".png")
	})
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func union(a, b []string) []string {
	all := slices.Clone(a)
	for _, s := range b {
		if !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return all
}
