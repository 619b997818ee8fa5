package prepare

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"hdmnet/internal/coco"
	"hdmnet/internal/infile"
	"hdmnet/internal/locate"
	"hdmnet/internal/tally"
	"hdmnet/internal/textfile"
)

// slyPicture is an annotation of Supervisely: DATASET/ann/NAME.jpg.json for
// DATASET/img/NAME.jpg.
type slyPicture struct {
	Size struct {
		Height int `json:"height"`
		Width  int `json:"width"`
	} `json:"size"`
	Objects []json.RawMessage `json:"objects"`
}

type slyObject struct {
	Class  string `json:"classTitle"`
	Kind   string `json:"geometryType"`
	Points struct {
		Exterior [][]float64   `json:"exterior"`
		Interior [][][]float64 `json:"interior"` // holes
	} `json:"points"`
	Bitmap struct {
		Data   string    `json:"data"` // base64 of zlib of a PNG
		Origin []float64 `json:"origin"`
	} `json:"bitmap"`
}

// readSupervisely reads a project: meta.json with the classes, and data sets beside it.
func readSupervisely(ctx context.Context, opt ImportOptions, t *tally.Tally) (*annotatedSet, error) {
	if filepath.Base(opt.File) != "meta.json" {
		opt.File = filepath.Join(opt.File, "meta.json")
	}
	content, err := opt.readText()
	if err != nil {
		return nil, err
	}
	classes, err := parseSlyMeta(content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", infile.Shown(opt.File), err)
	}
	root := filepath.Dir(opt.File)
	tree, err := locate.Walk(ctx, root, func(folder string) bool { return locate.Same(folder, opt.Out) })
	if err != nil {
		return nil, fmt.Errorf("annotations: %w", err)
	}
	set := &annotatedSet{classes: classes}
	for _, path := range tree.Files {
		dir := filepath.Dir(path)
		if filepath.Base(dir) != "ann" || !strings.EqualFold(filepath.Ext(path), ".json") {
			continue
		}
		content, err := textfile.Read(path, maxAnnotation)
		if err != nil {
			t.Drop("annotations that cannot be read", err.Error())
			continue
		}
		a, err := parseSly(content)
		if err != nil {
			t.Drop("files that are no annotation of Supervisely", fmt.Sprintf("%s: %v", infile.Shown(path), err))
			continue
		}
		a.path = path
		a.count(t)
		a.image, err = locate.New(filepath.Join(filepath.Dir(dir), "img")).Find(strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)))
		if a.settle(err, t) {
			a.stem = maskStem(root, a.image)
			set.pictures = append(set.pictures, a)
		}
	}
	return set, nil
}

// parseSlyMeta reads the classes of a project.
func parseSlyMeta(content []byte) ([]string, error) {
	var meta struct {
		Classes []struct {
			Title string `json:"title"`
		} `json:"classes"`
	}
	if err := json.Unmarshal(textfile.JSON(content), &meta); err != nil {
		return nil, fmt.Errorf("no meta.json of Supervisely, which has classes: %w", textfile.JSONError(err))
	}
	var classes []string
	for _, c := range meta.Classes {
		if title := strings.TrimSpace(c.Title); title != "" && !slices.Contains(classes, title) {
			classes = append(classes, title)
		}
	}
	if classes == nil {
		return nil, errors.New("no meta.json of Supervisely, which has classes")
	}
	return classes, nil
}

func parseSly(content []byte) (*annotated, error) {
	var p slyPicture
	if err := json.Unmarshal(textfile.JSON(content), &p); err != nil {
		return nil, textfile.JSONError(err)
	}
	if p.Size.Height <= 0 || p.Size.Width <= 0 || int64(p.Size.Height)*int64(p.Size.Width) > coco.MaxPixels {
		return nil, fmt.Errorf("a picture of %d×%d pixels (width×height)", p.Size.Width, p.Size.Height)
	}
	a := &annotated{h: p.Size.Height, w: p.Size.Width}
	for i, raw := range p.Objects {
		var o slyObject
		name := fmt.Sprintf("object %d", i+1)
		if err := json.Unmarshal(raw, &o); err != nil {
			a.left.Leave(whyBadShape, fmt.Sprintf("%s: %v", name, textfile.JSONError(err)))
			continue
		}
		label := strings.TrimSpace(o.Class)
		name = fmt.Sprintf("%s, a %.40s of the label %.80q", name, infile.Shown(o.Kind), label)
		switch {
		case o.Kind == "point" || o.Kind == "line" || o.Kind == "graph":
			a.left.Omit(whyNoArea, name)
			continue
		case label == "":
			a.left.Leave(whyNoLabel, name)
			continue
		}
		s, err := o.shape(a.h, a.w)
		if err != nil {
			a.left.Leave(whyBadShape, name+": "+err.Error())
			continue
		}
		s.label, s.name = label, name
		a.shapes = append(a.shapes, s)
	}
	return a, nil
}

func (o *slyObject) shape(h, w int) (shape, error) {
	switch o.Kind {
	case "bitmap":
		if len(o.Bitmap.Origin) != 2 {
			return shape{}, errors.New("a bitmap without its origin")
		}
		packed := o.Bitmap.Data
		return shape{xy: o.Bitmap.Origin, unpack: func() (*Mask, error) { return slyBitmap(packed) }}, nil
	case "rectangle":
		xy, err := flat(o.Points.Exterior, 2)
		if err != nil {
			return shape{}, err
		}
		return shape{xy: box(xy[0], xy[1], xy[2]-xy[0], xy[3]-xy[1], 0)}, nil
	case "polygon":
		xy, err := flat(o.Points.Exterior, 3)
		if err != nil || len(o.Points.Interior) == 0 {
			return shape{xy: xy}, err
		}
		holes := o.Points.Interior
		return shape{xy: []float64{0, 0}, unpack: func() (*Mask, error) { return withHoles(xy, holes, h, w) }}, nil
	}
	return shape{}, errors.New("its kind is not read")
}

// withHoles draws a polygon without its holes.
func withHoles(xy []float64, holes [][][]float64, h, w int) (*Mask, error) {
	m := &Mask{Pix: make([]uint8, h*w), H: h, W: w}
	if _, err := coco.DrawPolygon(m.Pix, h, w, xy, 1); err != nil {
		return nil, err
	}
	for _, hole := range holes {
		xy, err := flat(hole, 3)
		if err == nil {
			_, err = coco.DrawPolygon(m.Pix, h, w, xy, 0)
		}
		if err != nil {
			return nil, fmt.Errorf("a hole: %w", err)
		}
	}
	return m, nil
}

// flat are points as x0,y0,x1,y1,…, of which there are least or more.
func flat(points [][]float64, least int) ([]float64, error) {
	var xy []float64
	for _, p := range points {
		if len(p) != 2 {
			return nil, errors.New("a point that is not two numbers, x and y")
		}
		xy = append(xy, p...)
	}
	if len(points) < least {
		return nil, fmt.Errorf("%d points, expected %d or more", len(points), least)
	}
	return xy, nil
}

// slyBitmap reads the base64 of the zlib of a PNG.
func slyBitmap(text string) (*Mask, error) {
	packed, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("its bitmap is no picture: %w", err)
	}
	unpack, err := zlib.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("its bitmap is no picture: %w", err)
	}
	content, err := io.ReadAll(io.LimitReader(unpack, maxAnnotation))
	if err != nil {
		return nil, fmt.Errorf("its bitmap is no picture: %w", err)
	}
	return onesOf(content)
}
