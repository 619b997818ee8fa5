//go:build unix

package picture

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A pipe, a device or a file of 20 GiB is refused at once, whatever reads it.
func TestSpecialFiles(t *testing.T) {
	dir := t.TempDir()
	pipe, huge := filepath.Join(dir, "pipe.png"), filepath.Join(dir, "huge.png")
	if err := syscall.Mkfifo(pipe, 0o644); err != nil {
		t.Skip("no pipes here:", err)
	}
	if err := os.WriteFile(huge, []byte("\x89PNG\r\n\x1a\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(huge, 20<<30); err != nil {
		t.Skip("no sparse files here:", err)
	}
	start := time.Now()
	for path, want := range map[string]string{pipe: "pipe", huge: "at most 1073741824 (1 GiB)", "/dev/zero": "device", dir: "folder"} {
		r := new(Reader)
		_, _, image := r.ReadImage(path)
		_, _, mask := r.ReadMask(path, 2)
		_, labels := r.ReadLabels(path)
		_, size := r.Size(path)
		_, table := ReadTable(path)
		for _, err := range []error{image, mask, labels, size} {
			if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
				t.Errorf("%s: error %v, want %q", path, err, want)
			}
		}
		if table == nil || !strings.Contains(table.Error(), path) {
			t.Errorf("%s as colors: %v", path, table)
		}
	}
	// Less than 1 GiB, but far more than a picture of its pixels has.
	if err := os.WriteFile(huge, encode(t, grayMask(0, 1)), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(huge, 900<<20); err != nil {
		t.Fatal(err)
	}
	for _, content := range [][]byte{nil, {0xFF, 0xD8}, []byte("II*\x00\xff\xff\xff\x0f")} {
		f, err := os.OpenFile(huge, os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt(content, 0); err != nil {
			t.Error(err)
		}
		f.Close()
		n := allocated(func() { _, _, err = new(Reader).ReadImage(huge) })
		if err == nil || !strings.Contains(err.Error(), "image "+huge+": ") || n > 80<<20 {
			t.Errorf("start %q: %d MiB taken, error %v", content, n>>20, err)
		}
	}
	if d := time.Since(start); d > 3*time.Second {
		t.Errorf("took %v", d)
	}
}
