package prepare

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"hdmnet/internal/infile"
	"hdmnet/internal/locate"
	"hdmnet/internal/tally"
	"hdmnet/internal/textfile"
)

// LabelMeOptions say where pictures annotated with LabelMe are.
type LabelMeOptions struct {
	Options
	// Images is the folder with the annotations (*.json) and their pictures, and folders
	// below it.
	Images string
	// Classes is a class file (see data.ParseClasses); empty means the labels that occur, by
	// name.
	Classes string
}

// LabelMe turns annotations of LabelMe and X-AnyLabeling into a custom set under Out: masks,
// list.txt in the order of the annotations' names, and classes.txt. Linked folders are
// followed.
//
// Polygons are drawn as coco.AllPolygons draws them, rectangles (of two or four corners) and
// rotated ones as the polygons of their corners, circles to the pixels whose middle is
// inside, masks of LabelMe's AI at their place; later shapes over earlier ones. The label
// __ignore__ draws 255, _background_ draws 0. The picture inside an annotation (imageData) is
// not used. The picture is the one that imagePath names; one that was renamed with its
// annotation is found by the annotation's name.
//
// Points and lines have no area: they, and other shapes, annotations and pictures that
// cannot be used, are left out, counted in the report and in the record, and named in
// warnings; or an error when Strict.
//
// Masks are made anew each time, since annotations change; but another numbering of the
// classes than before is an error unless Force. Errors: no annotation that can be used, two
// of one picture, a label that is not in the class file, no classes, another
// preparation at work in the output folder.
func LabelMe(ctx context.Context, opt LabelMeOptions) (*Report, []string, error) {
	return opt.makeSet(ctx, "labelme", opt.Classes, func(t *tally.Tally) (*annotatedSet, error) {
		pictures, err := readLabelMe(ctx, opt, t)
		return &annotatedSet{pictures: pictures}, err
	})
}

// readLabelMe reads all annotations below a folder, in the order of their names, and finds
// their pictures.
func readLabelMe(ctx context.Context, opt LabelMeOptions, t *tally.Tally) ([]*annotated, error) {
	tree, err := locate.Walk(ctx, opt.Images, func(folder string) bool { return locate.Same(folder, opt.Out) }) // its record is no annotation
	if err != nil {
		return nil, fmt.Errorf("LabelMe annotations: %w", err)
	}
	paths := slices.DeleteFunc(tree.Files, func(path string) bool {
		return !strings.EqualFold(filepath.Ext(path), ".json") || filepath.Base(path) == recordFile && locate.Same(filepath.Dir(path), opt.Out)
	})
	paths = tree.Unlinked(paths)
	for _, link := range tree.Left {
		t.Drop("links that are not followed", link)
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("LabelMe annotations: no .json file in %s or below it; give the folder that LabelMe saved to", infile.Shown(opt.Images))
	}
	all := make([]*annotated, len(paths))
	counted := make([]tally.Tally, len(paths))
	finder := locate.New(opt.Images)
	err = each(ctx, opt.Options, "annotations", len(paths), func(i int) error {
		all[i] = openLabelMe(paths[i], finder, &counted[i])
		return nil
	})
	if err != nil {
		return nil, err
	}
	var annotations []*annotated
	for i, a := range all {
		t.Add(&counted[i])
		if a == nil {
			continue
		}
		rel, err := filepath.Rel(opt.Images, a.path)
		if err != nil {
			return nil, err
		}
		a.stem = filepath.ToSlash(strings.TrimSuffix(rel, filepath.Ext(rel)))
		annotations = append(annotations, a)
	}
	if len(annotations) == 0 {
		return nil, fmt.Errorf("LabelMe annotations: none of the %d .json files in %s can be used:\n%s", len(paths), infile.Shown(opt.Images), t.Reasons())
	}
	return annotations, nil
}

// openLabelMe reads an annotation and finds its picture; nil where it is to be left out.
func openLabelMe(path string, finder *locate.Finder, t *tally.Tally) *annotated {
	content, err := textfile.Read(path, maxAnnotation)
	if err != nil {
		t.Drop("annotations that cannot be read", err.Error())
		return nil
	}
	a, imagePath, err := parseLabelMe(content)
	if err != nil {
		t.Drop("files that are no annotation of LabelMe", fmt.Sprintf("%s: %v", infile.Shown(path), err))
		return nil
	}
	a.path = path
	a.count(t)
	a.image, err = labelMePicture(path, imagePath, finder)
	if !a.settle(err, t) {
		return nil
	}
	return a
}

// maxAnnotation is the size of the largest annotation of one picture, in bytes; the picture
// may be inside.
const maxAnnotation = 256 << 20

// labelMePicture finds the picture of an annotation: where imagePath says, which may be as
// another system or folder had it; or else, when both were renamed, by the annotation's
// name.
func labelMePicture(path, imagePath string, finder *locate.Finder) (string, error) {
	dir := filepath.Dir(path)
	beside := finder.Beside(dir, strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)), locate.Extensions)
	if imagePath == "" {
		if beside == "" {
			return "", errors.New("no imagePath, and no picture of the annotation's name beside it")
		}
		return beside, nil
	}
	found, err := locate.New(dir).FindPath(imagePath)
	switch {
	case err == nil:
		return found, nil
	case beside != "":
		return beside, nil
	}
	return finder.Find(imagePath)
}
