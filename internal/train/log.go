package train

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
)

// logger writes lines to the run's log and to the person who watches.
type logger struct {
	file     *os.File // nil: no log
	out      io.Writer
	terminal bool
	bar      *progressbar.ProgressBar // on the terminal now; nil: there is none
}

func openLog(path string, out io.Writer, terminal bool) (*logger, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o666)
	if err != nil {
		return nil, fmt.Errorf("open the log: %w; make the run directory writable", err)
	}
	if out == nil {
		out = io.Discard
	}
	return &logger{file: f, out: out, terminal: terminal}, nil
}

// printf writes one line, with the time in the file. A log that cannot be written does
// not stop the training: what it would lose is more than the line.
func (l *logger) printf(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	l.clear()
	_, _ = fmt.Fprintln(l.out, line)
	l.write(line)
}

// write writes one line to the file alone.
func (l *logger) write(line string) {
	if l.file != nil {
		_, _ = fmt.Fprintf(l.file, "%s %s\n", time.Now().UTC().Format(time.RFC3339), line)
	}
}

// clear takes the progress bar away. It comes back with the next progress.
func (l *logger) clear() {
	if l.bar != nil {
		_ = l.bar.Clear()
	}
}

// close clears the terminal and closes the log.
func (l *logger) close() {
	l.clear()
	if l.file != nil {
		_ = l.file.Close()
	}
}
