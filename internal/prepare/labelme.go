package prepare

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"hdmnet/internal/coco"
	"hdmnet/internal/data"
	"hdmnet/internal/infile"
	"hdmnet/internal/locate"
	"hdmnet/internal/picture"
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
	if opt.Out == "" {
		return nil, nil, errors.New("no output folder for masks and lists is given")
	}
	report := &Report{}
	annotations, err := readLabelMe(ctx, opt, &report.Objects)
	if err != nil {
		return nil, nil, err
	}
	if err := opt.settle(&report.Objects); err != nil {
		return nil, nil, err
	}
	names, err := labelMeClasses(opt.Classes, annotations)
	if err != nil {
		opt.tell(&report.Objects) // what was left out may have had the class that is missing
		return nil, nil, err
	}
	work := task{command: "labelme", folders: []string{customMasks}, settings: map[string]string{"classes": strings.Join(names[1:], ", ")}}
	options, release, err := begin(opt.Options, work)
	if err != nil {
		return nil, nil, err
	}
	defer release()
	opt.Options = options
	forced := opt.Options
	forced.Force = true
	masks := newMaskWriter(forced, len(names)-1, report)
	pairs := make([]pair, len(annotations))
	for i, a := range annotations {
		if pairs[i].image, err = relative(opt.Out, a.image); err != nil {
			return nil, nil, err
		}
		pairs[i].mask = customMasks + "/" + a.stem + ".png"
	}
	if err := checkList(opt.Options, customList, pairs); err != nil {
		return nil, nil, err
	}
	counted := make([]tally.Tally, len(annotations))
	err = each(ctx, opt.Options, "masks", len(annotations), func(i int) error {
		return masks.put(pairs[i].mask, func() (Mask, error) { return annotations[i].draw(names, &counted[i]), nil })
	})
	if err != nil {
		return nil, nil, err
	}
	for i := range counted {
		report.Objects.Add(&counted[i])
	}
	if err := opt.settle(&report.Objects); err != nil {
		return nil, nil, err
	}
	if err := writeClasses(opt.Options, names[1:]); err != nil {
		return nil, nil, err
	}
	if err := writeList(opt.Options, customList, pairs, report); err != nil {
		return nil, nil, err
	}
	opt.tell(&report.Objects)
	return report, names, finish(opt.Options, work, report)
}

// readLabelMe reads all annotations below a folder, in the order of their names, and finds
// their pictures.
func readLabelMe(ctx context.Context, opt LabelMeOptions, t *tally.Tally) ([]*labelMe, error) {
	tree, err := locate.Walk(ctx, opt.Images, func(folder string) bool { return sameFolder(folder, opt.Out) }) // its record is no annotation
	if err != nil {
		return nil, fmt.Errorf("LabelMe annotations: %w", err)
	}
	for _, link := range tree.Left {
		t.Drop("links that are not followed", link)
	}
	paths := slices.DeleteFunc(tree.Files, func(path string) bool { return !strings.EqualFold(filepath.Ext(path), ".json") })
	if len(paths) == 0 {
		return nil, fmt.Errorf("LabelMe annotations: no .json file in %s or below it; give the folder that LabelMe saved to", infile.Shown(opt.Images))
	}
	all := make([]*labelMe, len(paths))
	counted := make([]tally.Tally, len(paths))
	finder := locate.New(opt.Images)
	err = each(ctx, opt.Options, "annotations", len(paths), func(i int) error {
		all[i] = openLabelMe(paths[i], finder, &counted[i])
		return nil
	})
	if err != nil {
		return nil, err
	}
	var annotations []*labelMe
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
	return annotations, onePictureEach(annotations)
}

func sameFolder(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}

// onePictureEach refuses two annotations of one picture, which could support itself, and two
// that would make one mask.
func onePictureEach(annotations []*labelMe) error {
	pictures := map[locate.ID]string{}
	masks := map[string]string{}
	for _, a := range annotations {
		id, _, err := locate.Identify(a.image)
		if err != nil {
			return err
		}
		if before, ok := pictures[id]; ok {
			return fmt.Errorf("%s and %s annotate the same picture, %s; remove one of them", infile.Shown(before), infile.Shown(a.path), infile.Shown(a.image))
		}
		pictures[id] = a.path
		if before, ok := masks[a.stem]; ok {
			return fmt.Errorf("%s and %s would share one mask; rename one of them and its picture", infile.Shown(before), infile.Shown(a.path))
		}
		masks[a.stem] = a.path
	}
	return nil
}

// openLabelMe reads an annotation and finds its picture; nil where it is to be left out.
func openLabelMe(path string, finder *locate.Finder, t *tally.Tally) *labelMe {
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
	t.Read += len(a.shapes) + a.left.LeftOut()
	for _, r := range a.left.Left {
		for i := range r.First {
			r.First[i] = infile.Shown(path) + ": " + r.First[i]
		}
	}
	t.Add(&a.left)
	leave := func(why string, err error) *labelMe {
		t.LeaveAll(why, fmt.Sprintf("%s: %v", infile.Shown(path), err), len(a.shapes))
		if len(a.shapes) == 0 {
			t.Drop("annotations whose picture cannot be used", fmt.Sprintf("%s: %v", infile.Shown(path), err))
		}
		return nil
	}
	if a.image, err = labelMePicture(path, imagePath, finder); err != nil {
		return leave("objects of pictures that are not there", fmt.Errorf("its picture: %w", err))
	}
	size, err := new(picture.Reader).Size(a.image)
	if err != nil {
		return leave("objects of pictures that cannot be read", fmt.Errorf("its picture: %w", err))
	}
	h, w := size.H, size.W
	if a.h == 0 && a.w == 0 {
		a.h, a.w = h, w
	}
	switch {
	case a.h != h || a.w != w:
		return leave("objects of pictures of another size than their annotations say",
			fmt.Errorf("drawn on a picture of %d×%d pixels (width×height), but %s is %d×%d; was it resized, or does it carry a rotation (EXIF) that LabelMe applied?",
				a.w, a.h, infile.Shown(a.image), w, h))
	case int64(h)*int64(w) > coco.MaxPixels:
		return leave("objects of pictures that are too large", fmt.Errorf("a picture of %d×%d pixels, expected at most %d in all", w, h, coco.MaxPixels))
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

// labelMeClasses are the class names, [0] the background: those of a file, or all labels.
func labelMeClasses(file string, annotations []*labelMe) ([]string, error) {
	if file != "" {
		names, err := data.ReadClasses(file)
		if err != nil {
			return nil, err
		}
		for _, a := range annotations {
			for _, s := range a.shapes {
				if _, special := specialLabel(s.label); !special && !slices.Contains(names[1:], s.label) {
					return nil, fmt.Errorf("%s: the label %q is not in %s; add it there, or correct it", a.path, s.label, file)
				}
			}
		}
		return names, nil
	}
	var labels []string
	for _, a := range annotations {
		for _, s := range a.shapes {
			if _, special := specialLabel(s.label); !special {
				labels = append(labels, s.label)
			}
		}
	}
	slices.Sort(labels)
	labels = slices.Compact(labels)
	return data.CheckClasses(labels, "classes.txt of the labels")
}
