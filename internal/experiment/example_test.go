package experiment_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"hdmnet/internal/config"
	"hdmnet/internal/cpu"
	"hdmnet/internal/data"
	"hdmnet/internal/dist"
	"hdmnet/internal/eval"
	"hdmnet/internal/experiment"
	"hdmnet/internal/predict"
	"hdmnet/internal/run"
	"hdmnet/internal/train"
)

// must is for an example, where nothing goes wrong.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// Example trains a small network on the synthetic set, scores it on novel classes and
// segments a picture with it.
func Example() {
	ctx, dir := context.Background(), must(os.MkdirTemp("", "example"))
	defer os.RemoveAll(dir)
	c := must(config.Load(config.Options{Config: "shapes5i", Set: []string{"model.size=33", "train.base.size=33", "dataset.synth_size=64",
		"dataset.synth_train=40", "dataset.synth_val=40", "dataset.min_area=20", "train.base.epochs=1", "train.meta.max_steps=2"}}))

	// From settings to pictures.
	set := must(experiment.Open(&c.Dataset, 0))
	trainOn := experiment.Pictures{Source: must(set.Source(data.Train, experiment.Monitor{}))}
	scoreOn := experiment.Pictures{Source: must(set.Source(data.Val, experiment.Monitor{}))}
	must(0, set.IndexTraining(ctx, c, &trainOn, &scoreOn, experiment.Monitor{}))

	// Train: base learner, then HDMNet.
	dev, runDir := must(cpu.New()), must(run.Create(filepath.Join(dir, "run")))
	must(0, train.Run(ctx, train.Options{Config: c, Name: "example", Fold: set.Fold, Device: dev, Dir: runDir, Train: trainOn, Val: &scoreOn, Out: io.Discard}))
	must(0, runDir.Close())

	// Score what was trained on classes that it has not seen.
	trained := must(experiment.OpenTrained(experiment.Source{Run: runDir.Path()}, config.Options{}, experiment.Monitor{}))
	net := must(trained.Network(dev, 1, false, 0, experiment.Monitor{}))
	episodes := must(experiment.EpisodeLoader(trained.Config, &scoreOn, data.NewReleaseDrawer(scoreOn.Index, 1, 510, 8), 5, 1, dist.Shard{}))
	results := must(eval.Meta(ctx, net, net.Tape, episodes, eval.Options{Fold: set.Fold, Total: 5}))
	fmt.Println("episodes scored:", results[0].Final.Episodes())

	// Segment a picture by a picture with a box.
	photo := "../../testdata/real-mini/images/000000542145.jpg"
	support := must(predict.ParseSupport(photo + ":box=10,10,60,60"))
	masks := must(predict.Run(ctx, net, net.Tape, predict.Options{Supports: []predict.Support{support}, Queries: []string{photo}, Out: dir, Size: trained.Model.Size}))
	fmt.Println("written:", filepath.Base(masks[0].Mask))
	// Output:
	// episodes scored: 5
	// written: 000000542145_mask.png
}
