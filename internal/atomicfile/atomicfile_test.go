package atomicfile

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
)

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func TestWriteKeepsTheOldFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	write := func(s string, fail error) error {
		return Write(path, func(w io.Writer) error {
			if _, err := io.WriteString(w, s); err != nil {
				return err
			}
			return fail
		})
	}
	if err := write("old", nil); err != nil {
		t.Fatal(err)
	}
	full := fmt.Errorf("write temp: %w", syscall.ENOSPC)
	err := write("new", full)
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "disk is full") {
		t.Errorf("disk full: %v", err)
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic of write was swallowed")
			}
		}()
		Write(path, func(io.Writer) error { panic("boom") })
	}()
	if got, _ := os.ReadFile(path); string(got) != "old" {
		t.Errorf("after failed writes the file holds %q", got)
	}
	if got := names(t, dir); !slices.Equal(got, []string{"f"}) {
		t.Errorf("left in the directory: %v", got)
	}
	if err := write("new", nil); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(path); string(got) != "new" {
		t.Errorf("the file holds %q", got)
	}
}

func TestWriteWhereItCannot(t *testing.T) {
	dir := t.TempDir()
	nothing := func(io.Writer) error { return nil }
	missing := filepath.Join(dir, "no", "f")
	if err := Write(missing, nothing); err == nil || !strings.Contains(err.Error(), missing) || !strings.Contains(err.Error(), "create the directory") {
		t.Errorf("missing directory: %v", err)
	}
	if err := Write(dir+"/", nothing); err == nil || !strings.Contains(err.Error(), "give a file name") {
		t.Errorf("a directory: %v", err)
	}
	if err := os.Mkdir(filepath.Join(dir, "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := Write(filepath.Join(dir, "sub"), nothing); err == nil || !strings.Contains(err.Error(), "sub") {
		t.Errorf("over a directory: %v", err)
	}
	if got := names(t, dir); !slices.Equal(got, []string{"sub"}) {
		t.Errorf("left in the directory: %v", got)
	}
	t.Run("read-only", func(t *testing.T) {
		if os.Geteuid() == 0 || runtime.GOOS == "windows" {
			t.Skip("this user may write to a read-only directory")
		}
		ro := filepath.Join(dir, "ro")
		if err := os.Mkdir(ro, 0o555); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(ro, "f")
		if err := Write(path, nothing); !errors.Is(err, os.ErrPermission) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "cannot be written") {
			t.Errorf("read-only: %v", err)
		}
	})
	path := filepath.Join(dir, "f")
	if err := createError(path, &os.PathError{Op: "open", Path: path, Err: syscall.EROFS}); !strings.Contains(err.Error(), "cannot be written") {
		t.Errorf("read-only file system: %v", err)
	}
}

func TestRemovePartial(t *testing.T) {
	dir := t.TempDir()
	keep := filepath.Join(dir, "last.safetensors")
	if err := os.WriteFile(keep, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	killed, err := createTemp(dir, "last.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	killed.Close()
	if len(names(t, dir)) != 2 {
		t.Fatal("no temporary file to remove")
	}
	if err := RemovePartial(dir); err != nil {
		t.Fatal(err)
	}
	if got := names(t, dir); !slices.Equal(got, []string{"last.safetensors"}) {
		t.Errorf("left: %v", got)
	}
	if err := RemovePartial(filepath.Join(dir, "none")); err != nil {
		t.Errorf("missing directory: %v", err)
	}
}
