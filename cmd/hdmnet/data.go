package main

import "github.com/spf13/cobra"

func newData(io Streams) *cobra.Command {
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
		RunE: needsCommand,
	}
	cmd.AddCommand(newDataPrepare(io), newDataVerify(io), newDataStats(io), newDataSynth(io))
	return cmd
}
