package root

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"hdmnet/internal/cli/flags"
	"hdmnet/internal/cli/ui"
	"hdmnet/internal/device"
	"hdmnet/internal/op"
)

func newVersion(io ui.Streams) *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print version, build and device",
		Example: "  hdmnet version",
		Args:    flags.None,
		RunE:    func(cmd *cobra.Command, _ []string) error { return runVersion(cmd.Context(), io) },
	}
}

func runVersion(_ context.Context, io ui.Streams) error {
	version, revision := "unknown", "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		version = info.Main.Version
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				revision = s.Value
			case "vcs.modified":
				if s.Value == "true" {
					revision += ", modified"
				}
			}
		}
	}
	dev, why, err := device.Open("auto", op.FP32)
	if err != nil {
		return err
	}
	defer dev.Close()
	_, err = fmt.Fprintf(io.Out, "hdmnet    %s\ncommit    %s\nbuilt by  %s for %s/%s\ndevice    %s: %s\n",
		version, revision, runtime.Version(), runtime.GOOS, runtime.GOARCH, dev.Name(), why)
	return err
}
