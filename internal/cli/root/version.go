package root

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"hdmnet/internal/cli/flags"
	"hdmnet/internal/cli/ui"
	"hdmnet/internal/device"
	"hdmnet/internal/op"
)

// Number is the version of the program; CHANGELOG.md says what it brings.
const Number = "0.2.0"

// build is what `hdmnet version` tells.
type build struct {
	Version    string `json:"version"`
	Commit     string `json:"commit,omitempty"` // empty: not built from a clone
	CommitTime string `json:"commit_time,omitempty"`
	Modified   bool   `json:"modified"` // the clone had changes
	Go         string `json:"go"`
	OS         string `json:"os"`
	Arch       string `json:"arch"`
	Tags       string `json:"tags,omitempty"`
	Device     string `json:"device,omitempty"` // that --device auto takes
	Reason     string `json:"device_reason"`
}

// newBuild reads what the Go command wrote into the binary.
func newBuild() build {
	b := build{Version: Number, Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.time":
			b.CommitTime = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		case "-tags":
			b.Tags = s.Value
		}
	}
	return b
}

// commit is the commit in words.
func (b build) commit() string {
	s := cmp.Or(b.Commit, "unknown")
	if b.CommitTime != "" {
		s += " of " + b.CommitTime
	}
	if b.Modified {
		s += ", modified"
	}
	return s
}

// summary is the line of --version.
func summary() string {
	b := newBuild()
	parts := []string{"commit " + b.commit(), b.Go + " " + b.OS + "/" + b.Arch}
	if b.Tags != "" {
		parts = append(parts, "tags "+b.Tags)
	}
	return b.Version + " (" + strings.Join(parts, "; ") + ")"
}

func newVersion(io ui.Streams) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version, the build and the device",
		Long: `Print the version, the build and the device: commit, Go version, system, build tags, and the
device that --device auto chooses.`,
		Example: "  hdmnet version",
		Args:    flags.None,
		RunE:    func(*cobra.Command, []string) error { return runVersion(io, asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

func runVersion(io ui.Streams, asJSON bool) error {
	b := newBuild()
	if dev, why, err := device.Open("auto", op.FP32); err != nil {
		b.Reason = err.Error()
	} else {
		b.Device, b.Reason = dev.Name(), why
		if err := dev.Close(); err != nil {
			return err
		}
	}
	if asJSON {
		return ui.PrintJSON(io, b)
	}
	_, err := fmt.Fprintf(io.Out, "hdmnet    %s\ncommit    %s\nbuilt by  %s for %s/%s, build tags: %s\ndevice    %s: %s\n",
		b.Version, b.commit(), b.Go, b.OS, b.Arch, cmp.Or(b.Tags, "none"), cmp.Or(b.Device, "none"), b.Reason)
	return err
}
