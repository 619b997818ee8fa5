package data_test

import (
	"context"
	"fmt"
	"log"

	"hdmnet/internal/data"
)

// From pictures to a batch of episodes: source, fold, index, loader.
func Example() {
	ctx := context.Background()
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
	loader, err := data.NewLoader(data.LoaderOptions{Source: src, Index: index, Stage: data.Meta, Size: 33, Shots: 1, Batch: 4, Seed: 7})
	if err != nil {
		log.Fatal(err)
	}
	defer loader.Close()

	batch, err := loader.Next(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(batch.Size, "episodes of", batch.Shots, "support,", batch.Side, "pixels")
	fmt.Println("values of the queries:", len(batch.Query) == 4*33*33*3)
	loader.Release(batch)
	// Output:
	// 4 episodes of 1 support, 33 pixels
	// values of the queries: true
}
