package train

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"hdmnet/internal/cli/eval"
	"hdmnet/internal/cli/flags"
	"hdmnet/internal/cli/ui"
	"hdmnet/internal/dist"
	"hdmnet/internal/experiment"
	"hdmnet/internal/run"
	"hdmnet/internal/train"
)

// trainAll trains the folds one after the other, each in a folder of its own below --out,
// and scores them together. With --resume folds that are complete are passed over.
func (o *options) trainAll(ctx context.Context, io ui.Streams, p *flags.Processes) error {
	parent := o.out
	if parent == "" {
		parent = filepath.Join(run.Parent, run.Name(o.configuration(), "all", time.Now()))
	}
	shared, err := dist.Share(p, []byte(parent)) // its name may tell the time
	if err != nil {
		return err
	}
	parent = string(shared)
	again := func(string) string { return fmt.Sprintf("`hdmnet train --fold all --resume --out %s`", parent) }
	stage, precision := "", flags.AutoPrecision
	for fold, folds := 0, 1; fold < folds; fold++ {
		one := *o
		one.out = run.FoldDir(parent, fold)
		c, err := one.configured(io, p)
		if err != nil {
			return err
		}
		if folds, err = experiment.Folds(&c.Dataset); err != nil {
			return err
		}
		stage = c.Train.Stage
		if c.Precision == flags.AutoPrecision {
			c.Precision = precision // one for all folds
		}
		io.Note("fold %d of %d: %s", fold, folds, one.out)
		err = one.trainFold(ctx, io, p, c, fold, again)
		precision = c.Precision
		if errors.Is(err, context.Canceled) { // before the fold began to train
			return fmt.Errorf("%w; go on with %s", train.ErrInterrupted, again(""))
		}
		if err != nil {
			return err
		}
	}
	args := []string{"--fold", "all", "--run", parent}
	if stage == train.Base {
		args = append(args, "--stage", train.Base)
	}
	score := eval.NewCmd(io)
	score.SetArgs(args)
	score.SilenceErrors, score.SilenceUsage = true, true
	return score.ExecuteContext(ctx)
}
