package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCommittedPTXIsCurrent: every kernels/*.cu has PTX that was made from it, and there is
// no PTX without a source.
func TestCommittedPTXIsCurrent(t *testing.T) {
	sources, err := filepath.Glob("../*.cu")
	if err != nil || len(sources) == 0 {
		t.Fatalf("no sources: %v", err)
	}
	known := map[string]bool{}
	for _, source := range sources {
		name := strings.TrimSuffix(filepath.Base(source), ".cu")
		known[name] = true
		head, err := header("..", name)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(string(compiled("..", name)), head) {
			t.Errorf("kernels/ptx/%s.ptx is not made from the present %s.cu and its headers: run make ptx (needs clang-19)", name, name)
		}
	}
	paths, err := filepath.Glob("../ptx/*.ptx")
	if err != nil {
		t.Fatal(err)
	}
	variants, err := filepath.Glob("../ptx/*/*.ptx")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range append(paths, variants...) {
		name := strings.TrimSuffix(filepath.Base(path), ".ptx")
		if !known[name] {
			t.Errorf("%s has no source kernels/%s.cu: delete it", path, name)
			continue
		}
		head, err := header("..", name)
		if err != nil {
			t.Fatal(err)
		}
		if ptx, err := os.ReadFile(path); err != nil || !strings.HasPrefix(string(ptx), head) {
			t.Errorf("%s is not made from the present %s.cu and its headers: run make ptx; %v", path, name, err)
		}
	}
}

// TestVariant: a text for compute capability 9.0 is kept where it differs in more than its target,
// and goes when it does not any more. A text without kernels is not kept.
func TestVariant(t *testing.T) {
	dir := t.TempDir()
	clang := filepath.Join(dir, "clang")
	compiler := func(kernels, more string) {
		t.Helper()
		script := "#!/bin/sh\ncase \"$*\" in *sm_90a*) printf '.version 8.0\\n.target sm_90a\\n" + more + "'; echo .entry body;; *) printf '.version 7.0\\n.target sm_80\\n'; echo " + kernels + ";; esac\n"
		if err := os.WriteFile(clang, []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("CLANG", clang)
	if err := os.WriteFile(filepath.Join(dir, "a.cu"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "ptx"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ kernels, more, want string }{
		{".entry body", "", ""}, {".entry body", "wgmma\\n", "\n.version 8.0\n.target sm_90a\nwgmma\n.entry body\n"},
		{"", "wgmma\\n", "\n.version 8.0\n.target sm_90a\nwgmma\n.entry body\n"}, {".entry body", "", ""},
	} {
		compiler(c.kernels, c.more)
		if err := run(dir, []string{"a"}); err != nil {
			t.Fatal(err)
		}
		base, err := os.ReadFile(filepath.Join(dir, "ptx", "a.ptx"))
		if (err == nil) != (c.kernels != "") || err == nil && !strings.HasSuffix(string(base), "\n.version 7.0\n.target sm_80\n.entry body\n") {
			t.Errorf("%q, %v", base, err)
		}
		other, err := os.ReadFile(filepath.Join(dir, "ptx", "sm_90a", "a.ptx"))
		if (err == nil) != (c.want != "") || !strings.HasSuffix(string(other), c.want) {
			t.Errorf("for sm_90a %q, want %q; %v", other, c.want, err)
		}
	}
}

// TestHeaderDependsOnEverything: a change of the source, of a header that it includes
// indirectly, or of a flag changes the sum.
func TestHeaderDependsOnEverything(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	sum := func() string {
		t.Helper()
		head, err := header(dir, "a")
		if err != nil {
			t.Fatal(err)
		}
		return head
	}
	write("a.cu", "#include \"b.cuh\"\n")
	write("b.cuh", "#pragma once\n#include \"c.cuh\"\n")
	write("c.cuh", "#include \"emu/device.h\"\nint x;\n")
	seen := map[string]bool{sum(): true}
	write("c.cuh", "#include \"emu/device.h\"\nint y;\n")
	seen[sum()] = true
	write("a.cu", "#include \"b.cuh\"\n\n")
	seen[sum()] = true
	old := flags
	defer func() { flags = old }()
	flags = append([]string{"-O1"}, flags...)
	seen[sum()] = true
	if len(seen) != 4 {
		t.Errorf("%d different sums after three changes, want 4", len(seen))
	}
	write("a.cu", "#include \"missing.cuh\"\n")
	if _, err := header(dir, "a"); err == nil {
		t.Error("a header that is missing is no error")
	}
}
