package train_test

import (
	"context"
	"fmt"
	"log"

	"hdmnet/internal/config"
	"hdmnet/internal/cpu"
	"hdmnet/internal/data"
	"hdmnet/internal/dist"
	"hdmnet/internal/train"
)

// One optimizer step of HDMNet on a batch of the synthetic set. The example of package
// experiment makes a whole run.
func ExampleSteps() {
	ctx := context.Background()
	c, err := config.Load(config.Options{Config: "shapes5i", Set: []string{"model.size=33"}})
	if err != nil {
		log.Fatal(err)
	}
	fold, err := data.Shapes5i(0)
	if err != nil {
		log.Fatal(err)
	}
	src, err := data.NewShapes(data.ShapesOptions{Fold: fold, Split: data.Train, Seed: 1, Count: 40, Size: 64})
	if err != nil {
		log.Fatal(err)
	}
	index, err := data.BuildIndex(ctx, src, fold, data.IndexOptions{Split: data.Train, MinArea: 40})
	if err != nil {
		log.Fatal(err)
	}
	loader, err := data.NewLoader(data.LoaderOptions{Source: src, Index: index, Stage: data.Meta, Size: c.Model.Size, Shots: 1, Batch: 2, Seed: 7})
	if err != nil {
		log.Fatal(err)
	}
	defer loader.Close()
	batch, err := loader.Next(ctx)
	if err != nil {
		log.Fatal(err)
	}
	dev, err := cpu.New()
	if err != nil {
		log.Fatal(err)
	}
	defer dev.Close()
	steps, err := train.NewSteps(dev, c, fold, dist.Solo{})
	if err != nil {
		log.Fatal(err)
	}
	defer steps.Close()
	if err := steps.Step(batch); err != nil {
		log.Fatal(err)
	}
	if err := steps.Finish(); err != nil {
		log.Fatal(err)
	}
	loader.Release(batch)
	fmt.Println("a loss above 0:", steps.Loss() > 0)
	// Output: a loss above 0: true
}
