package weights

import (
	"fmt"

	"github.com/spf13/cobra"

	"hdmnet/internal/cli/flags"
	"hdmnet/internal/cli/ui"
	"hdmnet/internal/demo"
)

func newDemo(io ui.Streams) *cobra.Command {
	var out flags.Output
	cmd := &cobra.Command{
		Use:   "demo OUT",
		Short: "Write the demo network that comes with hdmnet to a file",
		Long: `Write the demo network that comes with hdmnet to a file of weights, to try commands without a
run. It was trained for two minutes on fold 0 of the synthetic set shapes5i, and its weights are
rounded to 8 bits: mIoU 64.9% with one support and 67.1% with five (64.9% and 67.2% without
rounding). It is no network for photographs.`,
		Example: `  hdmnet weights demo demo.safetensors
  hdmnet eval --weights demo.safetensors --config shapes5i --fold 0`,
		Args: flags.Exactly("OUT"),
		RunE: func(_ *cobra.Command, args []string) error {
			out.Path = args[0]
			if err := out.Check(); err != nil {
				return err
			}
			if err := demo.WriteWeights(out.Path); err != nil {
				return err
			}
			_, err := fmt.Fprintf(io.Out, "wrote %s; its settings: --config %s\n", out.Path, demo.Config)
			return err
		},
	}
	out.AddForce(cmd, "OUT")
	return cmd
}
