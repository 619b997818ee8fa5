// Package data is `hdmnet data`: preparing, checking and looking at data sets.
package data

import (
	"hdmnet/internal/cli/flags"
	"hdmnet/internal/cli/ui"

	"github.com/spf13/cobra"
)

// NewCmd returns the command, which writes to io.
func NewCmd(io ui.Streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "data",
		Short: "Prepare, check and look at data sets",
		Long: `Prepare, check and look at data sets: the pictures and masks for training and scoring.

A data set is a folder (--data-root) and list files. Each line of a list holds the path of a
picture and that of its mask, relative to the folder.`,
		Example: `  hdmnet data prepare voc --root VOC2012
  hdmnet data verify --config pascal5i_resnet50 --data-root VOC2012 --list val.txt
  hdmnet data stats --fold 0 --out episodes.png
  hdmnet data synth --out shapes`,
		Args: cobra.ArbitraryArgs,
		RunE: flags.NeedsCommand,
	}
	cmd.AddCommand(newPrepare(io), newVerify(io), newStats(io), newSynth(io))
	return cmd
}
