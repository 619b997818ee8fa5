// Package ui is how the commands talk: streams, exit codes, errors, tables, JSON and the
// one progress bar.
package ui

import (
	"fmt"
	"io"
)

// Streams is where a command writes and what surrounds it.
type Streams struct {
	Out      io.Writer // results
	Err      io.Writer // progress, warnings, errors
	Env      []string  // NAME=value
	Terminal bool      // Err is a terminal: progress is a bar, not lines
}

// Note writes one line about what happens. Names in it that come from files are quoted by
// infile.Shown where they are put in; control characters that are left are shown as Go
// writes them.
func (s Streams) Note(format string, args ...any) {
	_, _ = io.WriteString(s.Err, visible(fmt.Sprintf(format, args...))+"\n") // nobody is left to be told of an error
}

// Warn writes one warning.
func (s Streams) Warn(format string, args ...any) {
	s.Note("hdmnet: warning: "+format, args...)
}
