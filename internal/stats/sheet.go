package stats

import (
	"fmt"
	"image"
	"image/color"

	"golang.org/x/image/draw"
	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"

	"hdmnet/internal/data"
	"hdmnet/internal/overlay"
)

// maxSupports is how many supports of an episode a sheet shows.
const maxSupports = 8

// Lengths of a sheet in pixels.
const (
	tileHeight = 180
	tileWidth  = 320 // at most; wider pictures become lower
	margin     = 12
	titleLine  = 24
	nameLine   = 18
)

var (
	ink   = color.NRGBA{30, 30, 30, 255}
	faint = color.NRGBA{110, 110, 110, 255}
)

// Sheet shows episodes, one a row: the query, then its supports in the order drawn, the
// episode's class tinted and outlined on each, with the class's name above and the
// pictures' names below. Errors are those of the source, and name the picture.
func Sheet(src data.Source, fold data.Fold, draws []data.Draw) (*image.NRGBA, error) {
	type row struct {
		title string
		tiles []tile
	}
	faces, err := newFaces()
	if err != nil {
		return nil, fmt.Errorf("font: %w", err)
	}
	var rows []row
	width := 480 // for titles
	for i, d := range draws {
		r := row{title: fmt.Sprintf("episode %d: %s (class %d)", i+1, fold.ClassName(d.Class), d.Class)}
		shown := d.Supports[:min(len(d.Supports), maxSupports)]
		if len(shown) < len(d.Supports) {
			r.title += fmt.Sprintf(", the first %d of %d supports", len(shown), len(d.Supports))
		}
		right := margin
		for k, picture := range append([]int{d.Query}, shown...) {
			kind := "query "
			if k > 0 {
				kind = fmt.Sprintf("support %d ", k)
			}
			t, err := newTile(src, picture, d.Class, kind)
			if err != nil {
				return nil, err
			}
			r.tiles = append(r.tiles, t)
			right += t.picture.Rect.Dx() + margin
		}
		width = max(width, right)
		rows = append(rows, r)
	}
	const rowHeight = titleLine + tileHeight + nameLine + margin
	sheet := image.NewNRGBA(image.Rect(0, 0, width, margin+rowHeight*len(rows)))
	draw.Draw(sheet, sheet.Rect, image.White, image.Point{}, draw.Src)
	for i, r := range rows {
		top := margin + i*rowHeight
		write(sheet, r.title, margin, top+16, ink, faces.title)
		x := margin
		for _, t := range r.tiles {
			size := t.picture.Rect.Size()
			at := image.Pt(x, top+titleLine+tileHeight-size.Y)
			draw.Draw(sheet, image.Rectangle{at, at.Add(size)}, t.picture, image.Point{}, draw.Src)
			write(sheet, fit(t.kind, t.name, size.X, faces.name), x, top+titleLine+tileHeight+13, faint, faces.name)
			x += size.X + margin
		}
	}
	return sheet, nil
}

// tile is a picture of a sheet.
type tile struct {
	picture    *image.NRGBA
	kind, name string
}

func newTile(src data.Source, i, class int, kind string) (tile, error) {
	scene, err := src.Load(i)
	if err != nil {
		return tile{}, err
	}
	mask := make([]uint8, len(scene.Mask))
	for p, v := range scene.Mask {
		if int(v) == class {
			mask[p] = 1
		}
	}
	scale := min(float64(tileHeight)/float64(scene.H), float64(tileWidth)/float64(scene.W))
	h, w := max(1, int(float64(scene.H)*scale+0.5)), max(1, int(float64(scene.W)*scale+0.5))
	small := image.NewNRGBA(image.Rect(0, 0, w, h))
	full := overlay.Draw(scene.Image, mask, scene.H, scene.W)
	draw.CatmullRom.Scale(small, small.Rect, full, full.Rect, draw.Src, nil)
	return tile{small, kind, scene.Name}, nil
}

// faces are the fonts of titles and names. They may not be used by several goroutines.
type faces struct{ title, name font.Face }

func newFaces() (f faces, err error) {
	parsed, err := opentype.Parse(goregular.TTF)
	if err != nil {
		return f, err
	}
	if f.title, err = opentype.NewFace(parsed, &opentype.FaceOptions{Size: 15, DPI: 72, Hinting: font.HintingFull}); err != nil {
		return f, err
	}
	f.name, err = opentype.NewFace(parsed, &opentype.FaceOptions{Size: 11, DPI: 72, Hinting: font.HintingFull})
	return f, err
}

func write(dst draw.Image, text string, x, y int, c color.Color, face font.Face) {
	d := font.Drawer{Dst: dst, Src: image.NewUniform(c), Face: face, Dot: fixed.P(x, y)}
	d.DrawString(text)
}

// fit shortens a name from the left, where it is least telling, until it is no wider than
// width pixels behind its kind.
func fit(kind, name string, width int, face font.Face) string {
	letters := []rune(name)
	text := kind + name
	for n := 1; n <= len(letters) && font.MeasureString(face, text).Ceil() > width; n++ {
		text = kind + "…" + string(letters[n:])
	}
	return text
}
