package prepare

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/base64"
	"encoding/json"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hdmnet/internal/picture"
)

// importSet imports files given by name and returns the report, the classes and the masks of
// list files, one row a line ('.' for 0).
func importSet(t *testing.T, tool, file string, given map[string]string, change func(*ImportOptions)) (*Report, []string, map[string]string, error) {
	t.Helper()
	dir := t.TempDir()
	for name, content := range given {
		if content == "" {
			photo(t, filepath.Join(dir, name), 10, 8)
		} else {
			put(t, filepath.Join(dir, name), content)
		}
	}
	opt := ImportOptions{Options: Options{Out: filepath.Join(dir, "out")}, File: filepath.Join(dir, file)}
	if change != nil {
		change(&opt)
	}
	report, names, err := Import(context.Background(), tool, opt)
	if err != nil {
		return report, names, nil, err
	}
	masks := map[string]string{}
	for name := range files(t, filepath.Join(dir, "out", "masks")) {
		pix, size, err := new(picture.Reader).ReadMask(filepath.Join(dir, "out", "masks", name), len(names)-1)
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		for i, v := range pix {
			if i%size.W == 0 && i > 0 {
				b.WriteByte('\n')
			}
			b.WriteByte(".123456789"[v])
		}
		masks[name] = b.String()
	}
	return report, names, masks, nil
}

// pixels counts a value in a mask.
func pixels(mask, value string) int { return strings.Count(mask, value) }

const cvatXML = `<?xml version="1.0" encoding="utf-8"?>
<annotations><version>1.1</version><meta><task><labels>
<label><name>cup</name><color>#fff</color><attributes></attributes></label><label><name>spoon</name></label><label><name>background</name></label>
</labels></task></meta>
<image id="0" name="sub/a.png" width="10" height="8">
  <box label="spoon" occluded="0" xtl="0.00" ytl="0.00" xbr="10.00" ybr="4.00" z_order="1"></box>
  <polygon label="cup" points="0,0;10,0;10,8;0,8" z_order="0"></polygon>
  <mask label="cup" rle="1, 2, 1, 2" left="2" top="1" width="3" height="2" z_order="2"></mask>
  <ellipse label="spoon" cx="5" cy="6" rx="2" ry="1" z_order="3"></ellipse>
  <points label="cup" points="1,1"></points><polyline label="cup" points="1,1;2,2"></polyline><tag label="cup"></tag>
  <box label="" xtl="0" ytl="0" xbr="1" ybr="1"></box><cuboid label="cup"></cuboid><mask label="cup" rle="1,9" left="0" top="0" width="2" height="2"/>
</image>
<image id="1" name="gone.png" width="10" height="8"><box label="cup" xtl="0" ytl="0" xbr="5" ybr="4"/></image>
<image id="2" name="b.png" width="10" height="8"><box label="cup" xtl="4" ytl="2" xbr="6" ybr="6" rotation="90"/></image>
</annotations>`

func TestCVAT(t *testing.T) {
	report, names, masks, err := importSet(t, "cvat", "annotations.xml", map[string]string{"annotations.xml": cvatXML, "images/a.png": "", "images/b.png": ""}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(names[1:], []string{"cup", "spoon"}) {
		t.Errorf("classes %q", names)
	}
	a := strings.Join([]string{"2222222222", "2221122222", "2221122222", "2222222222", "1111111111", "1112222111", "1112222111", "1111111111"}, "\n")
	b := strings.Join([]string{"..........", "..........", "..........", "...1111...", "...1111...", "..........", "..........", ".........."}, "\n")
	if got := masks["images/a.png"]; got != a {
		t.Errorf("a:\n%s", got)
	}
	if got := masks["images/b.png"]; got != b {
		t.Errorf("b, a box turned by 90 degrees:\n%s", got)
	}
	o := report.Objects
	if o.Read != 11 || o.Used != 5 || o.LeftOut() != 6 {
		t.Errorf("objects %+v", o)
	}
	for _, c := range []struct{ content, want string }{
		{"{}", "begin with <annotations>"}, {"<annotations><track/></annotations>", "CVAT for video"}, {"<annotations><image", "damaged or cut short"},
		{"<a></a>", "begin with <annotations>"}, {"<annotations></annotations>", "no annotated picture"}, {"", "begin with <annotations>"},
	} {
		_, _, _, err := importSet(t, "cvat", "a.xml", map[string]string{"a.xml": c.content + " "}, nil)
		contains(t, err, c.want)
	}
	_, _, _, err = importSet(t, "cvat", "a.xml", map[string]string{"a.xml": cvatXML, "a.png": "", "b.png": ""}, func(o *ImportOptions) { o.Strict = true })
	contains(t, err, "gone.png", "--strict", "without a label")
}

func TestBrush(t *testing.T) {
	content, err := os.ReadFile(filepath.Join("testdata", "labelstudio", "brush.json"))
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Width, Height int
		Kind, Mask    string
		RLE           []uint16
	}
	if err := json.Unmarshal(content, &cases); err != nil || len(cases) != 6 {
		t.Fatal(err, len(cases))
	}
	for _, c := range cases {
		var rle []byte
		for _, b := range c.RLE {
			rle = append(rle, byte(b))
		}
		m, err := decodeBrush(rle, c.Width, c.Height)
		if err != nil {
			t.Errorf("%s: %v", c.Kind, err)
			continue
		}
		for i, v := range m.Pix {
			if v != c.Mask[i]-'0' {
				t.Errorf("%s: pixel %d is %d", c.Kind, i, v)
				break
			}
		}
		if _, err := decodeBrush(rle[:len(rle)/2], c.Width, c.Height); err == nil {
			t.Errorf("%s: half of the brush is no error", c.Kind)
		}
		if _, err := decodeBrush(rle, c.Width+1, c.Height); err == nil {
			t.Errorf("%s: a brush of another size is no error", c.Kind)
		}
	}
}

const lsSize = `"original_width": 10, "original_height": 8, "image_rotation": 0`

func TestLabelStudio(t *testing.T) {
	polygon := `{"points": [[0,0],[50,0],[50,100],[0,100]], "polygonlabels": ["cup"], "closed": true}`
	rectangle := `{"x": 60, "y": 25, "width": 20, "height": 50, "rotation": 0, "rectanglelabels": ["spoon", "cup"]}`
	ellipse := `{"x": 50, "y": 50, "radiusX": 20, "radiusY": 12.5, "rotation": 0, "ellipselabels": ["spoon"]}`
	region := func(kind, value string) string {
		return `{"id": "x", "type": "` + kind + `", ` + lsSize + `, "value": ` + value + `}`
	}
	whole := `[{"id": 1, "data": {"image": "/data/upload/1/1a2b3c4d-a.png"}, "annotations": [
		{"was_cancelled": true, "result": [` + region("polygonlabels", polygon) + `]},
		{"result": [` + region("polygonlabels", polygon) + `,` + region("rectanglelabels", rectangle) + `,` + region("ellipselabels", ellipse) + `,
			{"type": "choices", "value": {"choices": ["good"]}},` +
		region("keypointlabels", `{"x": 1, "y": 1, "width": 1, "keypointlabels": ["cup"]}`) + `,` +
		region("polygonlabels", `{"points": [[0,0],[1,1]], "polygonlabels": ["cup"]}`) + `,` + region("brush", `{"format": "rle", "rle": [0,0], "brushlabels": ["cup"]}`) + `]},
		{"result": [` + region("polygonlabels", polygon) + `]}]},
		{"id": 2, "data": {"image": "gone.png"}, "annotations": []}, {"id": 3, "data": {}, "annotations": []}]`
	mini := `[{"image": "http://x/a.png?d=a.png", "id": 1, "label": [` + strings.TrimSuffix(polygon, "}") + `,` + lsSize + `},` +
		strings.TrimSuffix(rectangle, "}") + `,` + lsSize + `},` + strings.TrimSuffix(ellipse, "}") + `,` + lsSize + `}], "annotator": 1}]`
	want := strings.Join([]string{"11111.....", "11111.....", "11111.22..", "11122222..", "11122222..", "11111.22..", "11111.....", "11111....."}, "\n")
	for name, content := range map[string]string{"whole": whole, "min": mini} {
		report, names, masks, err := importSet(t, "label-studio", "export.json", map[string]string{"export.json": content, "a.png": ""}, nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !slices.Equal(names[1:], []string{"cup", "spoon"}) || report.Objects.Used != 3 {
			t.Errorf("%s: %q, %+v", name, names, report.Objects)
		}
		if got := masks["a.png"]; got != want {
			t.Errorf("%s:\n%s", name, got)
		}
		if name == "whole" && (report.Objects.Read != 8 || report.Objects.LeftOut() != 5 || len(report.Objects.Dropped) != 2 || len(report.Objects.Remarks) != 1) {
			t.Errorf("objects %+v", report.Objects)
		}
	}
	for content, want := range map[string]string{"{}": "a list", "[1]": "tasks of Label Studio", "[{]": "tasks of Label Studio", "[]": "no annotated picture"} {
		_, _, _, err := importSet(t, "label-studio", "e.json", map[string]string{"e.json": content}, nil)
		contains(t, err, want)
	}
}

func TestVIA(t *testing.T) {
	regions := `[{"shape_attributes": {"name": "polygon", "all_points_x": [0,5,5,0], "all_points_y": [0,0,8,8]}, "region_attributes": {"class": "cup", "note": "x"}},
		{"shape_attributes": {"name": "rect", "x": 6, "y": 1, "width": 3, "height": 2}, "region_attributes": {"class": {"spoon": true, "cup": false}}},
		{"shape_attributes": {"name": "circle", "cx": 7, "cy": 6, "r": 1}, "region_attributes": {"class": "spoon"}},
		{"shape_attributes": {"name": "ellipse", "cx": 7, "cy": 6, "rx": 0, "ry": 1}, "region_attributes": {"class": "spoon"}},
		{"shape_attributes": {"name": "point", "cx": 7, "cy": 6}, "region_attributes": {"class": "spoon"}},
		{"shape_attributes": {"name": "rect", "x": 6, "y": 1, "width": 3, "height": 2}, "region_attributes": {}}]`
	numbered := `{"0": ` + strings.TrimSuffix(strings.TrimPrefix(strings.ReplaceAll(regions, "},\n\t\t{\"shape", "}\x00{\"shape"), "["), "]") + `}`
	for i := 1; strings.Contains(numbered, "\x00"); i++ {
		numbered = strings.Replace(numbered, "\x00", `,"`+string(rune('0'+i))+`": `, 1)
	}
	for name, content := range map[string]string{
		"export":    `{"a.png123": {"filename": "a.png", "size": 123, "regions": ` + regions + `, "file_attributes": {}}}`,
		"project":   `{"_via_settings": {}, "_via_img_metadata": {"a.png123": {"filename": "a.png", "size": 123, "regions": ` + regions + `}}}`,
		"version 1": `{"a.png123": {"filename": "a.png", "size": 123, "regions": ` + numbered + `}}`,
	} {
		report, names, masks, err := importSet(t, "via", "via.json", map[string]string{"via.json": content, "a.png": ""}, nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := masks["a.png"]
		if !slices.Equal(names[1:], []string{"cup", "spoon"}) || pixels(got, "1") != 40 || pixels(got, "2") != 10 || report.Objects.Read != 6 || report.Objects.Used != 3 {
			t.Errorf("%s: %q, %+v\n%s", name, names, report.Objects, got)
		}
	}
	for content, want := range map[string]string{"[]": "VGG", `{"a": {"regions": []}}`: "filename", "{}": "no annotated picture"} {
		_, _, _, err := importSet(t, "via", "e.json", map[string]string{"e.json": content}, nil)
		contains(t, err, want)
	}
}

func TestSupervisely(t *testing.T) {
	var m, packed bytes.Buffer
	img := image.NewPaletted(image.Rect(0, 0, 3, 2), color.Palette{color.Transparent, color.White})
	img.Pix = []uint8{1, 0, 1, 1, 1, 1}
	if err := png.Encode(&m, img); err != nil {
		t.Fatal(err)
	}
	z := zlib.NewWriter(&packed)
	if _, err := z.Write(m.Bytes()); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	ann := `{"size": {"height": 8, "width": 10}, "objects": [
		{"classTitle": "cup", "geometryType": "polygon", "points": {"exterior": [[0,0],[5,0],[5,8],[0,8]], "interior": [[[1,1],[4,1],[4,7],[1,7]]]}},
		{"classTitle": "spoon", "geometryType": "bitmap", "bitmap": {"origin": [6, 1], "data": "` + base64.StdEncoding.EncodeToString(packed.Bytes()) + `"}},
		{"classTitle": "spoon", "geometryType": "rectangle", "points": {"exterior": [[6,5],[9,7]], "interior": []}},
		{"classTitle": "cup", "geometryType": "point", "points": {"exterior": [[6,5]]}},
		{"classTitle": "cup", "geometryType": "bitmap", "bitmap": {"origin": [6, 1], "data": "eJw="}},
		{"classTitle": "cup", "geometryType": "cuboid"}]}`
	given := map[string]string{"meta.json": `{"classes": [{"title": "spoon"}, {"title": "cup"}], "tags": []}`, "ds/img/a.png": "", "ds/ann/a.png.json": ann, "ds/ann/gone.png.json": ann}
	report, names, masks, err := importSet(t, "supervisely", ".", given, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Join([]string{"22222.....", "2...2.1.1.", "2...2.111.", "2...2.....", "2...2.....", "2...2.111.", "2...2.111.", "22222....."}, "\n")
	if got := masks["ds/img/a.png"]; got != want || !slices.Equal(names[1:], []string{"spoon", "cup"}) || report.Objects.Used != 3 || report.Objects.LeftOut() != 9 || report.Objects.Read != 12 {
		t.Errorf("%q %+v\n%s", names, report.Objects, got)
	}
	_, _, _, err = importSet(t, "supervisely", "meta.json", map[string]string{"meta.json": "{}"}, nil)
	contains(t, err, "which has classes")
}

func TestYOLO(t *testing.T) {
	label := "0 0 0 0.5 0 0.5 1 0 1\n1 0.75 0.25 0.1 0.25\n7 0 0 1 0 1 1\n0 0.1\nx 1 1 1 1\n\n"
	given := map[string]string{
		"train/images/a.png": "", "train/labels/a.txt": label, "train/images/none.png": "", "valid/images/b.png": "", "valid/labels/b.txt": "2 0 0 1 0 1 1 0 1\n",
		"data.yaml": "train: ../train/images\nval: ../valid/images\ntest: ''\nnc: 3\nnames: ['cup', 'spoon', 'fork']\n",
	}
	report, names, masks, err := importSet(t, "yolo", "data.yaml", given, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(names[1:], []string{"cup", "spoon", "fork"}) || len(report.Lists) != 2 || !strings.HasSuffix(report.Lists[1].Path, "val.txt") {
		t.Errorf("%q %+v", names, report.Lists)
	}
	if a := masks["train/images/a.png"]; pixels(a, "1") != 40 || pixels(a, "2") != 2 || pixels(masks["valid/images/b.png"], "3") != 80 {
		t.Errorf("masks %v", masks)
	}
	if o := report.Objects; o.Read != 6 || o.Used != 3 || o.LeftOut() != 3 || len(o.Remarks) != 2 {
		t.Errorf("objects %+v", o)
	}

	// ultralytics' own layout: images and labels at the top, names as a map, a list of pictures.
	given = map[string]string{
		"images/train/a.png": "", "labels/train/a.txt": "5 0 0 1 0 1 1 0 1\n", "train.list": "./images/train/a.png\n",
		"set.yaml": "path: ../datasets/mine\ntrain: [train.list]\nnames:\n  2: cup\n  5: spoon\n",
	}
	_, names, masks, err = importSet(t, "yolo", "set.yaml", given, nil)
	if err != nil || !slices.Equal(names[1:], []string{"cup", "spoon"}) || pixels(masks["images/train/a.png"], "2") != 80 {
		t.Errorf("%q, %v, %v", names, masks, err)
	}
	for content, want := range map[string]string{
		"names: [a]\n": "names and train", "train: x\n": "names and train", "a: [": "names and train", "names: 5\ntrain: x\n": "neither a list nor a map",
		"names: [a]\ntrain: none/images\n": "there is no none/images", "names: [a]\ntrain: {}\n": "neither a path nor a list",
	} {
		_, _, _, err := importSet(t, "yolo", "data.yaml", map[string]string{"data.yaml": content}, nil)
		contains(t, err, want)
	}
}

func FuzzImport(f *testing.F) {
	f.Add([]byte(cvatXML))
	f.Add([]byte(`[{"data": {"image": "a.png"}, "annotations": [{"result": [{"type": "brush", ` + lsSize + `, "value": {"rle": [0,0,1,64,0,0,0,0], "brushlabels": ["a"]}}]}]}]`))
	f.Add([]byte(`{"a": {"filename": "a.png", "regions": [{"shape_attributes": {"name": "rect"}, "region_attributes": {"class": "a"}}]}}`))
	f.Add([]byte(`{"size": {"height": 8, "width": 10}, "objects": [{"classTitle": "a", "geometryType": "polygon", "points": {"exterior": [[0,0],[5,0],[5,8]], "interior": [[[1,1],[4,1],[4,7]]]}}]}`))
	f.Add([]byte("names: [a]\ntrain: x\n"))
	f.Add([]byte("0 0.1 0.1 0.5 0.5"))
	f.Fuzz(func(t *testing.T, content []byte) {
		draw := func(a *annotated) {
			if a.h*a.w > 1<<20 {
				return // takes memory, finds nothing
			}
			a.h, a.w = 8, 10
			names := []string{"background"}
			for _, s := range a.shapes {
				names = append(names, s.label)
			}
			if len(names) < 255 {
				a.draw(names, &a.left)
			}
		}
		var labels []string
		_ = parseCVAT(content, &labels, func(c *cvatImage) error { draw(c.annotated()); return nil })
		_ = parseLabelStudio(content, func(task map[string]json.RawMessage) error { _, a := lsTask(task); draw(a); return nil })
		if images, err := parseVIA(content); err == nil {
			for _, image := range images {
				draw(image.annotated(""))
			}
		}
		if a, err := parseSly(content); err == nil {
			draw(a)
		}
		_, _ = parseSlyMeta(content)
		_, _ = parseYOLO(content)
		y := &yoloSet{names: map[int]string{0: "a"}}
		for line := range strings.SplitSeq(string(content), "\n") {
			if strings.TrimSpace(line) != "" {
				if s, _, err := y.object(line, 10, 8); err == nil {
					draw(&annotated{shapes: []shape{s}})
				}
			}
		}
	})
}
