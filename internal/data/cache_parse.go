package data

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"hdmnet/internal/infile"
	"hdmnet/internal/labelmap"
	"hdmnet/internal/textfile"
)

// parseClassList reads a ClassList as the release writes it, the text of a Python dict:
//
//	{1: [('a.jpg', 'a.png'), ('b.jpg', 'b.png')], 2: []}
//
// Nothing is evaluated: besides this shape (with any white space, lists for tuples, commas
// at the end, and Python's escapes in strings) everything is an error, which names the file
// and the place in it. name stands for the file in messages.
func parseClassList(r io.Reader, name string) (ClassList, error) {
	content, err := textfile.ReadAll(r, name)
	if err != nil {
		return nil, err
	}
	name = infile.Shown(name)
	p := &literal{in: bufio.NewReader(bytes.NewReader(content))}
	classes, err := p.dict()
	if err != nil {
		return nil, fmt.Errorf("%s: byte %d: %w; is it a sub_class_file_list of the release?", name, p.at, err)
	}
	return classes, nil
}

// maxLiteral is the length of the longest string, a path, that is read.
const maxLiteral = 4096

// literal reads Python literals.
type literal struct {
	in *bufio.Reader
	at int // bytes read
}

var errLiteralEnd = errors.New("the file ends early")

// peek is the next byte after white space.
func (p *literal) peek() (byte, error) {
	for {
		c, err := p.byte()
		if err != nil {
			return 0, err
		}
		if c != ' ' && c != '\n' && c != '\r' && c != '\t' {
			p.back()
			return c, nil
		}
	}
}

func (p *literal) byte() (byte, error) {
	c, err := p.in.ReadByte()
	if errors.Is(err, io.EOF) {
		return 0, errLiteralEnd
	}
	if err == nil {
		p.at++
	}
	return c, err
}

// back takes the last byte back; one was just read, so it cannot fail.
func (p *literal) back() {
	_ = p.in.UnreadByte()
	p.at--
}

// expect takes one of the bytes and says which.
func (p *literal) expect(bytes string) (byte, error) {
	c, err := p.peek()
	if err != nil {
		return 0, fmt.Errorf("%w, expected one of %s", err, bytes)
	}
	_, _ = p.byte()
	if strings.IndexByte(bytes, c) < 0 {
		return 0, fmt.Errorf("%q, expected one of %s", c, bytes)
	}
	return c, nil
}

// items calls one for every item up to the closing bracket.
func (p *literal) items(closing byte, one func() error) error {
	for {
		c, err := p.peek()
		if err != nil {
			return fmt.Errorf("%w, expected %c", err, closing)
		}
		if c == closing {
			_, _ = p.byte()
			return nil
		}
		if err := one(); err != nil {
			return err
		}
		if c, err = p.expect("," + string(closing)); err != nil {
			return err
		}
		if c == closing {
			return nil
		}
	}
}

func (p *literal) dict() (ClassList, error) {
	if _, err := p.expect("{"); err != nil {
		return nil, err
	}
	classes := ClassList{}
	err := p.items('}', func() error {
		class, err := p.class()
		if err != nil {
			return err
		}
		if _, ok := classes[class]; ok {
			return fmt.Errorf("class %d stands there twice", class)
		}
		classes[class], err = p.pairs()
		return err
	})
	if err != nil {
		return nil, err
	}
	if c, err := p.peek(); err == nil {
		return nil, fmt.Errorf("%q after the end of the dict", c)
	} else if !errors.Is(err, errLiteralEnd) {
		return nil, err
	}
	return classes, nil
}

// class reads a key with its colon.
func (p *literal) class() (int, error) {
	if _, err := p.peek(); err != nil {
		return 0, err
	}
	var digits []byte
	for len(digits) < 4 {
		c, err := p.byte()
		if err != nil {
			return 0, err
		}
		if c < '0' || c > '9' {
			p.back()
			break
		}
		digits = append(digits, c)
	}
	class, err := strconv.Atoi(string(digits))
	if err != nil || class < 1 || class >= labelmap.Ignore {
		return 0, fmt.Errorf("class %q, expected a number 1..%d", digits, labelmap.MaxClasses)
	}
	_, err = p.expect(":")
	return class, err
}

func (p *literal) pairs() ([]ListEntry, error) {
	if _, err := p.expect("["); err != nil {
		return nil, err
	}
	pairs := []ListEntry{}
	err := p.items(']', func() error {
		opening, err := p.expect("([")
		if err != nil {
			return err
		}
		closing := byte(')')
		if opening == '[' {
			closing = ']'
		}
		var paths []string
		err = p.items(closing, func() error {
			path, err := p.text()
			if len(paths) == 2 {
				return errors.New("more than an image and its mask")
			}
			paths = append(paths, path)
			return err
		})
		if err != nil {
			return err
		}
		if len(paths) != 2 {
			return fmt.Errorf("%d paths, expected an image and its mask", len(paths))
		}
		pairs = append(pairs, ListEntry{Image: cleanName(paths[0]), Mask: cleanName(paths[1])})
		return nil
	})
	return pairs, err
}

// text reads a string.
func (p *literal) text() (string, error) {
	quote, err := p.expect(`'"`)
	if err != nil {
		return "", err
	}
	var text []byte
	for len(text) < maxLiteral {
		c, err := p.byte()
		switch {
		case err != nil:
			return "", err
		case c == quote:
			return string(text), nil
		case c == '\n':
			return "", errors.New("a string without its end quote")
		case c == '\\':
			if text, err = p.escape(text); err != nil {
				return "", err
			}
		default:
			text = append(text, c)
		}
	}
	return "", fmt.Errorf("a path of more than %d bytes", maxLiteral)
}

// escape appends what stands behind a backslash.
func (p *literal) escape(text []byte) ([]byte, error) {
	c, err := p.byte()
	if err != nil {
		return nil, err
	}
	switch c {
	case '\\', '\'', '"':
		return append(text, c), nil
	case 't':
		return append(text, '\t'), nil
	case 'n':
		return append(text, '\n'), nil
	case 'r':
		return append(text, '\r'), nil
	case 'x':
		return p.code(text, 2)
	case 'u':
		return p.code(text, 4)
	case 'U':
		return p.code(text, 8)
	}
	return nil, fmt.Errorf(`the escape \%c, which Python does not write`, c)
}

// code appends the character of a hexadecimal number.
func (p *literal) code(text []byte, digits int) ([]byte, error) {
	hex := make([]byte, digits)
	for i := range hex {
		c, err := p.byte()
		if err != nil {
			return nil, err
		}
		hex[i] = c
	}
	n, err := strconv.ParseUint(string(hex), 16, 32)
	if err != nil || !utf8.ValidRune(rune(n)) {
		return nil, fmt.Errorf("%q is no character's code", hex)
	}
	return utf8.AppendRune(text, rune(n)), nil
}
