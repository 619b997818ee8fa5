package eval_test

import (
	"fmt"

	"hdmnet/internal/eval"
)

// The score over folds is the mean of the folds' scores.
func ExampleAverage() {
	folds := []eval.Summary{
		{MIoU: 0.60, FBIoU: 0.80, Episodes: 1000},
		{MIoU: 0.70, FBIoU: 0.90, Episodes: 1000},
	}
	all := eval.Average(folds)
	fmt.Printf("mIoU %.2f, FB-IoU %.2f over %d episodes\n", all.MIoU, all.FBIoU, all.Episodes)
	// Output: mIoU 0.65, FB-IoU 0.85 over 2000 episodes
}
