package prepare

import (
	"context"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"hdmnet/internal/data"
	"hdmnet/internal/infile"
	"hdmnet/internal/labelmap"
	"hdmnet/internal/locate"
	"hdmnet/internal/picture"
	"hdmnet/internal/tally"
)

// MaskSetOptions say where pictures and masks are that hold no class indices.
type MaskSetOptions struct {
	Options
	Images string // folder of the pictures, and folders below it
	// Masks is the folder of the masks. A mask is all of a picture's, with a color or value
	// for each class, or one class of it:
	//
	//	MASKS/PICTURE.png         painted; also PICTURE_ANYTHING.png, ANYTHING being the same for all
	//	MASKS/CLASS/PICTURE.png   a class: what is not black is the object
	//	MASKS/PICTURE/CLASS.png   likewise
	//	MASKS/PICTURE_CLASS.png   likewise
	//
	// PICTURE is a picture's path below Images without extension.
	Masks string
	// ImageSuffix and MaskSuffix are what the names have before the extension and not in
	// common, such as _leftImg8bit and _gtFine_color. Files without them are left out.
	ImageSuffix, MaskSuffix string
	// Colors says which classes the colors of painted masks are, see picture.ReadTable;
	// empty: masks hold values, three equal ones perhaps, or PASCAL VOC's colors.
	Colors string
	// Classes is a class file (see data.ParseClasses). Empty means the names of Colors, or of
	// the masks of single classes in the order of their names.
	Classes string
	// MaxPixels is the largest picture that is read; 0: picture.DefaultMaxPixels.
	MaxPixels int
}

// MaskSet turns pictures and masks in colors, or masks of single classes, into a custom set
// under Out: masks of class indices, list.txt in the order of the pictures' names, and
// classes.txt. Of two classes on one pixel the later in classes.txt is drawn, and the
// picture named in a remark. The class names background and ignore stand for 0 and 255.
//
// Masks without a picture or of another size, pictures without masks and files that cannot
// be read are left out, counted in the report and in the record, and named in warnings; or
// an error when Strict.
//
// Masks are made anew each time; but another numbering of the classes than before is an
// error unless Force. Errors: no mask that belongs to a picture, masks of both kinds, no
// names for the classes, Out/masks being the folder of the masks.
func MaskSet(ctx context.Context, opt MaskSetOptions) (*Report, []string, error) {
	if opt.Out == "" {
		return nil, nil, errors.New("no output folder for masks and lists is given")
	}
	if locate.Same(opt.Masks, filepath.Join(opt.Out, customMasks)) {
		return nil, nil, fmt.Errorf("%s holds the masks that are to be read, and those that are made would replace them; choose another output folder", infile.Shown(opt.Masks))
	}
	report := &Report{Unit: "masks"}
	pictures, err := findMasks(ctx, &opt, &report.Objects)
	if err != nil {
		return nil, nil, err
	}
	if err := opt.settle(&report.Objects); err != nil {
		return nil, nil, err
	}
	drawer, err := newSetDrawer(&opt, pictures)
	if err != nil {
		return nil, nil, err
	}
	work := task{command: "masks", folders: []string{customMasks}, settings: map[string]string{"classes": strings.Join(drawer.names[1:], ", ")}}
	options, release, err := begin(opt.Options, work)
	if err != nil {
		return nil, nil, err
	}
	defer release()
	opt.Options = options
	forced := opt.Options
	forced.Force = true
	masks := newMaskWriter(forced, len(drawer.names)-1, report)
	pairs := make([]pair, len(pictures))
	for i, p := range pictures {
		if pairs[i].image, err = relative(opt.Out, p.path); err != nil {
			return nil, nil, err
		}
		pairs[i].mask = customMasks + "/" + p.stem + ".png"
	}
	if err := checkList(opt.Options, customList, pairs); err != nil {
		return nil, nil, err
	}
	all, err := masks.each(ctx, len(pictures), func(i int) (m made, err error) {
		mask, ok := drawer.draw(pictures[i], &m.Counted)
		if m.Left = !ok; ok {
			err = masks.put(pairs[i].mask, func() (Mask, error) { return mask, nil })
		}
		return m, err
	})
	if err != nil {
		return nil, nil, err
	}
	var whole []pair
	for i := range all {
		report.Objects.Add(&all[i].Counted)
		if !all[i].Left {
			whole = append(whole, pairs[i])
		}
	}
	if err := opt.settle(&report.Objects); err != nil {
		return nil, nil, err
	}
	if len(whole) == 0 {
		return nil, nil, fmt.Errorf("no mask of %d pictures can be used:\n%s", len(pictures), report.Objects.Reasons())
	}
	if err := writeClasses(opt.Options, drawer.names[1:]); err != nil {
		return nil, nil, err
	}
	if err := writeList(opt.Options, customList, whole, report); err != nil {
		return nil, nil, err
	}
	opt.tell(&report.Objects)
	return report, drawer.names, finish(opt.Options, work, report)
}

// masked is a picture with its masks: painted, or files of classes.
type masked struct {
	path, stem string // stem: below the folder of pictures, without suffix and extension
	painted    string
	classes    []classMask
}

type classMask struct{ class, path string }

// findMasks pairs pictures and masks; pictures come in the order of their names.
func findMasks(ctx context.Context, opt *MaskSetOptions, t *tally.Tally) ([]*masked, error) {
	same := locate.Same(opt.Images, opt.Masks)
	if same && opt.MaskSuffix == "" {
		return nil, errors.New("pictures and masks lie in one folder: say what the names of masks end with (--mask-suffix _mask)")
	}
	out := filepath.Join(opt.Out, customMasks)
	images, err := stems(ctx, opt.Images, opt.ImageSuffix, t, func(folder string) bool {
		return locate.Same(folder, opt.Masks) || locate.Same(folder, out)
	})
	if err != nil {
		return nil, fmt.Errorf("pictures: %w", err)
	}
	files, err := stems(ctx, opt.Masks, opt.MaskSuffix, t, func(folder string) bool {
		return locate.Same(folder, opt.Images) || locate.Same(folder, out)
	})
	if err != nil {
		return nil, fmt.Errorf("masks: %w", err)
	}
	m := &matcher{byStem: map[string]*masked{}, byBase: map[string][]*masked{}}
	for _, f := range images {
		if same && strings.HasSuffix(f.stem, opt.MaskSuffix) {
			continue
		}
		m.add(f, t)
	}
	if len(m.all) == 0 {
		return nil, fmt.Errorf("no picture with a name that ends with %q in %s or below it", opt.ImageSuffix, infile.Shown(opt.Images))
	}
	return m.pair(files, t)
}

// stemmed is a file with its path below a folder, without suffix and extension.
type stemmed struct{ path, stem string }

// stems are the picture files below a folder whose names end with a suffix.
func stems(ctx context.Context, folder, suffix string, t *tally.Tally, skip func(string) bool) ([]stemmed, error) {
	tree, err := locate.Walk(ctx, folder, skip)
	if err != nil {
		return nil, err
	}
	for _, link := range tree.Left {
		t.Drop("links that are not followed", link)
	}
	var out []stemmed
	for _, p := range tree.Files {
		if !slices.Contains(maskExtensions, strings.ToLower(filepath.Ext(p))) {
			continue
		}
		rel, err := filepath.Rel(folder, p)
		if err != nil {
			return nil, err
		}
		if stem, ok := strings.CutSuffix(filepath.ToSlash(strings.TrimSuffix(rel, filepath.Ext(rel))), suffix); ok && stem != "" {
			out = append(out, stemmed{p, stem})
		}
	}
	return out, nil
}

var maskExtensions = append([]string{".gif", ".pgm", ".ppm", ".pbm"}, locate.Extensions...)

// matcher finds the picture of a mask. Letters may be of another case.
type matcher struct {
	all    []*masked
	byStem map[string]*masked
	byBase map[string][]*masked // by the last part of the stem
}

func (m *matcher) add(f stemmed, t *tally.Tally) {
	key := strings.ToLower(f.stem)
	if before := m.byStem[key]; before != nil {
		t.Drop("pictures that share a name, without extension, with another", fmt.Sprintf("%s (%s)", infile.Shown(f.path), infile.Shown(before.path)))
		return
	}
	p := &masked{path: f.path, stem: f.stem}
	m.all = append(m.all, p)
	m.byStem[key] = p
	base := path.Base(key)
	m.byBase[base] = append(m.byBase[base], p)
}

// pair gives every mask to its picture and returns the pictures that have one.
func (m *matcher) pair(files []stemmed, t *tally.Tally) ([]*masked, error) {
	var whole, single []string // masks of either kind
	t.Read += len(files)
	suffixed := map[string][]string{} // PICTURE_REST, by the rest
	owners := map[string]*masked{}
	for _, f := range files {
		if p := m.whole(f.stem); p != nil {
			if p.painted != "" {
				t.Leave("masks of a picture that has another", fmt.Sprintf("%s (%s)", infile.Shown(f.path), infile.Shown(p.painted)))
				continue
			}
			p.painted = f.path
			whole = append(whole, f.path)
		} else if p, class := m.class(f.stem); p != nil {
			p.classes = append(p.classes, classMask{class, f.path})
			single = append(single, f.path)
		} else if p, rest := m.prefix(f.stem); p != nil {
			suffixed[rest] = append(suffixed[rest], f.path)
			owners[f.path] = p
		} else {
			t.Leave("masks without a picture", infile.Shown(f.path))
		}
	}
	for rest, paths := range suffixed {
		for _, file := range paths {
			p := owners[file]
			if len(suffixed) == 1 && len(single) == 0 && p.painted == "" {
				p.painted = file
				whole = append(whole, file)
				continue
			}
			p.classes = append(p.classes, classMask{rest, file})
			single = append(single, file)
		}
	}
	slices.Sort(single)
	slices.Sort(whole)
	switch {
	case len(whole) > 0 && len(single) > 0:
		return nil, fmt.Errorf("%s seems to be all of a picture's mask, %s that of one class: put masks of one kind into the folder", infile.Shown(whole[0]), infile.Shown(single[0]))
	case len(whole)+len(single) == 0:
		return nil, fmt.Errorf("no mask belongs to a picture: a mask has the name of its picture, perhaps with the name of a class as folder or after _ (see `hdmnet data prepare masks --help`)\n%s", t.Reasons())
	}
	var out []*masked
	for _, p := range m.all {
		if p.painted == "" && p.classes == nil {
			t.Drop("pictures without a mask", infile.Shown(p.path))
			continue
		}
		slices.SortFunc(p.classes, func(a, b classMask) int { return strings.Compare(a.path, b.path) })
		out = append(out, p)
	}
	return out, nil
}

// whole is the picture that a mask has the name of; nil: none, or several of them in
// different folders.
func (m *matcher) whole(stem string) *masked {
	stem = strings.ToLower(stem)
	if p := m.byStem[stem]; p != nil {
		return p
	}
	if named := m.byBase[stem]; len(named) == 1 {
		return named[0]
	}
	return nil
}

// class is the picture and the class of a mask CLASS/PICTURE or PICTURE/CLASS.
func (m *matcher) class(stem string) (*masked, string) {
	first, rest, ok := strings.Cut(stem, "/")
	if !ok {
		return nil, ""
	}
	if p := m.whole(rest); p != nil {
		return p, first
	}
	if p := m.whole(path.Dir(stem)); p != nil {
		return p, path.Base(stem)
	}
	return nil, ""
}

// prefix is the picture with the longest name before a separator in a mask's, and the rest.
func (m *matcher) prefix(stem string) (*masked, string) {
	for at := len(stem) - 1; at > 0; at-- {
		if !strings.ContainsRune("_-.", rune(stem[at])) || at+1 == len(stem) {
			continue
		}
		if p := m.whole(stem[:at]); p != nil {
			return p, strings.TrimLeft(stem[at+1:], "_-.")
		}
	}
	return nil, ""
}

// setDrawer makes the masks of class indices.
type setDrawer struct {
	names  []string         // [0] the background
	value  map[string]uint8 // of the classes that masks are of
	reader *picture.Reader
}

func newSetDrawer(opt *MaskSetOptions, pictures []*masked) (*setDrawer, error) {
	d := &setDrawer{value: map[string]uint8{}, reader: &picture.Reader{MaxPixels: opt.MaxPixels, FewBits: true}}
	var table *picture.Table
	var labels []string
	var err error
	switch {
	case pictures[0].painted == "":
		labels = classLabels(pictures)
	case opt.Colors != "":
		if table, err = picture.ReadTable(opt.Colors); err != nil {
			return nil, err
		}
		if labels = table.Labels(); table == picture.VOC {
			labels = data.ClassNames("pascal")[1:]
		}
	}
	switch {
	case opt.Classes != "":
		d.names, err = data.ReadClasses(opt.Classes)
	case len(labels) == 0:
		err = errors.New("the classes have no names: give them with --classes FILE (line 1 is value 1), or with the colors of the masks in --mask-colors FILE")
	default:
		d.names, err = data.CheckClasses(labels, "classes.txt of the masks")
	}
	if err != nil {
		return nil, err
	}
	for class, name := range d.names {
		d.value[name] = uint8(class)
	}
	if table != nil {
		d.reader.Colors, err = table.Numbered(d.names)
		return d, err
	}
	for _, label := range labels {
		if _, ok := d.value[label]; !ok {
			return nil, fmt.Errorf("the class %q of the masks is not in %s; add it there, or correct it", label, infile.Shown(opt.Classes))
		}
	}
	return d, nil
}

// classLabels are the classes of masks of single classes, by name.
func classLabels(pictures []*masked) []string {
	var labels []string
	for _, p := range pictures {
		for _, c := range p.classes {
			if _, special := labelmap.Special(c.class); !special {
				labels = append(labels, c.class)
			}
		}
	}
	slices.Sort(labels)
	return slices.Compact(labels)
}
