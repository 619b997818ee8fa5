package config

import (
	"fmt"
	"math"
	"reflect"
	"strings"

	"gopkg.in/yaml.v3"
)

// parseText turns the value of an environment variable or of --set into the field's
// type. Text is taken as it stands, everything else is read as YAML; the brackets of
// a list may be left out.
func (f *field) parseText(text string) (any, error) {
	text = strings.TrimSpace(text)
	switch f.typ.Kind() {
	case reflect.String:
		return text, nil
	case reflect.Slice, reflect.Array:
		if !strings.HasPrefix(text, "[") {
			text = "[" + text + "]"
		}
	}
	var node yaml.Node
	if err := yaml.Unmarshal([]byte(text), &node); err != nil || len(node.Content) != 1 {
		return nil, fmt.Errorf("expected %s", f.expected())
	}
	return f.parseNode(node.Content[0])
}

// parseNode turns a YAML value into the field's type, without converting between
// types: 1.5 is no integer, "1" no number, and yes no boolean.
func (f *field) parseNode(node *yaml.Node) (any, error) {
	switch f.typ.Kind() {
	case reflect.Slice, reflect.Array:
		if node.Kind != yaml.SequenceNode || f.typ.Kind() == reflect.Array && len(node.Content) != f.typ.Len() {
			return nil, fmt.Errorf("expected %s", f.expected())
		}
		list := reflect.MakeSlice(reflect.SliceOf(f.typ.Elem()), 0, len(node.Content))
		for _, n := range node.Content {
			v, ok := parseScalar(resolve(n), f.typ.Elem())
			if !ok {
				return nil, fmt.Errorf("expected %s", f.expected())
			}
			list = reflect.Append(list, reflect.ValueOf(v))
		}
		return list.Interface(), nil
	}
	v, ok := parseScalar(node, f.typ)
	if !ok {
		if f.typ.Kind() == reflect.String && node.Kind == yaml.ScalarNode && node.Tag != "!!null" {
			return nil, fmt.Errorf("expected %s: write it in quotes", f.expected())
		}
		return nil, fmt.Errorf("expected %s", f.expected())
	}
	return v, nil
}

func parseScalar(node *yaml.Node, t reflect.Type) (any, bool) {
	if node.Kind != yaml.ScalarNode {
		return nil, false
	}
	var v any
	if node.Decode(&v) != nil {
		return nil, false
	}
	switch x := v.(type) {
	case int:
		if t.Kind() == reflect.Float64 {
			return float64(x), true
		}
	case float64:
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return nil, false
		}
	}
	return v, v != nil && reflect.TypeOf(v) == t
}

// resolve follows a YAML alias.
func resolve(node *yaml.Node) *yaml.Node {
	if node.Kind == yaml.AliasNode {
		return node.Alias
	}
	return node
}

// expected describes the type and the accepted values.
func (f *field) expected() string {
	kind := map[reflect.Kind]string{reflect.Int: "whole number", reflect.Float64: "number"}
	switch f.typ.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		if f.valid != "" {
			return "one of " + strings.ReplaceAll(f.valid, "|", ", ")
		}
		return "text"
	case reflect.Slice:
		return fmt.Sprintf("a list of %ss%s, such as [1, 2]", kind[f.typ.Elem().Kind()], f.rangeText())
	case reflect.Array:
		return fmt.Sprintf("a list of %d %ss%s", f.typ.Len(), kind[f.typ.Elem().Kind()], f.rangeText())
	}
	return "a " + kind[f.typ.Kind()] + f.rangeText()
}
