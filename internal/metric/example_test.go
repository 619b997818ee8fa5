package metric_test

import (
	"fmt"

	"hdmnet/internal/metric"
)

// Two episodes ask for class 3. Of the object's pixels in both labels together, and those
// predicted, half are common.
func ExampleIoU() {
	m := metric.New([]int{3, 5})
	m.Add(3, []uint8{1, 1, 0, 0}, []uint8{1, 0, 0, 0})
	m.Add(3, []uint8{1, 0, 0, 0}, []uint8{1, 1, 255, 0}) // 255 counts nowhere
	fmt.Printf("class 3: %.2f\n", m.PerClass()[3])
	fmt.Printf("mIoU %.2f, FB-IoU %.3f\n", m.MIoU(), m.FBIoU())
	fmt.Println("classes without an episode:", m.Missing())
	// Output:
	// class 3: 0.50
	// mIoU 0.50, FB-IoU 0.550
	// classes without an episode: [5]
}
