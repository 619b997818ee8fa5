package train

import (
	"fmt"
	"time"

	"github.com/schollz/progressbar/v3"
)

// The time between two looks of the bar, and between two lines where there is no terminal.
const (
	barEvery  = 100 * time.Millisecond
	lineEvery = 10 * time.Second
)

// meter shows how far some work is: a bar on a terminal, else a line now and then.
type meter struct {
	log   *logger
	bar   *progressbar.ProgressBar // nil: no terminal
	outer *progressbar.ProgressBar // shown again after this one
	total int
	said  time.Time // when it was last shown
}

// newMeter starts the progress of work of which done of total is done already.
func newMeter(l *logger, done, total int) *meter {
	m := &meter{log: l, total: total, said: time.Now()}
	if l.terminal {
		m.said = time.Time{}
		l.clear()
		// Speed and time left are the caller's: those of the bar would count what was
		// done before it started.
		m.bar = progressbar.NewOptions(total,
			progressbar.OptionSetWriter(l.out), progressbar.OptionShowCount(), progressbar.OptionSetElapsedTime(false),
			progressbar.OptionSetPredictTime(false), progressbar.OptionClearOnFinish(), progressbar.OptionFullWidth())
		_ = m.bar.Set(done)
		m.outer, l.bar = l.bar, m.bar
	}
	return m
}

// show tells how much is done: short beside a bar, which must leave it some room, long in
// a line, after what is counted.
func (m *meter) show(done int, short, counted, long string) {
	now := time.Now()
	switch since := now.Sub(m.said); {
	case m.bar != nil && since >= barEvery:
		_ = m.bar.Set(done) // a terminal that cannot be written to is no reason to stop
		m.bar.Describe(short)
	case m.bar == nil && since >= lineEvery:
		_, _ = fmt.Fprintf(m.log.out, "%s %d of %d, %s\n", counted, done, m.total, long)
	default:
		return
	}
	m.said = now
}

// end takes the bar away.
func (m *meter) end() {
	if m.bar != nil {
		m.log.clear()
		m.log.bar = m.outer
	}
}

// speed is a moving average over about the last twenty steps of this process.
type speed struct{ steps, images, seconds float64 }

func (s *speed) add(st *Status) {
	const keep = 0.95
	s.steps = keep*s.steps + 1
	s.images = keep*s.images + float64(st.Images)
	s.seconds = keep*s.seconds + st.Seconds
}

func (s *speed) perSecond() float64 { return s.images / max(s.seconds, 1e-9) }

// remaining is the time for n more where done have taken seconds.
func remaining(n int, done, seconds float64) time.Duration {
	return time.Duration(float64(n) * seconds / done * float64(time.Second)).Round(time.Second)
}

// progress shows loss, speed and time left of the steps.
func (t *trainer) progress() Hook {
	var m *meter
	var recent speed
	return Hook{
		Name: "progress", Priority: priorityProgress,
		Start: func(st *Status) error {
			m = newMeter(t.log, st.Step, st.Steps)
			return nil
		},
		Step: func(st *Status) error {
			recent.add(st)
			left := remaining(st.Steps-st.Step, recent.steps, recent.seconds)
			m.show(st.Step,
				fmt.Sprintf("%s %d/%d, loss %.3f, %.3g images/s, %v left", st.Stage, st.Epoch+1, st.Epochs, st.Losses[total], recent.perSecond(), left),
				st.Stage+": step",
				fmt.Sprintf("%s, %.3g images a second, %v left", formatLosses(st.Losses), recent.perSecond(), left))
			return nil
		},
		End: func(*Status) error {
			m.end()
			return nil
		},
	}
}

// validating shows how far a validation is, as eval.Options.Progress; end takes the bar
// away.
func (t *trainer) validating(stage string, episodes int) (show func(done, all int, miou float64), end func()) {
	m, begun := newMeter(t.log, 0, episodes), time.Now()
	return func(done, all int, miou float64) {
		left := remaining(all-done, float64(done), time.Since(begun).Seconds())
		m.show(done, fmt.Sprintf("%s validation, mIoU %.3f, %v left", stage, miou, left),
			stage+" validation:", fmt.Sprintf("mIoU so far %.3f, %v left", miou, left))
	}, m.end
}
