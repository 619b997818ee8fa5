package prepare

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hdmnet/internal/coco"
	"hdmnet/internal/picture"
)

// reports are files as people who prepare data sets have reported them, each reduced to two
// pictures; see testdata/reports/README.md.
const reports = "testdata/reports"

// masksOf gives the pixels of every class in the masks of a prepared folder:
// "a.png 1:400, b.png 2:400".
func masksOf(t *testing.T, out string) string {
	t.Helper()
	var all []string
	paths, err := filepath.Glob(filepath.Join(out, "masks", "*.png"))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range paths {
		pix, _, err := new(picture.Reader).ReadMask(p, 254)
		if err != nil {
			t.Fatal(err)
		}
		var pixels [256]int
		for _, v := range pix {
			pixels[v]++
		}
		line := filepath.Base(p)
		for v := 1; v < 256; v++ {
			if pixels[v] > 0 {
				line += fmt.Sprintf(" %d:%d", v, pixels[v])
			}
		}
		all = append(all, line)
	}
	return strings.Join(all, ", ")
}

// TestReportedCOCO: the masks of pycocotools, or every object that is left out is named.
func TestReportedCOCO(t *testing.T) {
	const whole, classes = "a.png 1:400, b.png 2:400", "cup|spoon|"
	skip, ignore := coco.SkipCrowds, coco.IgnoreCrowds
	for _, c := range []struct {
		file, want string
		crowds     *coco.Crowds
		says       []string // in a warning or the error
	}{
		{file: "coco-cvat-iscrowd/instances.json", want: whole},
		{file: "coco-cvat-iscrowd/instances.json", crowds: &ignore, want: "a.png 255:400, b.png 255:400"},
		{file: "coco-cvat-iscrowd/instances.json", crowds: &skip, says: []string{"no image", "2 annotations are crowds", "--crowd draw"}},
		{file: "coco-roboflow-root-class/instances.json", want: whole, says: []string{"category id 0: cup"}},
		{file: "coco-roboflow-root-class/other-name.json", want: whole, says: []string{"category id 0: kitchen-things"}},
		{file: "coco-label-studio-paths/instances.json", want: whole},
		{file: "coco-label-studio-paths/project-folder.json", want: whole},
		{file: "coco-label-studio-paths/absolute.json", want: whole},
		{file: "coco-id-types/instances.json", want: whole},
		{file: "coco-id-types/text-categories.json", want: whole},
		{file: "coco-id-types/float-sizes.json", want: whole},
		{file: "coco-id-types/float-ids.json", want: whole},
		{file: "coco-annotation-ids-repeat/instances.json", want: whole},
		{file: "coco-annotation-ids-repeat/without.json", want: whole},
		{file: "coco-rle-in-list/instances.json", want: whole},
		{file: "coco-vanishing-polygon/instances.json", want: "a.png, b.png 2:400", says: []string{"leave no pixel", "annotation 1 of a.png"}},
		{file: "coco-size-differs/instances.json", says: []string{"a.png has 64×48 pixels (width×height), but 128×96 in the annotations", "resized"}},
	} {
		opt := COCOOptions{Instances: filepath.Join(reports, filepath.FromSlash(c.file)), Crowds: c.crowds, Options: Options{Out: t.TempDir()}}
		opt.Images = filepath.Join(filepath.Dir(opt.Instances), "photos")
		said := warnings(&opt.Options)
		report, err := COCO(context.Background(), opt)
		text := strings.Join(*said, "\n")
		if err != nil {
			text += err.Error()
		}
		for _, s := range c.says {
			if !strings.Contains(text, s) {
				t.Errorf("%s: %q does not say %q", c.file, text, s)
			}
		}
		if (err == nil) != (c.want != "") {
			t.Errorf("%s: %v", c.file, err)
		}
		if err != nil {
			continue
		}
		if got := masksOf(t, opt.Out); got != c.want {
			t.Errorf("%s: %s, want %s", c.file, got, c.want)
		}
		if got := strings.ReplaceAll(get(t, filepath.Join(opt.Out, "classes.txt")), "\n", "|"); got != classes {
			t.Errorf("%s: classes %s, want %s", c.file, got, classes)
		}
		if o := report.Objects; o.Read != 2 || o.Used+o.LeftOut() != 2 {
			t.Errorf("%s: %+v", c.file, o)
		}
	}
}

// TestReportedLabelMe: the same for LabelMe and X-AnyLabeling.
func TestReportedLabelMe(t *testing.T) {
	for folder, want := range map[string]string{
		"labelme-ai-mask/photos":      "a.png 1:149, b.png 2:400",
		"xanylabeling-shapes/photos":  "a.png 1:320, b.png 2:400",
		"xanylabeling-shapes/rotated": "a.png 1:340, b.png 2:400",
		"labelme-renamed-pair/photos": "b.png 2:400, cup_01.png 1:320",
		"labelme-bom/photos":          "a.png 1:256, b.png 2:400",
		"labelme-symlinks/photos":     "a.png 1:400, b.png 2:400",
		"class-names-digits/photos":   "a.png 1:256, b.png 2:256",
	} {
		out := t.TempDir()
		report, _, err := LabelMe(context.Background(), LabelMeOptions{Options: Options{Out: out, Strict: true}, Images: filepath.Join(reports, filepath.FromSlash(folder))})
		if err != nil || report.Objects.Used != 2 || report.Objects.LeftOut() != 0 {
			t.Errorf("%s: %+v, %v", folder, report, err)
			continue
		}
		if got := masksOf(t, out); got != want {
			t.Errorf("%s: %s, want %s", folder, got, want)
		}
	}
	// A folder of annotations that has a link to another in it.
	mix := t.TempDir()
	for link, target := range map[string]string{"here": "labelme-symlinks/photos", "more": "labelme-symlinks/photos2"} {
		abs, err := filepath.Abs(filepath.Join(reports, filepath.FromSlash(target)))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(abs, filepath.Join(mix, link)); err != nil {
			t.Fatal(err)
		}
	}
	out := t.TempDir()
	if _, _, err := LabelMe(context.Background(), LabelMeOptions{Options: Options{Out: out, Strict: true}, Images: mix}); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(get(t, filepath.Join(out, "list.txt")), "\n"); n != 3 {
		t.Errorf("%d pictures in the list, want 3", n)
	}
}
