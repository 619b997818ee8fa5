package matfile

import (
	"fmt"
	"strings"
	"unicode/utf16"
)

// text reads a Char array: characters by columns, in one of several encodings.
func (d *decoder) text(e *elements, a *Array) error {
	kind, data, err := e.next()
	if err != nil {
		return err
	}
	if err := d.take(8 * int64(len(data))); err != nil { // bytes, runes, and rows of text
		return err
	}
	characters, err := e.characters(kind, data)
	if err != nil {
		return err
	}
	n := a.Len()
	if len(data) == 0 && n > 0 { // scipy reads an empty element as blanks
		if err := d.take(8 * int64(n)); err != nil {
			return err
		}
		characters = []rune(strings.Repeat(" ", n))
	}
	if len(characters) != n {
		return fmt.Errorf("%d characters of a %s array; the file is damaged", len(characters), a.size())
	}
	if n == 0 {
		return nil
	}
	// [rows, columns, pages]: a row's characters lie `rows` apart.
	rows, columns := a.Dims[0], a.Dims[1]
	if err := d.take(int64(n/columns) * arrayCost); err != nil {
		return err
	}
	for page := 0; page < n; page += rows * columns {
		for r := range rows {
			var row strings.Builder
			for c := range columns {
				row.WriteRune(characters[page+c*rows+r])
			}
			a.Text = append(a.Text, strings.TrimRight(row.String(), "\x00"))
		}
	}
	return nil
}

// characters decodes the text of an element.
func (e *elements) characters(kind dataType, data []byte) ([]rune, error) {
	switch kind {
	case miINT8, miUINT8, miUTF8:
		return []rune(string(data)), nil // bytes that are no UTF-8 become U+FFFD
	case miUINT16, miUTF16:
		units, err := convert(data, 2, e.order.Uint16)
		return utf16.Decode(units), err
	case miUTF32:
		units, err := convert(data, 4, e.order.Uint32)
		runes := make([]rune, len(units))
		for i, u := range units {
			runes[i] = rune(u)
		}
		return runes, err
	}
	return nil, fmt.Errorf("text of the unknown type %d; the file is damaged", kind)
}
