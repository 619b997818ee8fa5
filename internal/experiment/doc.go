// Package experiment is the way from a configuration to something that runs:
//
//	config.Config ─ Open ──────→ Dataset    a fold of the data set, its pictures and index
//	              ─ TrainLoader, ValidationLoader, EpisodeLoader, PictureLoader → data.Loader
//	              ─ OpenTrained → Trained   a file of weights with its settings
//	Trained       ─ Settle, Open → Dataset  what it is scored on: a fold, or classes of one's own
//	              ─ Network ────→ Network   HDMNet on a device, with its weights
//
// An encoder's weights and a method that needs no training take a way of their own:
//
//	config.Config ─ OpenEncoder → Trained   a file of weights with the method's settings
//	Trained       ─ SettleUntrained, Open → Dataset
//	              ─ Segmenter ──→ Segmenter the method on a device, with the weights
//
// What trains (package train), scores (eval) and predicts (predict) is built on it. It
// prints nothing: a Monitor is told what a person may want to know, and mistakes in the
// settings are a *SettingError.
package experiment

import (
	"fmt"

	"hdmnet/internal/infile"
)

// Monitor is told what happens on the way. Functions that are nil are not called.
type Monitor struct {
	Note     func(message string)                            // worth a line
	Warn     func(message string)                            // deserves a look but stops nothing
	Progress func(work string, unit string, done, total int) // done of total units of some work
}

func (m Monitor) note(format string, args ...any) {
	if m.Note != nil {
		m.Note(fmt.Sprintf(format, args...))
	}
}

func (m Monitor) warn(format string, args ...any) {
	if m.Warn != nil {
		m.Warn(fmt.Sprintf(format, args...))
	}
}

// fileWarnings passes on the first warnings about files, and then says that there are more.
func (m Monitor) fileWarnings() func(file, message string) {
	const most = 10
	n := 0
	return func(file, message string) {
		switch n++; {
		case n <= most:
			m.warn("%s: %s", infile.Shown(file), message)
		case n == most+1:
			m.warn("there are more such warnings about files; `hdmnet data verify` shows all")
		}
	}
}

// progress is the progress of one work in the form that readers of masks take.
func (m Monitor) progress(work, unit string) func(done, total int) {
	if m.Progress == nil {
		return nil
	}
	return func(done, total int) { m.Progress(work, unit, done, total) }
}

// SettingError is a mistake in the settings: something that they name does not exist, or
// they do not go together.
type SettingError struct{ Err error }

func (e *SettingError) Error() string { return e.Err.Error() }
func (e *SettingError) Unwrap() error { return e.Err }

func settingf(format string, args ...any) error {
	return &SettingError{fmt.Errorf(format, args...)}
}
