package predict

import (
	"io"
	"path/filepath"
	"strings"

	"hdmnet/internal/data"
	"hdmnet/internal/outline"
)

// Export writes objects that were found elsewhere in a format, with the pictures in a folder
// images beside the files of the format.
type Export struct {
	o     FolderOptions
	lines lineList
}

// NewExport begins an export. put writes a file by its name, with slashes; it is called for
// one file after the other.
func NewExport(format Format, classes []string, simplify float64, put func(name string, write func(io.Writer) error) error) *Export {
	e := &Export{o: FolderOptions{Format: format, Folder: exportImages, Simplify: simplify, put: put}}
	e.o.Out = "." // names are seen from here
	for _, c := range classes {
		e.o.Classes = append(e.o.Classes, Class{Name: c})
	}
	return e
}

// exportImages is the folder of the pictures.
const exportImages = "images"

// PictureFile is where the picture of a name belongs.
func PictureFile(name string) string { return exportImages + "/" + name }

// ResultName is what results of a picture are called, before their extension: no two pictures may have
// the same.
func ResultName(name string) string { return strings.ToLower(resultName(name)) }

// Add writes a picture, by its name below the folder of pictures: labels [h,w] are the classes,
// from 1, 0 being the background; scores are those of the classes, from class 1 on.
func (e *Export) Add(name string, labels []uint8, h, w int, scores []float64) error {
	a := &annotated{path: filepath.Join(e.o.Folder, filepath.FromSlash(name)), name: name, h: h, w: w, labels: labels}
	a.objects = outline.Objects(labels, h, w, 0)
	for i := range a.objects {
		a.scores = append(a.scores, scores[a.objects[i].Class-1])
	}
	line := &recordLine{Picture: name, Height: h, Width: w, Count: len(a.objects)}
	if err := e.o.Format.write(&e.o, a, line); err != nil {
		return err
	}
	e.lines = append(e.lines, line)
	return nil
}

// Finish writes the files of all pictures together.
func (e *Export) Finish() error {
	_, _, err := e.o.Format.finish(&e.o, e.lines)
	return err
}

// Split writes, for the format png, train.txt and val.txt as configurations of custom sets name them:
// every fifth picture is for validation, and of fewer than five all are for both.
func (e *Export) Split() error {
	var text [2]strings.Builder
	for i, l := range e.lines {
		line, err := data.ListLine(PictureFile(l.Picture), maskName(l.Picture))
		if err != nil {
			return err
		}
		for part := range text {
			if len(e.lines) < 5 || (i%5 == 4) == (part == 1) {
				text[part].WriteString(line)
			}
		}
	}
	for part, name := range []string{"train.txt", "val.txt"} {
		if err := e.o.result(name, func(w io.Writer) error { _, err := io.WriteString(w, text[part].String()); return err }); err != nil {
			return err
		}
	}
	return nil
}

// lineList are lines in memory.
type lineList []*recordLine

func (l lineList) each(f func(*recordLine) error) error {
	for _, line := range l {
		if err := f(line); err != nil {
			return err
		}
	}
	return nil
}
