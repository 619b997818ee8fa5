package config

import (
	"fmt"
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
			v, err := f.parseScalar(resolve(n), f.typ.Elem().Kind())
			if err != nil {
				return nil, err
			}
			list = reflect.Append(list, reflect.ValueOf(v))
		}
		return list.Interface(), nil
	}
	return f.parseScalar(node, f.typ.Kind())
}

// parseScalar is parseNode for a value, or one of a list.
func (f *field) parseScalar(node *yaml.Node, kind reflect.Kind) (any, error) {
	tag := node.ShortTag()
	if node.Kind != yaml.ScalarNode || tag == "!!null" {
		return nil, fmt.Errorf("expected %s", f.expected())
	}
	var v any
	reason, ok := "", false
	switch kind {
	case reflect.String:
		if tag == "!!str" {
			return node.Value, nil
		}
		reason = "write it in quotes"
	case reflect.Bool:
		ok = tag == "!!bool" && node.Decode(&v) == nil
	case reflect.Int, reflect.Float64:
		if node.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
			reason = "write it without quotes"
		} else if kind == reflect.Int {
			v, reason, ok = parseInt(node.Value)
		} else {
			v, reason, ok = parseFloat(node.Value)
		}
	}
	switch {
	case ok:
		return v, nil
	case reason != "":
		return nil, fmt.Errorf("expected %s: %s", f.expected(), reason)
	}
	return nil, fmt.Errorf("expected %s", f.expected())
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
