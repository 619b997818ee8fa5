package config

import (
	"fmt"
	"io"
	"reflect"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"hdmnet/internal/atomicfile"
)

// commentColumn is where the comments of a file start, if its values leave the room.
const commentColumn = 32

// YAML is the configuration as a YAML file that Load reads back to the same values: every
// key with what it means, in the order of the struct fields. Equal configurations give
// equal bytes.
func (c *Config) YAML() ([]byte, error) {
	var b strings.Builder
	root := reflect.ValueOf(c).Elem()
	section := ""
	for i := range fields {
		f := &fields[i]
		section = openSection(&b, section, f.section())
		value, err := text(root.FieldByIndex(f.index))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.key, err)
		}
		writeLine(&b, f.key, value, f.comment())
	}
	return []byte(b.String()), nil
}

// WriteFile writes YAML to path, complete or not at all.
func (c *Config) WriteFile(path string) error {
	text, err := c.YAML()
	if err != nil {
		return err
	}
	return atomicfile.Write(path, func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
}

// Values are all settings by key, each as fmt.Sprint shows it.
func (c *Config) Values() map[string]string {
	out := make(map[string]string, len(fields))
	root := reflect.ValueOf(c).Elem()
	for i := range fields {
		out[fields[i].key] = fmt.Sprint(root.FieldByIndex(fields[i].index).Interface())
	}
	return out
}

// DefaultValue is the default of a key, as Values shows it; false where there is no such
// key.
func DefaultValue(key string) (string, bool) {
	f, known := fieldOf[key]
	if !known {
		return "", false
	}
	return fmt.Sprint(f.init), true
}

// openSection writes the names of the sections that begin between the keys of two
// sections, with a blank line before those that are not small.
func openSection(b *strings.Builder, from, to string) string {
	if from == to {
		return to
	}
	old, parts := path(from), path(to)
	same := 0
	for same < min(len(old), len(parts)) && old[same] == parts[same] {
		same++
	}
	if b.Len() > 0 && (same == 0 || same == 1 && len(parts) > same) {
		b.WriteByte('\n')
	}
	for n := same + 1; n <= len(parts); n++ {
		name := strings.Join(parts[:n], ".")
		writeLine(b, name, "", sectionDoc[name])
	}
	return to
}

func path(section string) []string {
	if section == "" {
		return nil
	}
	return strings.Split(section, ".")
}

// writeLine writes a key, or a section without a value.
func writeLine(b *strings.Builder, key, value, comment string) {
	parts := strings.Split(key, ".")
	line := strings.Repeat("  ", len(parts)-1) + parts[len(parts)-1] + ":"
	if value != "" {
		line += " " + value
	}
	if comment != "" {
		line += strings.Repeat(" ", max(2, commentColumn-utf8.RuneCountInString(line))) + "# " + comment
	}
	b.WriteString(line + "\n")
}

// text is a value in YAML, on one line.
func text(v reflect.Value) (string, error) {
	var node yaml.Node
	if err := node.Encode(v.Interface()); err != nil {
		return "", err
	}
	switch {
	case node.Kind == yaml.SequenceNode:
		node.Style = yaml.FlowStyle
	case strings.Contains(node.Value, "\n"):
		node.Style = yaml.DoubleQuotedStyle
	}
	out, err := yaml.Marshal(&node)
	return strings.TrimSuffix(string(out), "\n"), err
}

// section is the path of the section that holds the key, empty for none.
func (f *field) section() string { return f.key[:max(0, strings.LastIndexByte(f.key, '.'))] }

// comment is what a file says of the key: the alternatives and the meaning.
func (f *field) comment() string {
	if f.typ.Kind() != reflect.String || f.valid == "" {
		return f.doc
	}
	all := strings.ReplaceAll(f.valid, "|", ", ")
	if i := strings.LastIndex(all, ", "); i >= 0 {
		all = all[:i] + " or " + all[i+2:]
	}
	if f.doc == "" {
		return all
	}
	return all + ": " + f.doc
}
