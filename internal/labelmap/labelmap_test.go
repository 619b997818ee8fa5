package labelmap

import "testing"

func TestSpecial(t *testing.T) {
	for label, want := range map[string]int{"__ignore__": Ignore, "Ignore": Ignore, "_background_": 0, "BACKGROUND": 0, "cup": -1, "": -1, "back ground": -1} {
		got := -1
		if value, ok := Special(label); ok {
			got = int(value)
		}
		if got != want {
			t.Errorf("%q: %d, want %d", label, got, want)
		}
	}
}
