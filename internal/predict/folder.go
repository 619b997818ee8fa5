package predict

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"hdmnet/internal/atomicfile"
	"hdmnet/internal/infile"
	"hdmnet/internal/locate"
	"hdmnet/internal/lockfile"
	"hdmnet/internal/nn"
	"hdmnet/internal/outline"
	"hdmnet/internal/overlay"
	"hdmnet/internal/picture"
)

// Class is what is looked for in a folder of pictures.
type Class struct {
	Name     string
	Supports []Support
}

// FolderOptions say what to look for in which pictures, and where to put it.
type FolderOptions struct {
	Options // Out, Size, Views, Refine, WhiteIsObject, MaxPixels, Force, Warn, Taken; the others are not used
	// Network names the network, as far as its results depend on it, in the record of the run.
	Network string
	Classes []Class
	Folder  string // the pictures, also in folders below it
	Format  Format
	// Threshold is the probability from which on a pixel is of a class; of several the most
	// probable counts. In [0, 1].
	Threshold float64
	MinArea   int // pixels of the smallest object; smaller ones are dropped
	// Simplify is how far outlines as polygons may be from the pixels' sides, in pixels.
	Simplify          float64
	SaveProbabilities bool // write every class's probabilities
	SaveOverlays      bool // write pictures with the objects in colors

	Progress func(done, total int) // pictures; nil: nobody is told

	put func(name string, write func(io.Writer) error) error // writes a result; nil: below Out
}

// FolderReport is what became of a folder.
type FolderReport struct {
	Pictures int // all there are
	Before   int // done by earlier runs
	Failed   int // that could not be read
	Objects  int // found in all pictures, of earlier runs too
	Files    []string
}

// Folder looks for objects of every class in all pictures of a folder, with the class's
// supports together, and writes them in a format under Out. Names of results are those of
// the pictures, with their folders, without extension.
//
// What has been done is recorded in Out/results.jsonl, a picture a line: after a stop the
// same call goes on where it was. Out must be new, empty, or such a run's with the same
// settings, unless Force. A picture that cannot be read is a warning, counts as failed,
// and is tried again by the next call; the others go on. When ctx ends, Folder stops
// between two pictures.
//
// Errors: no pictures; two pictures whose results would have one name; a support that
// cannot be read; another run in Out, or one with other settings; files that cannot be
// written.
func Folder(ctx context.Context, net Network, tape *nn.Tape, o FolderOptions) (FolderReport, error) {
	var report FolderReport
	pictures, err := queries(ctx, o.Folder, o.Out)
	if err != nil {
		return report, err
	}
	report.Pictures = len(pictures)
	reader := o.reader()
	var classes []*supports
	settings := newSettings(&o)
	for i, c := range o.Classes {
		work := o.Options
		work.Supports = c.Supports
		s, err := readSupports(&work, reader)
		if err != nil {
			return report, err
		}
		s.class = fmt.Sprintf("class %d", i)
		settings.Classes[i].Sum = s.sum()
		classes = append(classes, s)
	}
	if err := os.MkdirAll(o.Out, 0o777); err != nil {
		return report, fmt.Errorf("output folder %s: %w; choose another one with --out", infile.Shown(o.Out), err)
	}
	release, err := lockfile.Acquire(filepath.Join(o.Out, ".lock"))
	if err != nil {
		return report, fmt.Errorf("another predict works in %s: %w", infile.Shown(o.Out), err)
	}
	defer release()
	log, err := openRecord(o.Out, settings, o.Force)
	if err != nil {
		return report, err
	}
	defer func() { _ = log.close() }() // every line was written and checked
	if err := showClasses(&o, classes); err != nil {
		return report, err
	}
	for i, path := range pictures {
		if o.Progress != nil {
			o.Progress(i, len(pictures))
		}
		if err := ctx.Err(); err != nil {
			return report, err
		}
		name := relative(o.Folder, path)
		if log.done[name] {
			report.Before++
			continue
		}
		line, err := o.annotate(net, tape, reader, classes, path)
		if unread := (*unreadable)(nil); errors.As(err, &unread) {
			report.Failed++
			o.tell(unread.Error())
			continue
		}
		if err != nil {
			return report, err
		}
		if err := log.add(line); err != nil {
			return report, err
		}
	}
	if o.Progress != nil {
		o.Progress(len(pictures), len(pictures))
	}
	report.Objects, report.Files, err = o.Format.finish(&o, log)
	return report, err
}

func (o *FolderOptions) tell(message string) {
	if o.Warn != nil {
		o.Warn(message)
	}
}

// unreadable is the error of a picture that is left out.
type unreadable struct{ error }

// queries are the pictures below a folder, but for results in out. No two have the same
// name without extension.
func queries(ctx context.Context, folder, out string) ([]string, error) {
	tree, err := locate.Walk(ctx, folder, func(f string) bool { return locate.Same(f, out) })
	if err != nil {
		return nil, fmt.Errorf("pictures: %w; check --query-dir", err)
	}
	var all []string
	names := map[string]string{}
	for _, path := range tree.Files {
		if !slices.Contains(locate.Extensions, strings.ToLower(filepath.Ext(path))) {
			continue
		}
		name := strings.ToLower(resultName(relative(folder, path)))
		if other, taken := names[name]; taken {
			return nil, fmt.Errorf("%s and %s differ in extension or case alone, and their results would have one name; rename one of them", infile.Shown(other), infile.Shown(path))
		}
		names[name] = path
		all = append(all, path)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("no picture in %s or below it (%s)", infile.Shown(folder), strings.Join(locate.Extensions, ", "))
	}
	return all, nil
}

// relative is the path of a picture below its folder, with slashes.
func relative(folder, path string) string {
	rel, err := filepath.Rel(folder, path)
	if err != nil {
		return filepath.ToSlash(path)
	}
	return filepath.ToSlash(rel)
}

// resultName is the name of a picture's results: its path without extension.
func resultName(rel string) string { return strings.TrimSuffix(rel, filepath.Ext(rel)) }

// showClasses writes the overlays of all supports, in supports/CLASS.
func showClasses(o *FolderOptions, classes []*supports) error {
	for i, s := range classes {
		work := o.Options
		work.Supports = o.Classes[i].Supports
		work.Out = filepath.Join(o.Out, "supports", o.classFolder(i))
		work.Force = true // the folder is the run's own
		if err := os.MkdirAll(work.Out, 0o777); err != nil {
			return fmt.Errorf("output folder %s: %w", infile.Shown(work.Out), err)
		}
		if err := s.show(&work); err != nil {
			return err
		}
	}
	return nil
}

// classFolder is the folder of a class's files: its name, with its number where that of an
// earlier class would have the same.
func (o *FolderOptions) classFolder(class int) string {
	name := fileName(o.Classes[class].Name)
	for _, c := range o.Classes[:class] {
		if strings.EqualFold(fileName(c.Name), name) {
			return fmt.Sprintf("%s_%d", name, class+1)
		}
	}
	return name
}

// fileName is a class's name as part of a file's: what systems do not allow there becomes _.
func fileName(class string) string {
	name := strings.Map(func(r rune) rune {
		if r < ' ' || strings.ContainsRune(`<>:"/\|?*`, r) {
			return '_'
		}
		return r
	}, class)
	if strings.Trim(name, ". ") == "" {
		return "_"
	}
	return name
}

// annotate finds the objects of one picture and writes them.
func (o *FolderOptions) annotate(net Network, tape *nn.Tape, reader *picture.Reader, classes []*supports, path string) (*recordLine, error) {
	p, err := reader.ReadPhoto(path)
	if err != nil {
		return nil, &unreadable{err}
	}
	best, labels := make([]float32, p.H*p.W), make([]uint8, p.H*p.W)
	name := relative(o.Folder, path)
	for c, s := range classes {
		logits, err := forward(net, tape, &o.Options, s, path, p.Pix, p.H, p.W)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", infile.Shown(path), err)
		}
		prob := foreground(logits)
		if o.Refine != nil {
			o.Refine.Apply(prob, p.Pix, p.H, p.W, o.Size)
		}
		for i, v := range prob {
			if v != v {
				return nil, fmt.Errorf("%s: the network gives NaN; its weights are damaged or their training diverged", infile.Shown(path))
			}
			if v > best[i] && float64(v) > o.Threshold {
				best[i], labels[i] = v, uint8(c+1)
			}
		}
		if o.SaveProbabilities {
			if err := o.probabilities(name, o.classFolder(c), prob, p); err != nil {
				return nil, err
			}
		}
	}
	full, probable := labels, best
	if p.Size.Factor() > 1 {
		full, probable = larger(labels, p.W, p.Size), larger(best, p.W, p.Size)
	}
	found := &annotated{path: path, name: name, h: p.Size.H, w: p.Size.W, labels: full}
	found.objects = outline.Objects(full, found.h, found.w, o.MinArea)
	for i := range found.objects {
		found.scores = append(found.scores, score(&found.objects[i], probable, found.w))
	}
	if o.SaveOverlays {
		if err := o.overlay(found, p); err != nil {
			return nil, err
		}
	}
	line := &recordLine{Picture: name, Height: found.h, Width: found.w, Count: len(found.objects)}
	return line, o.Format.write(o, found, line)
}

// annotated is a picture with what was found in it.
type annotated struct {
	path, name string
	h, w       int
	labels     []uint8 // [h,w], 0 background, 1.. classes
	objects    []outline.Object
	scores     []float64 // mean probability of each object's pixels
}

// score is the mean of probabilities [·,w] over an object.
func score(o *outline.Object, p []float32, w int) float64 {
	sum := 0.0
	for i, v := range o.Mask() {
		if v == 1 {
			at := (o.Y0+i/(o.X1-o.X0))*w + o.X0 + i%(o.X1-o.X0)
			sum += float64(p[at])
		}
	}
	return sum / float64(o.Area)
}

// larger brings a map that was made at a smaller scale to the picture's size.
func larger[T any](v []T, w int, size picture.Size) []T {
	n, out := size.Factor(), make([]T, size.H*size.W)
	for y := range size.H {
		for x := range size.W {
			out[y*size.W+x] = v[y/n*w+x/n]
		}
	}
	return out
}

// probabilities writes those of one class, 16-bit gray: 65535 is 1.
func (o *FolderOptions) probabilities(name, folder string, p []float32, photo *picture.Photo) error {
	img := image.NewGray16(image.Rect(0, 0, photo.W, photo.H))
	for i, v := range p {
		n := uint16(v*65535 + 0.5)
		img.Pix[2*i], img.Pix[2*i+1] = uint8(n>>8), uint8(n)
	}
	return o.result(filepath.Join("probabilities", folder, resultName(name)+".png"), func(w io.Writer) error {
		return (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(w, img)
	})
}

// overlay writes the picture with everything that was found, tinted and outlined.
func (o *FolderOptions) overlay(a *annotated, p *picture.Photo) error {
	mask := make([]uint8, p.H*p.W)
	n := p.Size.Factor()
	for i := range mask {
		if a.labels[min(i/p.W*n, a.h-1)*a.w+min(i%p.W*n, a.w-1)] != 0 {
			mask[i] = 1
		}
	}
	return o.result(filepath.Join("overlays", resultName(a.name)+".png"), func(w io.Writer) error {
		return (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(w, overlay.Draw(p.Pix, mask, p.H, p.W))
	})
}

// result writes a file below Out, with its folders.
func (o *FolderOptions) result(name string, write func(io.Writer) error) error {
	if o.put != nil {
		return o.put(name, write)
	}
	path := filepath.Join(o.Out, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return fmt.Errorf("output folder %s: %w", infile.Shown(filepath.Dir(path)), err)
	}
	return atomicfile.Write(path, write)
}
