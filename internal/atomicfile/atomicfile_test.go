package atomicfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
)

func listing(t *testing.T, dir string) []string {
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
		_ = Write(path, func(io.Writer) error { panic("boom") })
	}()
	if got, _ := os.ReadFile(path); string(got) != "old" {
		t.Errorf("after failed writes the file holds %q", got)
	}
	if got := listing(t, dir); !slices.Equal(got, []string{"f"}) {
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
	if got := listing(t, dir); !slices.Equal(got, []string{"sub"}) {
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

// killed leaves a temporary file as a killed Write does.
func killed(t *testing.T, dir, base string) string {
	t.Helper()
	f, err := createTemp(dir, base)
	if err != nil {
		t.Fatal(err)
	}
	f.Close() // as the end of its process does, this unlocks it
	return f.Name()
}

func TestRemovePartial(t *testing.T) {
	dir := t.TempDir()
	for _, keep := range []string{"last.safetensors", ".notes.partial.txt"} {
		if err := os.WriteFile(filepath.Join(dir, keep), []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	alive, err := createTemp(dir, "last.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	killed(t, dir, "last.safetensors")
	killed(t, dir, "other")
	if got := len(listing(t, dir)); got != 5 {
		t.Fatalf("%d files, want 5", got)
	}
	if err := RemovePartial(dir); err != nil {
		t.Fatal(err)
	}
	if got := listing(t, dir); !slices.Equal(got, []string{".last.safetensors.partial", ".notes.partial.txt", "last.safetensors"}) {
		t.Errorf("with one that is still written: %v", got)
	}
	alive.Close()
	if err := RemovePartial(dir); err != nil {
		t.Fatal(err)
	}
	if got := listing(t, dir); !slices.Equal(got, []string{".notes.partial.txt", "last.safetensors"}) {
		t.Errorf("left: %v", got)
	}
	if err := RemovePartial(filepath.Join(dir, "none")); err != nil {
		t.Errorf("missing directory: %v", err)
	}
}

// What a killed Write left goes with the next one of that name; two at once both succeed.
func TestWriteAfterAKilledOne(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	killed(t, dir, "f")
	inner := func(w io.Writer) error {
		if err := Write(path, func(w io.Writer) error { _, err := io.WriteString(w, "inner"); return err }); err != nil {
			return err
		}
		_, err := io.WriteString(w, "outer")
		return err
	}
	if err := Write(path, inner); err != nil {
		t.Fatal(err)
	}
	if got := listing(t, dir); !slices.Equal(got, []string{"f"}) {
		t.Errorf("left: %v", got)
	}
	if got, _ := os.ReadFile(path); string(got) != "outer" {
		t.Errorf("the file holds %q", got)
	}
}

// Nothing that is there is replaced by Create.
func TestCreate(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	put := func(s string) error {
		return Create(path, func(w io.Writer) error { _, err := io.WriteString(w, s); return err })
	}
	if err := Free(path); err != nil {
		t.Error(err)
	}
	if err := put("first"); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{put("second"), Free(path)} {
		if !errors.Is(err, fs.ErrExist) || !strings.Contains(err.Error(), path) {
			t.Errorf("a file that is there: %v", err)
		}
	}
	late := filepath.Join(dir, "late")
	err := Create(late, func(io.Writer) error { return os.WriteFile(late, []byte("theirs"), 0o644) })
	if !errors.Is(err, fs.ErrExist) {
		t.Errorf("a file that appears meanwhile: %v", err)
	}
	for file, want := range map[string]string{path: "first", late: "theirs"} {
		if got, _ := os.ReadFile(file); string(got) != want {
			t.Errorf("%s holds %q", file, got)
		}
	}
	if got := listing(t, dir); !slices.Equal(got, []string{"f", "late"}) {
		t.Errorf("left: %v", got)
	}
}

// A link stays one, and the file behind it is written; permissions stay too.
func TestWriteThroughLinks(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "deep", "real"), 0o755); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "deep", "f")
	for from, to := range map[string]string{
		"sub":         filepath.Join("deep", "real"), // a linked folder, which ".." behind it starts from
		"deep/real/l": "../f",
	} {
		if err := os.Symlink(to, filepath.Join(dir, from)); err != nil {
			t.Skip("no links here:", err)
		}
	}
	link := filepath.Join(dir, "sub", "l")
	put := func(s string) error {
		return Write(link, func(w io.Writer) error { _, err := io.WriteString(w, s); return err })
	}
	if err := put("behind a link that led nowhere"); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(file, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := put("again"); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the link is no link any more: %v", err)
	}
	info, err := os.Stat(file)
	if got, _ := os.ReadFile(file); err != nil || string(got) != "again" || info.Mode().Perm() != 0o600 {
		t.Errorf("behind the link: %q, %v", got, err)
	}
	loop := filepath.Join(dir, "loop")
	if err := os.Symlink(loop, loop); err != nil {
		t.Fatal(err)
	}
	if err := Write(loop, func(io.Writer) error { return nil }); err == nil || !strings.Contains(err.Error(), loop) {
		t.Errorf("a link to itself: %v", err)
	}
}

// What cannot be renamed is written as it comes, and stays what it is.
func TestWriteStreams(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Skip("no pipes here:", err)
	}
	hello := func(w io.Writer) error { _, err := io.WriteString(w, "hello"); return err }
	if err := Write(pipe, hello); err == nil || !strings.Contains(err.Error(), "nobody reads") {
		t.Errorf("a pipe without a reader: %v", err)
	}
	r, err := os.OpenFile(pipe, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, put := range []func(string, func(io.Writer) error) error{Write, Create} {
		if err := put(pipe, hello); err != nil {
			t.Error(err)
		}
		got := make([]byte, 10)
		if n, err := r.Read(got); err != nil || string(got[:n]) != "hello" {
			t.Errorf("through the pipe: %q, %v", got[:n], err)
		}
	}
	if err := Write(os.DevNull, hello); err != nil {
		t.Error(err)
	}
	for _, path := range []string{pipe, os.DevNull} {
		if info, err := os.Stat(path); err != nil || info.Mode().IsRegular() {
			t.Errorf("%s has become a file, %v", path, err)
		}
	}
	if err := Write("/dev/full", hello); err == nil || !strings.Contains(err.Error(), "full") {
		t.Errorf("a full device: %v", err)
	}
}
