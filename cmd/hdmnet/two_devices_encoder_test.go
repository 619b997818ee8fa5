package main

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"hdmnet/internal/golden"
)

// TestTwoDevicesEncoder: the methods without training find on the device that HDMNET_TEST_DEVICE
// names what they find on the CPU: the same mask and probabilities for several supports of
// other shapes than the query's, and the same scores. The maps have more patches than are multiplied
// at once.
func TestTwoDevicesEncoder(t *testing.T) {
	other := os.Getenv("HDMNET_TEST_DEVICE")
	if other == "" {
		t.Skip("HDMNET_TEST_DEVICE names no device to compare with the CPU")
	}
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	query := photo(t, at("q.jpg"), 150, 90)
	var supports []string
	for _, s := range []struct {
		name string
		w, h int
	}{{"a", 60, 100}, {"b", 120, 80}, {"c", 90, 90}} {
		supports = append(supports, "--support", photo(t, at(s.name+".jpg"), s.w, s.h)+":"+classMask(t, at(s.name+".png"), s.w, s.h, 1))
	}
	for _, c := range []struct{ method, encoder, size string }{
		{"insid3", "dinov3_tiny16", "272"}, {"insid3", "dinov2_tiny14_reg", "266"}, {"prototypes", "dinov3_tiny16", "272"}, {"prototypes", "dinov2_tiny14", "266"},
	} {
		name := c.method + " with " + c.encoder
		args := []string{"--method", c.method, "--weights", encoderWeights(t, c.encoder, ""), "--set", c.method + ".size=" + c.size}
		if c.method == "insid3" {
			args = append(args, "--set", "insid3.components=8", "--set", "insid3.tau=0.9", "--set", "insid3.merge=0.1")
		}
		answer := func(device string) []float32 {
			out := at(name + " " + device)
			runs(t, with([]string{"predict", "--device", device, "--query", query, "--out", out, "--save-logits"}, args, supports)...)
			return floatsOf(t, filepath.Join(out, "q_logits.npy"))
		}
		want, got := answer("cpu"), answer(other)
		px := 150 * 90
		object, differ := 0, 0
		for i := range px {
			a, b := want[px+i] > want[i], got[px+i] > got[i]
			if a {
				object++
			}
			if a != b {
				differ++
			}
		}
		d := golden.RelL2(got, want)
		t.Logf("%s: %d of %d pixels are the object, %d differ, the logits by %.2g", name, object, px, differ, d)
		if object < px/50 || object > px-px/50 { // or the comparison would say little
			t.Errorf("%s: %d of %d pixels are the object", name, object, px)
		}
		if differ > px/1000 || !(d <= 1e-4) { // a probability on the border may fall on the other side
			t.Errorf("%s on %s: %d pixels differ, the logits by %.2g", name, other, differ, d)
		}
		score := func(device string) float64 {
			out := runs(t, with([]string{"eval", "--device", device, "--json", "--fold", "1", "--episodes", "2", "--shots", "2"}, args, small[:8])...)
			return decode(t, out)["miou"].(float64)
		}
		if a, b := score("cpu"), score(other); a == 0 || !(math.Abs(a-b) <= 1e-3) {
			t.Errorf("%s: mIoU %g on the CPU, %g on %s", name, a, b, other)
		}
	}
}
