package flags

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Group is a heading under which a command's help lists flags.
type Group string

// The groups, in the order of the help.
const (
	GroupData     Group = "Data"
	GroupNetwork  Group = "Network"
	GroupOutput   Group = "Output"
	GroupMachine  Group = "Machine"
	groupSettings Group = "Settings"
	groupOther    Group = "Other"
)

// members are the flags of each group. A flag that means something else in one command
// than in the others is put into its group by SetGroup.
var members = []struct {
	group Group
	flags []string
}{
	{GroupData, []string{
		"data-root", "mask-colors", "max-pixels", "list", "train-list", "val-list", "fold", "fold-scheme", "split", "ann-type",
		"filter-intersection",
		"shots", "episodes", "episodes-file", "seeds", "protocol", "support", "support-dir", "support-file", "support-images", "max-supports", "class", "query", "query-dir", "mask-white-is-object",
		"root", "sbd", "images", "image-suffix", "masks", "mask-suffix", "instances", "file", "attribute", "classes", "mask-mode", "crowd", "strict",
		"project", "train-order", "val-order", "train", "val",
	}},
	{GroupNetwork, []string{
		"method", "run", "weights", "key", "stage", "epochs", "seed", "untrained", "shot-fusion", "tta", "refine", "boundary-iou", "gfss", "tau", "merge", "size", "batch", "mode",
		"tolerance", "raw", "graph",
	}},
	{GroupOutput, []string{
		"out", "resume", "accept-changed-data", "json", "format", "threshold", "min-area", "simplify", "save-logits", "save-probabilities", "save-overlays",
		"save-episodes", "save-results", "show", "force", "dtype", "source",
	}},
	{GroupMachine, []string{
		"device", "precision", "dist", "workers", "feature-cache", "runs", "warmup", "seconds", "sizes", "ops", "trace", "self-test", "measure", "thorough",
		"pictures", "queries", "clients", "addr", "token", "label-studio", "open", "max-file", "max-disk", "cache", "cache-size",
	}},
	{groupSettings, []string{"config", "set"}},
	{groupOther, []string{"help", "version"}},
}

// groupKey is the annotation of a flag whose group is not that of its name.
const groupKey = "hdmnet_group"

// SetGroup puts flags of a command into a group other than that of their names.
func SetGroup(cmd *cobra.Command, g Group, names ...string) {
	for _, name := range names {
		if err := cmd.Flags().SetAnnotation(name, groupKey, []string{string(g)}); err != nil {
			panic(err) // the flag does not exist: a defect
		}
	}
}

// groupOf returns the group of a flag. One that no group names is among the others.
func groupOf(f *pflag.Flag) Group {
	if g := f.Annotations[groupKey]; len(g) > 0 {
		return Group(g[0])
	}
	for _, m := range members {
		if slices.Contains(m.flags, f.Name) {
			return m.group
		}
	}
	return groupOther
}

// Help gives a command and all below it their help: what it does, an example, details, and
// the flags in groups.
func Help(root *cobra.Command) {
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) {
		about := cmd.Long
		if about == "" {
			about = cmd.Short + "."
		}
		about, details, _ := strings.Cut(about, "\n\n")
		var b strings.Builder
		fmt.Fprintln(&b, about)
		if cmd.Example != "" {
			fmt.Fprintf(&b, "\nExamples:\n%s\n", cmd.Example)
		}
		if details != "" {
			fmt.Fprintf(&b, "\n%s\n", details)
		}
		fmt.Fprintf(&b, "\n%s", usage(cmd))
		_, _ = fmt.Fprint(cmd.OutOrStdout(), b.String()) // cobra asks for no error here
	})
	root.SetUsageFunc(func(cmd *cobra.Command) error {
		_, err := fmt.Fprint(cmd.OutOrStdout(), usage(cmd))
		return err
	})
}

// usage is how a command is called, with its commands and flags.
func usage(cmd *cobra.Command) string {
	var b strings.Builder
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "Usage:\n  %s COMMAND\n\nCommands:\n", cmd.CommandPath())
		for _, sub := range cmd.Commands() {
			if sub.IsAvailableCommand() || sub.Name() == "help" {
				fmt.Fprintf(&b, "  %-*s  %s\n", sub.NamePadding(), sub.Name(), sub.Short)
			}
		}
	} else {
		fmt.Fprintf(&b, "Usage:\n  %s\n", cmd.UseLine())
	}
	cmd.InitDefaultHelpFlag()
	sets := map[Group]*pflag.FlagSet{}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		g := groupOf(f)
		if sets[g] == nil {
			sets[g] = pflag.NewFlagSet(string(g), pflag.ContinueOnError)
		}
		sets[g].AddFlag(f)
	})
	const columns = 100
	for _, m := range members {
		if s := sets[m.group]; s != nil && s.HasAvailableFlags() {
			fmt.Fprintf(&b, "\n%s:\n%s", m.group, s.FlagUsagesWrapped(columns))
		}
	}
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "\n`%s COMMAND --help` says more about a command.\n", cmd.CommandPath())
	}
	return b.String()
}
