package data

import (
	"context"
	"github.com/spf13/cobra"

	"hdmnet/internal/cli/flags"
	"hdmnet/internal/cli/ui"
	"hdmnet/internal/prepare"
)

func newPrepareLabelMe(io ui.Streams) *cobra.Command {
	var o struct {
		prepareFlags
		images, classes string
	}
	cmd := &cobra.Command{
		Use:   "labelme",
		Short: "Annotations drawn with LabelMe or X-AnyLabeling: masks, list and class names",
		Long: `Turn annotations that were drawn with LabelMe or X-AnyLabeling into a custom data set: masks,
list.txt and classes.txt. The JSON files lie beside their pictures, in --images or folders
below it; linked folders are followed. A picture that was renamed together with its
annotation is found by the annotation's name.

Polygons, rectangles (rotated or not), circles and the masks of LabelMe's AI are drawn, later
ones over earlier ones; points and lines are left out and counted. The label __ignore__
marks pixels that do not count (255), and _background_ the background. Classes are the labels
in alphabetical order, or those of --classes. Masks are made anew each time. A new
label that would renumber the others needs --force.`,
		Example: `  hdmnet data prepare labelme --images photos --out mine
  hdmnet data verify --config custom_resnet50 --data-root mine --list list.txt \
      --set dataset.folds=2
  hdmnet train --fold 0 --config custom_resnet50 --data-root mine --list list.txt \
      --set dataset.folds=2`,
		Args: flags.None,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case o.images == "":
				return ui.Usagef("the folder of annotations is not given; name it with --images DIR")
			case o.out == "":
				return ui.Usagef("no output folder is given; name one with --out DIR")
			}
			return o.prepare(cmd, io, func(ctx context.Context, opt prepare.Options) (*prepare.Report, []string, error) {
				return prepare.LabelMe(ctx, prepare.LabelMeOptions{Options: opt, Images: o.images, Classes: o.classes})
			})
		},
	}
	o.addTogether(cmd, "")
	o.addStrict(cmd)
	cmd.Flags().StringVar(&o.images, "images", "", "folder `DIR` with LabelMe's .json files and their pictures")
	cmd.Flags().StringVar(&o.classes, "classes", "", "class `FILE`: one name a line, line 1 being mask value 1 (default: the labels, by name)")
	return cmd
}
