//go:build cuda

package cuda

import (
	"os"
	"path/filepath"
	"testing"

	"hdmnet/internal/op"
)

func TestInspect(t *testing.T) {
	d := open(t)
	driver, gpus, err := Inspect()
	if err != nil || driver.File == "" || driver.CUDA == "" {
		t.Errorf("%+v: %v", driver, err)
	}
	if len(gpus) == 0 {
		t.Fatal("no GPU, but one was opened")
	}
	g := gpus[d.index]
	if g.Name == "" || g.Memory < 1<<20 || g.Capability < "8.0" || g.Multiprocessors != d.sms || g.Problem != "" {
		t.Errorf("%+v", g)
	}
	if now := d.Precision(); now != op.FP32 {
		t.Errorf("opened in %v, not in fp32", now)
	}
}

func TestDriverVersion(t *testing.T) {
	for text, want := range map[string]string{
		"NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar  5 22:23:56 UTC 2024\nGCC version:  gcc 12.2.0\n":                        "550.54.15",
		"NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.86.10  Release Build  (dvs-builder@U16)  Wed Jan 15\nGCC version:  gcc 11.4.0": "570.86.10",
		"something else 1.2.3": "",
	} {
		path := filepath.Join(t.TempDir(), "version")
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		if got := driverVersion(path); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	if got := driverVersion(filepath.Join(t.TempDir(), "none")); got != "" {
		t.Errorf("no file: %q", got)
	}
}
