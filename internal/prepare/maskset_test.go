package prepare

import (
	"bytes"
	"context"
	"encoding/json"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hdmnet/internal/picture"
)

// putImage writes a picture: PNG, or JPEG where the name says so.
func putImage(t *testing.T, path string, img image.Image) {
	t.Helper()
	var b bytes.Buffer
	var err error
	if strings.HasSuffix(path, ".jpg") {
		err = jpeg.Encode(&b, img, &jpeg.Options{Quality: 95})
	} else {
		err = png.Encode(&b, img)
	}
	if err != nil {
		t.Fatal(err)
	}
	put(t, path, b.String())
}

// row is a picture of one row.
func row(colors ...color.Color) image.Image {
	m := image.NewNRGBA(image.Rect(0, 0, len(colors), 1))
	for x, c := range colors {
		m.Set(x, 0, c)
	}
	return m
}

func rowOfGray(values ...uint8) image.Image {
	return &image.Gray{Pix: values, Stride: len(values), Rect: image.Rect(0, 0, len(values), 1)}
}

var (
	black = color.NRGBA{0, 0, 0, 255}
	red   = color.NRGBA{200, 10, 10, 255}
	green = color.NRGBA{10, 200, 10, 255}
	blank = color.NRGBA{}
)

// maskSet runs MaskSet and gives masks by the list's pictures, relative to images.
func maskSet(t *testing.T, opt MaskSetOptions) (report *Report, names []string, masks map[string][]uint8, warned []string) {
	t.Helper()
	opt.Out = filepath.Join(t.TempDir(), "out")
	opt.Warn = func(message string) { warned = append(warned, message) }
	report, names, err := MaskSet(context.Background(), opt)
	if err != nil {
		t.Fatal(err)
	}
	masks = map[string][]uint8{}
	for line := range strings.Lines(get(t, filepath.Join(opt.Out, "list.txt"))) {
		image, mask, _ := strings.Cut(strings.TrimSpace(line), " ")
		rel, err := filepath.Rel(opt.Images, filepath.Join(opt.Out, image))
		if err != nil {
			t.Fatal(err)
		}
		pix, _, err := new(picture.Reader).ReadMask(filepath.Join(opt.Out, mask), len(names)-1)
		if err != nil {
			t.Fatal(err)
		}
		masks[filepath.ToSlash(rel)] = pix
	}
	if got := get(t, filepath.Join(opt.Out, "classes.txt")); got != strings.Join(names[1:], "\n")+"\n" {
		t.Errorf("classes.txt %q, names %q", got, names)
	}
	return report, names, masks, warned
}

func equal(t *testing.T, got, want map[string][]uint8) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("masks %v, want %v", got, want)
	}
	for name, mask := range want {
		if !slices.Equal(got[name], mask) {
			t.Errorf("%s: %v, want %v", name, got[name], mask)
		}
	}
}

const labelMap = "# label:color_rgb:parts:actions\nbackground:0,0,0::\ncup:200,10,10::\nspoon:10,200,10::\nvoid:9,9,9::\n"

// Painted masks: with a table, in folders, under names that all end alike; what cannot be
// used is left out and named.
func TestMaskSetPainted(t *testing.T) {
	dir := t.TempDir()
	images, masks, colors := filepath.Join(dir, "images"), filepath.Join(dir, "masks"), filepath.Join(dir, "labelmap.txt")
	put(t, colors, labelMap)
	for _, name := range []string{"a.jpg", "more/b.png", "c.png", "d.png", "lonely.png"} {
		putImage(t, filepath.Join(images, name), image.NewRGBA(image.Rect(0, 0, 4, 1)))
	}
	putImage(t, filepath.Join(masks, "A_gt.png"), row(black, red, green, color.NRGBA{9, 9, 9, 255}))
	putImage(t, filepath.Join(masks, "more", "b_gt.png"), row(green, green, blank, red))
	putImage(t, filepath.Join(masks, "c_gt.png"), row(red, red, red))                            // another size
	putImage(t, filepath.Join(masks, "d_gt.png"), row(red, red, red, color.NRGBA{1, 2, 3, 255})) // an unknown color
	putImage(t, filepath.Join(masks, "stranger_gt.png"), row(red, red, red, red))                // no picture
	report, names, got, warned := maskSet(t, MaskSetOptions{Images: images, Masks: masks, Colors: colors})
	equal(t, got, map[string][]uint8{"a.jpg": {0, 1, 2, 255}, "more/b.png": {2, 2, 0, 1}})
	if !slices.Equal(names, []string{"background", "cup", "spoon"}) || report.Objects.Read != 5 || report.Objects.Used != 2 || report.Objects.LeftOut() != 3 {
		t.Errorf("names %q, %+v", names, report.Objects)
	}
	said := strings.Join(warned, "\n")
	for _, want := range []string{"stranger_gt.png", "lonely.png", "c_gt.png: 3×1 pixels", "(1,2,3) at column 3, row 0"} {
		if !strings.Contains(said, want) {
			t.Errorf("warnings do not say %q:\n%s", want, said)
		}
	}
	_, _, err := MaskSet(context.Background(), MaskSetOptions{Options: Options{Out: filepath.Join(dir, "strict"), Strict: true}, Images: images, Masks: masks, Colors: colors})
	if err == nil || !strings.Contains(err.Error(), "stranger_gt.png") {
		t.Errorf("strict: %v", err)
	}
	// A class file gives the numbers.
	classes := filepath.Join(dir, "classes.txt")
	put(t, classes, "fork\nspoon\ncup\n")
	_, _, got, _ = maskSet(t, MaskSetOptions{Images: images, Masks: masks, MaskSuffix: "_gt", Colors: colors, Classes: classes})
	equal(t, got, map[string][]uint8{"a.jpg": {0, 3, 2, 255}, "more/b.png": {2, 2, 0, 3}})
}

// Values instead of colors need names; PASCAL VOC's colors have them.
func TestMaskSetValues(t *testing.T) {
	dir := t.TempDir()
	classes := filepath.Join(dir, "classes.txt")
	put(t, classes, "cup\nspoon\n")
	for _, name := range []string{"a", "b", "c"} {
		putImage(t, filepath.Join(dir, "i", name+"_left.png"), image.NewRGBA(image.Rect(0, 0, 3, 1)))
	}
	putImage(t, filepath.Join(dir, "m", "a_color.png"), row(color.NRGBA{2, 2, 2, 255}, black, color.NRGBA{255, 255, 255, 255}))
	putImage(t, filepath.Join(dir, "m", "b_color.png"), rowOfGray(1, 2, 0))
	putImage(t, filepath.Join(dir, "m", "c_color.png"), rowOfGray(1, 2, 3))
	put(t, filepath.Join(dir, "m", "a_instances.png"), "not looked at")
	opt := MaskSetOptions{Images: filepath.Join(dir, "i"), ImageSuffix: "_left", Masks: filepath.Join(dir, "m"), MaskSuffix: "_color", Classes: classes}
	report, _, got, warned := maskSet(t, opt)
	equal(t, got, map[string][]uint8{"a_left.png": {2, 0, 255}, "b_left.png": {1, 2, 0}})
	if report.Objects.Read != 3 || len(warned) != 1 || !strings.Contains(warned[0], "c_color.png: value 3 at column 2, row 0, but there are 2 classes") {
		t.Errorf("%+v, warnings %q", report.Objects, warned)
	}
	opt.Classes, opt.Out = "", filepath.Join(dir, "out")
	if _, _, err := MaskSet(context.Background(), opt); err == nil || !strings.Contains(err.Error(), "--classes FILE") {
		t.Errorf("no names: %v", err)
	}
	putImage(t, filepath.Join(dir, "v", "a.png"), row(color.NRGBA{128, 0, 0, 255}, color.NRGBA{0, 64, 128, 255}, color.NRGBA{224, 224, 192, 255}))
	_, names, got, _ := maskSet(t, MaskSetOptions{Images: filepath.Join(dir, "i"), ImageSuffix: "_left", Masks: filepath.Join(dir, "v"), Colors: "voc"})
	equal(t, got, map[string][]uint8{"a_left.png": {1, 20, 255}})
	if len(names) != 21 || names[20] != "tvmonitor" {
		t.Errorf("names %q", names)
	}
}

// A mask for each class, in the three ways that their files are named; the later class is
// drawn where two overlap.
func TestMaskSetOfClasses(t *testing.T) {
	white := color.NRGBA{255, 255, 255, 255}
	for way, file := range map[string]func(picture, class string) string{
		"folders of classes":  func(p, c string) string { return c + "/" + p + ".png" },
		"folders of pictures": func(p, c string) string { return p + "/" + c + ".png" },
		"names":               func(p, c string) string { return p + "_" + c + ".png" },
	} {
		dir := t.TempDir()
		for _, name := range []string{"a.jpg", "a_b.jpg"} {
			putImage(t, filepath.Join(dir, "i", name), image.NewRGBA(image.Rect(0, 0, 4, 1)))
		}
		mask := func(picture, class string, img image.Image) {
			putImage(t, filepath.Join(dir, "m", filepath.FromSlash(file(picture, class))), img)
		}
		mask("a", "tea cup", row(black, white, white, black))
		mask("a", "spoon", row(black, black, red, red))
		mask("a_b", "spoon", rowOfGray(0, 1, 1, 0))
		mask("a_b", "ignore", rowOfGray(0, 0, 255, 0))
		mask("a_b", "tea cup", rowOfGray(100, 200, 0, 120)) // smoothed: from half of the brightest on
		report, names, got, warned := maskSet(t, MaskSetOptions{Images: filepath.Join(dir, "i"), Masks: filepath.Join(dir, "m")})
		equal(t, got, map[string][]uint8{"a.jpg": {0, 2, 2, 1}, "a_b.jpg": {2, 2, 255, 2}})
		if !slices.Equal(names, []string{"background", "spoon", "tea cup"}) || report.Objects.Used != 5 || report.Images[1] != 1 || report.Images[2] != 2 {
			t.Errorf("%s: names %q, %+v", way, names, report)
		}
		if len(warned) != 1 || !strings.Contains(warned[0], "a.jpg (1 pixels)") && !strings.Contains(warned[0], "a_b.jpg (1 pixels)") || !strings.Contains(warned[0], "2 pictures with pixels of two classes") {
			t.Errorf("%s: warnings %q", way, warned)
		}
	}
}

func TestMaskSetBadInput(t *testing.T) {
	dir := t.TempDir()
	images, masks := filepath.Join(dir, "i"), filepath.Join(dir, "m")
	run := func(opt MaskSetOptions) error {
		opt.Images, opt.Masks = images, masks
		if opt.Out == "" {
			opt.Out = filepath.Join(t.TempDir(), "out")
		}
		_, _, err := MaskSet(context.Background(), opt)
		return err
	}
	contains(t, run(MaskSetOptions{}), "pictures: ", "i: no such file")
	putImage(t, filepath.Join(images, "a.png"), row(black, black))
	contains(t, run(MaskSetOptions{}), "masks: ", "m: no such file")
	putImage(t, filepath.Join(masks, "x.png"), row(black, black))
	contains(t, run(MaskSetOptions{}), "no mask belongs to a picture", "x.png")
	contains(t, run(MaskSetOptions{ImageSuffix: "_left"}), `ends with "_left"`)
	putImage(t, filepath.Join(masks, "a.png"), row(red, black))
	contains(t, run(MaskSetOptions{Colors: filepath.Join(dir, "none.txt")}), "none.txt", "cityscapes")
	contains(t, run(MaskSetOptions{Colors: "cityscapes"}), "no mask of 1 pictures can be used", "(200,10,10)")
	putImage(t, filepath.Join(masks, "cup", "a.png"), row(red, black))
	contains(t, run(MaskSetOptions{}), "a.png seems to be all of a picture's mask", filepath.Join("cup", "a.png"))
	masks = images
	contains(t, run(MaskSetOptions{}), "one folder", "--mask-suffix")
	masks = filepath.Join(dir, "out", "masks")
	putImage(t, filepath.Join(masks, "a.png"), row(red, black))
	contains(t, run(MaskSetOptions{Options: Options{Out: filepath.Join(dir, "out"), Force: true}}), "would replace them")
}

// Pictures and masks in one folder; the record says what was made, and another numbering is
// refused.
func TestMaskSetOneFolder(t *testing.T) {
	dir := t.TempDir()
	out := filepath.Join(t.TempDir(), "out")
	putImage(t, filepath.Join(dir, "a.png"), row(black, black))
	putImage(t, filepath.Join(dir, "a_mask.png"), row(red, green))
	colors := filepath.Join(dir, "labelmap.txt")
	put(t, colors, labelMap)
	opt := MaskSetOptions{Options: Options{Out: out}, Images: dir, Masks: dir, MaskSuffix: "_mask", Colors: colors}
	for range 2 {
		if _, _, err := MaskSet(context.Background(), opt); err != nil {
			t.Fatal(err)
		}
	}
	var record struct{ Tasks map[string]any }
	if err := json.Unmarshal([]byte(get(t, filepath.Join(out, recordFile))), &record); err != nil || record.Tasks["masks"] == nil {
		t.Errorf("record %+v, %v", record, err)
	}
	put(t, colors, "spoon:10,200,10::\ncup:200,10,10::\n")
	_, _, err := MaskSet(context.Background(), opt)
	contains(t, err, "cup, spoon", "--force")
}
