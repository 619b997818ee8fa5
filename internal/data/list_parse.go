package data

import (
	"encoding/csv"
	"fmt"
	"io"
	"path"
	"regexp"
	"strings"
	"unicode"

	"hdmnet/internal/infile"
	"hdmnet/internal/textfile"
)

// ListEntry is one line of a list file: paths relative to the data root, with slashes and
// without "." and ".." in the middle, so that one spelling is left of each.
type ListEntry struct {
	Image, Mask string
	Line        int // from 1
}

// maxListLine is the length of the longest line of a list, in bytes.
const maxListLine = 1 << 16

// ParseList reads a list: one pair of an image and its mask a line, which blanks, one tab,
// one comma or one semicolon separate. Names that hold separators are written between
// double quotes, as spreadsheets do ("" stands for a quote in them); names with blanks
// alone need no quotes beside a tab or a comma. Backslashes are slashes. Blank lines, a
// first line `image,mask`, the line ends of all systems, UTF-8 with or without a
// byte-order mark and UTF-16 are accepted. name stands for the file in messages.
//
// Errors name file and line: text in another encoding, a line without exactly two
// columns, a picture that was listed before, a list without entries.
func ParseList(r io.Reader, name string) ([]ListEntry, error) {
	content, err := textfile.ReadAll(r, name)
	if err != nil {
		return nil, err
	}
	shown := infile.Shown(name)
	var entries []ListEntry
	seen := map[string]int{} // picture → its place in entries
	for i, line := range textfile.Lines(string(content)) {
		n := i + 1
		if len(line) > maxListLine {
			return nil, fmt.Errorf("%s:%d: line longer than %d bytes; is this a list file?", shown, n, maxListLine)
		}
		// Byte-order marks start files, and lists that were joined from several.
		line = strings.TrimFunc(line, func(r rune) bool { return unicode.IsSpace(r) || r == '\ufeff' })
		if line == "" {
			continue
		}
		columns, err := listColumns(line)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w in %.80q, expected two: the image and its mask, relative to the data root (separate names that hold blanks by one tab or comma, or write each between double quotes)",
				shown, n, err, line)
		}
		if len(entries) == 0 && isHeader(columns) {
			continue
		}
		e := ListEntry{Image: cleanName(columns[0]), Mask: cleanName(columns[1]), Line: n}
		if at, ok := seen[e.Image]; ok {
			before := entries[at]
			if before.Mask != e.Mask {
				return nil, fmt.Errorf("%s:%d: %s is listed on line %d already, with another mask; a picture is listed once, or it could be its own support: join the two masks, or remove one of the lines",
					shown, n, infile.Shown(e.Image), before.Line)
			}
			return nil, fmt.Errorf("%s:%d: %s is listed on line %d already; remove one of them, or the picture could be its own support", shown, n, infile.Shown(e.Image), before.Line)
		}
		seen[e.Image] = len(entries)
		entries = append(entries, e)
	}
	if len(entries) == 0 {
		return nil, fmt.Errorf("%s: no entries, expected lines of `image mask`", shown)
	}
	return entries, nil
}

// ReadList is ParseList for a file.
func ReadList(path string) ([]ListEntry, error) {
	f, err := infile.Open(path, textfile.Limit)
	if err != nil {
		return nil, fmt.Errorf("list file: %w", err)
	}
	defer f.Close()
	return ParseList(f, path)
}

// listColumns are the two columns of a line.
func listColumns(line string) ([]string, error) {
	if strings.Contains(line, `"`) {
		for _, separator := range "\t,; " {
			r := csv.NewReader(strings.NewReader(line))
			r.Comma, r.FieldsPerRecord, r.TrimLeadingSpace = separator, 2, true
			if columns, err := r.Read(); err == nil && columns[0] != "" && columns[1] != "" {
				return columns, nil
			}
		}
	}
	var other []string
	for _, columns := range [][]string{strings.Split(line, "\t"), strings.Fields(line), strings.Split(line, ","), strings.Split(line, ";")} {
		if len(columns) != 2 {
			continue
		}
		image, mask := strings.TrimSpace(columns[0]), strings.TrimSpace(columns[1])
		if image == "" || mask == "" {
			continue
		}
		// Of several readings the one in which both are names of files: "a b.png,c.png" is
		// no "a" beside "b.png,c.png".
		if fileName.MatchString(image) && fileName.MatchString(mask) {
			return []string{image, mask}, nil
		}
		if other == nil {
			other = []string{image, mask}
		}
	}
	if other == nil {
		return nil, fmt.Errorf("%d columns", len(strings.Fields(line)))
	}
	return other, nil
}

// fileName is a name with an extension.
var fileName = regexp.MustCompile(`[^.]\.[A-Za-z0-9]{1,5}$`)

// isHeader tells whether a line names columns, as the first one of a spreadsheet.
func isHeader(columns []string) bool {
	image, mask := strings.ToLower(columns[0]), strings.ToLower(columns[1])
	return (image == "image" || image == "images" || image == "image_path" || image == "filename") &&
		(mask == "mask" || mask == "masks" || mask == "mask_path" || mask == "label")
}

// quoteListName is a name as a column of a list that ParseList reads as this name: in double
// quotes where it holds separators.
func quoteListName(name string) string {
	if strings.ContainsAny(name, " \t,;\"") || strings.ContainsFunc(name, unicode.IsSpace) {
		return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
	}
	return name
}

// cleanName is the one spelling of a path in a list or in a file of episodes, whatever
// system wrote it.
func cleanName(name string) string { return path.Clean(strings.ReplaceAll(name, `\`, "/")) }
