package train

import (
	"fmt"
	"slices"
	"strings"

	"hdmnet/internal/config"
	"hdmnet/internal/data"
)

// basePlan is the base stage as configured: SGD.
func basePlan(c *config.BaseStage) stagePlan {
	p := schedulePlan(&c.Schedule)
	p.LR, p.Power = c.LR, c.Power
	p.Optimizer = optimizerPlan{
		Kind: "sgd", Momentum: c.Momentum, WeightDecay: c.WeightDecay,
		Multipliers: map[string]float64{"encoder": c.LRMult.Backbone, "head": c.LRMult.Head},
	}
	return p
}

// metaPlan is the meta stage as configured: AdamW.
func metaPlan(c *config.MetaStage) stagePlan {
	p := schedulePlan(&c.Schedule)
	p.LR, p.Power = c.LR, c.Power
	p.Optimizer = optimizerPlan{
		Kind: "adamw", Beta1: c.Beta1, Beta2: c.Beta2, Eps: c.Eps, WeightDecay: c.WeightDecay,
		Multipliers: map[string]float64{"transformer": 1, "heads": c.LRMult.Head, "kshot": c.LRMult.Head},
	}
	return p
}

func schedulePlan(c *config.Schedule) stagePlan {
	return stagePlan{
		Epochs: c.Epochs, MaxSteps: c.MaxSteps, Accumulate: c.Accumulate,
		ValidateEvery: c.ValidateEvery, EarlyStop: c.EarlyStop, SaveEvery: saveEvery,
	}
}

// free are the settings that a resumed run may change: they do not touch the result, as
// the place of the pictures, touch its rounding alone, as device and precision, or, as
// train.stage, only say how far to go. What the class
// and fold files say does touch it: settings takes that from the fold.
var free = []string{"train.workers", "train.prefetch", "train.stage", "train.tensorboard", "device", "precision", "dataset.root", "dataset.train_list", "dataset.val_list",
	"dataset.classes", "dataset.fold_list", "dataset.folds"}

// settings are all settings that the result depends on, by key, with the fold and the
// number of processes.
func settings(c *config.Config, fold data.Fold, processes int) map[string]string {
	out := c.Values()
	out["fold"], out["processes"] = fmt.Sprint(fold.Index), fmt.Sprint(processes)
	for key, classes := range map[string][]int{"base classes": fold.Base, "novel classes": fold.Novel} {
		var names []string
		for _, class := range classes {
			names = append(names, fmt.Sprintf("%d %s", class, fold.ClassName(class)))
		}
		out[key] = strings.Join(names, ", ")
	}
	for key := range out {
		// Of the evaluation's settings only the draws are those of validations too.
		if slices.Contains(free, key) || strings.HasPrefix(key, "eval.") && key != "eval.emulated_dataloader_workers" {
			delete(out, key)
		}
	}
	return out
}
