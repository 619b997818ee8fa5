// Package config is `hdmnet config`: the configurations that there are, and their settings.
package config

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"hdmnet/internal/cli/flags"
	"hdmnet/internal/cli/ui"
	"hdmnet/internal/config"
)

// NewCmd returns the command, which writes to io.
func NewCmd(io ui.Streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "List and show configurations",
		Long: `List and show configurations: the settings for a data set and a backbone.

A configuration is one that the program brings, or a YAML file. Commands take either one as
--config.`,
		Example: `  hdmnet config list
  hdmnet config show pascal5i_resnet50`,
		Args: cobra.ArbitraryArgs,
		RunE: flags.NeedsCommand,
	}
	cmd.AddCommand(newList(io), newShow(io))
	return cmd
}

func newList(io ui.Streams) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the configurations that the program brings",
		Long:    `List the configurations that the program brings, with a line about each.`,
		Example: "  hdmnet config list",
		Args:    flags.None,
		RunE:    func(cmd *cobra.Command, _ []string) error { return runList(cmd.Context(), io) },
	}
}

func runList(_ context.Context, io ui.Streams) error {
	w := ui.TextTable(io.Out)
	for _, name := range config.Names() {
		text, err := config.Source(name)
		if err != nil {
			return err
		}
		first, _, _ := strings.Cut(string(text), "\n")
		about := strings.TrimPrefix(strings.TrimSpace(strings.TrimPrefix(first, "#")), name+": ")
		if name == config.Default {
			about += " The default."
		}
		fmt.Fprintf(w, "%s\t%s\n", name, about)
	}
	return w.Flush()
}

// showOptions are the flags of `config show`.
type showOptions struct {
	name   string
	set    []string
	source bool
}

func newShow(io ui.Streams) *cobra.Command {
	o := &showOptions{}
	cmd := &cobra.Command{
		Use:   "show [NAME|FILE]",
		Short: "Print every setting as YAML",
		Long: `Print every setting as YAML, with its meaning, after environment variables and --set are
applied.

The output is a complete configuration file, to be edited and passed as --config. A file may
also hold only what differs from another configuration:

  extends: pascal5i_resnet50
  model: {shots: 5}

--source prints the file of a configuration that the program brings as it is: only what
differs from the one it extends.`,
		Example: `  hdmnet config show
  hdmnet config show pascal5i_resnet50 --set model.shots=5 > mine.yaml
  hdmnet config show coco20i_vgg16 --source`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return ui.Usagef("unexpected argument %q; `%s` takes one configuration", args[1], cmd.CommandPath())
			}
			return nil
		},
		ValidArgsFunction: cobra.FixedCompletions(config.Names(), cobra.ShellCompDirectiveDefault),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.name = config.Default
			if len(args) == 1 {
				o.name = args[0]
			}
			return runShow(cmd.Context(), io, o)
		},
	}
	cmd.Flags().StringArrayVar(&o.set, "set", nil, "a setting, `KEY=VALUE`; may be repeated")
	cmd.Flags().BoolVar(&o.source, "source", false, "print the configuration's own file")
	return cmd
}

func runShow(_ context.Context, io ui.Streams, o *showOptions) error {
	var text []byte
	if o.source {
		if len(o.set) > 0 {
			return ui.Usagef("--source prints the file as it is and takes no --set")
		}
		var err error
		if text, err = config.Source(o.name); err != nil {
			return ui.Usagef("%w", err)
		}
	} else {
		c, err := config.Load(config.Options{Config: o.name, Env: io.Env, Set: o.set, Warn: func(text string) { io.Warn("%s", text) }})
		if err != nil {
			return err
		}
		if text, err = c.YAML(); err != nil {
			return err
		}
	}
	_, err := io.Out.Write(text)
	return err
}
