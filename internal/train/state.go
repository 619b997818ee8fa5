package train

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"hdmnet/internal/config"
)

// Names of the stages, and of both one after the other.
const (
	Base = "base" // PSPNet on the base classes
	Meta = "meta" // HDMNet on episodes
	All  = "all"
)

// order is the order of the stages.
var order = []string{Base, Meta}

func stageIndex(stage string) int { return slices.Index(order, stage) }

// State is where a run stands, apart from weights and moments. With those it decides
// everything that follows: there is no hidden generator state, since every random number
// is a pure function of (seed, stage, step) or of (seed, epoch, position).
type State struct {
	Stage    string `json:"stage"`
	Finished bool   `json:"finished"` // the stage is complete
	Step     int    `json:"step"`     // optimizer steps done in the stage
	Epoch    int    `json:"epoch"`    // epochs done in the stage, their validation included
	Seed     uint64 `json:"seed"`

	// LoaderEpoch and LoaderStep are the place of the next batch; EpochBatches is the
	// number of batches of an epoch, by which a changed data set is noticed.
	LoaderEpoch  int `json:"loader_epoch"`
	LoaderStep   int `json:"loader_step"`
	EpochBatches int `json:"epoch_batches"`

	// The best validation so far; BestEpoch is 0 before the first.
	BestScore float64 `json:"best_score"`
	BestEpoch int     `json:"best_epoch"`
	BestStep  int     `json:"best_step"`
	// Stopped says why the stage ended before its last epoch; empty otherwise.
	Stopped string `json:"stopped,omitempty"`

	// Settings are the resolved settings that the result depends on: a run can only be
	// continued with the same.
	Settings map[string]string `json:"settings"`
	// Origin is what else it depends on.
	Origin Origin `json:"origin"`
}

// differences lists, by name, the settings that are not the same in a checkpoint and now.
func differences(saved, now map[string]string) []string {
	var keys []string
	for k := range saved {
		keys = append(keys, k)
	}
	for k := range now {
		if _, ok := saved[k]; !ok {
			keys = append(keys, k)
		}
	}
	sort.Strings(keys)
	var out []string
	for _, k := range keys {
		a, inA := saved[k]
		b, inB := now[k]
		switch {
		case !inA:
			out = append(out, fmt.Sprintf("%s is %s now and was not set", k, b))
		case !inB:
			out = append(out, fmt.Sprintf("%s was %s and is not set now", k, a))
		case a != b:
			out = append(out, fmt.Sprintf("%s was %s and is %s now", k, a, b))
		}
	}
	return out
}

// checkSettings fails when the run was started with other settings.
func (s *State) checkSettings(path string, now map[string]string) error {
	saved := make(map[string]string, len(s.Settings))
	for key, value := range s.Settings {
		saved[config.CurrentKey(key)] = value // an earlier version may have saved it
	}
	for key := range now {
		if _, had := saved[key]; had {
			continue
		}
		if value, ok := config.DefaultValue(key); ok {
			saved[key] = value // the version that saved it had no such key
		}
	}
	d := differences(saved, now)
	if len(d) == 0 {
		return nil
	}
	return fmt.Errorf("cannot continue from %s: it was trained with other settings:\n  %s\ncontinue with the run's own config.yaml, or start a new run in another --out",
		path, strings.Join(d, "\n  "))
}

// checkStage fails when only the meta stage is asked for while the base stage, which it
// takes its base learner from, is not complete.
func (s *State) checkStage(c *config.Config) error {
	if c.Train.Stage != Meta || s.Stage != Base || s.Finished || c.Base.Weights != "" {
		return nil
	}
	return fmt.Errorf("cannot start stage %s: this run's stage %s, whose base learner it needs, is only at step %d; complete it first, with --resume --stage %s",
		Meta, Base, s.Step, All)
}
