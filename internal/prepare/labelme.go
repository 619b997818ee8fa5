package prepare

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"sync"

	"hdmnet/internal/coco"
	"hdmnet/internal/data"
	"hdmnet/internal/picture"
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

// LabelMe turns LabelMe's annotations into a custom set under Out: masks, list.txt in the
// order of the annotations' names, and classes.txt.
//
// Polygons are drawn as coco.AllPolygons draws them, rectangles as the polygons of their
// corners, circles to the pixels whose middle is inside; later shapes over earlier ones.
// The label __ignore__ draws 255, _background_ draws 0. Points and lines have no area: they
// are left out, with a warning. The picture inside an annotation (imageData) is not used.
//
// Masks are made anew each time, since annotations change; but another numbering of the
// classes than before is an error unless Force. Errors: a file that is no annotation, a
// picture that is missing or of another size, a label that is not in the class file, fewer
// than two classes.
func LabelMe(ctx context.Context, opt LabelMeOptions) (*Report, []string, error) {
	if opt.Out == "" {
		return nil, nil, errors.New("no output folder for masks and lists is given")
	}
	annotations, err := readLabelMe(ctx, opt)
	if err != nil {
		return nil, nil, err
	}
	names, err := labelMeClasses(opt.Classes, annotations)
	if err != nil {
		return nil, nil, err
	}
	work := task{command: "labelme", folders: []string{customMasks}, settings: map[string]string{"classes": strings.Join(names[1:], ", ")}}
	if opt.Options, err = begin(opt.Options, work); err != nil {
		return nil, nil, err
	}
	report := &Report{}
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
	err = each(ctx, opt.Options, "masks", len(annotations), func(i int) error {
		return masks.put(pairs[i].mask, func() (Mask, error) { return annotations[i].draw(names) })
	})
	if err != nil {
		return nil, nil, err
	}
	if err := writeClasses(opt.Options, names[1:]); err != nil {
		return nil, nil, err
	}
	if err := writeList(opt.Options, customList, pairs, report); err != nil {
		return nil, nil, err
	}
	return report, names, finish(opt.Options, work)
}

// readLabelMe reads all annotations below a folder, in the order of their names.
func readLabelMe(ctx context.Context, opt LabelMeOptions) ([]*labelMe, error) {
	var paths []string
	err := filepath.WalkDir(opt.Images, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && sameFolder(path, opt.Out) {
			return fs.SkipDir // its record is no annotation
		}
		if !d.IsDir() && strings.EqualFold(filepath.Ext(path), ".json") {
			paths = append(paths, path)
		}
		return ctx.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("LabelMe annotations: %w", err)
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("LabelMe annotations: no .json file in %s or below it; give the folder that LabelMe saved to", opt.Images)
	}
	annotations := make([]*labelMe, len(paths))
	var mu sync.Mutex
	skipped := map[string]int{}
	err = each(ctx, opt.Options, "annotations", len(paths), func(i int) error {
		a, err := openLabelMe(paths[i])
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(opt.Images, paths[i])
		if err != nil {
			return err
		}
		a.stem = filepath.ToSlash(strings.TrimSuffix(rel, filepath.Ext(rel)))
		annotations[i] = a
		mu.Lock()
		defer mu.Unlock()
		for kind, n := range a.skipped {
			skipped[kind] += n
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if opt.Warn != nil {
		for _, kind := range sortedCounts(skipped) {
			opt.Warn(fmt.Sprintf("%d shapes of type %s are left out: they have no area", skipped[kind], kind))
		}
	}
	return annotations, sameImageTwice(annotations)
}

func sameFolder(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}

func sortedCounts(m map[string]int) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

// sameImageTwice refuses two annotations of one picture, which could support itself.
func sameImageTwice(annotations []*labelMe) error {
	seen := map[string]string{}
	for _, a := range annotations {
		if before, ok := seen[a.image]; ok {
			return fmt.Errorf("%s and %s annotate the same picture, %s; remove one of them", before, a.path, a.image)
		}
		seen[a.image] = a.path
	}
	return nil
}

// openLabelMe reads an annotation and finds its picture.
func openLabelMe(path string) (*labelMe, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("LabelMe annotation: %w", err)
	}
	a, imagePath, err := parseLabelMe(content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	a.path = path
	// Written on Windows it has backslashes; moved, only the name still holds.
	imagePath = strings.ReplaceAll(imagePath, `\`, "/")
	dir := filepath.Dir(path)
	var size picture.Size
	for _, candidate := range []string{imagePath, filepath.Base(imagePath)} {
		a.image = filepath.Join(dir, filepath.FromSlash(candidate))
		if filepath.IsAbs(candidate) {
			a.image = candidate
		}
		if size, err = new(picture.Reader).Size(a.image); !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%s: its picture: %w", path, err)
	}
	h, w := size.H, size.W
	if a.h == 0 && a.w == 0 {
		a.h, a.w = h, w
	}
	if a.h != h || a.w != w {
		return nil, fmt.Errorf("%s: drawn on a picture of %d×%d pixels (width×height), but %s is %d×%d; was it resized, or does it carry a rotation (EXIF) that LabelMe applied?",
			path, a.w, a.h, a.image, w, h)
	}
	if int64(a.h)*int64(a.w) > coco.MaxPixels {
		return nil, fmt.Errorf("%s: a picture of %d×%d pixels, expected at most %d in all", path, a.w, a.h, coco.MaxPixels)
	}
	return a, nil
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
	return data.ParseClasses(strings.NewReader(strings.Join(labels, "\n")+"\n"), "classes.txt of the labels")
}
