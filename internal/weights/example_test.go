package weights_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"hdmnet/internal/weights"
)

// A file is written for PyTorch and read back; Open finds out the format by itself.
func Example() {
	dir, err := os.MkdirTemp("", "weights")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "net.pth")
	tensors := []weights.Tensor{
		{Name: "cls.weight", Shape: []int{2, 3}, Float32: []float32{1, 2, 3, 4, 5, 6}},
		{Name: "cls.steps", Shape: []int{}, Int64: []int64{70}},
	}
	if err := weights.SaveTorch(path, tensors, nil); err != nil {
		log.Fatal(err)
	}

	f, err := weights.Open(path)
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	values, shape, err := f.Float32("cls.weight")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(f.Names())
	fmt.Println(f.Dtype("cls.weight"), shape, values)
	// Output:
	// [cls.weight cls.steps]
	// F32 [2 3] [1 2 3 4 5 6]
}
