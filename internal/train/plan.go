package train

import (
	"fmt"
	"time"
)

// stagePlan is the numbers of one stage.
type stagePlan struct {
	Epochs        int
	MaxSteps      int // optimizer steps to stop after; 0: all epochs; fewer than an epoch are not validated
	Accumulate    int // batches of an optimizer step in every process
	ValidateEvery int // epochs; 0: never
	EarlyStop     int // epochs without a better score to stop after; 0: off
	LR            float64
	Power         float64 // of the schedule, see poly
	Optimizer     optimizerPlan
	SaveEvery     time.Duration // between checkpoints within an epoch; every epoch ends with one
}

// length is the extent of a stage in optimizer steps.
type length struct {
	batches int // of an epoch, of all processes together
	perStep int // batches of a step; the last step of an epoch may have fewer
	epoch   int // steps of an epoch
	steps   int // of the stage
	epochs  int // of the stage, the last one perhaps cut short
}

// length is that of a stage with so many batches an epoch, Accumulate of them a step in each
// of some processes.
func (p *stagePlan) length(batches, processes int) (length, error) {
	if p.Epochs < 1 || p.Accumulate < 1 || p.MaxSteps < 0 || p.ValidateEvery < 0 || p.EarlyStop < 0 {
		return length{}, fmt.Errorf("%d epochs and %d batches a step must be at least 1; max_steps %d, validate_every %d and early_stop %d at least 0",
			p.Epochs, p.Accumulate, p.MaxSteps, p.ValidateEvery, p.EarlyStop)
	}
	l := length{batches: batches, perStep: p.Accumulate * processes}
	l.epoch = (l.batches + l.perStep - 1) / l.perStep
	l.steps = l.epoch * p.Epochs
	if p.MaxSteps > 0 {
		l.steps = min(l.steps, p.MaxSteps)
	}
	l.epochs = (l.steps + l.epoch - 1) / l.epoch
	return l, nil
}

// batchesOf is the number of batches of a step (from 1) in all processes together: as many
// as always, or what is left of the epoch.
func (l *length) batchesOf(step int) int {
	return min(l.perStep, l.batches-(step-1)%l.epoch*l.perStep)
}

// epochEnd is the step that an epoch (from 1) ends with.
func (l *length) epochEnd(epoch int) int { return min(epoch*l.epoch, l.steps) }
