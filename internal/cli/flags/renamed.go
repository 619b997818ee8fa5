package flags

import (
	"github.com/spf13/cobra"

	"hdmnet/internal/cli/ui"
)

// Renamed keeps the old name of a flag: it is not in the help any more, and a warning says
// what it is called now.
func Renamed(io ui.Streams, cmd *cobra.Command, old, now string) {
	cmd.Flags().Var(&renamed{io, cmd, old, now}, old, "")
	cmd.Flags().Lookup(old).Hidden = true
}

type renamed struct {
	io       ui.Streams
	cmd      *cobra.Command
	old, now string
}

func (r *renamed) Set(value string) error {
	r.io.Warn("--%s is called --%s now", r.old, r.now)
	return r.cmd.Flags().Set(r.now, value)
}

func (r *renamed) String() string { return "" }

func (r *renamed) Type() string { return "string" }
