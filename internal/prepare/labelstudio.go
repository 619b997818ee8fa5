package prepare

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"

	"hdmnet/internal/infile"
	"hdmnet/internal/locate"
	"hdmnet/internal/tally"
	"hdmnet/internal/textfile"
)

// lsRegion is a region of Label Studio. Lengths are in percent of the picture's sides.
type lsRegion struct {
	Type     string          `json:"type"`
	Width    int             `json:"original_width"`
	Height   int             `json:"original_height"`
	Rotation float64         `json:"image_rotation"` // of the picture, in the tool
	Value    json.RawMessage `json:"value"`
}

// lsValue is what a region says, in JSON-MIN beside its size.
type lsValue struct {
	Points   [][]float64 `json:"points"`
	X        float64     `json:"x"`
	Y        float64     `json:"y"`
	Width    float64     `json:"width"`
	Height   float64     `json:"height"`
	RX       float64     `json:"radiusX"`
	RY       float64     `json:"radiusY"`
	Rotation float64     `json:"rotation"` // degrees
	Format   string      `json:"format"`
	RLE      []int       `json:"rle"`
}

// readLabelStudio reads JSON or JSON-MIN of Label Studio.
func readLabelStudio(ctx context.Context, opt ImportOptions, t *tally.Tally) (*annotatedSet, error) {
	content, err := opt.readText()
	if err != nil {
		return nil, err
	}
	set, p := &annotatedSet{}, newPlacer(&opt, t)
	tasks := 0
	err = parseLabelStudio(content, func(task map[string]json.RawMessage) error {
		tasks++
		image, a := lsTask(task)
		switch {
		case image == "":
			t.Drop("tasks without a picture", fmt.Sprintf("%s: task %d", infile.Shown(opt.File), tasks))
		case p.place(a, image):
			set.pictures = append(set.pictures, a)
		}
		return ctx.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", infile.Shown(opt.File), err)
	}
	return set, nil
}

// parseLabelStudio calls found with every task of a file.
func parseLabelStudio(content []byte, found func(map[string]json.RawMessage) error) error {
	const what = "no tasks of Label Studio, a list; export as JSON or JSON-MIN"
	dec := json.NewDecoder(bytes.NewReader(textfile.JSON(content)))
	if token, err := dec.Token(); err != nil || token != json.Delim('[') {
		return errors.New(what)
	}
	for dec.More() {
		var task map[string]json.RawMessage
		if err := dec.Decode(&task); err != nil {
			return fmt.Errorf("%s: %w", what, textfile.JSONError(err))
		}
		if err := found(task); err != nil {
			return err
		}
	}
	if _, err := dec.Token(); err != nil && err != io.EOF {
		return fmt.Errorf("%s: %w", what, textfile.JSONError(err))
	}
	return nil
}

// lsTask is a picture and its regions; of several people's annotations the first that is
// finished counts.
func lsTask(task map[string]json.RawMessage) (image string, a *annotated) {
	a = &annotated{}
	fields := task
	var annotations []struct {
		Result   []json.RawMessage `json:"result"`
		Canceled bool              `json:"was_cancelled"`
	}
	raw, whole := task["annotations"]
	if !whole {
		raw, whole = task["completions"] // before version 1
	}
	if whole {
		_ = json.Unmarshal(task["data"], &fields) // without data there is no picture: the caller says so
		image = lsImage(fields)
		if err := json.Unmarshal(raw, &annotations); err != nil {
			a.left.Leave(whyBadShape, fmt.Sprintf("%s: %v", infile.Shown(image), textfile.JSONError(err)))
			return image, a
		}
		first := true
		for _, one := range annotations {
			for i, region := range one.Result {
				name := fmt.Sprintf("%s, region %d", infile.Shown(image), i+1)
				switch {
				case one.Canceled:
					a.left.Omit("regions of annotations that were skipped", name)
				case !first:
					a.left.Omit("regions of a second annotation of a picture", name)
				default:
					a.lsRegion(region, name)
				}
			}
			first = first && one.Canceled
		}
		return image, a
	}
	image = lsImage(fields)
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		var regions []json.RawMessage
		if json.Unmarshal(fields[key], &regions) != nil {
			continue
		}
		for i, region := range regions {
			a.lsRegion(region, fmt.Sprintf("%s, region %d of %s", infile.Shown(image), i+1, infile.Shown(key)))
		}
	}
	return image, a
}

// lsImage is the picture of a task: the field image or, under other names, the one that
// ends as pictures do.
func lsImage(fields map[string]json.RawMessage) string {
	keys := slices.SortedStableFunc(maps.Keys(fields), func(a, b string) int {
		if x, y := a == "image", b == "image"; x != y {
			if x {
				return -1
			}
			return 1
		}
		return strings.Compare(a, b)
	})
	for _, key := range keys {
		var text string
		if json.Unmarshal(fields[key], &text) != nil {
			continue
		}
		if key == "image" || slices.Contains(locate.Extensions, strings.ToLower(path.Ext(text))) {
			return text
		}
	}
	return ""
}

// lsRegion adds a region, or counts why it is left out. What has no size is no region of a
// picture, but a choice or a relation.
func (a *annotated) lsRegion(raw json.RawMessage, name string) {
	var r lsRegion
	if err := json.Unmarshal(raw, &r); err != nil {
		a.left.Leave(whyBadShape, fmt.Sprintf("%s: %v", name, textfile.JSONError(err)))
		return
	}
	if r.Width <= 0 || r.Height <= 0 {
		return
	}
	if r.Value == nil {
		r.Value = raw // JSON-MIN
	}
	label, kind, several := lsLabel(r.Value)
	var v lsValue
	if err := json.Unmarshal(r.Value, &v); err != nil {
		a.left.Leave(whyBadShape, fmt.Sprintf("%s: %v", name, textfile.JSONError(err)))
		return
	}
	name = fmt.Sprintf("%s, of the label %.80q", name, label)
	switch {
	case kind == "keypointlabels" || r.Type == "keypoint" || kind == "vectorlabels":
		a.left.Omit(whyNoArea, name)
	case label == "" && (kind != "" || v.RLE == nil && v.Points == nil && v.Width == 0 && v.RX == 0):
		if kind != "" {
			a.left.Leave(whyNoLabel, name)
		}
	case label == "":
		a.left.Leave(whyNoLabel, name)
	case r.Rotation != 0:
		a.left.Leave(whyBadShape, name+": the picture was turned in the tool; turn it back there")
	case a.w != 0 && (a.w != r.Width || a.h != r.Height):
		a.left.Leave(whyBadShape, fmt.Sprintf("%s: drawn on %d×%d pixels, regions before it on %d×%d", name, r.Width, r.Height, a.w, a.h))
	default:
		s, err := v.shape(r.Width, r.Height)
		if err != nil {
			a.left.Leave(whyBadShape, name+": "+err.Error())
			return
		}
		if several {
			a.left.Remark("regions with several labels, of which the first counts", name)
		}
		a.w, a.h = r.Width, r.Height
		s.label, s.name = label, name
		a.shapes = append(a.shapes, s)
	}
}

// lsLabel is the label of a region and the key it stands under ("brushlabels", "labels").
func lsLabel(raw json.RawMessage) (label, kind string, several bool) {
	var fields map[string]json.RawMessage
	if json.Unmarshal(raw, &fields) != nil {
		return "", "", false
	}
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		var labels []string
		if !strings.HasSuffix(key, "labels") || json.Unmarshal(fields[key], &labels) != nil {
			continue
		}
		if kind = key; len(labels) > 0 {
			return strings.TrimSpace(labels[0]), key, len(labels) > 1
		}
	}
	return "", kind, false
}

// shape is a region in pixels of a picture.
func (v *lsValue) shape(width, height int) (shape, error) {
	sx, sy := float64(width)/100, float64(height)/100
	switch {
	case v.RLE != nil || v.Format == "rle":
		packed := make([]byte, len(v.RLE))
		for i, b := range v.RLE {
			if packed[i] = byte(b); int(packed[i]) != b {
				return shape{}, fmt.Errorf("its brush has the value %d, expected bytes", b)
			}
		}
		return shape{xy: []float64{0, 0}, unpack: func() (*Mask, error) { return decodeBrush(packed, width, height) }}, nil
	case v.Points != nil:
		var xy []float64
		for _, p := range v.Points {
			if len(p) != 2 {
				return shape{}, errors.New("a point that is not two numbers, x and y")
			}
			xy = append(xy, p[0]*sx, p[1]*sy)
		}
		if len(v.Points) < 3 {
			return shape{}, fmt.Errorf("a polygon of %d points, expected 3 or more", len(v.Points))
		}
		return shape{xy: xy}, nil
	case v.RX > 0 && v.RY > 0:
		return shape{xy: []float64{v.X * sx, v.Y * sy}, rx: v.RX * sx, ry: v.RY * sy, angle: v.Rotation}, nil
	case v.Width > 0 && v.Height > 0:
		return shape{xy: box(v.X*sx, v.Y*sy, v.Width*sx, v.Height*sy, v.Rotation)}, nil
	}
	return shape{}, errors.New("neither brush, polygon, rectangle nor ellipse")
}
