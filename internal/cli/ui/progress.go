package ui

import (
	"fmt"
	"time"

	"github.com/schollz/progressbar/v3"
)

// quiet is how long work may take before it is worth a line, and the time between two.
const quiet = 5 * time.Second

// Progress tells how far some work is: a bar on a terminal, otherwise a line now and then.
type Progress struct {
	io          Streams
	label, unit string
	bar         *progressbar.ProgressBar
	begun, said time.Time
}

// NewProgress starts the progress of work counted in units.
func NewProgress(io Streams, label, unit string) *Progress {
	now := time.Now()
	return &Progress{io: io, label: label, unit: unit, begun: now, said: now}
}

// Update tells that done of total are done; note is a figure to show beside it.
func (p *Progress) Update(done, total int, note string) {
	if note != "" {
		note = ", " + note
	}
	if p.io.Terminal {
		if p.bar == nil {
			p.bar = progressbar.NewOptions(total,
				progressbar.OptionSetWriter(p.io.Err), progressbar.OptionShowCount(),
				progressbar.OptionShowIts(), progressbar.OptionSetItsString(p.unit),
				progressbar.OptionSetPredictTime(true), progressbar.OptionThrottle(100*time.Millisecond),
				progressbar.OptionClearOnFinish(), progressbar.OptionFullWidth())
		}
		p.bar.Describe(p.label + note)
		_ = p.bar.Set(done) // a terminal that cannot be written to is no reason to stop
		return
	}
	now := time.Now()
	if now.Sub(p.said) < quiet {
		return
	}
	p.said = now
	rate := float64(done) / now.Sub(p.begun).Seconds()
	left := time.Duration(float64(total-done) / rate * float64(time.Second)).Round(time.Second)
	_, _ = fmt.Fprintf(p.io.Err, "%s: %d of %d %s%s, %.3g a second, %v left\n", p.label, done, total, p.unit, note, rate, left)
}

// Finish takes the bar away.
func (p *Progress) Finish() {
	if p.bar != nil {
		_ = p.bar.Clear()
	}
}

// Stages is the progress of works that follow each other, each with a bar of its own.
type Stages struct {
	io  Streams
	now *Progress
}

// NewStages starts it; a bar appears with the first work.
func NewStages(io Streams) *Stages { return &Stages{io: io} }

// Update tells that done of total units of a work are done. Another work, or more to do
// than was done before, begins a new bar.
func (s *Stages) Update(work, unit string, done, total int) {
	if s.now == nil || s.now.label != work {
		s.Finish()
		s.now = NewProgress(s.io, work, unit)
	}
	s.now.Update(done, total, "")
}

// Finish takes the last bar away.
func (s *Stages) Finish() {
	if s.now != nil {
		s.now.Finish()
		s.now = nil
	}
}
