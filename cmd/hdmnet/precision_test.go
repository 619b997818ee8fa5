package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"hdmnet/internal/cli/ui"
)

// TestPrecisionAuto: a run holds the precision that auto was measured to be, and goes on
// and is scored in it.
func TestPrecisionAuto(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	args := with([]string{"train", "--fold", "0", "--precision", "auto", "--out", dir}, short)
	_, errs, code := hdmnet(t, args...)
	found := regexp.MustCompile(`precision: (\w+), the (?:only|fastest)`).FindStringSubmatch(errs)
	if code != ui.ExitOK || found == nil {
		t.Fatalf("code %d, %s", code, errs)
	}
	settings := filepath.Join(dir, "config.yaml")
	if saved := string(read(t, settings)); !strings.Contains(saved, "\nprecision: "+found[1]+" ") {
		t.Fatalf("measured %s, saved:\n%s", found[1], saved)
	}
	if _, errs, code = hdmnet(t, "eval", "--run", dir, "--json"); code != ui.ExitOK || strings.Contains(errs, "precision:") || strings.Contains(errs, "threads) in bf16,") != (found[1] == "bf16") {
		t.Errorf("eval in %s: code %d, %s", found[1], code, errs)
	}

	// Going on with auto measures nothing: the run's precision stays.
	other := map[string]string{"fp32": "bf16", "bf16x3": "fp32", "bf16": "fp32"}[found[1]]
	if _, _, code := hdmnet(t, "doctor", "--device", "cpu", "--precision", other, "--self-test=false", "--measure=false"); code != ui.ExitOK {
		t.Skipf("there is no %q here", other)
	}
	text := strings.Replace(string(read(t, settings)), "\nprecision: "+found[1], "\nprecision: "+other, 1)
	if err := os.WriteFile(settings, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	_, errs, code = hdmnet(t, with(args, []string{"--resume"})...)
	if code != ui.ExitOK || strings.Contains(errs, "precision:") || strings.Contains(errs, "threads) in bf16,") != (other == "bf16") {
		t.Errorf("a run in %s goes on: code %d, %s", other, code, errs)
	}
}
