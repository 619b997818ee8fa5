package predict

import (
	"bufio"
	"encoding/json"
	"io"
	"math"
	"path/filepath"

	"hdmnet/internal/coco"
)

// cocoFormat writes COCO instances. Masks are run-length codes, so that they are exact,
// unless outlines are to be simplified.
type cocoFormat struct{}

func (cocoFormat) String() string { return "coco" }

// cocoObject is an annotation without its ids.
type cocoObject struct {
	Category     int     `json:"category_id"`
	Segmentation any     `json:"segmentation"`
	Area         int     `json:"area"`
	Box          [4]int  `json:"bbox"` // left, top, width, height
	Score        float64 `json:"score"`
}

type cocoRLE struct {
	Size   [2]int `json:"size"` // height, width
	Counts string `json:"counts"`
}

func (cocoFormat) write(o *FolderOptions, a *annotated, line *recordLine) error {
	for i := range a.objects {
		x := &a.objects[i]
		c := cocoObject{Category: int(x.Class), Area: x.Area, Box: [4]int{x.X0, x.Y0, x.X1 - x.X0, x.Y1 - x.Y0}, Score: math.Round(a.scores[i]*1e4) / 1e4}
		if o.Simplify > 0 {
			var ring []float64
			for _, p := range x.Polygon(o.Simplify, 0) {
				ring = append(ring, p.X, p.Y)
			}
			c.Segmentation = [][]float64{ring}
		} else {
			c.Segmentation = cocoRLE{[2]int{a.h, a.w}, coco.EncodeRLE(a.h, a.w, x.X0, x.Y0, x.Mask(), c.Box[3], c.Box[2])}
		}
		line.Objects = append(line.Objects, c)
	}
	return nil
}

// index puts the annotations of all pictures together, in one pass for each part, so that
// no more than one picture's are in memory.
func (cocoFormat) index(o *FolderOptions, log lines) ([]string, error) {
	const file = "annotations.json"
	err := o.result(file, func(w io.Writer) error {
		out := &jsonList{w: bufio.NewWriter(w)}
		out.text(`{"info": {"description": "found by hdmnet predict"}, "images": [`)
		image, object := 0, 0
		err := log.each(func(l *recordLine) error {
			image++
			return out.item(map[string]any{"id": image, "file_name": l.Picture, "height": l.Height, "width": l.Width})
		})
		if err != nil {
			return err
		}
		out.next("], \"annotations\": [")
		image = 0
		err = log.each(func(l *recordLine) error {
			image++
			for _, c := range l.Objects {
				object++
				item := struct {
					ID    int `json:"id"`
					Image int `json:"image_id"`
					Crowd int `json:"iscrowd"`
					cocoObject
				}{object, image, 0, c}
				if err := out.item(item); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		out.next("], \"categories\": [")
		for i, c := range o.Classes {
			if err := out.item(map[string]any{"id": i + 1, "name": c.Name, "supercategory": ""}); err != nil {
				return err
			}
		}
		out.next("]}\n")
		return out.end()
	})
	return []string{filepath.FromSlash(file)}, err
}

// jsonList writes JSON item by item.
type jsonList struct {
	w     *bufio.Writer
	items int
	err   error
}

func (l *jsonList) text(s string) {
	if l.err == nil {
		_, l.err = l.w.WriteString(s)
	}
}

func (l *jsonList) item(v any) error {
	if l.items > 0 {
		l.text(",")
	}
	l.text("\n")
	l.items++
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	l.text(string(b))
	return l.err
}

func (l *jsonList) next(s string) {
	l.items = 0
	l.text(s)
}

func (l *jsonList) end() error {
	if l.err != nil {
		return l.err
	}
	return l.w.Flush()
}
