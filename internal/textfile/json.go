package textfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"unicode/utf8"
)

// Python writes numbers that are none as NaN, Infinity and -Infinity, which JSON has not.
// They become empty strings of the same length: whoever wants a number there says so, and
// all places in the file stay what they are.
var literals = [][]byte{[]byte("NaN"), []byte("-Infinity"), []byte("Infinity")}

// JSON replaces, in place, what Python's json writes and JSON lacks.
func JSON(text []byte) []byte {
	f := filter{}
	f.pass(text, true)
	return text
}

// filter looks for literals outside of strings.
type filter struct {
	inside, escaped bool // of a string; behind a backslash
}

// pass replaces literals in text. Unless it is the last part, some bytes at the end may be
// left: done is the number of bytes that were looked at.
func (f *filter) pass(text []byte, last bool) (done int) {
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case f.escaped:
			f.escaped = false
		case f.inside:
			switch c {
			case '\\':
				f.escaped = true
			case '"':
				f.inside = false
			}
		case c == '"':
			f.inside = true
		case c == 'N' || c == 'I' || c == '-':
			for _, l := range literals {
				rest := text[i:]
				if bytes.HasPrefix(rest, l) {
					blank(rest[:len(l)])
					i += len(l) - 1
					break
				}
				if !last && bytes.HasPrefix(l, rest) {
					return i
				}
			}
		}
	}
	return len(text)
}

func blank(text []byte) {
	for i := range text {
		text[i] = ' '
	}
	text[0], text[1] = '"', '"'
}

// jsonReader passes on a long JSON text in UTF-8, with the replacements of JSON. It ends
// with the error of decode where the text is no UTF-8. Bytes keep their places.
type jsonReader struct {
	source io.Reader
	name   string
	buffer []byte // bytes [ready:] are not looked at yet
	out    []byte // of buffer, to be passed on
	ready  int
	filter filter
	line   int
	err    error // of the source
}

// NewJSONReader reads source, which begins after a byte-order mark; name stands for it in
// messages.
func NewJSONReader(source io.Reader, name string) *jsonReader {
	return &jsonReader{source: source, name: name, buffer: make([]byte, 0, 1<<16), line: 1}
}

// Read passes on as much as there is.
func (r *jsonReader) Read(p []byte) (int, error) {
	for len(r.out) == 0 {
		if r.err != nil {
			return 0, r.err
		}
		if err := r.fill(); err != nil {
			r.err = err
			return 0, err
		}
	}
	n := copy(p, r.out)
	r.out = r.out[n:]
	return n, nil
}

// fill reads and looks at the next bytes.
func (r *jsonReader) fill() error {
	kept := copy(r.buffer[:cap(r.buffer)], r.buffer[r.ready:])
	n, err := r.source.Read(r.buffer[kept:cap(r.buffer)])
	r.buffer = r.buffer[:kept+n]
	r.err = err
	last := err != nil
	whole := len(r.buffer)
	for i := whole - 1; !last && i >= max(0, whole-utf8.UTFMax); i-- {
		if utf8.RuneStart(r.buffer[i]) {
			if !utf8.FullRune(r.buffer[i:]) {
				whole = i // the rest of the character is still to come
			}
			break
		}
	}
	text := r.buffer[:whole]
	if at := invalid(text); at >= 0 {
		return encodingError(text, at, r.line+lines(text[:at]), r.name)
	}
	r.ready = r.filter.pass(text, last)
	r.out = r.buffer[:r.ready]
	r.line += bytes.Count(r.out, []byte("\n"))
	return nil
}

// JSONError is an error of package json in plain words: what stands in which field, and
// what was expected there.
func JSONError(err error) error {
	var kind *json.UnmarshalTypeError
	if !errors.As(err, &kind) {
		return err
	}
	if kind.Field == "" {
		return fmt.Errorf("it is %s, expected %s", article(kind.Value), expected(kind.Type))
	}
	return fmt.Errorf("%q is %s, expected %s", kind.Field, article(kind.Value), expected(kind.Type))
}

// article names what package json found.
func article(value string) string {
	switch value {
	case "string":
		return "text"
	case "array":
		return "a list"
	case "object":
		return "an object"
	case "bool":
		return "true or false"
	case "number":
		return "a number"
	}
	return value // "number 1.5"
}

func expected(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer:
		return expected(t.Elem())
	case reflect.String:
		return "text"
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Bool:
		return "true or false"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Struct, reflect.Map:
		return "an object"
	}
	return "a whole number"
}
