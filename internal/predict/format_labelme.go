package predict

import (
	"encoding/json"
	"io"
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
		for _, p := range a.objects[i].Polygon(o.Simplify) {
			s.Points = append(s.Points, [2]float64{p.X, p.Y})
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
