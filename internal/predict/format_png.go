package predict

import (
	"image"
	"image/png"
	"io"
	"path/filepath"

	"hdmnet/internal/data"
	"hdmnet/internal/labelmap"
)

// pngFormat writes a custom data set: masks of class indices, names, and the list of pairs.
type pngFormat struct{}

func (pngFormat) String() string { return "png" }

func (pngFormat) write(o *FolderOptions, a *annotated, _ *recordLine) error {
	img := &image.Paletted{Pix: a.labels, Stride: a.w, Rect: image.Rect(0, 0, a.w, a.h), Palette: labelmap.Palette}
	return o.result(maskName(a.name), func(w io.Writer) error { return png.Encode(w, img) })
}

func maskName(picture string) string { return "masks/" + resultName(picture) + ".png" }

func (pngFormat) index(o *FolderOptions, log lines) ([]string, error) {
	if err := o.classFile(); err != nil {
		return nil, err
	}
	err := o.result("list.txt", func(w io.Writer) error {
		return log.each(func(l *recordLine) error {
			picture, err := o.fromOut("", filepath.Join(o.Folder, filepath.FromSlash(l.Picture)))
			if err != nil {
				return err
			}
			line, err := data.ListLine(picture, maskName(l.Picture))
			if err == nil {
				_, err = io.WriteString(w, line)
			}
			return err
		})
	})
	return []string{"masks", "classes.txt", "list.txt"}, err
}
