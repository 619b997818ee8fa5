package prepare

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hdmnet/internal/data"
	"hdmnet/internal/labelmap"
	"hdmnet/internal/picture"
	"hdmnet/internal/tally"
)

// photo writes a PNG.
func photo(t *testing.T, path string, w, h int) {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewRGBA(image.Rect(0, 0, w, h))); err != nil {
		t.Fatal(err)
	}
	put(t, path, b.String())
}

// labelMeFolder has two annotated pictures, one in a folder below.
func labelMeFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	photo(t, filepath.Join(dir, "one.png"), 8, 6)
	put(t, filepath.Join(dir, "one.json"), `{"version": "5.5.0", "flags": {}, "shapes": [
		{"label": "zebra crossing", "points": [[1, 1], [7, 5]], "shape_type": "rectangle", "group_id": null},
		{"label": "cup ", "points": [[3, 2], [5, 2], [5, 4], [3, 4]]},
		{"label": "__ignore__", "points": [[0, 0], [8, 0], [8, 1], [0, 1]], "shape_type": "polygon"},
		{"label": "_background_", "points": [[6, 4], [7, 5]], "shape_type": "rectangle"},
		{"label": "cup", "points": [[3, 2]], "shape_type": "point"},
		{"label": "cup", "points": [[3, 2], [5, 5]], "shape_type": "line"}],
		"imagePath": "one.png", "imageData": "iVBORw0KGgo=", "imageHeight": 6, "imageWidth": 8}`)
	photo(t, filepath.Join(dir, "more", "two.png"), 5, 5)
	put(t, filepath.Join(dir, "more", "two.json"), `{"shapes": [{"label": "cup", "points": [[2.5, 2.5], [2.5, 4.5]], "shape_type": "circle"}],
		"imagePath": "C:\\photos\\two.png", "imageData": null}`)
	return dir
}

func TestLabelMe(t *testing.T) {
	dir := labelMeFolder(t)
	out := filepath.Join(dir, "out")
	opt := Options{Out: out}
	said := warnings(&opt)
	report, names, err := LabelMe(context.Background(), LabelMeOptions{Options: opt, Images: dir})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(names, []string{"background", "cup", "zebra crossing"}) || get(t, filepath.Join(out, "classes.txt")) != "cup\nzebra crossing\n" {
		t.Errorf("classes %q", names)
	}
	if report.Written != 2 || report.Images[1] != 2 || report.Images[2] != 1 || report.Images[255] != 1 {
		t.Errorf("report %+v", report)
	}
	if len(*said) != 1 || !strings.Contains((*said)[0], "left out: 2 shapes without an area (points and lines), such as "+filepath.Join(dir, "one.json")+`: shape 5, a point of the label "cup"`) {
		t.Errorf("warnings %q", *said)
	}
	if o := report.Objects; o.Read != 7 || o.Used != 5 || o.LeftOut() != 2 || !strings.Contains(get(t, filepath.Join(out, recordFile)), `"read": 7`) {
		t.Errorf("objects %+v", o)
	}
	src, err := data.OpenList(filepath.Join(out, "list.txt"), out, 2)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"..1.." + ".111." + "11111" + ".111." + "..1..",
		"iiiiiiii" + ".222222." + ".221122." + ".221122." + ".22222.." + "........",
	}
	for i, w := range want {
		scene, err := src.Load(i)
		if err != nil {
			t.Fatal(err)
		}
		var got strings.Builder
		for _, v := range scene.Mask {
			got.WriteString(map[uint8]string{0: ".", 1: "1", 2: "2", 255: "i"}[v])
		}
		if got.String() != w {
			t.Errorf("%s: %s, want %s", scene.Name, got.String(), w)
		}
	}

	// Annotations change, and masks with them; the numbers of the classes do not.
	two := filepath.Join(dir, "more", "two.json")
	was := get(t, two)
	put(t, two, strings.Replace(was, "[2.5, 4.5]", "[2.5, 3.1]", 1))
	if _, _, err = LabelMe(context.Background(), LabelMeOptions{Options: opt, Images: dir}); err != nil {
		t.Fatal(err)
	}
	pix, _, err := new(picture.Reader).ReadMask(filepath.Join(out, "masks", "more", "two.png"), 2)
	if err != nil || bytes.Count(pix, []byte{1}) != 1 {
		t.Errorf("mask after the change: %v, %v", pix, err)
	}
	put(t, two, strings.Replace(was, `"cup"`, `"bowl"`, 1))
	_, _, err = LabelMe(context.Background(), LabelMeOptions{Options: opt, Images: dir})
	contains(t, err, "bowl, cup, zebra crossing", "--force")
	opt.Force = true
	if _, names, err = LabelMe(context.Background(), LabelMeOptions{Options: opt, Images: dir}); err != nil || names[1] != "bowl" {
		t.Errorf("forced: %q, %v", names, err)
	}
}

func TestLabelMeWithClassFile(t *testing.T) {
	dir := labelMeFolder(t)
	classes := put(t, filepath.Join(t.TempDir(), "classes.txt"), "zebra crossing\ncup\ntable\n")
	report, names, err := LabelMe(context.Background(), LabelMeOptions{Options: Options{Out: t.TempDir()}, Images: dir, Classes: classes})
	if err != nil || len(names) != 4 || report.Images[2] != 2 {
		t.Errorf("%q, %+v, %v", names, report, err)
	}
	put(t, classes, "table\ncup\n")
	_, _, err = LabelMe(context.Background(), LabelMeOptions{Options: Options{Out: t.TempDir()}, Images: dir, Classes: classes})
	contains(t, err, "one.json", "zebra crossing", classes)
}

func TestLabelMeGoesOn(t *testing.T) {
	dir := labelMeFolder(t)
	base := t.TempDir()
	prepare := func(ctx context.Context, opt Options) error {
		_, _, err := LabelMe(ctx, LabelMeOptions{Options: opt, Images: dir})
		return err
	}
	if err := prepare(context.Background(), Options{Out: filepath.Join(base, "whole")}); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(base, "stopped")
	ctx, cancel := context.WithCancel(context.Background())
	err := prepare(ctx, Options{Out: out, Workers: 1, Progress: func(stage string, done, _ int) {
		if stage == "masks" && done == 1 {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) || len(files(t, out)) != 2 {
		t.Fatalf("stopped: %v, %d files", err, len(files(t, out)))
	}
	if err := prepare(context.Background(), Options{Out: out}); err != nil {
		t.Fatal(err)
	}
	sameFiles(t, files(t, out), files(t, filepath.Join(base, "whole")))
}

func TestLabelMeBadInput(t *testing.T) {
	run := func(dir string) error {
		_, _, err := LabelMe(context.Background(), LabelMeOptions{Options: Options{Out: t.TempDir(), Strict: true}, Images: dir})
		return err
	}
	contains(t, run(t.TempDir()), "no .json file")
	contains(t, run(filepath.Join(t.TempDir(), "none")), "none")
	dir := labelMeFolder(t)
	one := filepath.Join(dir, "one.json")
	was := get(t, one)
	for _, c := range []struct{ from, to, want string }{
		{was, "{", "no annotation of LabelMe"},
		{was, "[]", "no annotation of LabelMe"},
		{was, `{"tasks": {}}`, "move other .json files"},
		{was, `{"shapes": 5, "imagePath": "one.png"}`, `"shapes" is a number, expected a list`},
		{was, "{\"a\": \"\xb1\xad\xd7\xd3\"}", "likely GB18030"},
		{`"label": "cup "`, `"label": " "`, "without a label"},
		{`"label": "cup "`, `"label": "a\ud800"`, "U+FFFD"},
		{`"label": "cup "`, `"label": "a\nb"`, "control character"},
		{`"shape_type": "rectangle", "group_id"`, `"shape_type": "mask", "group_id"`, "a mask without its picture"},
		{`"shape_type": "rectangle", "group_id"`, `"shape_type": "mask", "mask": "aGFsbG8=", "group_id"`, "mask in a shape: not a picture"},
		{`"shape_type": "rectangle", "group_id"`, `"shape_type": "cuboid", "group_id"`, `"cuboid", which is not read`},
		{"[[1, 1], [7, 5]]", "[[21, 1], [27, 5]]", "leave no pixel"},
		{"[[1, 1], [7, 5]]", "[[1, 1]]", "rectangle of 1 points"},
		{"[[1, 1], [7, 5]]", "[[1, 1], [7, null]]", "two numbers"},
		{"[[1, 1], [7, 5]]", "[[1, 1, 1], [7, 5]]", "two numbers"},
		{"[[3, 2], [5, 2], [5, 4], [3, 4]]", "[[3, 2], [5, 2]]", "polygon of 2 points"},
		{"[7, 5]", "[7e9, 5]", "within"},
		{`"imageHeight": 6`, `"imageHeight": 8`, "8×6"},
		{`"imageHeight": 6`, `"imageHeight": -6`, "8×-6"},
		{`"imagePath": "one.png"`, `"imagePath": "one.json"`, "not a picture"},
		{`"imagePath": "one.png"`, `"imagePath": "more/two.png"`, "5×5"},
		{"zebra crossing", "zebra, crossing", "comma"},
	} {
		put(t, one, strings.Replace(was, c.from, c.to, 1))
		err := run(dir)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s for %s: error %v, want one about %q", c.to, c.from, err, c.want)
		}
	}
	if err := os.Rename(filepath.Join(dir, "one.png"), filepath.Join(dir, "three.png")); err != nil {
		t.Fatal(err)
	}
	put(t, one, was)
	contains(t, run(dir), "one.json", "objects of pictures that are not found", "one.png")
	if err := os.Rename(filepath.Join(dir, "three.png"), filepath.Join(dir, "one.png")); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, "other.json"), was)
	contains(t, run(dir), "one.json", "other.json", "same picture")
	os.Remove(filepath.Join(dir, "other.json"))
	if err := run(dir); err != nil {
		t.Error(err)
	}
	_, _, err := LabelMe(context.Background(), LabelMeOptions{Images: dir})
	contains(t, err, "no output folder")
}

// maskText is LabelMe's mask of 20×16 pixels (width×height), of which 149 are set.
const maskText = "iVBORw0KGgoAAAANSUhEUgAAABQAAAAQAQAAAAA+Y2K2AAAALElEQVR4nGNgAAEFBgbGPwwMzP8YGNj/MzDw/2+AY/n/B1D4IHmQOpB6oD4ACXkRe3def3cAAAAASUVORK5CYII="

// TestShapesOfAllTools: what LabelMe and X-AnyLabeling draw, by the pixels that it covers;
// rectangles of two and of four corners are one.
func TestShapesOfAllTools(t *testing.T) {
	for shape, want := range map[string]int{
		`"points":[[8,8],[27,23]],"shape_type":"mask","mask":"` + maskText + `"`:           149,
		`"points":[[-10,8],[9,23]],"shape_type":"mask","mask":"` + maskText + `"`:          0, // filled in below
		`"points":[[8,8],[28,24]],"shape_type":"rectangle"`:                                320,
		`"points":[[28,24],[8,8]],"shape_type":"rectangle"`:                                320,
		`"points":[[8,8],[28,8],[28,24],[8,24]],"shape_type":"rectangle"`:                  320,
		`"points":[[8,8],[28,8],[28,24],[8,24]],"shape_type":null`:                         320,
		`"points":[[8,8],[28,8],[28,24],[8,24]],"shape_type":"rotation"`:                   320,
		`"points":[[8,8],[28,8],[28,24],[8,24]],"shape_type":"quadrilateral"`:              320,
		`"points":[[20,8],[34,20],[22,34],[8,22]],"shape_type":"rotation","direction":0.7`: 340,
		`"points":[[20.5,20.5],[22.5,20.5]],"shape_type":"circle"`:                         13,
	} {
		a, _, err := parseLabelMe([]byte(`{"shapes":[{"label":"cup",` + shape + `}],"imagePath":"a.png","imageHeight":48.0,"imageWidth":64}`))
		if err != nil || len(a.shapes) != 1 {
			t.Errorf("%s: %+v, %v", shape, a, err)
			continue
		}
		var counted tally.Tally
		n := bytes.Count(a.draw([]string{"background", "cup"}, &counted).Pix, []byte{1})
		if strings.Contains(shape, "[-10,") { // the right half of the mask
			m := a.shapes[0].mask
			for p, v := range m.Pix {
				if p%m.W >= 10 {
					want += int(v)
				}
			}
		}
		if n != want || counted.Used != 1 {
			t.Errorf("%s: %d pixels, want %d; %+v", shape, n, want, counted)
		}
	}
}

// TestPicturesOfAnnotations: a picture is found as other systems wrote its path, and by the
// annotation's name when both were renamed.
func TestPicturesOfAnnotations(t *testing.T) {
	for imagePath, picturePath := range map[string]string{
		`"one.png"`:                         "one.PNG",
		`"C:\\photos\\one.png"`:             "one.png",
		`"/home/someone/photos/two.png"`:    "two.png",
		`"..\\img\\two.png"`:                "../img/two.png",
		`"IMG_0001.png"`:                    "one.png",
		`"IMG_0001.JPG"`:                    "one.png",
		`null`:                              "one.png",
		`"upload/1/1a2b3c4d-elsewhere.png"`: "sub/elsewhere.png",
	} {
		dir := filepath.Join(t.TempDir(), "photos")
		shape := `"points":[[1,1],[7,1],[7,5],[1,5]],"shape_type":"polygon"}`
		put(t, filepath.Join(dir, "one.json"), "\ufeff"+`{"shapes":[{"label":"1",`+shape+`,{"label":"2",`+shape+`],"imagePath":`+imagePath+`,"imageHeight":6,"imageWidth":8}`)
		photo(t, filepath.Join(dir, filepath.FromSlash(picturePath)), 8, 6)
		out := t.TempDir()
		if _, names, err := LabelMe(context.Background(), LabelMeOptions{Options: Options{Out: out, Strict: true}, Images: dir}); err != nil || !slices.Equal(names, []string{"background", "1", "2"}) {
			t.Errorf("%s at %s: %q, %v", imagePath, picturePath, names, err)
			continue
		}
		src, err := data.OpenList(filepath.Join(out, "list.txt"), out, 2)
		if err != nil {
			t.Errorf("%s: %v", imagePath, err)
			continue
		}
		if scene, err := src.Load(0); err != nil || bytes.Count(scene.Mask, []byte{2}) != 24 {
			t.Errorf("%s: %v, %v", imagePath, scene, err)
		}
	}
}

// TestOutputBesideAnnotations: the folder of the annotations may be the output folder; its
// record is none of them.
func TestOutputBesideAnnotations(t *testing.T) {
	dir := labelMeFolder(t)
	for range 2 {
		report, _, err := LabelMe(context.Background(), LabelMeOptions{Options: Options{Out: dir, Strict: true}, Images: dir})
		if err != nil || report.Written != 2 || report.Objects.Dropped != nil {
			t.Fatal(report, err)
		}
	}
}

// TestLinkedFolders: linked folders are followed, once each, and what is not is said.
func TestLinkedFolders(t *testing.T) {
	dir, other := labelMeFolder(t), labelMeFolder(t)
	for link, target := range map[string]string{"linked": filepath.Join(other, "more"), "loop": dir, "gone": "nowhere"} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	root := filepath.Join(t.TempDir(), "root")
	if err := os.Symlink(dir, root); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("one.json", filepath.Join(dir, "again.json")); err != nil {
		t.Fatal(err)
	}
	opt := Options{Out: t.TempDir()}
	said := warnings(&opt)
	report, _, err := LabelMe(context.Background(), LabelMeOptions{Options: opt, Images: root})
	if err != nil || report.Written != 3 {
		t.Fatal(report, err)
	}
	if all := strings.Join(*said, "\n"); !strings.Contains(all, "loop is a link to") || !strings.Contains(all, "again.json is a link to") || !strings.Contains(all, "gone is a link that leads nowhere") {
		t.Errorf("warnings %s", all)
	}
}

func FuzzLabelMe(f *testing.F) {
	f.Add([]byte(`{"shapes": [{"label": "cup", "points": [[1, 1], [7, 5]], "shape_type": "rectangle"},
		{"label": "cup", "points": [[2.5, 2.5], [2.5, 1e5]], "shape_type": "circle"},
		{"label": "cup", "points": [[3, 2], [5, 2], [5, 4]]}, {"label": "x", "points": [[1, 2]], "shape_type": "point"}],
		"imagePath": "a.png", "imageHeight": 9, "imageWidth": 9}`))
	f.Add([]byte(`{"shapes": [{"label": 5, "points": [[-1, 1], [7, 5]], "shape_type": "mask", "mask": "` + maskText + `"},
		{"label": "cup", "points": [[1, 1], [7, 1], [7, 5], [1, 5]], "shape_type": "rotation"}, 7], "imagePath": null, "imageHeight": NaN}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		a, _, err := parseLabelMe(content)
		if err != nil {
			return
		}
		a.h, a.w = 9, 7
		var counted tally.Tally
		m := a.draw([]string{"background", "cup"}, &counted)
		if len(m.Pix) != 63 || counted.Used+counted.LeftOut() != len(a.shapes) {
			t.Errorf("%d pixels, %d shapes, counted as %+v", len(m.Pix), len(a.shapes), counted)
		}
		for _, v := range m.Pix {
			if v > 1 && v != labelmap.Ignore {
				t.Fatal(fmt.Errorf("value %d", v))
			}
		}
	})
}
