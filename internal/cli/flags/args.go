package flags

import (
	"strings"

	"github.com/spf13/cobra"

	"hdmnet/internal/cli/ui"
)

// NeedsCommand runs a command that is only there for its subcommands.
func NeedsCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return cmd.Help()
	}
	hint := ""
	cmd.SuggestionsMinimumDistance = 2 // letters that may be wrong
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		hint = "did you mean " + strings.Join(near, " or ") + "? "
	}
	return ui.Usagef("unknown command %q; %ssee `%s --help`", args[0], hint, cmd.CommandPath())
}

// None refuses arguments that belong to no flag.
func None(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return ui.Usagef("unexpected argument %q; `%s` takes only flags, see `%s --help`", args[0], cmd.CommandPath(), cmd.CommandPath())
	}
	return nil
}

// Exactly wants so many arguments, which it names in the error.
func Exactly(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < len(names):
			return ui.Usagef("%s is missing; see `%s --help`", names[len(args)], cmd.CommandPath())
		case len(args) > len(names):
			return ui.Usagef("unexpected argument %q; see `%s --help`", args[len(names)], cmd.CommandPath())
		}
		return nil
	}
}

// Complete offers fixed values for a flag on the shell's tab key.
func Complete(cmd *cobra.Command, flag string, values ...string) {
	err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveDefault))
	if err != nil {
		panic(err) // the flag does not exist: a defect
	}
}
