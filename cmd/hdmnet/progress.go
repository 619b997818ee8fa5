package main

import (
	"fmt"
	"time"

	"github.com/schollz/progressbar/v3"
)

// quiet is how long work may take before it is worth a line, and the time between two.
const quiet = 5 * time.Second

// progress tells how far some work is: a bar on a terminal, otherwise a line now and then.
type progress struct {
	io          Streams
	label, unit string
	bar         *progressbar.ProgressBar
	begun, said time.Time
}

func newProgress(io Streams, label, unit string) *progress {
	now := time.Now()
	return &progress{io: io, label: label, unit: unit, begun: now, said: now}
}

// update tells that done of total are done; note is a figure to show beside it.
func (p *progress) update(done, total int, note string) {
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
		p.bar.Set(done) // a terminal that cannot be written to is no reason to stop
		return
	}
	now := time.Now()
	if now.Sub(p.said) < quiet {
		return
	}
	p.said = now
	rate := float64(done) / now.Sub(p.begun).Seconds()
	left := time.Duration(float64(total-done) / rate * float64(time.Second)).Round(time.Second)
	fmt.Fprintf(p.io.Err, "%s: %d of %d %s%s, %.3g a second, %v left\n", p.label, done, total, p.unit, note, rate, left)
}

// finish takes the bar away.
func (p *progress) finish() {
	if p.bar != nil {
		p.bar.Clear()
	}
}
