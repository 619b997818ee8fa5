package prepare

import (
	"fmt"
	"path/filepath"
	"strings"
)

// pair is a line of a list file: image and mask, relative to the data root.
type pair struct{ image, mask string }

// writeList writes a list file (see data.ParseList) under Out and adds it to the report.
// Names with spaces are separated by a tab. A name that a list cannot hold is an error.
func writeList(opt Options, name string, pairs []pair, report *Report) error {
	path := filepath.Join(opt.Out, name)
	var text strings.Builder
	for _, p := range pairs {
		separator := " "
		for _, column := range []string{p.image, p.mask} {
			if strings.ContainsAny(column, "\t\n\r") || strings.TrimSpace(column) != column || column == "" {
				return fmt.Errorf("list %s: the name %q cannot be written to a list: rename the file, without tabs, line ends and spaces at its ends", path, column)
			}
			if len(strings.Fields(column)) > 1 {
				separator = "\t"
			}
		}
		text.WriteString(p.image + separator + p.mask + "\n")
	}
	if err := writeFile(path, []byte(text.String())); err != nil {
		return err
	}
	report.Lists = append(report.Lists, List{Path: path, Pairs: len(pairs)})
	return nil
}

// writeClasses writes classes.txt under Out: one name a line, the first is class 1.
func writeClasses(opt Options, names []string) error {
	for i, name := range names {
		if strings.ContainsAny(name, "\n\r") || strings.TrimSpace(name) == "" {
			return fmt.Errorf("class %d: its name %q cannot be a line of classes.txt", i+1, name)
		}
	}
	return writeFile(filepath.Join(opt.Out, "classes.txt"), []byte(strings.Join(names, "\n")+"\n"))
}
