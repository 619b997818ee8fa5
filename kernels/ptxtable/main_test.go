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
	if err := os.WriteFile(path, []byte("#!/bin/sh\nif [ $1 = --version ]; then echo release 13.5; exit; fi\narch=${2#-arch=sm_}; arch=${arch%a}\ncat >&2 <<END\n"+text+"\nEND\n"), 0o755); err != nil {
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
	s, err := sum("add")
	if err != nil {
		t.Fatal(err)
	}
	want := "# Registers, shared memory, stack and spills\n\nWritten by `make ptxas` with ptxas 13.5: [README.md](README.md).\n\n" +
		"| kernel | registers, sm_80 / sm_86 / sm_89 / sm_90a / sm_100 / sm_120 | shared bytes | stack bytes | spilled bytes |\n|---|---|---|---|---|\n" +
		"| `first` | 80 / 86 / 89 / 90 / 100 / 120 | 0 | 0 | 0 |\n| `second` | 255 / 255 / 255 / 255 / 255 / 255 | 33280 | 32 | 56 |\n\n" + s
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
}

// TestOneTarget: a kernel that is for sm_90a alone has a – for the others.
func TestOneTarget(t *testing.T) {
	ptxas := fake(t, `ptxas info    : Compiling entry function 'only' for 'sm_$arch'
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used $arch registers, 400 bytes cmem[0]`)
	var b strings.Builder
	if err := run(&b, ptxas, []string{"wgmma_conv"}); err != nil {
		t.Fatal(err)
	}
	if want := "\n| `only` | – / – / – / 90 / – / – | 0 | 0 | 0 |\n"; !strings.Contains(b.String(), want) {
		t.Errorf("got\n%swant%s", b.String(), want)
	}
}

func TestErrors(t *testing.T) {
	for _, c := range []struct{ ptxas, module, want string }{
		{filepath.Join(t.TempDir(), "none"), "add", "none"},
		{fake(t, ""), "substract", "substract"},
		{"false", "add", "PTXAS"},
		{"true", "add", "names no release"},
		{fake(t, "ptxas info    : (C7510) Potential Performance Loss: wgmma.mma_async instructions are serialized"), "add", "warns of slow code"},
	} {
		var b strings.Builder
		if err := run(&b, c.ptxas, []string{c.module}); err == nil || !strings.Contains(err.Error(), c.want) || b.Len() > 0 {
			t.Errorf("%s %s: %v, output %q", c.ptxas, c.module, err, b.String())
		}
	}
}

// hotModules are those that the Makefile names for the table.
func hotModules(t *testing.T) []string {
	t.Helper()
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
	return names
}

// TestCommittedTable: kernels/ptxas.md tells of the PTX as it is, of every hot kernel, and in it no
// kernel that multiplies on tensor cores spills or calls what is not inlined (stack): in its main loop
// either costs more than they gain.
func TestCommittedTable(t *testing.T) {
	text, err := os.ReadFile("../ptxas.md")
	if err != nil {
		t.Fatal(err)
	}
	table, tensor := string(text), 0
	for _, module := range hotModules(t) {
		s, err := sum(module)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(table, s) {
			t.Errorf("kernels/ptxas.md is not of the present %s.ptx: make ptxas >kernels/ptxas.md (kernels/README.md says where ptxas is from)", module)
		}
		for _, target := range targets(module) {
			ptx, err := kernels.PTX(module, target)
			if err != nil {
				t.Fatal(err)
			}
			for _, entry := range strings.Split(ptx, ".entry ")[1:] {
				name := entry[:strings.IndexAny(entry, "( ")]
				_, row, found := strings.Cut(table, "\n| `"+name+"` |")
				row, _, _ = strings.Cut(row, "\n")
				if !found {
					t.Errorf("kernels/ptxas.md has no %s", name)
				} else if strings.Contains(entry, "mma.sync") || strings.Contains(entry, "wgmma.mma_async") {
					tensor++
					if !strings.HasSuffix(row, " | 0 | 0 |") {
						t.Errorf("%s spills, or keeps something in memory:%s", name, row)
					}
				}
			}
		}
	}
	if tensor < 100 {
		t.Errorf("only %d kernels on tensor cores", tensor)
	}
}
