package main

import (
	"testing"

	"hdmnet/internal/cli/ui"
)

func TestBenchServe(t *testing.T) {
	small := []string{"bench", "serve", "--config", "shapes5i", "--size", "33", "--pictures", "3", "--queries", "4", "--clients", "1,2"}
	got := decode(t, runs(t, append(small, "--json")...))
	if got["pictures"] != 3.0 || got["first_pictures_per_second"].(float64) <= 0 || got["again_pictures_per_second"].(float64) <= 0 {
		t.Errorf("%v", got)
	}
	latency, _ := got["latency"].([]any)
	if len(latency) != 2 || latency[1].(map[string]any)["clients"] != 2.0 || latency[1].(map[string]any)["p95_ms"].(float64) <= 0 {
		t.Errorf("latency %v", latency)
	}
	if _, errs, code := hdmnet(t, append(small, "--clients", "0")...); code != ui.ExitUsage {
		t.Errorf("code %d: %s", code, errs)
	}
}
