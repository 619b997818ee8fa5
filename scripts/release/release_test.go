package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"
)

// atRoot runs a test in the repository's root, where the program runs.
func atRoot(t *testing.T) {
	t.Helper()
	t.Chdir(filepath.Join("..", ".."))
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestArchives: the same files give the same bytes, whenever they were written.
func TestArchives(t *testing.T) {
	dir := t.TempDir()
	from := filepath.Join(dir, "hdmnet")
	if err := os.WriteFile(from, []byte("program"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := &release{date: time.Unix(1764000000, 0).UTC(), out: filepath.Join(dir, "out")}
	files := []file{{"hdmnet", from, 0o755}, {"man/hdmnet.1", from, 0o644}}
	for _, write := range []func(string, string, []file) error{r.tar, r.zip} {
		var all [][]byte
		for i := range 2 {
			if err := os.Chtimes(from, time.Time{}, time.Unix(int64(1000*i+1), 0)); err != nil {
				t.Fatal(err)
			}
			to := filepath.Join(dir, "archive")
			if err := write(to, "hdmnet_1", files); err != nil {
				t.Fatal(err)
			}
			all = append(all, read(t, to))
		}
		if !bytes.Equal(all[0], all[1]) {
			t.Error("the archives differ")
		}
	}
	if err := os.Mkdir(r.out, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(r.out, "a"), []byte("abc"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := r.sums(); err != nil {
		t.Fatal(err)
	}
	if got, want := string(read(t, filepath.Join(r.out, "SHA256SUMS"))), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  a\n"; got != want {
		t.Errorf("sums %q, want %q", got, want)
	}
}

// TestNotice: every module of a binary brings its terms; one without any is an error.
func TestNotice(t *testing.T) {
	atRoot(t)
	path := filepath.Join(t.TempDir(), "NOTICE")
	if err := writeNotice(context.Background(), path); err != nil {
		t.Fatal(err)
	}
	text := string(read(t, path))
	modules, err := linked(context.Background())
	if err != nil || len(modules) < 20 {
		t.Fatalf("%d modules: %v", len(modules), err)
	}
	for _, m := range modules {
		if !strings.Contains(text, "\n"+m.Path+" "+m.Version+": ") {
			t.Errorf("no terms of %s", m.Path)
		}
	}
	for _, want := range []string{"hdmnet is under the MIT license", "\nGo: LICENSE", "github.com/spf13/cobra", "gorgonia.org/cu"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q", want)
		}
	}
	if err := terms(&bytes.Buffer{}, "none", t.TempDir()); err == nil || !strings.Contains(err.Error(), "must not be passed on") {
		t.Error(err)
	}
}

// TestPackageConfig: the packages have program, pages and completions in their places, and
// the CUDA build is a package of its own.
func TestPackageConfig(t *testing.T) {
	dir := t.TempDir()
	r := &release{version: "1.2.3", work: dir, date: time.Unix(1764000000, 0).UTC()}
	for _, path := range []string{"man/hdmnet.1", "man/hdmnet-train.1", "completions/_hdmnet"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, path)), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, path), []byte("x"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	path, err := r.packageConfig(target{"linux", "amd64", true}, "/tmp/hdmnet", "2.28")
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Name, Version, License string
		Conflicts, Depends     []string
		Mtime                  time.Time
		Contents               []struct {
			Src, Dst string
			FileInfo struct{ Mode int } `yaml:"file_info"`
		}
	}
	if err := yaml.Unmarshal(read(t, path), &got); err != nil {
		t.Fatal(err)
	}
	if got.Name != "hdmnet-cuda" || got.Version != "1.2.3" || got.License != "MIT" || len(got.Conflicts) != 1 || got.Depends[0] != "libc6 (>= 2.28)" || !got.Mtime.Equal(r.date) {
		t.Errorf("%+v", got)
	}
	modes := map[string]int{}
	for _, c := range got.Contents {
		modes[c.Dst] = c.FileInfo.Mode
	}
	for dst, mode := range map[string]int{
		"/usr/bin/hdmnet": 0o755, "/usr/share/man/man1/hdmnet-train.1.gz": 0o644, "/usr/share/doc/hdmnet/copyright": 0o644, "/usr/share/doc/hdmnet/NOTICE": 0o644,
		"/usr/share/bash-completion/completions/hdmnet": 0o644, "/usr/share/zsh/vendor-completions/_hdmnet": 0o644,
	} {
		if modes[dst] != mode {
			t.Errorf("%s has mode %o, want %o", dst, modes[dst], mode)
		}
	}
}

// TestOtherVersion: a release is of the version that the program says.
func TestOtherVersion(t *testing.T) {
	r := &release{version: "9.9.9", out: t.TempDir()}
	if err := r.make(context.Background(), false); err == nil || !strings.Contains(err.Error(), "version.go says") {
		t.Error(err)
	}
}
