package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"hdmnet/internal/cli/ui"
)

// TestMemoryThatIsRefused trains a large network under `ulimit -v`: one message that says
// what to do, no stack.
func TestMemoryThatIsRefused(t *testing.T) {
	dir := t.TempDir()
	args := []string{"train", "--fold", "0", "--out", filepath.Join(dir, "run"), "--device", "cpu", "--set", "model.backbone=resnet50",
		"--set", "dataset.synth_train=24", "--set", "dataset.synth_val=20", "--set", "train.base.validate_every=0", "--set", "train.meta.validate_every=0",
		"--set", "train.base.size=473", "--set", "train.base.max_steps=1", "--set", "train.meta.max_steps=1"}
	cmd := exec.Command("/bin/sh", "-c", `ulimit -v 2500000; exec "$0" -test.run='^TestCommandInChild$'`, os.Args[0])
	cmd.Env = append(os.Environ(), "HDMNET_TEST_ARGS="+strings.Join(args, "\n"))
	out, err := cmd.CombinedOutput()
	text := string(out)
	if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != ui.ExitError {
		t.Fatalf("%v, want exit code %d:\n%.3000s", err, ui.ExitError, text)
	}
	if strings.Contains(text, "goroutine ") || !strings.Contains(text, "out of memory") || !strings.Contains(text, "ulimit -v") {
		t.Errorf("want one message:\n%.3000s", text)
	}
}
