package train

import (
	"fmt"
	"slices"
)

// Hook is something that happens at fixed moments of a stage. Hooks run in the order of
// Priority, lowest first; of equal ones in the order given. Nil functions are skipped. An
// error stops the training. Step hooks get the status of their step, in order; what they
// change in it is lost.
type Hook struct {
	Name     string
	Priority int

	Start func(*Status) error // before the first step, also after a resume
	Step  func(*Status) error // after every optimizer step, when its results are known: some steps later where the device runs ahead
	Epoch func(*Status) error // after the last step of every epoch, Step hooks done
	End   func(*Status) error // the stage is complete
}

// Priorities of the hooks that every run has. Validation comes before what reports it,
// and the checkpoint last, so that it holds all of it.
const (
	priorityTrained    = 50
	priorityValidation = 100
	priorityMetrics    = 200
	priorityEvents     = 250
	priorityLog        = 300
	priorityProgress   = 400
	priorityCurves     = 500
	priorityCheckpoint = 900
)

// Status is what hooks see of a stage.
type Status struct {
	State
	Steps, Epochs int // of the complete stage

	// Of the last step.
	Losses  map[string]float64 // "total" and its parts
	Scores  map[string]float64 // 0..1, of its own pictures: "miou_train" in the meta stage
	LR      map[string]float64 // by group
	Images  int                // pictures that went through the network
	Seconds float64
	// GradientNorm is the L2 norm of the gradient of all parameters; 0 where it was not taken.
	GradientNorm float64

	// Validation is that of the epoch just ended; nil where there was none.
	Validation *Validation

	fbIoU *float64 // of the epoch's batches; nil where it was not taken
}

// Validation is the result of one validation.
type Validation struct {
	Scores  map[string]float64 // 0..1; "miou" decides which weights are the best
	Best    bool               // better than all before in this stage
	Seconds float64

	loss  float64 // cross entropy of the final output, where it was taken
	shown []shown
}

// moment is one of the four moments of a stage.
type moment struct {
	name string
	of   func(*Hook) func(*Status) error
}

var (
	atStart = moment{"start", func(h *Hook) func(*Status) error { return h.Start }}
	atStep  = moment{"step", func(h *Hook) func(*Status) error { return h.Step }}
	atEpoch = moment{"epoch", func(h *Hook) func(*Status) error { return h.Epoch }}
	atEnd   = moment{"end", func(h *Hook) func(*Status) error { return h.End }}
)

// hooks are sorted by priority.
type hooks []Hook

func sortHooks(hs []Hook) hooks {
	sorted := slices.Clone(hs)
	slices.SortStableFunc(sorted, func(a, b Hook) int { return a.Priority - b.Priority })
	return sorted
}

func (hs hooks) fire(m moment, s *Status) error {
	for i := range hs {
		if f := m.of(&hs[i]); f != nil {
			if err := f(s); err != nil {
				return fmt.Errorf("%s: %w", hs[i].Name, err)
			}
		}
	}
	return nil
}
