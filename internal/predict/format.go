package predict

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
)

// Format is how found objects are written.
type Format struct{ format }

type format interface {
	String() string
	// write writes the results of one picture; what finish needs of it goes into line.
	write(o *FolderOptions, a *annotated, line *recordLine) error
	// index writes what belongs to all pictures together, and returns the files' names.
	index(o *FolderOptions, log lines) ([]string, error)
}

// lines are what is recorded of pictures, one after the other.
type lines interface {
	each(func(*recordLine) error) error
}

// Formats lists the formats by name.
func Formats() []string {
	var names []string
	for _, f := range formats {
		names = append(names, f.String())
	}
	return names
}

var formats = []format{pngFormat{}, cocoFormat{}, labelMeFormat{}, yoloFormat{}}

// ParseFormat reads a format by its name:
//
//	png      masks/NAME.png, palette pictures whose indices are the classes, with classes.txt
//	         and list.txt: a custom data set
//	coco     annotations.json, COCO instances; masks are exact
//	labelme  NAME.json, polygons for LabelMe, X-AnyLabeling
//	yolo     labels/NAME.txt, polygons, with data.yaml
func ParseFormat(name string) (Format, error) {
	for _, f := range formats {
		if f.String() == name {
			return Format{f}, nil
		}
	}
	return Format{}, fmt.Errorf("format %q does not exist; there are %s", name, strings.Join(Formats(), ", "))
}

// finish writes the files of all pictures together, and counts the objects.
func (f Format) finish(o *FolderOptions, log lines) (objects int, files []string, err error) {
	err = log.each(func(l *recordLine) error {
		objects += l.Count
		return nil
	})
	if err != nil {
		return 0, nil, err
	}
	files, err = f.index(o, log)
	for i, name := range files {
		files[i] = filepath.Join(o.Out, name)
	}
	return objects, files, err
}

// classFile writes the names of the classes.
func (o *FolderOptions) classFile() error {
	return o.result("classes.txt", func(w io.Writer) error {
		for _, c := range o.Classes {
			if _, err := fmt.Fprintln(w, c.Name); err != nil {
				return err
			}
		}
		return nil
	})
}

// fromOut is the path of a picture as it is seen from a folder below Out, with slashes.
func (o *FolderOptions) fromOut(folder, picture string) (string, error) {
	base, err := filepath.Abs(filepath.Join(o.Out, folder))
	if err != nil {
		return "", err
	}
	path, err := filepath.Abs(picture)
	if err != nil {
		return "", err
	}
	rel, err := filepath.Rel(base, path)
	if err != nil {
		return filepath.ToSlash(path), nil // on another drive
	}
	return filepath.ToSlash(rel), nil
}
