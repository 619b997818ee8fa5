package root

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"hdmnet/internal/cli/ui"
	"hdmnet/internal/op"
)

// TestEveryCommandHelps: whoever asks a command for help sees what it does and a line to
// paste.
func TestEveryCommandHelps(t *testing.T) {
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		if c.Short == "" || c.Example == "" && !c.HasSubCommands() {
			t.Errorf("%s: short help %q, example %q", c.CommandPath(), c.Short, c.Example)
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(newRoot(ui.Streams{Out: &bytes.Buffer{}, Err: &bytes.Buffer{}}))
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
	walk(newRoot(ui.Streams{Out: &bytes.Buffer{}, Err: &bytes.Buffer{}}))
	if flags < 10 {
		t.Errorf("only %d flags for numbers", flags)
	}
}
