package root

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"hdmnet/internal/cli/ui"
	"hdmnet/internal/op"
)

// TestEveryCommandHelps: whoever asks a command for help sees what it does, a line to paste
// and every flag under a heading that says what it is about.
func TestEveryCommandHelps(t *testing.T) {
	var names []string
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		names = append(names, strings.TrimPrefix(c.CommandPath(), "hdmnet"))
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(New(ui.Streams{Out: &bytes.Buffer{}, Err: &bytes.Buffer{}}))
	if len(names) < 20 {
		t.Fatalf("%d commands: %q", len(names), names)
	}
	for _, name := range names {
		var out bytes.Buffer
		if code := Execute(t.Context(), append(strings.Fields(name), "--help"), ui.Streams{Out: &out, Err: &out}); code != ui.ExitOK {
			t.Errorf("hdmnet%s --help: exit code %d", name, code)
		}
		help := out.String()
		about, rest, ok := strings.Cut(help, "\n\nExamples:\n  ")
		if !ok || strings.Contains(about, "\n\n") || len(about) < 30 {
			t.Errorf("hdmnet%s --help: one paragraph and then examples expected:\n%s", name, help)
		}
		if !strings.HasPrefix(rest, "hdmnet"+name+" ") && !strings.HasPrefix(rest, "hdmnet"+name+"\n") {
			t.Errorf("hdmnet%s --help: the first example is of another command:\n%s", name, rest)
		}
		_, other, ok := strings.Cut(help, "\nOther:\n")
		if !ok {
			t.Errorf("hdmnet%s --help: no other flags:\n%s", name, help)
		}
		for line := range strings.Lines(other) {
			if strings.Contains(line, "--") && !strings.Contains(line, "--help") && !strings.Contains(line, "--version") {
				t.Errorf("hdmnet%s --help: a flag belongs to no group, name it in flags.members: %s", name, line)
			}
		}
		for line := range strings.Lines(help) {
			if width := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); width > 100 {
				t.Errorf("hdmnet%s --help: %d columns: %s", name, width, line)
			}
		}
	}
}

// TestVersion: the line of --version and the object of version --json name this version.
func TestVersion(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--version"}, "hdmnet " + Number + " (commit "},
		{[]string{"version"}, "hdmnet    " + Number + "\n"},
	} {
		var out, errs bytes.Buffer
		if code := Execute(t.Context(), c.args, ui.Streams{Out: &out, Err: &errs}); code != ui.ExitOK || !strings.HasPrefix(out.String(), c.want) || errs.Len() != 0 {
			t.Errorf("%q: exit code %d, %q, %q", c.args, code, out.String(), errs.String())
		}
	}
	var out bytes.Buffer
	var b build
	Execute(t.Context(), []string{"version", "--json"}, ui.Streams{Out: &out, Err: &out})
	if err := json.Unmarshal(out.Bytes(), &b); err != nil || b.Version != Number || b.Go == "" || b.OS == "" || b.Device == "" {
		t.Errorf("%+v, %v", b, err)
	}
}

// TestPanicMessage: what a device says is for people; a defect keeps its stack.
func TestPanicMessage(t *testing.T) {
	memory := fmt.Errorf("no room for a tensor: %w; use a smaller batch", op.ErrOutOfMemory)
	fault := &op.DeviceError{Err: errors.New("cuda:0: the driver says 700")}
	for _, err := range []error{memory, fault} {
		if got := panicMessage(err); got != "hdmnet: "+err.Error() {
			t.Errorf("%v becomes %q", err, got)
		}
	}
	for _, defect := range []any{"op: Conv2D: x has shape [1]", errors.New("shape mismatch")} {
		got := panicMessage(defect)
		if !strings.Contains(got, fmt.Sprint(defect)) || !strings.Contains(got, "defect") || !strings.Contains(got, "TestPanicMessage") {
			t.Errorf("%v becomes %q", defect, got)
		}
	}
}

// TestNumbersOfFlagsAreDecimal: in every command, 010 is no eight.
func TestNumbersOfFlagsAreDecimal(t *testing.T) {
	flags := 0
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if f.Value.Type() != "int" {
				return
			}
			flags++
			if err := f.Value.Set("010"); err != nil || f.Value.String() != "10" {
				t.Errorf("%s --%s 010 is %s, %v", c.CommandPath(), f.Name, f.Value, err)
			}
		})
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(New(ui.Streams{Out: &bytes.Buffer{}, Err: &bytes.Buffer{}}))
	if flags < 10 {
		t.Errorf("only %d flags for numbers", flags)
	}
}
