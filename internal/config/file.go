package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"hdmnet/configs"
	"hdmnet/internal/infile"
)

// extendsKey names, in a file, the configuration that its values go over.
const extendsKey = "extends"

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

// Source is the text of an embedded configuration: what is not the default, with comments.
func Source(name string) ([]byte, error) {
	text, err := configs.FS.ReadFile(name + ".yaml")
	if err != nil {
		return nil, fmt.Errorf("no embedded configuration %q; there are: %s", name, strings.Join(Names(), ", "))
	}
	return text, nil
}

// maxFile bounds the size of a file of settings, in bytes.
const maxFile = 4 << 20

// read finds a configuration by name or path.
func read(name string) ([]byte, error) {
	if text, err := Source(name); err == nil {
		return text, nil
	}
	text, err := infile.ReadFile(name, maxFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		hint := ""
		if n := nearest(filepath.Base(name), Names()); n != "" {
			hint = fmt.Sprintf("did you mean %s? ", n)
		}
		return nil, fmt.Errorf("configuration %q is neither embedded nor a file; %sembedded are: %s",
			name, hint, strings.Join(Names(), ", "))
	case err != nil:
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	return text, nil
}

// file reads a configuration over what it extends. by are the files that extend it, the
// first one asked for; the error is that of one that cannot be read.
func (l *loader) file(name string, by []string) error {
	text, err := read(name)
	if err != nil {
		return err
	}
	root := l.parse(text, name)
	if root == nil {
		return nil
	}
	by = append(by, name)
	if base, line := extends(root); base != nil {
		at := fmt.Sprintf("%s:%d: %s", name, line, extendsKey)
		if base.Kind != yaml.ScalarNode || base.ShortTag() != "!!str" || base.Value == "" {
			l.fail(at, "expected the name of an embedded configuration or a YAML file")
			return nil
		}
		parent := base.Value
		if !slices.Contains(Names(), parent) && !filepath.IsAbs(parent) {
			parent = filepath.Join(filepath.Dir(name), parent)
		}
		if slices.Contains(by, parent) {
			l.fail(at, "%s extends itself: %s", parent, strings.Join(append(by, parent), " extends "))
			return nil
		}
		if err := l.file(parent, by); err != nil {
			return fmt.Errorf("%s: %w", at, err)
		}
	}
	l.section(root, "", name, map[string]given{})
	return nil
}

// extends is the value of the key extends and its line; nil without it.
func extends(root *yaml.Node) (value *yaml.Node, line int) {
	for i := 0; root.Kind == yaml.MappingNode && i < len(root.Content); i += 2 {
		if root.Content[i].Value == extendsKey {
			return resolve(root.Content[i+1]), root.Content[i].Line
		}
	}
	return nil, 0
}

// parse is the root of a file's YAML; nil for an empty file, or for one that is none.
func (l *loader) parse(text []byte, file string) *yaml.Node {
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var doc, more yaml.Node
	if err := dec.Decode(&doc); err == io.EOF {
		return nil
	} else if err != nil {
		l.fail(file, "not valid YAML: %s", strings.TrimPrefix(err.Error(), "yaml: "))
		return nil
	}
	if err := dec.Decode(&more); err != io.EOF {
		l.fail(file, "holds more than one YAML document, expected one")
		return nil
	}
	return resolve(doc.Content[0])
}

// given is how and where a file gives a key.
type given struct {
	name string // perhaps an old one
	line int
}

// section walks the mapping of one section. seen are the keys before it, by present name.
func (l *loader) section(node *yaml.Node, prefix, file string, seen map[string]given) {
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
	for i := 0; i < len(node.Content); i += 2 {
		name, value := node.Content[i], resolve(node.Content[i+1])
		key := prefix + name.Value
		at := fmt.Sprintf("%s:%d", file, name.Line)
		f, known := l.find(file, name.Line, key)
		now := CurrentKey(key)
		first, twice := seen[now]
		seen[now] = given{key, name.Line}
		switch {
		case twice && first.name != key:
			l.fail(at, "%s and, in line %d, %s are names of one key, an old one and the new one; remove one", key, first.line, first.name)
		case twice:
			l.fail(at, "%s is given twice, first in line %d; remove one", key, first.line)
		case key == extendsKey:
		case isSection(key):
			l.section(value, key+".", file, seen)
		case !known:
			l.unknown(at, key)
		default:
			v, err := f.parseNode(value)
			l.put(f, at, v, err, l.merge)
		}
	}
}
