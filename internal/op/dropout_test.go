package op

import "testing"

// TestDropoutAfter: parts draw what the whole would.
func TestDropoutAfter(t *testing.T) {
	whole := DropoutParams{P: 0.4, Seed: 7}
	kept := 0
	for i := range 1000 {
		if got, want := whole.After(300).Keep(i), whole.Keep(300+i); got != want {
			t.Fatalf("draw %d after 300: %v, want %v", i, got, want)
		} else if got {
			kept++
		}
	}
	if kept < 500 || kept > 700 {
		t.Errorf("%d of 1000 are kept", kept)
	}
}
