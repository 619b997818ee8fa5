// Package manual writes what a release has beside the program: its manual pages and the
// completions of shells.
package manual

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"hdmnet/internal/cli/root"
	"hdmnet/internal/cli/ui"
)

// The folders that Write makes.
const (
	Man         = "man"
	Completions = "completions"
)

// Write writes, below dir, a manual page of every command and a completion for each of
// bash, zsh, fish and PowerShell. date is that of the release.
func Write(dir string, date time.Time) error {
	cmd := root.New(ui.Streams{Out: io.Discard, Err: io.Discard})
	cmd.DisableAutoGenTag = true
	cmd.InitDefaultCompletionCmd()
	man, completions := filepath.Join(dir, Man), filepath.Join(dir, Completions)
	if err := errors.Join(os.MkdirAll(man, 0o755), os.MkdirAll(completions, 0o755)); err != nil {
		return err
	}
	if err := doc.GenManTree(cmd, &doc.GenManHeader{Section: "1", Date: &date, Source: "hdmnet " + root.Number, Manual: "hdmnet"}, man); err != nil {
		return err
	}
	return writeCompletions(cmd, completions)
}

func writeCompletions(cmd *cobra.Command, dir string) error {
	const descriptions = true
	in := func(name string) string { return filepath.Join(dir, name) }
	return errors.Join(cmd.GenBashCompletionFileV2(in("hdmnet.bash"), descriptions), cmd.GenZshCompletionFile(in("_hdmnet")),
		cmd.GenFishCompletionFile(in("hdmnet.fish"), descriptions), cmd.GenPowerShellCompletionFileWithDesc(in("hdmnet.ps1")))
}
