package data

import (
	"context"
	"github.com/spf13/cobra"

	"hdmnet/internal/cli/flags"
	"hdmnet/internal/cli/ui"
	"hdmnet/internal/picture"
	"hdmnet/internal/prepare"
)

func newPrepareMasks(io ui.Streams) *cobra.Command {
	o := &prepare.MaskSetOptions{}
	var common prepareFlags
	cmd := &cobra.Command{
		Use:   "masks",
		Short: "Masks in colors or of single classes: masks of class indices, list, names",
		Long: `Turn a folder of pictures and a folder of masks into a custom data set: masks of class
indices, list.txt and classes.txt. A mask belongs to the picture of its name; extensions and
the case of letters do not matter. Folders below both are looked into. There are two kinds:

  MASKS/cat1.png           all classes in one mask: a color or a value for each (also
                           cat1_gt.png, where all masks end alike)
  MASKS/CLASS/cat1.png     one class: what is not black is the object
  MASKS/cat1/CLASS.png     likewise
  MASKS/cat1_CLASS.png     likewise

Colors are looked up in --mask-colors: voc (PASCAL VOC's palette), cityscapes, or a file with a
line for each class:

  background:0,0,0::       CVAT's labelmap.txt
  cup:250,50,83::

  name,r,g,b               class_dict.csv
  cup,250,50,83

  250 50 83 cup            CamVid's label_colors.txt

The classes are numbered in the order of the file, of --classes, or of the names of the masks of
single classes. A class named background is 0, one named ignore, void or unlabeled 255, which
does not count. Where masks of two classes overlap the later class is drawn. Files that cannot
be used are left out and counted.`,
		Example: `  hdmnet data prepare masks --images photos --masks SegmentationClass \
      --mask-colors labelmap.txt --out mine
  hdmnet data prepare masks --images photos --masks masks-by-class --out mine
  hdmnet data prepare masks --images leftImg8bit --image-suffix _leftImg8bit \
      --masks gtFine --mask-suffix _gtFine_color --mask-colors cityscapes --out city`,
		Args: flags.None,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case o.Images == "":
				return ui.Usagef("the folder of pictures is not given; name it with --images DIR")
			case o.Masks == "":
				return ui.Usagef("the folder of masks is not given; name it with --masks DIR")
			case common.out == "":
				return ui.Usagef("no output folder is given; name one with --out DIR")
			}
			return common.prepare(cmd, io, func(ctx context.Context, opt prepare.Options) (*prepare.Report, []string, error) {
				o.Options = opt
				return prepare.MaskSet(ctx, *o)
			})
		},
	}
	common.addTogether(cmd, "")
	common.addStrict(cmd)
	f := cmd.Flags()
	f.StringVar(&o.Images, "images", "", "folder `DIR` with the pictures")
	f.StringVar(&o.Masks, "masks", "", "folder `DIR` with the masks")
	f.StringVar(&o.ImageSuffix, "image-suffix", "", "what the names of pictures end with, before the extension; others are not looked at")
	f.StringVar(&o.MaskSuffix, "mask-suffix", "", "what the names of masks end with, before the extension; others are not looked at")
	f.StringVar(&o.Colors, "mask-colors", "", "which classes the colors are: voc, cityscapes, or a `FILE` of colors")
	f.StringVar(&o.Classes, "classes", "", "class `FILE`: one name a line, line 1 being mask value 1 (default: the names of the colors, or of the masks)")
	f.IntVar(&o.MaxPixels, "max-pixels", picture.DefaultMaxPixels, "largest picture that is read, in pixels")
	flags.Complete(cmd, "mask-colors", "voc", "cityscapes")
	return cmd
}
