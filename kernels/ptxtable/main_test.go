package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hdmnet/kernels"
)

// fake writes an assembler that prints the same for every file, as ptxas -v does; the
// registers are the architecture's number.
func fake(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ptxas")
	if err := os.WriteFile(path, []byte("#!/bin/sh\narch=${2#-arch=sm_}; arch=${arch%a}\ncat >&2 <<END\n"+text+"\nEND\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTable(t *testing.T) {
	ptxas := fake(t, `ptxas info    : 0 bytes gmem
ptxas info    : Compiling entry function 'second' for 'sm_$arch'
ptxas info    : Function properties for second
    32 bytes stack frame, 24 bytes spill stores, 32 bytes spill loads
ptxas info    : Used 255 registers, used 1 barriers, 32 bytes cumulative stack size, 33280 bytes smem, 616 bytes cmem[0]
ptxas info    : Compiling entry function 'first' for 'sm_$arch'
ptxas info    : Function properties for first
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used $arch registers, 400 bytes cmem[0]`)
	var b strings.Builder
	if err := run(&b, ptxas, []string{"add"}); err != nil {
		t.Fatal(err)
	}
	want := "| kernel | registers, sm_80 / sm_86 / sm_89 / sm_90a / sm_100 / sm_120 | shared bytes | stack bytes | spilled bytes |\n|---|---|---|---|---|\n" +
		"| `first` | 80 / 86 / 89 / 90 / 100 / 120 | 0 | 0 | 0 |\n| `second` | 255 / 255 / 255 / 255 / 255 / 255 | 33280 | 32 | 56 |\n"
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
}

func TestErrors(t *testing.T) {
	for _, c := range []struct{ ptxas, module, want string }{
		{filepath.Join(t.TempDir(), "none"), "add", "none"},
		{fake(t, ""), "substract", "substract"},
		{"false", "add", "PTXAS"},
	} {
		var b strings.Builder
		if err := run(&b, c.ptxas, []string{c.module}); err == nil || !strings.Contains(err.Error(), c.want) || b.Len() > 0 {
			t.Errorf("%s %s: %v, output %q", c.ptxas, c.module, err, b.String())
		}
	}
}

// TestHotKernels: the modules that the Makefile names for the table exist.
func TestHotKernels(t *testing.T) {
	text, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(text), "PTXAS_MODULES ?=")
	line, _, _ := strings.Cut(rest, "\n")
	names := strings.Fields(line)
	if !ok || len(names) < 10 {
		t.Fatalf("modules %q", fmt.Sprint(names))
	}
	for _, n := range names {
		if _, err := kernels.PTX(n, kernels.SM80); err != nil {
			t.Error(err)
		}
	}
}
