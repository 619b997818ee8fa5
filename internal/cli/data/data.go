package data

import (
	"hdmnet/internal/cli/flags"
	"hdmnet/internal/cli/ui"

	"github.com/spf13/cobra"
)

func NewCmd(io ui.Streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "data",
		Short: "Prepare, check and look at data sets",
		Long: `Commands about the pictures and masks that training and evaluation read: a folder (the
data root), and list files with one "image mask" pair a line, relative to it.`,
		Example: `  hdmnet data prepare voc --root VOC2012
  hdmnet data verify --config pascal5i_resnet50 --data-root VOC2012 --train-list train.txt --val-list val.txt
  hdmnet data stats --fold 0 --out episodes.png
  hdmnet data synth --out shapes`,
		Args: cobra.ArbitraryArgs,
		RunE: flags.NeedsCommand,
	}
	cmd.AddCommand(newPrepare(io), newVerify(io), newStats(io), newSynth(io))
	return cmd
}
