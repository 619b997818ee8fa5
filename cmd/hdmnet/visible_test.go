package main

import (
	le "encoding/binary"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestNamesOfFilesAreShown: what names in files hold reaches no terminal as a control
// character, and forges no line of a report.
func TestNamesOfFilesAreShown(t *testing.T) {
	dir := t.TempDir()
	header, err := json.Marshal(map[string]any{
		"w\x1b]0;title\x07\x1b[2J": map[string]any{"dtype": "F32", "shape": []int{1}, "data_offsets": []int{0, 4}},
		"__metadata__":             map[string]string{"a": "b\nholds           HDMNet, resnet50", "c\nholds  x": "d"},
	})
	if err != nil {
		t.Fatal(err)
	}
	weights := filepath.Join(dir, "a.safetensors")
	write(t, weights, append(append(le.LittleEndian.AppendUint64(nil, uint64(len(header))), header...), 0, 0, 0, 0))
	write(t, filepath.Join(dir, "l.txt"), []byte("a\x1b[2Jb.png c\u009b.png\n"))
	write(t, filepath.Join(dir, "classes.txt"), []byte("cup\nspoon\n"))
	set := []string{"--config", "custom_resnet50", "--data-root", dir, "--list", filepath.Join(dir, "l.txt"), "--set", "dataset.folds=2"}
	for _, args := range [][]string{
		{"weights", "inspect", weights},
		{"weights", "convert", weights, filepath.Join(dir, "o.safetensors")},
		{"weights", "diff", weights, weights},
		append([]string{"data", "verify"}, set...),
		append([]string{"data", "stats", "--fold", "0"}, set...),
	} {
		out, errs, _ := hdmnet(t, args...)
		text := out + errs
		if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\n' || r >= 0x7f && r < 0xa0 }) {
			t.Errorf("%v: control characters in %q", args, text)
		}
		if strings.Contains(text, "\nholds  ") && strings.Contains(text, "HDMNet, resnet50\n") || strings.Contains(text, "\nholds  x") {
			t.Errorf("%v: a forged line in\n%s", args, text)
		}
		if !strings.Contains(text, `\x1b`) && args[0] == "data" {
			t.Errorf("%v: the name is not shown in %q", args, text)
		}
	}
	if _, err := os.Stat(weights); err != nil {
		t.Error(err)
	}
}
