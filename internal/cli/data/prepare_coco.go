package data

import (
	"context"
	"path/filepath"

	"github.com/spf13/cobra"

	"hdmnet/internal/cli/flags"
	"hdmnet/internal/cli/ui"
	"hdmnet/internal/coco"
	"hdmnet/internal/data"
	"hdmnet/internal/prepare"
)

// cocoFlags are the flags of `data prepare coco`.
type cocoFlags struct {
	prepareFlags
	root, instances, images, mode string
	trainOrder, valOrder          string
	crowd                         string
}

func newPrepareCOCO(io ui.Streams) *cobra.Command {
	o := &cocoFlags{}
	cmd := &cobra.Command{
		Use:   "coco",
		Short: "COCO 2014 or 2017, or your own annotations in its format",
		Long: `Prepare COCO: masks and lists from train2014.zip, val2014.zip and
annotations_trainval2014.zip, unpacked in one folder. 2017 works alike.

Objects are drawn in the order of the annotation file, later ones over earlier ones, crowds
left out. The value of a pixel is its class, 1 to 80 in the order of COCO's category ids.
Masks go to annotations/train2014 and annotations/val2014, the pairs to train.txt (82,081) and
val.txt (40,137), the names to classes.txt.

Published masks differ in how polygons are drawn, which changes scores:

  --mask-mode all-polygons    all polygons of an object, drawn as pycocotools draws them
  --mask-mode first-polygon   the first polygon only, with whole-pixel corners, drawn as
                              OpenCV draws it; the masks that papers use were made so

Scores also depend on the order of val.txt, because episodes take their queries from the top.
Papers use a random order that only their own list holds: pass that list as --val-order.
Without it, an existing val.txt keeps its order (unless --force is given), and a new one has
the order of the annotation file.

With --instances and --images, an annotation file with any classes (at most 254) becomes a
custom data set: masks/, list.txt and classes.txt in --out. Polygons and both kinds of RLE
are read, and everything else that pycocotools reads. Pictures are found by paths of other
machines and by Label Studio's names of uploads.

Annotations with iscrowd 1 are left out of COCO itself (--root), as in published masks, but
drawn with --instances, because CVAT marks every mask drawn with a brush that way. --crowd
chooses otherwise.`,
		Example: `  hdmnet data prepare coco --root coco --mask-mode all-polygons --val-order lists/val.txt
  hdmnet data prepare coco --instances parts.json --images photos \
      --mask-mode all-polygons --out parts`,
		Args: flags.None,
		RunE: func(cmd *cobra.Command, _ []string) error {
			opt, err := o.coco()
			if err != nil {
				return err
			}
			return o.prepare(cmd, io, func(ctx context.Context, common prepare.Options) (*prepare.Report, []string, error) {
				opt.Options = common
				report, err := prepare.COCO(ctx, opt)
				if err != nil || opt.Link.Place().Rank > 0 {
					return report, nil, err
				}
				names, err := data.ReadClasses(filepath.Join(report.Root, "classes.txt"))
				return report, names, err
			})
		},
	}
	o.addTogether(cmd, "the folder of --root")
	o.addStrict(cmd)
	f := cmd.Flags()
	f.StringVar(&o.root, "root", "", "COCO's folder `DIR`, which holds annotations, train2014 and val2014")
	f.StringVar(&o.mode, "mask-mode", "", "how polygons become pixels: all-polygons or first-polygon")
	f.StringVar(&o.crowd, "crowd", "", "what becomes of annotations with iscrowd 1: draw, ignore (255) or skip (default: skip with --root, draw with --instances)")
	f.StringVar(&o.trainOrder, "train-order", "", "list `FILE` whose order train.txt gets")
	f.StringVar(&o.valOrder, "val-order", "", "list `FILE` whose order val.txt gets: the field's val.txt")
	f.StringVar(&o.instances, "instances", "", "annotation `FILE` of a set of your own, instead of --root")
	f.StringVar(&o.images, "images", "", "folder `DIR` of the pictures that --instances names")
	flags.Complete(cmd, "crowd", coco.DrawCrowds.String(), coco.IgnoreCrowds.String(), coco.SkipCrowds.String())
	flags.Complete(cmd, "mask-mode", coco.AllPolygons.String(), coco.FirstPolygon.String())
	return cmd
}

// coco checks the flags that this command has of its own.
func (o *cocoFlags) coco() (opt prepare.COCOOptions, err error) {
	switch own := o.instances != "" || o.images != ""; {
	case o.root == "" && !own:
		return opt, ui.Usagef("COCO's folder is not given; name it with --root DIR, or a set of your own with --instances FILE --images DIR")
	case o.root != "" && own:
		return opt, ui.Usagef("--root is for COCO's own folder, --instances and --images for other annotations: give one or the other")
	case own && (o.instances == "" || o.images == ""):
		return opt, ui.Usagef("--instances and --images belong together: an annotation file, and the folder of its pictures")
	case own && o.out == "":
		return opt, ui.Usagef("no output folder is given; name one with --out DIR")
	case own && (o.trainOrder != "" || o.valOrder != ""):
		return opt, ui.Usagef("--train-order and --val-order are for COCO's own lists, with --root")
	case o.mode == "":
		return opt, ui.Usagef("--mask-mode is not given: all-polygons as pycocotools draws, or first-polygon as the field's ready-made masks; scores over the two differ")
	}
	mode, err := coco.ParseMode(o.mode)
	if err != nil {
		return opt, ui.Usagef("--mask-mode: %v", err)
	}
	opt = prepare.COCOOptions{Root: o.root, Instances: o.instances, Images: o.images, Mode: mode,
		TrainOrder: o.trainOrder, ValOrder: o.valOrder}
	if o.crowd != "" {
		crowds, err := coco.ParseCrowds(o.crowd)
		if err != nil {
			return opt, ui.Usagef("--crowd: %v", err)
		}
		opt.Crowds = &crowds
	}
	return opt, nil
}
