package main

import (
	"os"
	"testing"
)

// TestCommitted: the committed files are what the table makes.
func TestCommitted(t *testing.T) {
	files, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		got, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Errorf("%s is not what functions.txt and src/loader.c make: go run . in internal/cuda/stub", name)
		}
	}
}
