package tensorboard

import (
	"bytes"
	"encoding/hex"
	"image"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestRecords: the framing and the first Event are those that TensorBoard's own writer
// gives (version 2.21: RecordWriter, Event.SerializeToString).
func TestRecords(t *testing.T) {
	want := "3200000000000000241956ec09000000000000f83f10ac022a240a110a0a6c6f73735f747261696e150000803e0a0f0a086c722f686561647315000080bf5558a06d"
	event, err := hex.DecodeString(want[24 : len(want)-8])
	if err != nil {
		t.Fatal(err)
	}
	if got := hex.EncodeToString(record(event)); got != want {
		t.Errorf("record %s, want %s", got, want)
	}
	if tag, step, of := about(event); tag != "loss_train" || step != 300 || !of {
		t.Errorf("read as %q at step %d", tag, step)
	}
	dir := t.TempDir()
	w, err := Open(dir, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Scalars(300, map[string]float64{"lr/heads": -1, "loss_train": 0.25}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	file := content(t, only(t, dir))
	first, n := next(file)
	if version, _ := hex.DecodeString("1a0d627261696e2e4576656e743a32"); !bytes.HasSuffix(first, version) {
		t.Errorf("the file begins with %q", first)
	}
	second, _ := next(file[n:])
	const clock = 9 // bytes of the time
	if !bytes.Equal(second[clock:], event[clock:]) {
		t.Errorf("event %x, want %x", second, event)
	}
}

func content(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func files(t *testing.T, dir string) []string {
	t.Helper()
	f, err := filepath.Glob(filepath.Join(dir, "events.out.tfevents.*"))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(f)
	return f
}

func only(t *testing.T, dir string) string {
	t.Helper()
	f := files(t, dir)
	if len(f) != 1 {
		t.Fatalf("%d files", len(f))
	}
	return f[0]
}

// tags lists the events with values of a file as tag@step.
func tags(t *testing.T, path string) (out []string) {
	t.Helper()
	rest := content(t, path)
	for len(rest) > 0 {
		event, n := next(rest)
		if event == nil {
			t.Fatalf("%s: %d bytes that are no record", path, len(rest))
		}
		if tag, step, of := about(event); of {
			out = append(out, tag+"@"+string(rune('0'+step)))
		}
		rest = rest[n:]
	}
	return out
}

// TestTruncate: opening a folder again drops what was not wanted, and the half of a record
// that a killed process left; the new file comes after the old one.
func TestTruncate(t *testing.T) {
	dir := t.TempDir()
	w, err := Open(dir, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.HParams(map[string]string{"lr": "0.5"}); err != nil {
		t.Fatal(err)
	}
	for step := 1; step <= 5; step++ {
		if err := w.Scalars(step, map[string]float64{"loss": 1, "rate": 2}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Image(3, "picture", image.NewGray(image.Rect(0, 0, 8, 4))); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	old := only(t, dir)
	whole := content(t, old)
	if err := os.WriteFile(old, append(whole, whole[:40]...), 0o666); err != nil {
		t.Fatal(err)
	}
	w, err = Open(dir, 4, func(tag string, step int) bool { return step <= 3 && tag != "picture" })
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Scalars(4, map[string]float64{"loss": 1}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	f := files(t, dir)
	if len(f) != 2 || f[0] != old {
		t.Fatalf("files %v", f)
	}
	if got, want := strings.Join(tags(t, f[0]), " "), sessionStart+"@0 loss@1 loss@2 loss@3"; got != want {
		t.Errorf("left %s, want %s", got, want)
	}
	if got := strings.Join(tags(t, f[1]), " "); got != "loss@4" {
		t.Errorf("new file %s", got)
	}
	_, n := next(content(t, f[1]))
	start, _ := next(content(t, f[1])[n:])
	if !bytes.HasSuffix(start, []byte{0x10, 4, 0x3a, 2, 8, 1}) { // step 4, SessionLog START
		t.Errorf("the new file does not say where it goes on: %x", start)
	}
}

// TestKinds: settings are numbers, truth values and texts.
func TestKinds(t *testing.T) {
	for text, want := range map[string]string{
		"0.5": "11000000000000e03f", "true": "2001", "false": "2000", "resnet50": "1a087265736e65743530", "": "1a00", "NaN": "1a034e614e",
	} {
		if got := hex.EncodeToString(structValue(text)); got != want {
			t.Errorf("%q is %s, want %s", text, got, want)
		}
	}
}
