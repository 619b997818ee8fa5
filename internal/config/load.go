package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/spf13/viper"
	"gopkg.in/yaml.v3"

	"hdmnet/configs"
)

// Default is the embedded configuration used when none is named.
const Default = "shapes5i"

// defaults is the embedded configuration that fills in what a YAML file leaves out.
const defaults = "pascal5i_resnet50"

// Options are the places that settings come from.
type Options struct {
	// Config is the name of an embedded configuration or the path of a YAML file;
	// empty means Default.
	Config string
	// Env are NAME=value pairs, as from os.Environ. Those that start with HDMNET_ and
	// a section's name must name a key; empty values count as unset.
	Env []string
	// Set are key=value pairs, as from --set; the last of a key counts.
	Set []string
	// Overrides are values of command-line flags by key: bool, string, integers,
	// floats or slices of them. Setting a key here and in Set is an error.
	Overrides map[string]any
}

// Load reads and checks a configuration. Errors about its content are an *Error that
// lists everything wrong, each line with the key, where it was given (file and line,
// variable, or flag) and what is expected.
func Load(opt Options) (*Config, error) {
	name := opt.Config
	if name == "" {
		name = Default
	}
	text, file, err := read(name)
	if err != nil {
		return nil, err
	}
	base, err := Source(defaults)
	if err != nil {
		return nil, err
	}
	l := &loader{v: viper.New(), source: map[string]string{}}
	l.yaml(base, defaults, l.v.SetDefault)
	l.yaml(text, file, l.merge)
	l.env(opt.Env)
	l.set(opt.Set, opt.Overrides)
	if len(l.problems) > 0 {
		return nil, &Error{l.problems}
	}
	c := &Config{}
	root := reflect.ValueOf(c).Elem()
	for i := range fields {
		assign(root.FieldByIndex(fields[i].index), reflect.ValueOf(l.v.Get(fields[i].key)))
	}
	if err := newError(c.problems(), l.source); err != nil {
		return nil, err
	}
	return c, nil
}

// assign stores a value that parseNode made, copying lists.
func assign(to, value reflect.Value) {
	switch to.Kind() {
	case reflect.Array:
		reflect.Copy(to, value)
	case reflect.Slice:
		to.Set(reflect.AppendSlice(reflect.Zero(to.Type()), value))
	default:
		to.Set(value)
	}
}

// Names lists the embedded configurations in alphabetical order.
func Names() []string {
	files, err := fs.Glob(configs.FS, "*.yaml")
	if err != nil {
		panic(err) // the pattern is a constant
	}
	for i, f := range files {
		files[i] = strings.TrimSuffix(f, ".yaml")
	}
	slices.Sort(files)
	return files
}

// Source is the YAML text of an embedded configuration, with its comments.
func Source(name string) ([]byte, error) {
	text, err := configs.FS.ReadFile(name + ".yaml")
	if err != nil {
		return nil, fmt.Errorf("no embedded configuration %q; there are: %s", name, strings.Join(Names(), ", "))
	}
	return text, nil
}

// read finds a configuration by name or path, and what to call it in errors.
func read(name string) (text []byte, file string, err error) {
	if text, err := Source(name); err == nil {
		return text, name, nil
	}
	text, err = os.ReadFile(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		hint := ""
		if n := nearest(name, Names()); n != "" {
			hint = fmt.Sprintf("did you mean %s? ", n)
		}
		return nil, "", fmt.Errorf("configuration %q is neither embedded nor a file; %sembedded are: %s",
			name, hint, strings.Join(Names(), ", "))
	case err != nil:
		return nil, "", fmt.Errorf("read configuration: %w", err)
	}
	return text, name, nil
}

// loader collects values in a viper, and where each came from.
type loader struct {
	v        *viper.Viper
	source   map[string]string // key → file:line, variable or flag
	problems []string
}

func (l *loader) fail(source, format string, args ...any) {
	l.problems = append(l.problems, source+": "+fmt.Sprintf(format, args...))
}

// put stores a parsed value, or reports why it could not be parsed.
func (l *loader) put(f *field, source string, value any, err error, store func(string, any)) {
	if err != nil {
		l.fail(source, "%s: %v", f.key, err)
		return
	}
	store(f.key, value)
	l.source[f.key] = source
}

// merge stores a value above the defaults and all values merged before.
func (l *loader) merge(key string, value any) {
	parts := strings.Split(key, ".")
	for i := len(parts) - 1; i >= 0; i-- {
		value = map[string]any{parts[i]: value}
	}
	if err := l.v.MergeConfigMap(value.(map[string]any)); err != nil {
		panic(fmt.Sprintf("config: merge %s: %v", key, err)) // a nested map always merges
	}
}

// unknown reports a key that does not exist.
func (l *loader) unknown(source, key string) {
	if isSection(key) {
		l.fail(source, "%s is a section; give one of its keys, such as %s", key, firstKey(key))
		return
	}
	hint := "`hdmnet config show` lists the keys"
	if n := nearest(key, Keys()); n != "" {
		hint = "did you mean " + n + "?"
	}
	l.fail(source, "unknown key %s; %s", key, hint)
}

func firstKey(section string) string {
	for _, k := range Keys() {
		if strings.HasPrefix(k, section+".") {
			return k
		}
	}
	return ""
}

// yaml reads a file's text; store gets each key's value.
func (l *loader) yaml(text []byte, file string, store func(string, any)) {
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var doc, more yaml.Node
	if err := dec.Decode(&doc); err == io.EOF {
		return // an empty file changes nothing
	} else if err != nil {
		l.fail(file, "not valid YAML: %s", strings.TrimPrefix(err.Error(), "yaml: "))
		return
	}
	if err := dec.Decode(&more); err != io.EOF {
		l.fail(file, "holds more than one YAML document, expected one")
		return
	}
	l.section(doc.Content[0], "", file, store)
}

// section walks the mapping of one section.
func (l *loader) section(node *yaml.Node, prefix, file string, store func(string, any)) {
	node = resolve(node)
	at := fmt.Sprintf("%s:%d", file, node.Line)
	if node.Kind == yaml.ScalarNode && node.Tag == "!!null" {
		return // a section without keys
	}
	if node.Kind != yaml.MappingNode {
		if prefix == "" {
			l.fail(at, "expected keys and values, such as device: auto")
			return
		}
		l.unknown(at, strings.TrimSuffix(prefix, "."))
		return
	}
	lines := map[string]int{}
	for i := 0; i < len(node.Content); i += 2 {
		name, value := node.Content[i], resolve(node.Content[i+1])
		key := prefix + name.Value
		at := fmt.Sprintf("%s:%d", file, name.Line)
		if first, twice := lines[key]; twice {
			l.fail(at, "%s is given twice, first in line %d; remove one", key, first)
			continue
		}
		lines[key] = name.Line
		f, known := fieldOf[key]
		switch {
		case isSection(key):
			l.section(value, key+".", file, store)
		case !known:
			l.unknown(at, key)
		default:
			v, err := f.parseNode(value)
			l.put(f, at, v, err, store)
		}
	}
}

// env reads the HDMNET_* variables. Those that do not start with a section's name
// belong to other parts of the program.
func (l *loader) env(pairs []string) {
	keyOf := map[string]string{}
	var names []string
	for _, k := range Keys() {
		keyOf[EnvName(k)] = k
		names = append(names, EnvName(k))
	}
	for _, pair := range slices.Sorted(slices.Values(pairs)) {
		name, text, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, envPrefix) || text == "" {
			continue
		}
		key, known := keyOf[name]
		if known {
			f := fieldOf[key]
			v, err := f.parseText(text)
			l.put(f, "environment variable "+name, v, err, l.merge)
			continue
		}
		section, _, _ := strings.Cut(strings.TrimPrefix(name, envPrefix), "_")
		if isSection(strings.ToLower(section)) {
			hint := "`hdmnet config show` lists the keys"
			if n := nearest(name, names); n != "" {
				hint = "did you mean " + n + "?"
			}
			l.fail("environment variable "+name, "sets no known key; %s", hint)
		}
	}
}

// set reads --set pairs and flags, which stand above everything else.
func (l *loader) set(pairs []string, overrides map[string]any) {
	given := map[string]bool{}
	for _, pair := range pairs {
		key, text, ok := strings.Cut(pair, "=")
		key = strings.TrimSpace(key)
		source := "--set " + pair
		f, known := fieldOf[key]
		switch {
		case !ok:
			l.fail(source, "expected key=value, such as --set train.meta.lr=1e-4")
		case !known:
			l.unknown(source, key)
		default:
			given[key] = true
			v, err := f.parseText(text)
			l.put(f, source, v, err, l.v.Set)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(overrides)) {
		const source = "command-line flag"
		f, known := fieldOf[key]
		switch {
		case !known:
			l.unknown(source, key)
		case given[key]:
			l.fail(source, "%s is given by a flag and by --set; leave one out", key)
		default:
			v, err := f.parseAny(overrides[key])
			l.put(f, source, v, err, l.v.Set)
		}
	}
}

// parseAny turns a Go value into the field's type by way of YAML.
func (f *field) parseAny(value any) (any, error) {
	if text, ok := value.(string); ok {
		return f.parseText(text)
	}
	var node yaml.Node
	if err := node.Encode(value); err != nil {
		return nil, fmt.Errorf("expected %s", f.expected())
	}
	return f.parseNode(&node)
}
