package config

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/spf13/viper"
)

// Default is the embedded configuration used when none is named.
const Default = "shapes5i"

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
	// Warn, where it is set, gets what should be changed though it is still understood:
	// keys with a name of an earlier version.
	Warn func(text string)
}

// Load reads and checks a configuration. Errors about its content are an *Error that
// lists everything wrong, each line with the key, where it was given (file and line,
// variable, or flag) and what is expected.
func Load(opt Options) (*Config, error) {
	name := opt.Config
	if name == "" {
		name = Default
	}
	l := &loader{v: viper.New(), source: map[string]string{}}
	for i := range fields {
		l.v.SetDefault(fields[i].key, fields[i].init)
	}
	if err := l.file(name, nil); err != nil {
		return nil, err
	}
	l.env(opt.Env)
	l.set(opt.Set, opt.Overrides)
	if opt.Warn != nil {
		l.warn(opt.Warn)
	}
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

// loader collects values in a viper, and where each came from.
type loader struct {
	v        *viper.Viper
	source   map[string]string // key → file:line, variable or flag
	problems []string
	renames  []rename
}

// rename is a key that was given by its name of an earlier version.
type rename struct {
	where    string // file, variable or flag
	line     int    // of the file; 0: it is none
	old, now string
}

// warn tells of the renamed keys, those of a file in one line.
func (l *loader) warn(say func(string)) {
	for len(l.renames) > 0 {
		where := l.renames[0].where
		var list []string
		rest := l.renames[:0]
		for _, r := range l.renames {
			switch {
			case r.where != where:
				rest = append(rest, r)
			case r.line > 0:
				list = append(list, fmt.Sprintf("%s (line %d) is now %s", r.old, r.line, r.now))
			default:
				list = append(list, r.old+" is now "+r.now)
			}
		}
		l.renames = rest
		say(fmt.Sprintf("%s: %s; the old names are still read", where, strings.Join(list, ", ")))
	}
}

// find looks a key up by its present or an earlier name. where is the file, variable or
// flag that gives it, line the line of the file or 0.
func (l *loader) find(where string, line int, key string) (*field, bool) {
	now := CurrentKey(key)
	if now != key {
		l.renames = append(l.renames, rename{where, line, key, now})
	}
	f, known := fieldOf[now]
	return f, known
}

// once fails for a key that is given at source by both its names. seen holds the name by
// which each key was given before.
func (l *loader) once(seen map[string]string, source string, f *field, name string) bool {
	if first, twice := seen[f.key]; twice && first != name {
		l.fail(source, "%s and %s are the old and the new name of one key; remove one", first, name)
		return false
	}
	seen[f.key] = name
	return true
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
	if n := nearest(key, allKeys()); n != "" {
		hint = "did you mean " + n + "?"
	}
	l.fail(source, "unknown key %s; %s", key, hint)
}

func firstKey(section string) string {
	for _, k := range allKeys() {
		if strings.HasPrefix(k, section+".") {
			return k
		}
	}
	return ""
}

// env reads the HDMNET_* variables. Those that do not start with a section's name
// belong to other parts of the program.
func (l *loader) env(pairs []string) {
	keyOf := map[string]string{} // by variable; the old names too
	var names []string
	for _, k := range allKeys() {
		keyOf[envName(k)] = k
		names = append(names, envName(k))
	}
	for k := range renamed {
		keyOf[envName(k)] = k
	}
	seen := map[string]string{}
	for _, pair := range slices.Sorted(slices.Values(pairs)) {
		name, text, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, envPrefix) || text == "" {
			continue
		}
		source := "environment variable " + name
		if key, known := keyOf[name]; known {
			if f, _ := l.find(source, 0, key); l.once(seen, source, f, key) {
				v, err := f.parseText(text)
				l.put(f, source, v, err, l.merge)
			}
			continue
		}
		section, _, _ := strings.Cut(strings.TrimPrefix(name, envPrefix), "_")
		if isSection(strings.ToLower(section)) {
			hint := "`hdmnet config show` lists the keys"
			if n := nearest(name, names); n != "" {
				hint = "did you mean " + n + "?"
			}
			l.fail(source, "sets no known key; %s", hint)
		}
	}
}

// set reads --set pairs and flags, which stand above everything else.
func (l *loader) set(pairs []string, overrides map[string]any) {
	given := map[string]string{}
	for _, pair := range pairs {
		key, text, ok := strings.Cut(pair, "=")
		key = strings.TrimSpace(key)
		source := "--set " + pair
		if !ok {
			l.fail(source, "expected key=value, such as --set train.meta.lr=1e-4")
			continue
		}
		f, known := l.find(source, 0, key)
		switch {
		case !known:
			l.unknown(source, key)
		case l.once(given, source, f, key):
			v, err := f.parseText(text)
			l.put(f, source, v, err, l.v.Set)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(overrides)) {
		const source = "command-line flag"
		f, known := l.find(source, 0, key)
		switch {
		case !known:
			l.unknown(source, key)
		case given[f.key] != "":
			l.fail(source, "%s is given by a flag and by --set; leave one out", key)
		default:
			v, err := f.parseAny(overrides[key])
			l.put(f, source, v, err, l.v.Set)
		}
	}
}
