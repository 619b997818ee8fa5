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

// Note writes one line about what happens.
func (s Streams) Note(format string, args ...any) {
	fmt.Fprintf(s.Err, format+"\n", args...)
}

// Warn writes one warning.
func (s Streams) Warn(format string, args ...any) {
	s.Note("hdmnet: warning: "+format, args...)
}
