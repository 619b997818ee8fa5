package train

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"hdmnet/internal/dist"
	"hdmnet/internal/op"
)

// pair is two processes of one program: what each puts in, both get out.
type pair struct {
	mu      sync.Mutex
	changed *sync.Cond
	parts   [2][]byte
	all     [2][]byte // parts of the last round
	round   int       // rounds complete
	arrived int
	broken  bool
}

func newPair() *pair {
	p := &pair{}
	p.changed = sync.NewCond(&p.mu)
	return p
}

// meet waits for the other process and gives what both brought.
func (p *pair) meet(rank int, v []byte) ([2][]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	round := p.round
	p.parts[rank] = slices.Clone(v)
	if p.arrived++; p.arrived == 2 {
		p.arrived, p.round, p.all = 0, round+1, p.parts
		p.changed.Broadcast()
	}
	for p.round == round && !p.broken {
		p.changed.Wait()
	}
	if p.round == round {
		return p.all, errors.New("the other process has ended")
	}
	return p.all, nil
}

// leave makes the other process's calls fail.
func (p *pair) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.broken = true
	p.changed.Broadcast()
}

type member struct {
	dist.Solo
	*pair
	rank int
	dev  op.Device
}

func (m *member) Place() dist.Place {
	return dist.Place{Rank: m.rank, Size: 2, LocalRank: m.rank, LocalSize: 2}
}

func (m *member) Gather(mine []byte) ([][]byte, error) {
	all, err := m.meet(m.rank, mine)
	return all[:], err
}

func (m *member) exchange(t op.Tensor, f func(parts [2][]float32) []float32) error {
	v := make([]float32, op.Len(t))
	m.dev.Download(v, t)
	var mine []byte
	for _, x := range v {
		mine = binary.LittleEndian.AppendUint32(mine, math.Float32bits(x))
	}
	all, err := m.meet(m.rank, mine)
	if err != nil {
		return err
	}
	var parts [2][]float32
	for i, b := range all {
		for ; len(b) > 3; b = b[4:] {
			parts[i] = append(parts[i], math.Float32frombits(binary.LittleEndian.Uint32(b)))
		}
	}
	if len(parts[0]) != len(parts[1]) {
		return fmt.Errorf("process 0 brings %d values, process 1 %d: they make different calls", len(parts[0]), len(parts[1]))
	}
	m.dev.Upload(t, f(parts))
	return nil
}

func (m *member) AllReduce(t op.Tensor, r dist.Reduction) error {
	return m.exchange(t, func(parts [2][]float32) []float32 {
		sum := make([]float32, len(parts[0]))
		for i := range sum {
			if sum[i] = parts[0][i] + parts[1][i]; r == dist.Max {
				sum[i] = max(parts[0][i], parts[1][i])
			}
		}
		return sum
	})
}

func (m *member) Broadcast(t op.Tensor, root int) error {
	return m.exchange(t, func(parts [2][]float32) []float32 { return parts[root] })
}

// runPair trains with two processes over one run directory; hooks, which may be nil, gives
// each of them its own. It returns their options and errors.
func runPair(t *testing.T, dir string, ctx [2]context.Context, hooks func(rank int) []Hook, set ...string) (o [2]Options, errs [2]error) {
	t.Helper()
	p := newPair()
	var wg sync.WaitGroup
	o[0] = trial(t, dir, set...)
	o[1] = trial(t, "", set...)
	o[1].Dir.Close()
	o[1].Dir, o[1].Resume = nil, o[0].Resume
	for rank := range o {
		o[rank].Group = &member{pair: p, rank: rank, dev: o[rank].Device}
		if hooks != nil {
			o[rank].Hooks = hooks(rank)
		}
		wg.Add(1)
		go func() {
			defer wg.Done()
			if errs[rank] = Run(ctx[rank], o[rank]); errs[rank] != nil && !errors.Is(errs[rank], ErrInterrupted) {
				p.leave()
			}
		}()
	}
	wg.Wait()
	o[0].Dir.Close()
	return o, errs
}

var always = [2]context.Context{context.Background(), context.Background()}

// losses gives options a hook that keeps the losses of all steps, and the scores.
func losses(o *Options) (steps *[]float64, scores *[]float64) {
	steps, scores = new([]float64), new([]float64)
	o.Hooks = append(o.Hooks, Hook{
		Name: "losses", Priority: priorityCheckpoint - 1,
		Step: func(s *Status) error { *steps = append(*steps, s.Losses[total]); return nil },
		Epoch: func(s *Status) error {
			if s.Validation != nil {
				*scores = append(*scores, s.Validation.Scores["miou"])
			}
			return nil
		},
	})
	return steps, scores
}

// near fails unless two runs have the same losses but for rounding, by which they differ in
// no more than that part.
func near(t *testing.T, got, want []float64, part float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d steps, want %d", len(got), len(want))
	}
	for i := range want {
		if d := math.Abs(got[i] - want[i]); !(d <= part*math.Abs(want[i])) {
			t.Errorf("step %d: loss %v, want %v", i+1, got[i], want[i])
		}
	}
}

// TestGroupSharesBatches: two processes have the losses of one that accumulates the batches
// of both, with augmentation and dropout, also where an epoch ends with a batch for one of
// them alone; stopped and continued by one process, the run stays the same.
func TestGroupSharesBatches(t *testing.T) {
	set := []string{"dataset.synth_train=23", "train.stage=meta", "train.meta.batch=1", "train.meta.epochs=2", "train.meta.validate_episodes=5"}
	o := trial(t, "", append(set, "train.meta.accumulate=2")...)
	if n := len(o.Train.Index.Images); n%2 == 0 {
		t.Fatalf("an epoch of %d episodes does not end with an odd one", n)
	}
	want, scores := losses(&o)
	mustRun(t, o)

	var got, gotScores *[]float64
	dir := filepath.Join(t.TempDir(), "run")
	pairHooks := func(rank int) []Hook {
		h := Options{}
		steps, scores := losses(&h)
		if rank == 0 {
			got, gotScores = steps, scores
		}
		return h.Hooks
	}
	two, errs := runPair(t, dir, always, pairHooks, set...)
	if errs[0] != nil || errs[1] != nil {
		t.Fatal(errs)
	}
	if !slices.Equal(*got, *want) {
		t.Errorf("losses %v, want %v to the last bit", *got, *want)
	}
	if !slices.Equal(*scores, *gotScores) {
		t.Errorf("scores %v, want %v", *gotScores, *scores)
	}
	// Of the pixels of all processes, which few are near enough to the bound to differ.
	trained, wantTrained := readEvents(t, two[0].Dir.TensorBoard())[tagFBIoU], readEvents(t, o.Dir.TensorBoard())[tagFBIoU]
	if len(trained) != 2 || len(wantTrained) != 2 {
		t.Fatalf("%d and %d points of %s, want 2", len(trained), len(wantTrained), tagFBIoU)
	}
	for i, p := range trained {
		if want := wantTrained[i]; p.step != want.step || math.Abs(p.value-want.value) > 1e-4 {
			t.Errorf("%s %v, want %v", tagFBIoU, p, want)
		}
	}
	if out := two[1].Out.(*bytes.Buffer).String(); out != "" {
		t.Errorf("process 1 prints %q", out)
	}

	dir = filepath.Join(t.TempDir(), "parts")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	at := len(*want)/2 + 1 // in the second epoch
	_, errs = runPair(t, dir, [2]context.Context{ctx, ctx}, func(rank int) []Hook {
		return append(pairHooks(rank), Hook{Name: "stop", Step: func(s *Status) error {
			if rank == 1 && s.Step == at {
				cancel()
			}
			return nil
		}})
	}, set...)
	if !errors.Is(errs[0], ErrInterrupted) || !errors.Is(errs[1], ErrInterrupted) {
		t.Fatal(errs)
	}
	before := *got
	one := trial(t, dir, set...)
	after, _ := losses(&one)
	mustRun(t, one)
	if all := append(before, *after...); !slices.Equal(all, *want) {
		t.Errorf("losses %v of the parts, want %v to the last bit", all, *want)
	}
}

// TestGroupBase: two processes with a batch of 2 have the losses of one with a batch of 4, with
// augmentation, dropout and accumulation: batch norm and dropout take the batches as one. A run
// of both that is interrupted ends in one process as it would have in two. The maps are so small that
// batch norms over few values make much of rounding; other draws would change losses by 8e-3.
func TestGroupBase(t *testing.T) {
	long(t)
	set := []string{"dataset.synth_train=26", "train.stage=base", "train.base.accumulate=2", "train.base.lr=3e-4"}
	o := trial(t, "", append(set, "train.base.batch=4")...)
	want, _ := losses(&o)
	mustRun(t, o)
	set = append(set, "train.base.batch=2")

	var got *[]float64
	hooks := func(stop int, cancel context.CancelFunc) func(rank int) []Hook {
		return func(rank int) []Hook {
			h := Options{}
			if steps, _ := losses(&h); rank == 0 {
				got = steps
			}
			return append(h.Hooks, Hook{Name: "stop", Step: func(s *Status) error {
				if s.Step == stop {
					cancel()
				}
				return nil
			}})
		}
	}
	if _, errs := runPair(t, "", always, hooks(0, nil), set...); errs[0] != nil || errs[1] != nil {
		t.Fatal(errs)
	}
	near(t, *got, *want, 2e-4)
	near(t, (*got)[:1], (*want)[:1], 1e-6)

	dir := filepath.Join(t.TempDir(), "parts")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if _, errs := runPair(t, dir, [2]context.Context{ctx, ctx}, hooks(len(*want)/2, cancel), set...); !errors.Is(errs[0], ErrInterrupted) {
		t.Fatal(errs)
	}
	before := *got
	one := trial(t, dir, set...)
	after, _ := losses(&one)
	mustRun(t, one)
	near(t, append(before, *after...), *want, 2e-4)
}

// TestGroupGrows: a run of one process is not continued by two.
func TestGroupGrows(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	o := trial(t, dir, "train.stage=base")
	if !interrupt(t, o, 2) {
		t.Fatal("the run was not interrupted")
	}
	_, errs := runPair(t, dir, always, nil, "train.stage=base")
	for rank, err := range errs {
		if err == nil || !strings.Contains(err.Error(), "with 2 processes: it was begun with 1") {
			t.Errorf("process %d: %v", rank, err)
		}
	}
}

// TestGroupRun: both stages in two processes, with validation and an early stop, which
// process 1 learns of from process 0; interrupted in process 1 alone and resumed, the run
// ends with the same bits; and one process cannot go on from it.
func TestGroupRun(t *testing.T) {
	long(t)
	set := []string{"train.base.batch=2", "train.base.epochs=1",
		// A rate of next to nothing: the second epoch of the meta stage is not better than the first.
		"train.meta.batch=2", "train.meta.epochs=5", "train.meta.early_stop=1", "train.meta.lr=1e-30", "train.meta.validate_episodes=3"}
	type seen struct{ steps, validations, stopped int }
	var saw [2]seen
	count := func(rank int) []Hook {
		return []Hook{{
			Name: "count", Priority: priorityCheckpoint - 1,
			Step: func(*Status) error { saw[rank].steps++; return nil },
			Epoch: func(s *Status) error {
				if s.Validation != nil {
					saw[rank].validations++
				}
				return nil
			},
			End: func(s *Status) error {
				if s.Stopped != "" {
					saw[rank].stopped++
				}
				return nil
			},
		}}
	}
	dir := filepath.Join(t.TempDir(), "whole")
	o, errs := runPair(t, dir, always, count, set...)
	if errs[0] != nil || errs[1] != nil {
		t.Fatal(errs)
	}
	steps := 6 + 2*(len(o[0].Train.Index.Images)/4)
	if want := [2]seen{{steps, 3, 1}, {steps, 3, 1}}; saw != want {
		t.Errorf("steps, validations and stops of the processes %v, want %v", saw, want)
	}

	parts := filepath.Join(t.TempDir(), "parts")
	stop := always
	var cancel context.CancelFunc
	stop[1], cancel = context.WithCancel(context.Background())
	defer cancel()
	at := func(rank int) []Hook {
		return []Hook{{Name: "stop", Step: func(s *Status) error {
			if rank == 1 && s.Step == 3 {
				cancel()
			}
			return nil
		}}}
	}
	if _, errs = runPair(t, parts, stop, at, set...); !errors.Is(errs[0], ErrInterrupted) || !errors.Is(errs[1], ErrInterrupted) {
		t.Fatal(errs)
	}
	o2, errs := runPair(t, parts, always, nil, set...)
	if errs[0] != nil || errs[1] != nil {
		t.Fatal(errs)
	}
	for i, path := range results(o2[0].Dir) {
		if !bytes.Equal(read(t, path), read(t, results(o[0].Dir)[i])) {
			t.Errorf("%s differs from that of the uninterrupted run", filepath.Base(path))
		}
	}
}

// TestGroupDiverges: a loss that is no number in one process is one in all.
func TestGroupDiverges(t *testing.T) {
	_, errs := runPair(t, "", always, nil, "train.stage=base", "train.base.batch=2", "train.base.lr=1e30", "train.base.power=0")
	for rank, err := range errs {
		var diverged *DivergedError
		if !errors.As(err, &diverged) || !strings.Contains(err.Error(), "pictures in process ") || !dist.Known(err) {
			t.Errorf("process %d: %v, want a DivergedError of a process", rank, err)
		}
	}
}

// TestGroupTooLarge: more episodes in a step than pictures are an error that says so.
func TestGroupTooLarge(t *testing.T) {
	_, errs := runPair(t, "", always, nil, "train.stage=base", "train.base.batch=16")
	if errs[0] == nil || !strings.Contains(errs[0].Error(), "24 pictures are too few for a batch of 16 in each of 2 processes") {
		t.Errorf("error %v", errs[0])
	}
}
