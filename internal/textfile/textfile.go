// Package textfile reads the text that people have: UTF-8 with and without a
// byte-order mark, UTF-16, and the line ends of all systems. Every list, class file
// and annotation goes through it. Text in another encoding is refused with the likely
// encoding in the message: read as if it were UTF-8, two names could become one.
package textfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/unicode"

	"hdmnet/internal/infile"
)

// Limit is the size of the largest text that is read as a whole, in bytes: a list of
// ten million pictures.
const Limit = 1 << 30

// Read is the text of a regular file of at most limit bytes as UTF-8, without a
// byte-order mark. Errors: those of infile.ReadFile and decode.
func Read(path string, limit int64) ([]byte, error) {
	content, err := infile.ReadFile(path, limit)
	if err != nil {
		return nil, err
	}
	return decode(content, path)
}

// ReadAll is Read for the rest of a reader; name stands for it in messages.
func ReadAll(r io.Reader, name string) ([]byte, error) {
	content, err := io.ReadAll(io.LimitReader(r, Limit+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", infile.Shown(name), err)
	}
	if len(content) > Limit {
		return nil, fmt.Errorf("%s: more than %d bytes; is it the right file?", infile.Shown(name), Limit)
	}
	return decode(content, name)
}

// decode is content as UTF-8, without a byte-order mark; the memory may be content's.
// UTF-16 is known by its mark, or by every other byte of its beginning being zero. Text
// in any other encoding is an error, which names the file, the line, the likely encoding
// and how to convert it.
func decode(content []byte, name string) ([]byte, error) {
	if text, ok := bytes.CutPrefix(content, []byte(mark)); ok {
		content = text
	} else if order, ok := utf16Order(content); ok {
		return decodeUTF16(content, name, order)
	}
	if at := invalid(content); at >= 0 {
		return nil, encodingError(content, at, 1+lines(content[:at]), name)
	}
	return content, nil
}

// mark is the byte-order mark in UTF-8.
const mark = "\xef\xbb\xbf"

// IsUTF16 tells by the beginning of a text whether the readers here would take it for UTF-16.
func IsUTF16(begin []byte) bool {
	_, ok := utf16Order(begin)
	return ok
}

// utf16Order tells whether content is UTF-16, and which of its bytes come first.
func utf16Order(content []byte) (order unicode.Endianness, ok bool) {
	switch {
	case bytes.HasPrefix(content, []byte("\xff\xfe\x00\x00")): // UTF-32
		return false, false
	case bytes.HasPrefix(content, []byte("\xff\xfe")):
		return unicode.LittleEndian, true
	case bytes.HasPrefix(content, []byte("\xfe\xff")):
		return unicode.BigEndian, true
	}
	// Without a mark: in text of mostly Latin letters every other byte is zero, and the
	// ones between are not.
	begin := content[:min(len(content), 4096)&^1]
	var zeros [2]int
	for i, c := range begin {
		if c == 0 {
			zeros[i&1]++
		}
	}
	half := len(begin) / 4
	switch {
	case zeros[1] > half && zeros[0] == 0:
		return unicode.LittleEndian, true
	case zeros[0] > half && zeros[1] == 0:
		return unicode.BigEndian, true
	}
	return false, false
}

func decodeUTF16(content []byte, name string, order unicode.Endianness) ([]byte, error) {
	fail := func(what string) ([]byte, error) {
		return nil, fmt.Errorf("%s: UTF-16 text %s: it is damaged or cut short; save it as UTF-8 anew", infile.Shown(name), what)
	}
	if len(content)%2 != 0 {
		return fail("of an odd number of bytes")
	}
	text, err := unicode.UTF16(order, unicode.UseBOM).NewDecoder().Bytes(content)
	if err != nil {
		return fail("that cannot be read")
	}
	text = bytes.TrimPrefix(text, []byte(mark))
	if bytes.ContainsRune(text, utf8.RuneError) {
		return fail("with half a character in it")
	}
	return text, nil
}

// invalid is the place of the first byte that is no UTF-8, or -1.
func invalid(text []byte) int {
	if utf8.Valid(text) {
		return -1
	}
	for at := 0; at < len(text); {
		r, n := utf8.DecodeRune(text[at:])
		if r == utf8.RuneError && n == 1 {
			return at
		}
		at += n
	}
	return -1
}

func lines(text []byte) int {
	n := bytes.Count(text, []byte("\n"))
	if n == 0 {
		n = bytes.Count(text, []byte("\r"))
	}
	return n
}

// EncodingError is about text that is neither UTF-8 nor UTF-16. Its message begins with the
// file and the line.
type EncodingError struct{ message string }

func (e *EncodingError) Error() string { return e.message }

// encodingError is about text whose byte at a place, on a line, is no UTF-8.
func encodingError(text []byte, at, line int, name string) error {
	name = infile.Shown(name)
	begin := fmt.Sprintf("%s:%d: byte 0x%02X is no ", name, line, text[at])
	likely := guess(text)
	if likely == "" {
		return &EncodingError{begin + "text in UTF-8 or UTF-16, nor in another known encoding: is the file damaged, or no text at all?"}
	}
	return &EncodingError{begin + fmt.Sprintf("UTF-8; the text is likely %s: save it as UTF-8, or convert it with `iconv -f %s -t UTF-8 %s`", likely, likely, name)}
}

// Lines cuts text into its lines, which end in LF, CR LF or CR, whatever system wrote it.
// An end at the end of the text begins no further line.
func Lines(text string) []string {
	if strings.Contains(text, "\r") {
		text = strings.ReplaceAll(text, "\r\n", "\n")
		text = strings.ReplaceAll(text, "\r", "\n")
	}
	text = strings.TrimSuffix(text, "\n")
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

// errLost is about a name with the replacement character.
var errLost = errors.New("it holds U+FFFD, which stands for characters that an earlier conversion lost: two names may have become one; export it anew as UTF-8")

// Reorders says whether r turns the direction of the text after it (U+202E and its kin), so
// that a screen shows letters in another order than they are in.
func Reorders(r rune) bool {
	return r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069'
}

// CheckName refuses what cannot be told from other names on a screen or in a list:
// control characters, those that turn the direction of text, and what an earlier conversion left in place of characters.
func CheckName(name string) error {
	for _, r := range name {
		switch {
		case r == utf8.RuneError:
			return errLost
		case r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == '\u2028' || r == '\u2029' || r == '\ufeff' || Reorders(r):
			return fmt.Errorf("it holds the control character %U", r)
		}
	}
	return nil
}
