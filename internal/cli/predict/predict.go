// Package predict is `hdmnet predict`: segmentation of a person's own pictures.
package predict

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"hdmnet/internal/cli/flags"
	"hdmnet/internal/cli/ui"
	"hdmnet/internal/experiment"
	"hdmnet/internal/infile"
	"hdmnet/internal/predict"
)

// options are the flags of `predict`.
type options struct {
	*flags.Settings
	supports, queries []string
	out               string
	network           flags.Network
	method            string
	saveLogits        bool
	whiteIsObject     bool
	force             bool

	// Of a folder.
	queryDir                               string
	supportDir, supportFile, supportImages string
	maxSupports, minArea                   int
	class, format                          string
	threshold, simplify                    float64
	saveProbabilities, saveOverlays        bool
	temporary                              string // a folder to remove at the end
}

// NewCmd returns the command, which writes to io.
func NewCmd(io ui.Streams) *cobra.Command {
	o := &options{}
	cmd := &cobra.Command{
		Use:   "predict",
		Short: "Segment pictures, from pictures in which the object is marked",
		Long: `Segment pictures (queries), from one or a few pictures in which the object is marked
(supports). Pictures are JPEG, PNG, WebP, BMP, TIFF, GIF or PNM of any size; the EXIF
orientation of JPEG is applied. Very large ones are read at a smaller scale; the mask has the
picture's size.

A support is a picture with one or more marks:

  cat.jpg:cat_mask.png          a mask: a PNG of the picture's size with 0 for background and
                                any other value for the object; 255 is ignored. In a palette
                                picture the index counts; in a color picture black is
                                background and white is ignored. For masks that are white on
                                black, give --mask-white-is-object.
  cat.jpg:box=10,20,110,220     a box around the object: left, top, right, bottom in pixels
  cat.jpg:point=60,90           a point on the object: column, row
  cat.jpg:not=5,5               a point on the background
  cat.jpg:scribble=lines.png    lines on the object: a PNG of the picture's size, black or
                                transparent elsewhere

Boxes, points and scribbles can be combined: cat.jpg:point=60,90:point=80,150:not=5,5.
In PowerShell, put such a support in quotes.

A box alone is filled. From points and scribbles, a mask is computed with a random walker:
each pixel goes to the object or to the background by its color and by the edges between
it and the marks. The object is the part that is connected to a mark, within the boxes if
there are any. Look at the support's overlay, and add points where its mask is wrong.

For a support cat.jpg and a query photo.jpg, the output folder gets

  support_cat_overlay.png  the support with its mask
  photo_mask.png           255 for the object, 0 elsewhere
  photo_overlay.png        the query with the object tinted and outlined
  photo_logits.npy         with --save-logits: float32 [2,H,W], background and object

Pictures of an earlier predict are replaced. Other files of these names, and results that
were edited, are kept: then nothing is predicted without --force.

With --query-dir, all pictures of a folder and the folders below it are segmented, for one class
(--support) or for several:

  --support-dir DIR     a folder for each class, named as the class, with pictures and their
                        masks (cat1.jpg, cat1_mask.png); or the folder of a custom data set
                        (list.txt, classes.txt); or a folder of LabelMe's annotations
  --support-file FILE   annotations in COCO's format

Each pixel goes to the most probable class whose probability is above --threshold. Connected
pixels are an object; those with fewer pixels than --min-area are dropped. --format says what the
output folder gets:

  png       masks/NAME.png (palette, the index is the class), classes.txt and list.txt: a custom
            data set, as it is
  coco      annotations.json, with exact masks (RLE); polygons with --simplify
  labelme   NAME.json, polygons
  yolo      labels/NAME.txt, polygons, and data.yaml

With --method insid3, or the simpler --method prototypes, no network is trained: objects are found
in the features of an encoder, DINOv3 or DINOv2, whose weights are given with --weights. A pixel's
probability is above 0.5 where the method says object. docs/insid3.md and docs/foundation.md say
more, and where the weights are.

A run over a folder that was stopped goes on with the same command. Pictures that cannot be read
are reported, and the others go on; then the exit code is 1. results.jsonl in the output folder
records what is done; a folder with anything else in it is refused without --force.`,
		Example: `  hdmnet predict --run runs/first --support cat1.jpg:cat1.png --query photo.jpg --out out
  hdmnet predict --run runs/first --support cat1.jpg:point=120,80:point=150,200:not=10,10 \
      --query photo.jpg --out out
  hdmnet predict --weights best.safetensors --config pascal5i_resnet50 \
      --support a.jpg:a.png --support b.jpg:box=30,40,200,180 \
      --query q1.jpg --query q2.jpg --out out
  hdmnet predict --run runs/first --support-dir supports --query-dir photos \
      --format coco --out labels
  hdmnet predict --method insid3 --weights dinov3_vitl16.safetensors \
      --support cat1.jpg:cat1.png --query photo.jpg --out out`,
		Args: flags.None,
		RunE: func(cmd *cobra.Command, _ []string) error { return run(cmd.Context(), io, o) },
	}
	o.Settings = flags.NewSettings(cmd)
	f := cmd.Flags()
	f.StringArrayVar(&o.supports, "support", nil, "a support, `IMAGE:MASK`, or IMAGE:box=…, :point=…, :scribble=…; repeat for more supports")
	f.StringArrayVar(&o.queries, "query", nil, "picture `IMAGE` to segment; repeat for more")
	f.StringVar(&o.out, "out", "", "folder for the results, `DIR`")
	flags.Method(cmd, &o.method)
	o.network.Add(cmd)
	f.BoolVar(&o.whiteIsObject, "mask-white-is-object", false, "in masks, 255 and white are the object, not ignored")
	f.BoolVar(&o.force, "force", false, "replace whatever has the name of a result")
	f.BoolVar(&o.saveLogits, "save-logits", false, "also write the logits")
	f.StringVar(&o.queryDir, "query-dir", "", "folder `DIR` whose pictures are segmented, instead of --query")
	f.StringVar(&o.supportDir, "support-dir", "", "with --query-dir: folder `DIR` with the supports of several classes")
	f.StringVar(&o.supportFile, "support-file", "", "with --query-dir: supports from annotations in COCO's format, `FILE`")
	f.StringVar(&o.supportImages, "support-images", "", "folder `DIR` with the pictures of --support-file (default: that of the file)")
	f.IntVar(&o.maxSupports, "max-supports", 10, "how many supports of a class are used")
	f.StringVar(&o.class, "class", "object", "what the object of --support is called, with --query-dir")
	f.StringVar(&o.format, "format", "png", "what is written for --query-dir: "+strings.Join(predict.Formats(), ", "))
	f.Float64Var(&o.threshold, "threshold", 0.5, "probability above which a pixel is the object, with --query-dir")
	f.IntVar(&o.minArea, "min-area", 0, "pixels of the smallest object that is kept, with --query-dir")
	f.Float64Var(&o.simplify, "simplify", 0, "how far polygons may be from the pixels' sides, in pixels, with --query-dir (labelme and yolo: 1)")
	f.BoolVar(&o.saveProbabilities, "save-probabilities", false, "with --query-dir: also write probabilities/CLASS/NAME.png, 16 bits, 65535 being 1")
	f.BoolVar(&o.saveOverlays, "save-overlays", false, "with --query-dir: also write overlays/NAME.png")
	flags.Complete(cmd, "format", predict.Formats()...)
	flags.MaxPixels(o.Settings)
	flags.Fusion(o.Settings)
	flags.Device(o.Settings)
	return cmd
}

func run(ctx context.Context, io ui.Streams, o *options) (err error) {
	folder := o.queryDir != ""
	for _, name := range folderFlags {
		if !folder && o.Given(name) {
			return ui.Usagef("--%s goes with --query-dir, a folder of pictures", name)
		}
	}
	if err := flags.CheckMethod(o.Settings, o.method); err != nil {
		return err
	}
	switch {
	case len(o.supports) == 0 && !folder:
		return ui.Usagef("no support is given; say what to look for with --support image:mask")
	case len(o.queries) == 0 && !folder:
		return ui.Usagef("no query is given; say where to look with --query image, or --query-dir folder")
	case o.out == "":
		return ui.Usagef("no output folder is given; name one with --out DIR")
	}
	if err := o.network.Check(true); err != nil {
		return err
	}
	work := predict.Options{
		Queries: o.queries, Out: o.out, SaveLogits: o.saveLogits, WhiteIsObject: o.whiteIsObject, Force: o.force,
		Warn: func(m string) { io.Warn("%s", m) },
		Taken: func(r predict.Taken) {
			_, _ = fmt.Fprintf(io.Err, "support %s: %.1f%% object, wrote %s\n", r.Image, 100*r.Object, r.Overlay)
		},
		Done: func(r predict.Result) {
			_, _ = fmt.Fprintf(io.Out, "%s: %.1f%% object, wrote %s and %s\n", r.Query, 100*r.Foreground, r.Mask, r.Overlay)
			if r.Logits != "" {
				_, _ = fmt.Fprintf(io.Out, "%s: wrote %s\n", r.Query, r.Logits)
			}
		},
	}
	var many predict.FolderOptions
	shots := len(o.supports)
	if folder {
		if many, err = o.folderOptions(); err != nil {
			return err
		}
		defer func() {
			if o.temporary != "" {
				err = errors.Join(err, os.RemoveAll(o.temporary))
			}
		}()
		if many.Classes, err = o.classes(ctx, io); err != nil {
			return err
		}
	} else if work.Supports, err = o.parseSupports(); err != nil {
		return err
	}
	settings, err := o.Options(io)
	if err != nil {
		return err
	}
	settings.Config = o.network.Config
	if o.method != flags.MethodHDMNet {
		return o.untrained(ctx, io, settings, work, many)
	}
	monitor, _ := flags.Monitor(io)
	t, err := experiment.OpenTrained(o.network.Source(), settings, monitor)
	if err != nil {
		return err
	}
	work.Size, work.MaxPixels = t.Model.Size, t.Dataset.MaxPixels
	if work.Views, err = flags.Views(t.Config); err != nil {
		return err
	}
	if work.Refine, err = flags.Refinement(t.Config); err != nil {
		return err
	}
	dev, err := flags.OpenDevice(ctx, io, t.Config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dev.Close()) }()
	if folder {
		// Any number of supports goes with it; those it was trained with have weights.
		if shots, err = t.TrainedShots(); err != nil {
			return err
		}
	}
	net, err := t.Network(dev, shots, false, 0, monitor)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, net.Close()) }()
	if folder || len(o.queries) > 1 {
		if err := net.CacheFeatures(net.Tape, int64(t.Eval.FeatureCache)<<20); err != nil {
			return err
		}
	}
	if folder {
		many.Options = work
		if many.Network, err = t.Identity(); err != nil {
			return err
		}
		for _, c := range many.Classes {
			if k := len(c.Supports); k > 1 {
				io.Note("class %s: %d supports, fused: %s", infile.Shown(c.Name), k, net.Fused(k))
			}
		}
		return o.folder(ctx, io, net, net.Tape, many)
	}
	if k := len(work.Supports); k > 1 {
		io.Note("%d supports, fused: %s", k, net.Fused(k))
	}
	_, err = predict.Run(ctx, net, net.Tape, work)
	return wayOut(err)
}

// wayOut adds to the error of results that are there already what replaces them.
func wayOut(err error) error {
	if errors.Is(err, fs.ErrExist) {
		return &ui.UsageError{Err: fmt.Errorf("%w, or give --force to replace such files", err)}
	}
	return err
}
