// Package train trains the base learner (stage base) and HDMNet (stage meta): one loop
// with hooks, checkpoints that a run goes on from bit for bit, and the run directory.
package train

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"hdmnet/internal/config"
	"hdmnet/internal/data"
	"hdmnet/internal/dist"
	"hdmnet/internal/experiment"
	"hdmnet/internal/model"
	"hdmnet/internal/nn"
	"hdmnet/internal/op"
	"hdmnet/internal/run"
	"hdmnet/internal/weights"
)

// Options of a run.
type Options struct {
	Config *config.Config
	Name   string // of the configuration, kept with the weights
	Fold   data.Fold
	Device op.Device
	Group  dist.ProcessGroup // nil: dist.Solo
	Dir    *run.Dir          // nil in other processes than 0, which write nothing
	Resume bool
	// AcceptChangedData: a run that is resumed may go on with other data than it began with.
	AcceptChangedData bool
	Train             experiment.Pictures
	Val               *experiment.Pictures // nil: no validation
	Out               io.Writer            // lines and the progress bar
	Terminal          bool                 // Out is one
	Hooks             []Hook               // besides those that every run has
	// Council is where the processes of Group agree; nil: one that passes on no lines.
	Council *dist.Council
}

// saveEvery is the time between checkpoints within an epoch.
var saveEvery = 2 * time.Minute

// trainer runs the stages of one run.
type trainer struct {
	Options
	log      *logger
	metrics  *metricsFile
	settings map[string]string
	origin   Origin
	council  *dist.Council
	begunBy  int // the number of processes that the run began with
}

// Run trains the stages that the settings ask for and leaves the network in the run
// directory: base.safetensors after the base stage, best.safetensors after the meta stage.
//
// A canceled context ends the run after the step under way: its state is saved and the
// error is ErrInterrupted. With Resume the run goes on from its newest checkpoint, to the
// same bits as if it had never stopped. A loss that is no number is a *DivergedError.
//
// Processes that train together (Group) make one run, which process 0 alone writes. One that
// was saved by N processes goes on in M where they can keep its batches: see resize.
func Run(ctx context.Context, o Options) (err error) {
	if o.Group == nil {
		o.Group = dist.Solo{}
	}
	processes := o.Group.Place().Size
	t := &trainer{Options: o, settings: settings(o.Config, o.Fold, processes), origin: o.origin(), begunBy: processes}
	if o.Council == nil {
		o.Council = dist.NewCouncil(o.Group, nil, nil)
	}
	t.council = o.Council.With(func(rank int, line string) { t.log.printf("process %d: %s", rank, line) })
	from, err := t.open()
	defer func() { err = errors.Join(err, t.close(err)) }()
	if from != nil && from.File != nil {
		defer from.Close()
	}
	if err != nil {
		return err
	}
	for _, name := range order {
		if s := o.Config.Train.Stage; s != All && s != name {
			continue
		}
		if from != nil {
			at := stageIndex(from.state.Stage)
			if here := stageIndex(name); here < at || here == at && from.state.Finished {
				t.say("stage %s is complete already", name)
				continue
			}
			if from.state.Stage != name {
				from = nil
			}
		}
		if err := t.stage(ctx, name, from); err != nil {
			return err
		}
		from = nil
	}
	return nil
}

// first tells whether this process is the one that writes the run directory.
func (t *trainer) first() bool { return t.Group.Place().Rank == 0 }

// say logs a line that all processes would.
func (t *trainer) say(format string, args ...any) {
	if t.first() {
		t.log.printf(format, args...)
	}
}

// open makes all processes ready: process 0 with the run directory and the checkpoint to go
// on from, the others with the state of that alone.
func (t *trainer) open() (from *checkpoint, err error) {
	if t.first() {
		from, err = t.create()
	} else {
		t.log = &logger{out: t.Out}
	}
	if t.Group.Place().Size == 1 {
		return from, err
	}
	if _, err = t.council.Agree(err, false); err != nil {
		return from, err
	}
	if err = t.checkSame(); err != nil {
		return from, err
	}
	return t.shareState(from)
}

// create opens the files of the run directory and the checkpoint to go on from, nil for
// none; the metrics after it are dropped.
func (t *trainer) create() (from *checkpoint, err error) {
	if !t.Resume { // first of all: a run killed from here on is known as one
		if err := t.Config.WriteFile(t.Dir.Config()); err != nil {
			return nil, err
		}
	}
	if t.log, err = openLog(t.Dir.Log(), t.Out, t.Terminal); err != nil {
		return nil, err
	}
	state := State{Stage: order[0]}
	if t.Resume {
		if from, err = t.checkpoint(); err != nil {
			return nil, err
		}
		if from == nil {
			t.log.printf("%s has no checkpoint yet: starting at the first step", t.Dir.Path())
		} else {
			state = from.state
			t.log.printf("going on from %s: stage %s, step %d", from.Path(), state.Stage, state.Step)
		}
	}
	if t.metrics, err = openMetrics(t.Dir.Metrics(), &state); err == nil {
		err = t.Config.WriteFile(t.Dir.Config())
	}
	if err != nil && from != nil {
		_ = from.Close()
	}
	return from, err
}

// checkpoint opens the newest checkpoint that can be read, and checks that these settings
// may go on from it.
func (t *trainer) checkpoint() (*checkpoint, error) {
	c, err := openCheckpoint(t.Dir, func(s string) { t.log.printf("%s", s) })
	if err != nil || c == nil {
		return nil, err
	}
	if err = t.resize(&c.state, c.Path()); err == nil {
		err = c.state.checkSettings(c.Path(), t.settings)
	}
	if err == nil {
		err = c.state.checkStage(t.Config)
	}
	if err == nil {
		err = t.checkOrigin(c)
	}
	if err != nil {
		_ = c.Close()
		return nil, err
	}
	return c, nil
}

// close closes the files of the run directory. Why another process ended the run is logged.
func (t *trainer) close(why error) error {
	if t.log != nil {
		var lost *dist.LostError
		if errors.As(why, &lost) {
			t.log.write(lost.Error())
		}
		t.log.close()
	}
	if t.metrics == nil {
		return nil
	}
	return t.metrics.close()
}

// stage trains one stage, from a checkpoint of it or from the start.
func (t *trainer) stage(ctx context.Context, name string, from *checkpoint) (err error) {
	c := t.Config
	s := &stage{dev: t.Device, group: t.Group, council: t.council, dir: t.Dir, fold: t.Fold, metrics: t.metrics, ahead: ahead(t.Device)}
	s.feed, err = t.feed(name)
	if _, err = t.council.Agree(err, false); err != nil {
		return err
	}
	defer s.feed.close()
	s.source = s.feed.train
	o, err := experiment.TrainingOptions(c, t.Fold)
	if err != nil {
		return err
	}
	var out string
	if name == Base {
		s.plan, s.merged, s.joined = basePlan(&c.Train.Base), t.begunBy/t.Group.Place().Size, t.Group.Place().Size
		s.task, err = t.baseTask(o, s.feed, from == nil && t.first())
	} else {
		s.plan, s.merged, s.joined = metaPlan(&c.Train.Meta), 1, 1
		s.plan.Accumulate = s.plan.Accumulate * t.begunBy / t.Group.Place().Size
		s.task, err = t.metaTask(o, s.feed, from == nil && t.first())
	}
	if err == nil {
		defer func() { err = errors.Join(err, s.task.Close()) }()
	}
	if _, err = t.council.Agree(err, false); err != nil {
		return err
	}
	if t.first() {
		if out = t.Dir.Best(); name == Base {
			out = t.Dir.Base()
		}
	}
	if s.length, err = s.plan.length(s.feed.batches, t.Group.Place().Size); err != nil {
		return fmt.Errorf("stage %s: %w", name, err)
	}
	if s.optimizer, err = newOptimizer(s.plan.Optimizer, t.Device, s.task.Set()); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.optimizer.close()) }()
	s.status = Status{
		State: State{Stage: name, Seed: uint64(c.Train.Seed), EpochBatches: s.batches * s.merged, Settings: t.settings, Origin: t.origin},
		Steps: s.steps, Epochs: s.length.epochs,
	}
	if from != nil {
		if err := s.restore(from); err != nil {
			return err
		}
		s.status.Origin = t.origin
	}
	if c.Train.TensorBoard && t.first() {
		if s.events, err = s.openEvents(); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, s.events.Close()) }()
	}
	s.hooks = sortHooks(append(t.hooks(ctx, s, out), t.Hooks...))
	if err := s.start(from != nil); err != nil {
		return err
	}
	return s.run(ctx)
}

// baseTask builds PSPNet; fresh is false when a checkpoint, or process 0, brings the weights.
func (t *trainer) baseTask(o model.Options, f *feed, fresh bool) (stageTask, error) {
	task, err := newBaseTask(t.Device, o, uint64(t.Config.Train.Seed), f, t.Fold, t.Group)
	if err != nil {
		return nil, err
	}
	file := t.Config.Backbone.Weights
	if !fresh || file == "" {
		return task, nil
	}
	return task, t.loadBackbone(task.net, task.set, file)
}

// loadBackbone takes the backbone of a file and warns of what it could not use.
func (t *trainer) loadBackbone(net interface {
	LoadBackbone(*nn.Set, *weights.File) ([]string, error)
}, set *nn.Set, file string) error {
	return withFile(file, func(f *weights.File) error {
		notes, err := net.LoadBackbone(set, f)
		if err == nil {
			for _, note := range notes {
				t.log.printf("warning: %s: %s", file, note)
			}
		}
		return err
	})
}

// metaTask builds HDMNet with the base learner of base.weights or, without it, of the
// run's own base stage.
func (t *trainer) metaTask(o model.Options, f *feed, fresh bool) (stageTask, error) {
	c := t.Config
	task, err := newMetaTask(t.Device, o, uint64(c.Train.Seed), f, t.Fold, t.Group)
	if err != nil {
		return nil, err
	}
	if err := experiment.FuseTraining(task.net, c); err != nil {
		return nil, errors.Join(err, task.Close())
	}
	task.distill, task.dropout = float32(c.Train.Meta.DistillWeight), c.Train.Meta.Dropout
	if !fresh {
		return task, nil
	}
	file, own := c.Base.Weights, false
	if file == "" {
		file, own = t.Dir.Base(), true
	}
	if _, err := os.Stat(file); own && errors.Is(err, os.ErrNotExist) {
		t.log.printf("warning: neither base.weights nor a base stage of this run: the base learner is random, good for a trial only")
		if file = c.Backbone.Weights; file == "" {
			return task, nil
		}
		return task, t.loadBackbone(task.net, task.set, file)
	}
	t.log.printf("base learner from %s", file)
	return task, withFile(file, func(f *weights.File) error { return task.net.LoadBase(task.set, f) })
}

func withFile(path string, use func(*weights.File) error) error {
	f, err := weights.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := use(f); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// trainedShots says how many supports the meta stage sees: a number, or a range.
func trainedShots(c *config.Config) string {
	least, most, _ := c.TrainingShots() // checked when the settings were read
	if least == most {
		return strconv.Itoa(least)
	}
	return fmt.Sprintf("%d-%d", least, most)
}

// about is what the files of weights say of where they come from.
func (t *trainer) about() map[string]string {
	c := t.Config
	about := experiment.TrainedOn(&c.Dataset, t.Fold)
	about["config"], about["backbone"], about["shots"] = t.Name, c.Model.Backbone, trainedShots(c)
	return about
}
