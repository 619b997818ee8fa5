package main

import (
	"debug/elf"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestExamine(t *testing.T) {
	symbols := []elf.ImportedSymbol{
		{Name: "malloc", Version: "GLIBC_2.2.5", Library: "libc.so.6"}, {Name: "pthread_create", Version: "GLIBC_2.34", Library: "libc.so.6"},
		{Name: "fcntl64", Version: "GLIBC_2.28", Library: "libc.so.6"}, {Name: "cuInit"}, {Name: "_Unwind_Resume", Version: "GCC_3.0", Library: "libgcc_s.so.1"},
	}
	for limit, want := range map[string]string{"": "", "2.28": "pthread_create", "2.34": "", "2.27": "pthread_create fcntl64", "3": ""} {
		newest, beyond := examine(symbols, limit)
		var names []string
		for _, s := range beyond {
			names = append(names, s.Name)
		}
		if got := strings.Join(names, " "); got != want || newest != "2.34" {
			t.Errorf("at most %q: newest %s, beyond %q, want %q", limit, newest, got, want)
		}
	}
	if newest, beyond := examine(nil, "2.28"); newest != "none" || beyond != nil {
		t.Errorf("a static program needs %s, %v", newest, beyond)
	}
	if !newer("PRIVATE", "2.40") || newer("2.2.5", "2.3") || newer("2.28", "2.28") || !newer("2.2.6", "2.2") {
		t.Error("versions are not compared by their numbers")
	}
}

// TestImported: this test is a program itself, and text is none.
func TestImported(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := imported(self); err != nil {
		if _, ok := err.(*elf.FormatError); ok || strings.Contains(err.Error(), "bad magic") {
			t.Skip("programs are no ELF files here")
		}
		t.Error(err)
	}
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte("no program at all, but long enough to look like one"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := imported(text); err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("a text file: %v", err)
	}
}
