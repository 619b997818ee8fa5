package picture

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"hdmnet/internal/labelmap"
	"hdmnet/internal/textfile"
)

// Table says which class a color of a painted mask is.
type Table struct {
	name   string
	class  map[[3]uint8]uint8
	labels []string // of the classes from 1 on; empty where the table has no names
	made   bool     // some labels are made up, for lines that had none
}

// Labels are the names of the classes from 1 on; none where the table has none.
func (t *Table) Labels() []string { return t.labels }

// Numbered is the table with the numbers that a data set gives to its classes, names, of which
// [0] is the background. A table without names stays as it is, as does any for a data set
// without. The error names a class
// that the data set has not.
func (t *Table) Numbered(names []string) (*Table, error) {
	if t.made || len(t.labels) == 0 || len(names) == 0 {
		return t, nil
	}
	out := &Table{name: t.name, class: map[[3]uint8]uint8{}, labels: names[1:]}
	for color, class := range t.class {
		if class != 0 && class != labelmap.Ignore {
			label := t.labels[class-1]
			place := slices.Index(names, label)
			if place < 0 {
				return nil, fmt.Errorf("%s table of colors has a class %q, which is none of the data set's: %s", t.name, label, strings.Join(names[1:], ", "))
			}
			class = uint8(place)
		}
		out.class[color] = class
	}
	return out, nil
}

// VOC is PASCAL VOC's palette of 256 colors: the bits of the class, taken three at a time
// from the lowest, are the highest bits of red, green and blue. So 255 is (224,224,192).
var VOC = func() *Table {
	t := &Table{name: "PASCAL VOC's", class: map[[3]uint8]uint8{}}
	for i := range 256 {
		var c [3]uint8
		for bit := range 8 {
			c[bit%3] |= uint8(i>>bit&1) << (7 - bit/3)
		}
		t.class[c] = uint8(i)
	}
	return t
}()

// cityscapes are the colors of Cityscapes' *_color.png: its 19 classes that are scored, in
// the order of its trainId, from 1; all others are ignored.
var cityscapes = func() *Table {
	t := &Table{name: "Cityscapes'", class: map[[3]uint8]uint8{}}
	for _, c := range [][3]uint8{
		{0, 0, 0}, {111, 74, 0}, {81, 0, 81}, {250, 170, 160}, {230, 150, 140}, {180, 165, 180},
		{150, 100, 100}, {150, 120, 90}, {153, 153, 153}, {0, 0, 90}, {0, 0, 110},
	} {
		t.class[c] = labelmap.Ignore
	}
	for i, c := range []struct {
		name  string
		color [3]uint8
	}{
		{"road", [3]uint8{128, 64, 128}}, {"sidewalk", [3]uint8{244, 35, 232}}, {"building", [3]uint8{70, 70, 70}},
		{"wall", [3]uint8{102, 102, 156}}, {"fence", [3]uint8{190, 153, 153}}, {"pole", [3]uint8{153, 153, 153}},
		{"traffic light", [3]uint8{250, 170, 30}}, {"traffic sign", [3]uint8{220, 220, 0}}, {"vegetation", [3]uint8{107, 142, 35}},
		{"terrain", [3]uint8{152, 251, 152}}, {"sky", [3]uint8{70, 130, 180}}, {"person", [3]uint8{220, 20, 60}},
		{"rider", [3]uint8{255, 0, 0}}, {"car", [3]uint8{0, 0, 142}}, {"truck", [3]uint8{0, 0, 70}}, {"bus", [3]uint8{0, 60, 100}},
		{"train", [3]uint8{0, 80, 100}}, {"motorcycle", [3]uint8{0, 0, 230}}, {"bicycle", [3]uint8{119, 11, 32}},
	} {
		t.class[c.color] = uint8(i + 1)
		t.labels = append(t.labels, c.name)
	}
	return t
}()

// known are the tables that have names.
var known = map[string]*Table{"voc": VOC, "cityscapes": cityscapes}

// IsTable tells whether a name stands for a table that is known, not for a file.
func IsTable(name string) bool { return known[name] != nil }

// tableForms says how a table of colors is given.
const tableForms = "voc, cityscapes, or a file with a line for each class: `name:R,G,B` (CVAT's labelmap.txt), `name,R,G,B` or `R G B name`"

// maxTable is the size of the largest file of colors.
const maxTable = 1 << 20

// ReadTable gives the table that a name stands for, or that a file holds (see tableForms).
// The first lines are classes 1, 2 and so on; a color of the name background, or black
// without another name, is 0, and one named void, ignore or unlabeled 255. Errors name the
// file and line.
func ReadTable(name string) (*Table, error) {
	if t := known[name]; t != nil {
		return t, nil
	}
	text, err := textfile.Read(name, maxTable)
	if err != nil {
		return nil, fmt.Errorf("colors of masks: %w; expected %s", err, tableForms)
	}
	return parseTable(string(text), name)
}

func parseTable(text, name string) (*Table, error) {
	t := &Table{name: strconv.Quote(name), class: map[[3]uint8]uint8{}}
	for i, line := range textfile.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		label, color, ok := parseColor(line)
		if !ok {
			if len(t.class) == 0 && strings.Contains(line, ",") && !strings.ContainsAny(line, "0123456789") {
				continue // a heading of columns
			}
			return nil, fmt.Errorf("%q:%d: %q is no color of a class; expected %s", name, i+1, line, tableForms)
		}
		if err := t.add(label, color); err != nil {
			return nil, fmt.Errorf("%q:%d: %w", name, i+1, err)
		}
	}
	if len(t.labels) == 0 {
		return nil, fmt.Errorf("%q: no color of a class; expected %s", name, tableForms)
	}
	return t, nil
}

// parseColor reads a line of a file of colors.
func parseColor(line string) (label string, color [3]uint8, ok bool) {
	numbers := func(fields []string) bool {
		if len(fields) != 3 {
			return false
		}
		for i, f := range fields {
			v, err := strconv.ParseUint(strings.TrimSpace(f), 10, 8)
			if err != nil {
				return false
			}
			color[i] = uint8(v)
		}
		return true
	}
	if parts := strings.Split(line, ":"); len(parts) >= 2 && numbers(strings.Split(parts[1], ",")) {
		return strings.TrimSpace(parts[0]), color, true
	}
	if parts := strings.Split(line, ","); len(parts) >= 4 && numbers(parts[len(parts)-3:]) {
		return strings.TrimSpace(strings.Join(parts[:len(parts)-3], ",")), color, true
	}
	if parts := strings.Fields(line); len(parts) >= 3 && numbers(parts[:3]) {
		return strings.Join(parts[3:], " "), color, true
	}
	return "", color, false
}

func (t *Table) add(label string, color [3]uint8) error {
	if _, twice := t.class[color]; twice {
		return fmt.Errorf("the color %s is there twice", shownColor(color))
	}
	switch strings.ToLower(label) {
	case "background", "_background_":
		t.class[color] = 0
		return nil
	case "void", "ignore", "unlabeled", "unlabelled", "__ignore__":
		t.class[color] = labelmap.Ignore
		return nil
	case "":
		if color == [3]uint8{} {
			t.class[color] = 0
			return nil
		}
		label, t.made = fmt.Sprintf("class %d", len(t.labels)+1), true
	}
	if err := textfile.CheckName(label); err != nil {
		return err
	}
	if len(t.labels) == labelmap.MaxClasses {
		return fmt.Errorf("more than %d classes", labelmap.MaxClasses)
	}
	t.labels = append(t.labels, label)
	t.class[color] = uint8(len(t.labels))
	return nil
}

func shownColor(c [3]uint8) string { return fmt.Sprintf("(%d,%d,%d)", c[0], c[1], c[2]) }

// classes are the classes of painted pixels; transparent ones, and black where the table
// has no black, are background.
func (t *Table) classes(l *Labels, classes int) ([]uint8, error) {
	mask := make([]uint8, len(l.Painted)/4)
	_, w := l.Read()
	var last [3]uint8
	class, known := t.class[last], true
	for i := range mask {
		p := l.Painted[4*i:][:4]
		if p[3] == 0 {
			continue
		}
		if color := [3]uint8(p[:3]); color != last {
			last = color
			if class, known = t.class[color]; color == [3]uint8{} {
				known = true
			}
		}
		if !known {
			return nil, fmt.Errorf("the color %s at column %d, row %d is not in %s table; say which colors are which classes with --mask-colors (voc, cityscapes or a file), or %s",
				shownColor(last), i%w, i/w, t.name, convert)
		}
		if int(class) > classes && class != labelmap.Ignore {
			return nil, fmt.Errorf("the color %s at column %d, row %d is class %d of %s table, expected 0..%d or 255; say which colors are which classes with --mask-colors (voc, cityscapes or a file), or %s",
				shownColor(last), i%w, i/w, class, t.name, classes, convert)
		}
		mask[i] = class
	}
	return mask, nil
}
