package ui

import (
	"io"
	"strconv"
	"strings"
	"unicode"

	"hdmnet/internal/textfile"
)

// visible shows control characters, and those that turn the direction of text, which a
// terminal would obey, as Go writes them
// ("\\x1b"); line ends and tabs stay.
func visible(text string) string {
	if !strings.ContainsFunc(text, obeyed) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if obeyed(r) {
			q := strconv.QuoteRune(r)
			b.WriteString(q[1 : len(q)-1])
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

func obeyed(r rune) bool {
	return unicode.IsControl(r) && r != '\n' && r != '\t' || textfile.Reorders(r)
}

// visibleWriter shows control characters of what is written.
type visibleWriter struct{ to io.Writer }

// VisibleWriter is a writer to which results go: whatever names of files and tensors hold,
// a terminal shows it.
func VisibleWriter(to io.Writer) io.Writer { return visibleWriter{to} }

func (w visibleWriter) Write(p []byte) (int, error) {
	if _, err := io.WriteString(w.to, visible(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}
