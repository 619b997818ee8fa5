package ui

import "testing"

func TestFirstOf(t *testing.T) {
	for _, c := range []struct {
		names []string
		want  string
	}{{nil, ""}, {[]string{"a"}, "a"}, {[]string{"a", "b"}, "a, b"}, {[]string{"a", "b", "c", "d"}, "a, b and 2 more"}} {
		if got := FirstOf(c.names, 2); got != c.want {
			t.Errorf("FirstOf(%q, 2) = %q, want %q", c.names, got, c.want)
		}
	}
}

func TestCount(t *testing.T) {
	for n, want := range map[int]string{0: "0 tensors", 1: "1 tensor", 2: "2 tensors"} {
		if got := Count(n, "tensor"); got != want {
			t.Errorf("Count(%d) = %q, want %q", n, got, want)
		}
	}
}
