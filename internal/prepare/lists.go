package prepare

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"hdmnet/internal/data"
	"hdmnet/internal/infile"
	"hdmnet/internal/textfile"
)

// pair is a line of a list file: image and mask, relative to the data root.
type pair struct{ image, mask string }

// writeList writes a list file (see data.ParseList) under Out and adds it to the report.
// Names with spaces are separated by a tab. Errors: those of checkList.
func writeList(opt Options, name string, pairs []pair, report *Report) error {
	text, err := listText(opt, name, pairs)
	if err != nil {
		return err
	}
	if err := writeText(opt, name, text); err != nil {
		return err
	}
	report.Lists = append(report.Lists, List{Path: filepath.Join(opt.Out, name), Pairs: len(pairs)})
	return nil
}

// checkList fails before the masks are made where writeList would after them: the list
// cannot hold a name, or another list has its place.
func checkList(opt Options, name string, pairs []pair) error {
	text, err := listText(opt, name, pairs)
	if err != nil {
		return err
	}
	rec, err := readRecord(filepath.Join(opt.Out, recordFile))
	if err != nil {
		return err
	}
	return rec.mayReplace(opt, name, text)
}

func listText(opt Options, name string, pairs []pair) (string, error) {
	path := filepath.Join(opt.Out, name)
	var text strings.Builder
	for _, p := range pairs {
		line, err := data.ListLine(p.image, p.mask)
		if err != nil {
			return "", fmt.Errorf("list %s: %w", infile.Shown(path), err)
		}
		text.WriteString(line)
	}
	return text.String(), nil
}

// writeClasses writes classes.txt under Out: one name a line, the first is class 1.
func writeClasses(opt Options, names []string) error {
	for i, name := range names {
		if strings.ContainsAny(name, "\n\r") || strings.TrimSpace(name) == "" {
			return fmt.Errorf("class %d: its name %q cannot be a line of classes.txt", i+1, name)
		}
	}
	return writeText(opt, "classes.txt", strings.Join(names, "\n")+"\n")
}

// writeText writes a file under Out whose name others may use too, such as val.txt: one
// that is there with other content, and was not written here, is an error unless Force.
// Process 0 alone writes it.
func writeText(opt Options, name, text string) error {
	if !opt.first() {
		return nil
	}
	path := filepath.Join(opt.Out, name)
	recordPath := filepath.Join(opt.Out, recordFile)
	rec, err := readRecord(recordPath)
	if err != nil {
		return err
	}
	if err := rec.mayReplace(opt, name, text); err != nil {
		return err
	}
	// The record knows both contents until the file is replaced: a kill in between is no harm.
	if sum := textSum(text); !slices.Contains(rec.Files[name], sum) {
		if rec.Files == nil {
			rec.Files = map[string][]string{}
		}
		rec.Files[name] = append(rec.Files[name], sum)
		if err := rec.write(recordPath); err != nil {
			return err
		}
	}
	return writeFile(path, []byte(text))
}

// mayReplace fails when a file has other content than text and was not written here.
func (r *record) mayReplace(opt Options, name, text string) error {
	path := filepath.Join(opt.Out, name)
	there, err := infile.ReadFile(path, textfile.Limit)
	switch {
	case errors.Is(err, fs.ErrNotExist) || opt.Force:
		return nil
	case err != nil:
		return fmt.Errorf("look for an earlier %s: %w", name, err)
	}
	if before := textSum(string(there)); before != textSum(text) && !slices.Contains(r.Files[name], before) {
		return fmt.Errorf("%s is there already, with other content, and was not written here: move it away, choose another output folder, or replace it with --force", path)
	}
	return nil
}

func textSum(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) }
