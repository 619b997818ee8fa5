package predict

import (
	"encoding/json"
	"io"
	"math"
	"path"
)

// labelMeFormat writes an annotation of LabelMe for each picture.
type labelMeFormat struct{}

func (labelMeFormat) String() string { return "labelme" }

type labelMe struct {
	Version   string          `json:"version"`
	Flags     struct{}        `json:"flags"`
	Shapes    []labelMeShape  `json:"shapes"`
	ImagePath string          `json:"imagePath"` // from the annotation's folder
	ImageData json.RawMessage `json:"imageData"`
	Height    int             `json:"imageHeight"`
	Width     int             `json:"imageWidth"`
}

type labelMeShape struct {
	Label       string          `json:"label"`
	Points      [][2]float64    `json:"points"`
	Group       json.RawMessage `json:"group_id"`
	Description string          `json:"description"`
	Type        string          `json:"shape_type"`
	Flags       struct{}        `json:"flags"`
}

// inset is how far polygons are inside of the pixels' sides. LabelMe's converter and YOLO's
// trainer cut places to whole pixels and draw the border, too: they get the same pixels by it.
// Six decimals of a part of the largest side are half as exact; pycocotools rounds off 0.1.
const inset = 0.05

func (labelMeFormat) write(o *FolderOptions, a *annotated, _ *recordLine) error {
	null := json.RawMessage("null")
	name := resultName(a.name) + ".json"
	from, err := o.fromOut(path.Dir(name), a.path)
	if err != nil {
		return err
	}
	out := labelMe{Version: "5.5.0", Shapes: []labelMeShape{}, ImagePath: from, ImageData: null, Height: a.h, Width: a.w}
	for i := range a.objects {
		s := labelMeShape{Label: o.Classes[a.objects[i].Class-1].Name, Group: null, Type: "polygon"}
		for _, p := range a.objects[i].Polygon(o.Simplify, inset) {
			s.Points = append(s.Points, [2]float64{math.Round(p.X*100) / 100, math.Round(p.Y*100) / 100})
		}
		out.Shapes = append(out.Shapes, s)
	}
	return o.result(name, func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(out)
	})
}

func (labelMeFormat) index(*FolderOptions, lines) ([]string, error) { return nil, nil }
