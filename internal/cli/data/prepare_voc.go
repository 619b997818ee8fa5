package data

import (
	"context"
	"github.com/spf13/cobra"

	"hdmnet/internal/cli/flags"
	"hdmnet/internal/cli/ui"
	"hdmnet/internal/data"
	"hdmnet/internal/prepare"
)

// vocFlags are the flags of `data prepare voc` and `data prepare sbd`.
type vocFlags struct {
	prepareFlags
	root, sbd string
}

func newPrepareVOC(io ui.Streams) *cobra.Command {
	o := &vocFlags{}
	cmd := &cobra.Command{
		Use:   "voc",
		Short: "PASCAL VOC 2012: masks, train.txt and val.txt",
		Long: `Prepare PASCAL VOC 2012: masks and lists from VOCtrainval_11-May-2012.tar, unpacked.

The masks go to SegmentationClassAug, the official sets to train.txt (1,464 pairs) and val.txt
(1,449 pairs). Published results on PASCAL-5i train on VOC together with SBD: see
` + "`" + `hdmnet data prepare sbd` + "`" + `, which makes all of this except train.txt.`,
		Example: `  hdmnet data prepare voc --root VOCdevkit/VOC2012`,
		Args:    flags.None,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.run(cmd, io, func(ctx context.Context, opt prepare.Options) (*prepare.Report, error) {
				return prepare.VOC(ctx, prepare.VOCOptions{Options: opt, Root: o.root})
			})
		},
	}
	o.addVOC(cmd)
	return cmd
}

func newPrepareSBD(io ui.Streams) *cobra.Command {
	o := &vocFlags{}
	cmd := &cobra.Command{
		Use:   "sbd",
		Short: "PASCAL VOC 2012 with SBD, the training data of PASCAL-5i",
		Long: `Prepare PASCAL VOC 2012 together with SBD, the Semantic Boundaries Dataset (benchmark.tgz,
unpacked). PASCAL-5i is trained on both.

SBD's MATLAB annotations and VOC's masks go to SegmentationClassAug; where a picture has both,
VOC's mask is used. The lists are

  voc_sbd_merge_noduplicate.txt   5,953 pairs, the usual training list, in its usual order
  trainaug.txt                    10,582 pairs, all of SBD and of VOC's train
  val.txt                         1,449 pairs, VOC's val

No training list holds a picture of val.txt. A list that differs from the published one is
reported.`,
		Example: `  hdmnet data prepare sbd --sbd benchmark_RELEASE --root VOCdevkit/VOC2012
  hdmnet train --fold 0 --config pascal5i_resnet50 --data-root VOCdevkit/VOC2012 \
      --train-list voc_sbd_merge_noduplicate.txt --val-list val.txt`,
		Args: flags.None,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.sbd == "" {
				return ui.Usagef("SBD's folder is not given; name it with --sbd DIR (benchmark_RELEASE)")
			}
			return o.run(cmd, io, func(ctx context.Context, opt prepare.Options) (*prepare.Report, error) {
				return prepare.SBD(ctx, prepare.SBDOptions{Options: opt, Root: o.root, SBD: o.sbd})
			})
		},
	}
	o.addVOC(cmd)
	cmd.Flags().StringVar(&o.sbd, "sbd", "", "SBD's folder `DIR`: benchmark_RELEASE, or the dataset folder in it")
	return cmd
}

func (o *vocFlags) addVOC(cmd *cobra.Command) {
	o.addTogether(cmd, "the VOC2012 folder")
	cmd.Flags().StringVar(&o.root, "root", "", "VOC's folder `DIR`: VOC2012, or VOCdevkit around it")
}

// run runs a preparation and prints its report.
func (o *vocFlags) run(cmd *cobra.Command, io ui.Streams, work func(context.Context, prepare.Options) (*prepare.Report, error)) error {
	if o.root == "" {
		return ui.Usagef("VOC's folder is not given; name it with --root DIR (VOC2012)")
	}
	return o.prepare(cmd, io, func(ctx context.Context, opt prepare.Options) (*prepare.Report, []string, error) {
		report, err := work(ctx, opt)
		return report, data.ClassNames("pascal"), err
	})
}
