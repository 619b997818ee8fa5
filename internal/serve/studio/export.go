package studio

import (
	"archive/zip"
	"context"
	"fmt"
	"io"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"hdmnet/internal/locate"
	"hdmnet/internal/predict"
	"hdmnet/internal/serve/fault"
	"hdmnet/internal/serve/project"
)

// custom is the format of a custom data set with its lists for training.
const custom = "custom"

// Exported says what is exported, and how.
type Exported struct {
	Format   string  `json:"format"`   // one of predict.Formats, or custom
	RLE      bool    `json:"rle"`      // of coco: exact masks instead of polygons
	Simplify float64 `json:"simplify"` // how far polygons may be from the pixels' sides, in pixels
	Images   bool    `json:"images"`   // with the pictures
	Supports bool    `json:"supports"` // the marked objects too
}

// Export writes a zip.
type Export struct {
	s       *Studio
	o       Exported
	format  predict.Format
	classes []project.Class
	records []*project.Record
}

// Export checks what is wanted.
//
// Errors: a format that does not exist; nothing accepted.
func (s *Studio) Export(o Exported) (*Export, error) {
	e := &Export{s: s, o: o}
	name := o.Format
	if name == custom {
		name = "png"
		e.o.Images = true
	}
	var err error
	if e.format, err = predict.ParseFormat(name); err != nil {
		return nil, fault.New(http.StatusBadRequest, "give png, coco, labelme, yolo or custom", "format %.30q does not exist", o.Format)
	}
	switch {
	case !(o.Simplify >= 0 && o.Simplify <= 1000):
		return nil, fault.New(http.StatusBadRequest, "give pixels from 0 to 1000", "simplify %g", o.Simplify)
	case o.Format == "coco" && o.RLE:
		e.o.Simplify = 0
	case o.Format == "coco":
		e.o.Simplify = max(o.Simplify, 1e-9) // 0 would be an RLE
	}
	for _, r := range s.Project.Records() {
		if e.has(r) {
			e.records = append(e.records, r)
		}
	}
	// Classes of which nothing is accepted are none of the data set's.
	e.classes = slices.DeleteFunc(s.Project.Classes(), func(c project.Class) bool {
		return !slices.ContainsFunc(e.records, func(r *project.Record) bool {
			m := r.Mask(c.ID)
			return m != nil && m.Status == project.Accepted || o.Supports && r.Support(c.ID) != nil
		})
	})
	if len(e.records) == 0 {
		return nil, fault.New(http.StatusConflict, "accept masks first", "no mask is accepted")
	}
	return e, nil
}

// has tells whether anything of a picture is exported.
func (e *Export) has(r *project.Record) bool {
	return e.o.Supports && len(r.Supports) > 0 || slices.ContainsFunc(r.Masks, func(m project.Mask) bool { return m.Status == project.Accepted })
}

// Write streams the zip. What cannot be read is left out, and said in left-out.txt.
func (e *Export) Write(ctx context.Context, w io.Writer) error {
	z := zip.NewWriter(w)
	now := time.Now()
	put := func(name string, method uint16, write func(io.Writer) error) error {
		f, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: method, Modified: now})
		if err != nil {
			return err
		}
		return write(f)
	}
	var names []string
	for _, c := range e.classes {
		names = append(names, c.Name)
	}
	out := predict.NewExport(e.format, names, e.o.Simplify, func(name string, write func(io.Writer) error) error { return put(name, zip.Deflate, write) })
	taken, left := map[string]bool{}, ""
	for _, r := range e.records {
		if err := ctx.Err(); err != nil {
			return err
		}
		name := fileName(&r.Image, taken)
		labels, scores, content, err := e.picture(ctx, r)
		if err != nil {
			left += fmt.Sprintf("%s: %v\n", r.Image.Name, err)
			continue
		}
		if content != nil {
			if err := put(predict.PictureFile(name), zip.Store, func(w io.Writer) error { _, err := w.Write(content); return err }); err != nil {
				return err
			}
		}
		if err := out.Add(name, labels, r.Image.Height, r.Image.Width, scores); err != nil {
			return err
		}
	}
	if err := out.Finish(); err != nil {
		return err
	}
	if e.o.Format == custom {
		if err := out.Split(); err != nil {
			return err
		}
	}
	if left != "" {
		if err := put("left-out.txt", zip.Deflate, func(w io.Writer) error { _, err := io.WriteString(w, left); return err }); err != nil {
			return err
		}
	}
	return z.Close()
}

// picture is what is exported of a picture: labels [h,w] with the places of the classes, from 1;
// the classes' scores; and its file, upright, if pictures are wanted.
func (e *Export) picture(ctx context.Context, r *project.Record) (labels []uint8, scores []float64, content []byte, err error) {
	all, err := e.s.Labels(r, 0, nil)
	if err != nil {
		return nil, nil, nil, err
	}
	labels, scores = make([]uint8, len(all)), make([]float64, len(e.classes))
	for i, c := range e.classes {
		scores[i] = 1
		if m := r.Mask(c.ID); m != nil && m.Status == project.Accepted {
			if !m.Corrected {
				scores[i] = m.Confidence
			}
			mark(labels, uint8(i+1), func(at int) bool { return all[at] == int32(c.ID) })
		}
		if e.o.Supports && r.Support(c.ID) != nil {
			mask, err := e.s.Project.SupportMask(r, c.ID)
			if err != nil {
				return nil, nil, nil, err
			}
			if mask != nil {
				mark(labels, uint8(i+1), func(at int) bool { return mask[at] != 0 })
			}
		}
	}
	if !e.o.Images {
		return labels, scores, nil, nil
	}
	if r.Image.Orientation == 1 {
		content, err = e.s.Project.Content(r)
		return labels, scores, content, err
	}
	// Programs that train do not turn pictures.
	p, err := e.s.photo(ctx, r)
	if err == nil {
		content, err = encode(p.Pix, p.H, p.W, 97)
	}
	return labels, scores, content, err
}

func mark(labels []uint8, class uint8, in func(at int) bool) {
	for at := range labels {
		if in(at) {
			labels[at] = class
		}
	}
}

// fileName is what a picture is called in an export: its name as far as it is one of a file below a
// folder everywhere, with its id where another one is called so.
func fileName(i *project.Image, taken map[string]bool) string {
	var parts []string
	for part := range strings.SplitSeq(strings.ReplaceAll(i.Name, `\`, "/"), "/") {
		part = strings.Map(func(r rune) rune {
			if r < ' ' || strings.ContainsRune(`<>:"|?*`, r) {
				return '_'
			}
			return r
		}, part)
		if part = strings.Trim(part, ". "); part != "" {
			parts = append(parts, part)
		}
	}
	name := path.Join(parts...)
	extension := path.Ext(name)
	if !slices.Contains(locate.Extensions, strings.ToLower(extension)) || strings.TrimSuffix(path.Base(name), extension) == "" {
		extension = path.Ext(i.File)
		name += extension
	}
	if taken[predict.ResultName(name)] {
		name = strings.TrimSuffix(name, extension) + "_" + i.ID[:8] + extension
	}
	taken[predict.ResultName(name)] = true
	return name
}
