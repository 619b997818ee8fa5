package predict

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"hdmnet/internal/cli/ui"
	"hdmnet/internal/coco"
	"hdmnet/internal/infile"
	"hdmnet/internal/predict"
	"hdmnet/internal/prepare"
)

// classes are what is looked for in a folder: one class of --support, or those of
// --support-dir or --support-file.
func (o *options) classes(ctx context.Context, io ui.Streams) ([]predict.Class, error) {
	given := 0
	for _, is := range []bool{len(o.supports) > 0, o.supportDir != "", o.supportFile != ""} {
		if is {
			given++
		}
	}
	if given != 1 {
		return nil, ui.Usagef("say what to look for with one of --support image:mask, --support-dir DIR and --support-file FILE")
	}
	if o.maxSupports < 1 {
		return nil, ui.Usagef("--max-supports %d: expected 1 or more", o.maxSupports)
	}
	if len(o.supports) > 0 {
		supports, err := o.parseSupports()
		return []predict.Class{{Name: o.class, Supports: supports}}, err
	}
	if o.supportFile != "" {
		return o.annotated(io, func(opt prepare.Options) (*prepare.Report, error) {
			images := o.supportImages
			if images == "" {
				images = filepath.Dir(o.supportFile)
			}
			return prepare.COCO(ctx, prepare.COCOOptions{Options: opt, Instances: o.supportFile, Images: images, Mode: coco.AllPolygons})
		})
	}
	has := func(name string) bool {
		_, err := os.Stat(filepath.Join(o.supportDir, name))
		return err == nil
	}
	annotations, err := filepath.Glob(filepath.Join(o.supportDir, "*.json"))
	if err != nil {
		annotations = nil // the folder's name is no pattern; what is in it will show
	}
	switch {
	case has("classes.txt") && has("list.txt"):
		return predict.ListClasses(filepath.Join(o.supportDir, "list.txt"), o.supportDir, filepath.Join(o.supportDir, "classes.txt"), o.maxSupports)
	case len(annotations) > 0:
		return o.annotated(io, func(opt prepare.Options) (*prepare.Report, error) {
			r, _, err := prepare.LabelMe(ctx, prepare.LabelMeOptions{Options: opt, Images: o.supportDir})
			return r, err
		})
	}
	classes, err := predict.ClassFolders(ctx, o.supportDir)
	for i := range classes {
		if c := &classes[i]; len(c.Supports) > o.maxSupports {
			io.Note("class %s: the first %d of %d supports are used (--max-supports)", infile.Shown(c.Name), o.maxSupports, len(c.Supports))
			c.Supports = c.Supports[:o.maxSupports]
		}
	}
	return classes, err
}

// annotated makes supports of annotations, by way of a custom data set that is gone when the
// program ends.
func (o *options) annotated(io ui.Streams, work func(prepare.Options) (*prepare.Report, error)) ([]predict.Class, error) {
	folder, err := os.MkdirTemp("", "hdmnet-supports-")
	if err != nil {
		return nil, err
	}
	o.temporary = folder
	report, err := work(prepare.Options{Out: folder, Warn: func(m string) { io.Warn("%s", m) }})
	if err != nil {
		return nil, fmt.Errorf("supports: %w", err)
	}
	if report.Written == 0 {
		return nil, errors.New("supports: no object is marked in the annotations")
	}
	return predict.ListClasses(filepath.Join(folder, "list.txt"), folder, filepath.Join(folder, "classes.txt"), o.maxSupports)
}

func (o *options) parseSupports() (all []predict.Support, err error) {
	for _, s := range o.supports {
		support, err := predict.ParseSupport(s)
		if err != nil {
			return nil, &ui.UsageError{Err: err}
		}
		all = append(all, support)
	}
	return all, nil
}

// names are the classes in words.
func names(classes []predict.Class) string {
	var s []string
	for _, c := range classes {
		plural := "s"
		if len(c.Supports) == 1 {
			plural = ""
		}
		s = append(s, fmt.Sprintf("%s (%d support%s)", infile.Shown(c.Name), len(c.Supports), plural))
	}
	return strings.Join(s, ", ")
}
