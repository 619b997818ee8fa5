package train

import (
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"hdmnet/internal/config"
	"hdmnet/internal/data"
)

// basePlan is the base stage as configured: SGD.
func basePlan(c *config.BaseStage) Plan {
	p := schedulePlan(&c.Schedule)
	p.LR, p.Power = c.LR, c.Power
	p.Optimizer = Optimizer{
		Kind: "sgd", Momentum: c.Momentum, WeightDecay: c.WeightDecay,
		Multipliers: map[string]float64{"encoder": c.EncoderLRMultiplier, "head": c.HeadLRMultiplier},
	}
	return p
}

// metaPlan is the meta stage as configured: AdamW.
func metaPlan(c *config.MetaStage) Plan {
	p := schedulePlan(&c.Schedule)
	p.LR, p.Power = c.LR, c.Power
	p.Optimizer = Optimizer{
		Kind: "adamw", Beta1: c.Beta1, Beta2: c.Beta2, Eps: c.Eps, WeightDecay: c.WeightDecay,
		Multipliers: map[string]float64{"transformer": 1, "heads": c.HeadLRMultiplier, "kshot": c.HeadLRMultiplier},
	}
	return p
}

func schedulePlan(c *config.Schedule) Plan {
	return Plan{
		Epochs: c.Epochs, MaxSteps: c.MaxSteps, Accumulate: c.Accumulate,
		ValidateEvery: c.ValidateEvery, EarlyStop: c.EarlyStop, SaveEvery: saveEvery,
	}
}

func augmentation(c *config.Augment) data.AugmentOptions {
	return data.AugmentOptions{
		ScaleMin: c.Scale[0], ScaleMax: c.Scale[1], RotateDegrees: c.Rotate,
		RotateProb: c.RotateProbability, BlurProb: c.BlurProbability, FlipProb: c.FlipProbability,
	}
}

// loaders opens the training and, unless there is none, the validation loader of a stage.
func (t *trainer) loaders(stage string) (train, val *data.Loader, err error) {
	c := t.Config
	o := data.LoaderOptions{
		Source: t.Train.Source, Index: t.Train.Index, Stage: data.Meta, Size: c.Model.Size, Shots: c.Model.Shots,
		Batch: c.Train.Meta.Batch, DropLast: true, Seed: uint64(c.Train.Seed), Augment: augmentation(&c.Train.Meta.Augment),
		Workers: c.Train.Workers, Prefetch: c.Train.Prefetch,
	}
	every := c.Train.Meta.ValidateEvery
	if stage == Base {
		o.Stage, o.Size, o.Batch, o.Augment = data.Base, c.Train.Base.Size, c.Train.Base.Batch, augmentation(&c.Train.Base.Augment)
		every = c.Train.Base.ValidateEvery
	}
	if train, err = data.NewLoader(o); err != nil {
		return nil, nil, fmt.Errorf("stage %s: %w", stage, err)
	}
	if t.Val == nil || every == 0 {
		return train, nil, nil
	}
	o.Source, o.Index, o.Batch, o.DropLast, o.Augment = t.Val.Source, t.Val.Index, 1, false, data.AugmentOptions{}
	o.Seed, o.Episodes = uint64(c.Train.Meta.ValidateSeed), c.Train.Meta.ValidateEpisodes
	if stage == Base {
		o.Index, o.Episodes = data.AllImages(t.Val.Source, t.Fold, data.Val), 0
	}
	if val, err = data.NewLoader(o); err != nil {
		train.Close()
		return nil, nil, fmt.Errorf("stage %s, validation: %w", stage, err)
	}
	return train, val, nil
}

// free are the settings that a resumed run may change: they do not touch the result, or,
// as train.stage, only say how far to go.
var free = []string{"train.workers", "train.prefetch", "train.stage", "device"}

// settings are all settings that the result depends on, by key, and the fold.
func settings(c *config.Config, fold data.Fold) (map[string]string, error) {
	text, err := c.YAML()
	if err != nil {
		return nil, err
	}
	var tree map[string]any
	if err := yaml.Unmarshal(text, &tree); err != nil {
		return nil, err
	}
	out := map[string]string{"fold": fmt.Sprint(fold.Index)}
	flatten(out, "", tree)
	for key := range out {
		if slices.Contains(free, key) || strings.HasPrefix(key, "eval.") {
			delete(out, key)
		}
	}
	return out, nil
}

func flatten(out map[string]string, prefix string, tree map[string]any) {
	for key, v := range tree {
		if sub, ok := v.(map[string]any); ok {
			flatten(out, prefix+key+".", sub)
			continue
		}
		out[prefix+key] = fmt.Sprint(v)
	}
}
