// Package export is `hdmnet export`: networks as files of other formats.
package export

import (
	"github.com/spf13/cobra"

	"hdmnet/internal/cli/flags"
	"hdmnet/internal/cli/ui"
)

// NewCmd returns the command, which writes to io.
func NewCmd(io ui.Streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "export",
		Short:   "Write a trained network for other programs",
		Long:    `Write a trained network for other programs, which then run it without hdmnet.`,
		Example: "  hdmnet export onnx --run runs/first --out net.onnx",
		Args:    cobra.ArbitraryArgs,
		RunE:    flags.NeedsCommand,
	}
	cmd.AddCommand(newONNX(io))
	return cmd
}
