package data

import (
	"context"
	"path/filepath"

	"github.com/spf13/cobra"

	"hdmnet/internal/cli/flags"
	"hdmnet/internal/cli/ui"
	"hdmnet/internal/infile"
	"hdmnet/internal/prepare"
)

// tools are the annotation tools whose exports become a custom set.
var tools = []struct{ name, short, long, example string }{
	{"yolo", "Segments of YOLO: masks, lists and class names",
		`Turn a data set of YOLO segments into a custom data set: masks, train.txt, val.txt (and test.txt)
by the splits of data.yaml, and classes.txt in the order of its names.

--file is data.yaml, or the folder that holds it. Labels lie in a folder labels where the pictures
lie in images (train/images and train/labels, or images/train and labels/train), or beside them:
a text file for each picture, a line for each object, its class and the corners of its polygon.
A line of five numbers is a box, which is drawn filled. Pictures without a label file are left
out.`,
		`  hdmnet data prepare yolo --file downloads/data.yaml --out mine
  hdmnet train --fold 0 --config custom_resnet50 --data-root mine --set dataset.folds=2`},
	{"cvat", "CVAT for images 1.1: masks, list and class names",
		`Turn an export of CVAT into a custom data set: masks, list.txt and classes.txt. Export the task
as "CVAT for images 1.1" and unpack it: --file is annotations.xml.

Polygons, boxes, ellipses and masks are drawn in the order of their z_order; points, polylines
and skeletons are left out and counted. Classes are the labels of the project, in its order.`,
		`  hdmnet data prepare cvat --file export/annotations.xml --images export/images --out mine`},
	{"label-studio", "JSON of Label Studio: masks, list and class names",
		`Turn an export of Label Studio, JSON or JSON-MIN, into a custom data set: masks, list.txt and
classes.txt. Pictures are found by their file names, with or without the prefix of an upload.

Brushes, polygons, rectangles and ellipses are drawn in their order; key points are left out and
counted. Of several annotations of a picture the first that was not skipped counts. Classes are
the labels, in alphabetical order.`,
		`  hdmnet data prepare label-studio --file project-1.json --images photos --out mine`},
	{"via", "VGG's Image Annotator: masks, list and class names",
		`Turn a project or an export (JSON) of VGG's Image Annotator, version 1 or 2, into a custom data
set: masks, list.txt and classes.txt.

Polygons, rectangles, circles and ellipses are drawn; points and polylines are left out and
counted. The class is the region's attribute --attribute: if it is not given, the only one, or
the one that is called class, label, name, type, category or object.`,
		`  hdmnet data prepare via --file via_project.json --images photos --out mine`},
	{"supervisely", "A project of Supervisely: masks, list and class names",
		`Turn a project of Supervisely into a custom data set: masks, list.txt and classes.txt. --file is
meta.json, or the folder that holds it; the data sets beside it have folders ann and img.

Polygons (with their holes), rectangles and bitmaps are drawn in their order; points and lines are
left out and counted. Classes are those of the project, in its order.`,
		`  hdmnet data prepare supervisely --file project --out mine`},
}

func newImports(io ui.Streams) []*cobra.Command {
	var all []*cobra.Command
	for _, tool := range tools {
		var common prepareFlags
		o := prepare.ImportOptions{}
		cmd := &cobra.Command{
			Use: tool.name, Short: tool.short, Long: tool.long, Example: tool.example,
			Args: flags.None,
			RunE: func(cmd *cobra.Command, _ []string) error {
				switch {
				case o.File == "":
					return ui.Usagef("the file of the annotations is not given; name it with --file FILE")
				case common.out == "":
					return ui.Usagef("no output folder is given; name one with --out DIR")
				}
				var written *prepare.Report // by process 0
				err := common.prepare(cmd, io, func(ctx context.Context, opt prepare.Options) (report *prepare.Report, names []string, err error) {
					o.Options = opt
					report, names, err = prepare.Import(ctx, tool.name, o)
					if opt.Link.Place().Rank == 0 {
						written = report
					}
					return report, names, err
				})
				if err != nil {
					return err
				}
				if written == nil {
					return nil
				}
				if n := len(written.Lists); n > 0 {
					io.Note("next: hdmnet eval --run RUN --data-root %s --list %s --classes %s scores a trained network on it",
						infile.Shown(common.out), infile.Shown(filepath.Base(written.Lists[n-1].Path)), infile.Shown(filepath.Join(common.out, "classes.txt")))
				}
				return nil
			},
		}
		common.addTogether(cmd, "")
		common.addStrict(cmd)
		f := cmd.Flags()
		f.StringVar(&o.File, "file", "", "`FILE` that the tool has exported")
		f.StringVar(&o.Classes, "classes", "", "class `FILE`: one name a line, line 1 being mask value 1")
		if tool.name != "yolo" && tool.name != "supervisely" {
			f.StringVar(&o.Images, "images", "", "folder `DIR` with the pictures (default: that of --file)")
		}
		if tool.name == "via" {
			f.StringVar(&o.Attribute, "attribute", "", "`NAME` of the region attribute that is the class")
		}
		all = append(all, cmd)
	}
	return all
}
