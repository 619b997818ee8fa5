package prepare

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
)

func TestRecognize(t *testing.T) {
	lm := `{"version": "5", "shapes": [], "imagePath": "a.png"}`
	coco := `{"info": {}, "images": [{"id": 1, "file_name": "a.png"}], "annotations": [], "categories": []}`
	for what, c := range map[string]struct {
		given []string // name, content, …
		want  []string // lines of commands, ROOT for the folder
	}{
		"nothing": {[]string{"a.txt", "x", "b.json", `{"a": 1}`, "c.xml", "<x/>", "config.yaml", "model: {}\n"}, nil},
		"VOC and SBD": {[]string{"VOC2012/JPEGImages/a.jpg", "x", "VOC2012/SegmentationClass/a.png", "x", "VOC2012/ImageSets/Segmentation/train.txt", "a\n",
			"sbd/dataset/cls/a.mat", "x", "sbd/dataset/img/a.jpg", "x", "sbd/dataset/train.txt", "a\n"},
			[]string{"voc --root ROOT/VOC2012", "sbd --root ROOT/VOC2012 --sbd ROOT/sbd/dataset"}},
		"COCO":            {[]string{"annotations/instances_val2017.json", coco}, []string{"coco --root ROOT --mask-mode all-polygons"}},
		"COCO's":          {[]string{"ann/x.json", coco, "images/a.png", ""}, []string{"coco --instances ROOT/ann/x.json --images ROOT/images --mask-mode all-polygons --out OUT"}},
		"LabelMe":         {[]string{"p/a/1.json", lm, "p/b/2.json", lm}, []string{"labelme --images ROOT/p --out OUT"}},
		"YOLO":            {[]string{"data.yaml", "names: [a]\ntrain: images\n", "config.yaml", "names: x\n"}, []string{"yolo --file ROOT/data.yaml --out OUT"}},
		"Supervisely":     {[]string{"meta.json", `{"classes": [{"title": "cup"}]}`, "d/ann/a.png.json", "{}"}, []string{"supervisely --file ROOT/meta.json --out OUT"}},
		"CVAT":            {[]string{"my task/annotations.xml", cvatXML}, []string{"cvat --file 'ROOT/my task/annotations.xml' --images 'ROOT/my task' --out OUT"}},
		"Label Studio":    {[]string{"e.json", `[{"id": 1, "annotations": [], "data": {}}]`}, []string{"label-studio --file ROOT/e.json --images ROOT --out OUT"}},
		"VIA":             {[]string{"v.json", `{"a": {"filename": "a", "regions": []}}`}, []string{"via --file ROOT/v.json --images ROOT --out OUT"}},
		"masks":           {[]string{"photos/a.jpg", "x", "photos/b.jpg", "x", "masks/a.png", "x", "masks/b.png", "x"}, []string{"masks --images ROOT/photos --masks ROOT/masks --out OUT"}},
		"masks in colors": {[]string{"photos/a.jpg", "x", "masks/a.png", "x", "class_dict.csv", "x"}, []string{"masks --images ROOT/photos --masks ROOT/masks --mask-colors ROOT/class_dict.csv --out OUT"}},
		"CVAT's masks": {[]string{"JPEGImages/a.jpg", "x", "SegmentationClass/a.png", "x", "ImageSets/Segmentation/default.txt", "a\n", "labelmap.txt", "x"},
			[]string{"masks --images ROOT/JPEGImages --masks ROOT/SegmentationClass --mask-colors ROOT/labelmap.txt --out OUT"}},
	} {
		root := t.TempDir()
		for i := 0; i < len(c.given); i += 2 {
			put(t, filepath.Join(root, c.given[i]), c.given[i+1])
		}
		found, err := Recognize(context.Background(), root)
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
		var got []string
		for _, s := range found {
			got = append(got, strings.ReplaceAll(strings.TrimPrefix(Shell(s.Command("OUT")), "hdmnet data prepare "), root, "ROOT"))
		}
		if strings.Join(got, "\n") != strings.Join(c.want, "\n") {
			t.Errorf("%s:\n%s\nwant\n%s", what, strings.Join(got, "\n"), strings.Join(c.want, "\n"))
		}
	}
}

func FuzzSniff(f *testing.F) {
	f.Add([]byte(cvatXML))
	f.Add([]byte(`[{"annotations": [], "data": {}}]`))
	f.Add([]byte("\xff\xfe{\x00\"\x00"))
	f.Fuzz(func(t *testing.T, begin []byte) { sniffText(begin) })
}
