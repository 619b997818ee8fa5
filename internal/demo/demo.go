// Package demo is the small network that comes with hdmnet, so that it can be tried without
// a run: trained for two minutes on fold 0 of the synthetic set shapes5i, its weights
// rounded to 8 bits. It shows how things work; it is no network for photographs.
package demo

import (
	_ "embed"
	"os"
	"path/filepath"
)

// Config is the name of the configuration that the network was trained with.
const Config = "shapes5i"

// Trained with `hdmnet train --config shapes5i --fold 0 --out runs/demo`.
//
//go:generate go run hdmnet/scripts/demonet -run ../../runs/demo -out network.q8
//go:embed network.q8
var packed []byte

// WriteWeights writes the network as a file of weights, float32, complete or not at all.
// It is of use with Config, for fold 0.
func WriteWeights(path string) error { return unpack(packed, path) }

// WithWeights writes the network to a file of weights that is there while use runs, or until
// use calls read, when it has read the file: what is killed after that leaves nothing behind.
// Where a file that is open cannot be removed it is there to the end.
func WithWeights(use func(path string, read func()) error) error {
	return inFile(func(path string) error {
		if err := WriteWeights(path); err != nil {
			return err
		}
		return use(path, func() { _ = os.RemoveAll(filepath.Dir(path)) }) // once more at the end, where an error counts
	})
}
