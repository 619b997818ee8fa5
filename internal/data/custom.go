package data

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"hdmnet/internal/infile"
	"hdmnet/internal/labelmap"
	"hdmnet/internal/textfile"
)

// parseClasses reads a class file: one class name a line, the first line being
// class 1 (mask value 1). The background has no line, there are no comments,
// and blank lines are only allowed at the end, since a line in between would
// shift the numbers of all that follow. White space around a name, the line ends
// of all systems, UTF-8 with or without a byte-order mark and UTF-16 are accepted.
// name stands for the file in messages.
//
// The names come back with "background" before them, so that the place is the
// class id, as ClassNames has it. Errors name file and line: text in another
// encoding, and those of CheckClasses.
func parseClasses(r io.Reader, name string) ([]string, error) {
	lines, err := textLines(r, name)
	if err != nil {
		return nil, err
	}
	return CheckClasses(lines, infile.Shown(name))
}

// CheckClasses makes class names of labels, however they come, the first being class 1: they
// must be what a class file can hold. The names come back with "background" before them.
// Errors name the label by what and its number: a blank or repeated one, control
// characters, what an earlier conversion lost, a comma (fold lists are separated by them),
// the background, no or more than labelmap.MaxClasses names.
func CheckClasses(labels []string, what string) ([]string, error) {
	names := []string{"background"}
	lineOf := map[string]int{}
	for i, text := range labels {
		if err := checkClassName(text); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", what, i+1, err)
		}
		key := norm.NFC.String(text)
		if before := lineOf[key]; before > 0 {
			return nil, fmt.Errorf("%s:%d: class %q has line %d already; give each class one line with a name of its own", what, i+1, text, before)
		}
		lineOf[key] = i + 1
		if names = append(names, text); len(names) > labelmap.MaxClasses+1 {
			return nil, fmt.Errorf("%s:%d: more than %d classes; mask values go to %d, since 0 is the background and 255 is ignored", what, i+1, labelmap.MaxClasses, labelmap.MaxClasses)
		}
	}
	if len(names) == 1 {
		return nil, fmt.Errorf("%s: no classes, expected one name a line", what)
	}
	return names, nil
}

func checkClassName(text string) error {
	switch lower := strings.ToLower(strings.Trim(text, "_")); {
	case text == "":
		return errors.New("blank line between class names; remove it, or the numbers of the classes after it are unclear")
	case strings.TrimSpace(text) != text:
		return fmt.Errorf("class name %.80q has white space at its ends, which a class file cannot hold", text)
	case strings.HasPrefix(text, "#"):
		return fmt.Errorf("%.80q looks like a comment; a class file has none, every line is a class", text)
	case strings.Contains(text, ","):
		return fmt.Errorf("comma in class name %.80q; write one class a line, and names without commas: fold lists are separated by them", text)
	case lower == "background" || lower == "ignore":
		return fmt.Errorf("%q is no class: background (0) and ignore (255) have no line; remove it, so that the first line is the class of mask value 1", text)
	case len(text) > 200:
		return fmt.Errorf("class name of %d bytes, expected at most 200; is this a class file?", len(text))
	}
	if err := textfile.CheckName(text); err != nil {
		return fmt.Errorf("class name %.80q: %w", text, err)
	}
	return nil
}

// ReadClasses is parseClasses for a file.
func ReadClasses(path string) ([]string, error) {
	f, err := infile.Open(path, maxClassFile)
	if err != nil {
		return nil, fmt.Errorf("class file: %w", err)
	}
	defer f.Close()
	return parseClasses(f, path)
}

// maxClassFile is the size of the largest class file or fold list, in bytes.
const maxClassFile = 16 << 20

// BlockFolds cuts classes 1..n into consecutive blocks, as PASCAL-5i does: the
// classes of block f are the novel classes of fold f. Where the number does not
// divide, the first n mod folds blocks have one class more (numpy.array_split).
// It needs 2 <= folds <= classes, so that every fold has novel and base classes.
func BlockFolds(classes, folds int) ([][]int, error) {
	if classes < 2 {
		return nil, fmt.Errorf("folds of %d class: training needs at least 2, one to train on and one to find; a network trained on other classes needs no fold (eval --classes)", classes)
	}
	if folds < 2 || folds > classes {
		expected := fmt.Sprintf("2 to %d folds", classes)
		if classes == 2 {
			expected = "2 folds"
		}
		return nil, fmt.Errorf("%d folds of %d classes: expected %s, so that each has a class of its own and classes to train on", folds, classes, expected)
	}
	out := make([][]int, folds)
	next := 1
	for f := range out {
		n := classes / folds
		if f < classes%folds {
			n++
		}
		for range n {
			out[f] = append(out[f], next)
			next++
		}
	}
	return out, nil
}

// parseFoldList reads a fold list: line f+1 holds the novel classes of fold f,
// names of the class file or numbers from 1 (decimal), separated by commas. Where
// some names are numbers themselves, as on meters, all numbers are names. A class that
// no line has is a base class in every fold. names are those of parseClasses;
// name stands for the file in messages; its text is as parseClasses takes it.
//
// Errors name file, line and class: an unknown class, a class twice, a line
// without classes, a fold that leaves no class to train on.
func parseFoldList(r io.Reader, name string, names []string) ([][]int, error) {
	lines, err := textLines(r, name)
	if err != nil {
		return nil, err
	}
	name = infile.Shown(name)
	lineOf := map[int]int{} // class → line
	var folds [][]int
	for i, text := range lines {
		at := fmt.Sprintf("%s:%d", name, i+1)
		if text == "" {
			return nil, fmt.Errorf("%s: fold %d has no class; every line is a fold and names its novel classes, separated by commas", at, i)
		}
		var novel []int
		for part := range strings.SplitSeq(text, ",") {
			part = strings.TrimSpace(part)
			class, err := findClass(part, names)
			if err != nil {
				return nil, fmt.Errorf("%s: fold %d: %w", at, i, err)
			}
			if line := lineOf[class]; line > 0 {
				return nil, fmt.Errorf("%s: class %d (%s) is listed on line %d already; a class is novel in one fold only", at, class, names[class], line)
			}
			lineOf[class] = i + 1
			novel = append(novel, class)
		}
		if len(novel) == len(names)-1 {
			return nil, fmt.Errorf("%s: fold %d has all %d classes, which leaves none to train on; split them over several lines", at, i, len(novel))
		}
		slices.Sort(novel)
		folds = append(folds, novel)
	}
	if len(folds) == 0 {
		return nil, fmt.Errorf("%s: no folds, expected a line of classes for each", name)
	}
	return folds, nil
}

// findClass is the id of a class given by name or number.
func findClass(text string, names []string) (int, error) {
	if text == "" {
		return 0, errors.New("nothing between two commas, or a comma at the end of the line; remove it")
	}
	for c := 1; c < len(names); c++ {
		if norm.NFC.String(names[c]) == norm.NFC.String(text) {
			return c, nil
		}
	}
	class, err := strconv.Atoi(text)
	if err != nil {
		for c := 1; c < len(names); c++ {
			if strings.EqualFold(names[c], text) {
				return 0, fmt.Errorf("there is no class %q; did you mean %q?", text, names[c])
			}
		}
		return 0, fmt.Errorf("there is no class %.80q; name one of the class file's lines, or give its number, 1..%d", text, len(names)-1)
	}
	if slices.ContainsFunc(names, isNumber) {
		return 0, fmt.Errorf("there is no class named %.80q; some names of the class file are numbers, so numbers are names here", text)
	}
	if class < 1 || class >= len(names) {
		return 0, fmt.Errorf("class %d does not exist, expected 1..%d, the lines of the class file", class, len(names)-1)
	}
	return class, nil
}

func isNumber(name string) bool {
	_, err := strconv.Atoi(name)
	return err == nil
}

// ReadFoldList is parseFoldList for a file.
func ReadFoldList(path string, names []string) ([][]int, error) {
	f, err := infile.Open(path, maxClassFile)
	if err != nil {
		return nil, fmt.Errorf("fold list: %w", err)
	}
	defer f.Close()
	return parseFoldList(f, path, names)
}

// CustomFold is fold f of a custom set: names are those of parseClasses, folds
// the novel classes of every fold, from BlockFolds or parseFoldList.
func CustomFold(names []string, folds [][]int, f int) (Fold, error) {
	if f < 0 || f >= len(folds) {
		return Fold{}, fmt.Errorf("fold %d of the custom set does not exist: it has %d, counted from 0", f, len(folds))
	}
	fold := makeFold("custom", f, len(names)-1, func(c int) bool { return slices.Contains(folds[f], c) })
	fold.Names = names
	return fold, nil
}

// textLines gives the lines of a text without white space around them, or blank lines at
// the end.
func textLines(r io.Reader, name string) ([]string, error) {
	content, err := textfile.ReadAll(r, name)
	if err != nil {
		return nil, err
	}
	const longest, most = 1 << 16, 10000
	name = infile.Shown(name)
	var lines []string
	for i, text := range textfile.Lines(string(content)) {
		text = strings.TrimFunc(text, unicode.IsSpace)
		switch {
		case len(text) >= longest:
			return nil, fmt.Errorf("%s:%d: line longer than %d bytes; expected a short text file", name, i+1, longest)
		case i == most:
			return nil, fmt.Errorf("%s: more than %d lines; expected one for each class or fold", name, most)
		case strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) && r != '\t' }):
			return nil, fmt.Errorf("%s:%d: holds control characters; expected a text file", name, i+1)
		}
		lines = append(lines, text)
	}
	for len(lines) > 0 && lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines, nil
}
