package ui

import (
	"bytes"
	"fmt"
	"testing"
)

func TestVisible(t *testing.T) {
	for text, want := range map[string]string{
		"":                             "",
		"a\tb\nBär 杯\n":                "a\tb\nBär 杯\n",
		"a\u202eb":                     `a\u202eb`,
		"\x1b[2Ja\x07\r\u009b\x7f\x00": `\x1b[2Ja\a\r\u009b\x7f\x00`,
	} {
		if got := visible(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	var out, err bytes.Buffer
	if n, e := fmt.Fprint(VisibleWriter(&out), "a\x1bb"); n != 3 || e != nil || out.String() != `a\x1bb` {
		t.Errorf("%q, %d, %v", out.String(), n, e)
	}
	Streams{Err: &err}.Warn("%s", "a\x1b]0;title\x07")
	if got := err.String(); got != `hdmnet: warning: a\x1b]0;title\a`+"\n" {
		t.Errorf("%q", got)
	}
}
