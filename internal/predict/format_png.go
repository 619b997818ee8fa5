package predict

import (
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"path/filepath"
	"strings"

	"hdmnet/internal/data"
	"hdmnet/internal/infile"
)

// pngFormat writes a custom data set: masks of class indices, names, and the list of pairs.
type pngFormat struct{}

func (pngFormat) String() string { return "png" }

func (pngFormat) write(o *FolderOptions, a *annotated, _ *recordLine) error {
	img := &image.Paletted{Pix: a.labels, Stride: a.w, Rect: image.Rect(0, 0, a.w, a.h), Palette: palette}
	return o.result(maskName(a.name), func(w io.Writer) error { return png.Encode(w, img) })
}

func maskName(picture string) string { return "masks/" + resultName(picture) + ".png" }

func (pngFormat) index(o *FolderOptions, log *record) ([]string, error) {
	if err := o.classFile(); err != nil {
		return nil, err
	}
	err := o.result("list.txt", func(w io.Writer) error {
		_, err := log.read(func([]byte) error { return nil }, func(l *recordLine) error {
			picture, err := o.fromOut("", filepath.Join(o.Folder, filepath.FromSlash(l.Picture)))
			if err != nil {
				return err
			}
			mask, separator := maskName(l.Picture), " "
			if strings.TrimSpace(picture) != picture || strings.Contains(picture, `\`) {
				return fmt.Errorf("the name %s cannot stand in a list: rename it, without spaces at its ends and without backslashes", infile.Shown(picture))
			}
			if strings.ContainsAny(picture+mask, " \t") {
				separator = "\t"
			}
			if strings.ContainsAny(picture+mask, `,;"`) {
				picture, mask = data.QuoteListName(picture), data.QuoteListName(mask)
			}
			_, err = fmt.Fprint(w, picture, separator, mask, "\n")
			return err
		})
		return err
	})
	return []string{"masks", "classes.txt", "list.txt"}, err
}

// palette is PASCAL VOC's: three bits of the index for each bit of red, green and blue.
var palette = func() color.Palette {
	p := make(color.Palette, 256)
	for i := range p {
		c := color.RGBA{A: 255}
		for bit, n := 7, i; n > 0; bit, n = bit-1, n>>3 {
			c.R |= uint8(n&1) << bit
			c.G |= uint8(n>>1&1) << bit
			c.B |= uint8(n>>2&1) << bit
		}
		p[i] = c
	}
	return p
}()
