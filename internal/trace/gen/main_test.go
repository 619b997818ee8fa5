package main

import (
	"bytes"
	"os"
	"testing"
)

// TestUpToDate: operators.go has every operator of package op.
func TestUpToDate(t *testing.T) {
	want, err := operators("../../op")
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../operators.go")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("package op has changed since operators.go was made: run make generate")
	}
	if n := bytes.Count(got, []byte("\nfunc (device *Device) ")); n < 60 {
		t.Errorf("only %d operators", n)
	}
}
