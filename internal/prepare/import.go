package prepare

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"hdmnet/internal/infile"
	"hdmnet/internal/locate"
	"hdmnet/internal/tally"
	"hdmnet/internal/textfile"
)

// ImportOptions say where the export of an annotation tool is.
type ImportOptions struct {
	Options
	// File is the exported file; of YOLO data.yaml, or the folder that holds it.
	File string
	// Images is the folder of the pictures, and folders below it; empty: that of File. YOLO's
	// file says where they are.
	Images string
	// Classes is a class file (see data.ParseClasses); empty means the classes of the tool in
	// its order, or the labels that occur, by name.
	Classes string
	// Attribute is which of VIA's region attributes is the class; empty: the only one, or the
	// one that is called so.
	Attribute string
}

// maxExport is the size of the largest file of a tool, in bytes.
const maxExport = 1 << 30

// Import turns the export of an annotation tool into a custom set under Out: masks,
// list.txt (of YOLO train.txt, val.txt and test.txt) and classes.txt.
//
//	yolo          segments (and boxes) of YOLO: data.yaml, images and labels
//	cvat          "CVAT for images 1.1"
//	label-studio  JSON or JSON-MIN of Label Studio
//	via           a project or an export of VGG's Image Annotator
//	supervisely   a project: meta.json, and ann and img in the folders of its data sets
//
// Pictures are found by the names of other machines (see locate.Finder.Find); shapes are
// drawn as LabelMe draws them, later ones over earlier ones. What has no area, and records
// that cannot be used, are left out, counted in the report and in the record, and named in
// warnings; or an error when Strict. Errors: as LabelMe; a file that is none of the tool.
func Import(ctx context.Context, tool string, opt ImportOptions) (*Report, []string, error) {
	read, ok := map[string]func(context.Context, ImportOptions, *tally.Tally) (*annotatedSet, error){
		"yolo": readYOLO, "cvat": readCVAT, "label-studio": readLabelStudio, "via": readVIA, "supervisely": readSupervisely,
	}[tool]
	if !ok {
		return nil, nil, fmt.Errorf("there is no importer for %q", tool)
	}
	if opt.Images == "" {
		opt.Images = filepath.Dir(opt.File)
	}
	return opt.makeSet(ctx, tool, opt.Classes, func(t *tally.Tally) (*annotatedSet, error) {
		set, err := read(ctx, opt, t)
		if err != nil {
			return nil, err
		}
		if len(set.pictures) == 0 {
			return nil, fmt.Errorf("%s: no annotated picture in it can be used%s", infile.Shown(opt.File), strings.TrimSuffix("\n"+t.Reasons(), "\n"))
		}
		return set, nil
	})
}

// readText reads the file of a tool as UTF-8.
func (opt *ImportOptions) readText() ([]byte, error) {
	content, err := textfile.Read(opt.File, maxExport)
	if err != nil {
		return nil, fmt.Errorf("annotations: %w", err)
	}
	return content, nil
}

// placer finds the pictures of one file of annotations.
type placer struct {
	opt    *ImportOptions
	finder *locate.Finder
	t      *tally.Tally
	seen   map[locate.ID]bool
}

func newPlacer(opt *ImportOptions, t *tally.Tally) *placer {
	return &placer{opt: opt, finder: locate.New(opt.Images), t: t, seen: map[locate.ID]bool{}}
}

// place finds a picture by the name that the tool wrote and counts what was drawn on it;
// false: it is left out.
func (p *placer) place(a *annotated, name string) bool {
	a.path = p.opt.File
	a.count(p.t)
	var err error
	a.image, err = p.finder.Find(name)
	if !a.settle(err, p.t) {
		return false
	}
	id, _, err := locate.Identify(a.image)
	if err != nil {
		return a.settle(err, p.t)
	}
	if p.seen[id] {
		p.t.LeaveAll("objects of pictures that the file holds twice", fmt.Sprintf("%s: %s", infile.Shown(a.path), infile.Shown(name)), len(a.shapes))
		return false
	}
	p.seen[id] = true
	a.stem = maskStem(p.opt.Images, a.image)
	return true
}

// maskStem is the name of a picture's mask: its path below a folder, or its file name, without
// extension.
func maskStem(folder, image string) string {
	name, err := filepath.Rel(folder, image)
	if err != nil || !filepath.IsLocal(name) {
		name = filepath.Base(image)
	}
	return filepath.ToSlash(strings.TrimSuffix(name, filepath.Ext(name)))
}

// box is a rectangle with its upper left corner at (x,y), turned around it by degrees.
func box(x, y, w, h, degrees float64) []float64 {
	return turned([]float64{x, y, x + w, y, x + w, y + h, x, y + h}, x, y, degrees)
}
