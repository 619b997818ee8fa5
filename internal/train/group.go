package train

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"hdmnet/internal/dist"
	"hdmnet/internal/nn"
	"hdmnet/internal/op"
)

// The setting that holds the number of processes a run began with.
const processesKey = "processes"

// resize lets a run that N processes began go on in M: in the meta stage each accumulates
// N/M times as many batches a step, in the base stage, whose batch norms are over the
// batches of all processes, each takes batches N/M times as large. Positions and with them
// draws, augmentation and dropout stay those of N processes.
func (t *trainer) resize(was *State, path string) error {
	n, err := strconv.Atoi(was.Settings[processesKey])
	if err != nil {
		n = 1
	}
	m := t.Group.Place().Size
	if m == n {
		return nil
	}
	if n%m != 0 {
		return fmt.Errorf("cannot continue from %s with %d processes: it was begun with %d, and a step must keep its batches; continue with a number that divides %[3]d, or start a new run in another --out",
			path, m, n)
	}
	t.begunBy, t.settings[processesKey] = n, strconv.Itoa(n)
	t.log.printf("the run was begun with %d processes: each of the %d now does the work of %d", n, m, n/m)
	return nil
}

// same is what processes that train together must have in common.
type same struct {
	Settings           map[string]string
	TrainList, ValList string
	Arithmetic         string
}

// checkSame fails when processes have other settings or lists than process 0.
func (t *trainer) checkSame() error {
	mine := same{t.settings, t.origin.TrainList, t.origin.ValList, t.origin.Arithmetic}
	text, err := json.Marshal(&mine)
	if err != nil {
		return err
	}
	all, err := t.Group.Gather(text)
	if err != nil {
		return err
	}
	others := map[string]string{}
	var first same
	for rank, b := range all {
		var s same
		if err := json.Unmarshal(b, &s); err != nil {
			return fmt.Errorf("settings of process %d: %w", rank, err)
		}
		if rank == 0 {
			first = s
			continue
		}
		s.Settings[processesKey] = first.Settings[processesKey] // process 0 may know of a checkpoint
		if d := differences(first.Settings, s.Settings); len(d) > 0 {
			return fmt.Errorf("process %d has other settings than process 0:\n  %s", rank, strings.Join(d, "\n  "))
		}
		if s.TrainList != first.TrainList || s.ValList != first.ValList {
			return fmt.Errorf("process %d reads other lists of pictures than process 0: train.txt and val.txt must hold the same pairs in the same order on all machines", rank)
		}
		if s.Arithmetic != first.Arithmetic {
			others[s.Arithmetic] = fmt.Sprintf("process %d on %s", rank, s.Arithmetic)
		}
	}
	for _, what := range others {
		t.say("warning: the processes compute on different devices, process 0 on %s, %s: the run cannot be repeated to the bit on others", first.Arithmetic, what)
	}
	return nil
}

// shareState gives all processes the state of process 0's checkpoint, nil for none.
func (t *trainer) shareState(from *checkpoint) (*checkpoint, error) {
	var text []byte
	if from != nil {
		text, _ = json.Marshal(&from.state) // it was read from JSON
	}
	text, err := dist.Share(t.Group, text)
	if err != nil || t.first() || len(text) == 0 {
		return from, err
	}
	from = &checkpoint{}
	if err := json.Unmarshal(text, &from.state); err != nil {
		return nil, fmt.Errorf("the state that process 0 goes on from: %w", err)
	}
	if n, err := strconv.Atoi(from.state.Settings[processesKey]); err == nil {
		t.begunBy, t.settings[processesKey] = n, strconv.Itoa(n)
	}
	return from, nil
}

// start brings all processes to the weights, and with resumed to the moments, of process 0.
// After it none reads the files of the run directory any more.
func (s *stage) start(resumed bool) error {
	if s.group.Place().Size == 1 {
		return nil
	}
	send := func(name string, t op.Tensor) error {
		if err := s.group.Broadcast(t, 0); err != nil {
			return fmt.Errorf("send %s to all processes: %w", name, err)
		}
		return nil
	}
	for _, p := range s.task.Set().Params {
		if err := send(p.Name, p.Value); err != nil {
			return err
		}
	}
	if !resumed {
		return nil
	}
	for _, m := range s.optimizer.moments {
		if err := send(m.name, m.t); err != nil {
			return err
		}
	}
	return nil
}

// report is what a process tells of its part of a step.
type report struct {
	Losses, Scores map[string]float64 // its part of the means over the batches of the step
	Images         int
	Pictures       []string // where a loss of its own is no finite number
}

// together puts the reports of all processes into one: sums in the order of ranks, the same
// bits everywhere. who is the first process whose loss is no finite number, −1 if none.
func (s *stage) together(mine *report) (all report, who int, err error) {
	parts, err := dist.Exchange(s.group, *mine)
	if err != nil {
		return report{}, -1, err
	}
	all, who = report{Losses: map[string]float64{}, Scores: map[string]float64{}}, -1
	for rank, r := range parts {
		for _, v := range []struct{ to, from map[string]float64 }{{all.Losses, r.Losses}, {all.Scores, r.Scores}} {
			for name, x := range v.from {
				v.to[name] += x
			}
		}
		all.Images += r.Images
		if len(r.Pictures) > 0 && who < 0 {
			who, all.Pictures = rank, r.Pictures
		}
	}
	return all, who, nil
}

// batchTogether is the processes of a group for the batch norms of the base stage.
func batchTogether(g dist.ProcessGroup) *nn.Together {
	if g.Place().Size == 1 {
		return nil
	}
	return &nn.Together{Processes: g.Place().Size, Rank: g.Place().Rank, Sum: func(t op.Tensor) error { return g.AllReduce(t, dist.Sum) }}
}
