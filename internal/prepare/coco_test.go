package prepare

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hdmnet/internal/coco"
	"hdmnet/internal/data"
	"hdmnet/internal/picture"
)

const cocoCategories = `[{"id":7,"name":"traffic light"},{"id":3,"name":"cat"}]`

// instances is an annotation file of 8×6 pictures (width×height). Every annotation is
// "picture category x", a bar at column x that is 2 wide; picture 0 is the first.
func instances(categories string, pictures []string, annotations ...[3]int) string {
	var images, objects []string
	for i, name := range pictures {
		images = append(images, fmt.Sprintf(`{"id":%d,"file_name":%q,"height":6,"width":8}`, 100-i, name))
	}
	for i, a := range annotations {
		x := a[2]
		objects = append(objects, fmt.Sprintf(`{"id":%d,"image_id":%d,"category_id":%d,"iscrowd":0,"segmentation":[[%d,0,%d,0,%d,6,%d,6],[7,0,8,0,8,6,7,6]]}`,
			i, 100-a[0], a[1], x, x+2, x+2, x))
	}
	// A crowd, which makes no picture.
	objects = append(objects, fmt.Sprintf(`{"id":99,"image_id":%d,"category_id":3,"iscrowd":1,"segmentation":{"size":[6,8],"counts":[0,48]}}`, 100-len(pictures)+1))
	return fmt.Sprintf(`{"images":[%s],"annotations":[%s],"categories":%s}`, strings.Join(images, ","), strings.Join(objects, ","), categories)
}

func cocoRoot(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for split, text := range map[string]string{
		"train2014": instances(cocoCategories, []string{"t2.jpg", "t1.jpg", "t0.jpg"}, [3]int{1, 7, 2}, [3]int{0, 3, 4}),
		"val2014":   instances(cocoCategories, []string{"v1.jpg", "v0.jpg", "v2.jpg", "v3.jpg"}, [3]int{2, 7, 1}, [3]int{0, 3, 1}, [3]int{1, 7, 5}),
	} {
		put(t, filepath.Join(root, "annotations", "instances_"+split+".json"), text)
		for i := range 4 {
			put(t, filepath.Join(root, split, fmt.Sprintf("%c%d.jpg", split[0], i)), "picture")
		}
	}
	return root
}

func TestCOCO(t *testing.T) {
	root := cocoRoot(t)
	opt := COCOOptions{Root: root, Options: Options{Workers: 3}}
	warned := warnings(&opt.Options)
	report, err := COCO(context.Background(), opt)
	if err != nil {
		t.Fatal(err)
	}
	if report.Root != root || report.Written != 5 || report.Kept != 0 || report.Images[1] != 2 || report.Images[2] != 3 || len(report.Lists) != 2 {
		t.Errorf("report %+v", report)
	}
	want := "train2014/t2.jpg annotations/train2014/t2.png\ntrain2014/t1.jpg annotations/train2014/t1.png\n"
	if got := get(t, filepath.Join(root, "train.txt")); got != want {
		t.Errorf("train.txt %q", got)
	}
	want = "val2014/v1.jpg annotations/val2014/v1.png\nval2014/v0.jpg annotations/val2014/v0.png\nval2014/v2.jpg annotations/val2014/v2.png\n"
	if got := get(t, filepath.Join(root, "val.txt")); got != want {
		t.Errorf("val.txt %q", got)
	}
	if got := get(t, filepath.Join(root, "classes.txt")); got != "cat\ntraffic light\n" {
		t.Errorf("classes.txt %q", got)
	}
	pix, size, err := new(picture.Reader).ReadMask(filepath.Join(root, "annotations", "train2014", "t1.png"), 2)
	if err != nil || size != (picture.Size{H: 6, W: 8}) || !bytes.Equal(pix, bytes.Repeat([]byte{0, 0, 2, 2, 0, 0, 0, 2}, 6)) {
		t.Errorf("mask %v %v, %v", pix, size, err)
	}
	said := strings.Join(*warned, "\n")
	for _, s := range []string{"train.txt has 2 pairs", "82081", "val.txt has 3 pairs", "40137", "2 categories are not the 80 of COCO"} {
		if !strings.Contains(said, s) {
			t.Errorf("warnings %q do not say %q", said, s)
		}
	}

	// Going on keeps what is there; the other mode must not be mixed in.
	made := files(t, root)
	one := filepath.Join(root, "annotations", "val2014", "v0.png")
	if err := os.Remove(one); err != nil {
		t.Fatal(err)
	}
	opt.Workers = 1
	if report, err = COCO(context.Background(), opt); err != nil || report.Written != 1 || report.Kept != 4 {
		t.Errorf("going on: %+v, %v", report, err)
	}
	sameFiles(t, files(t, root), made)
	if o := report.Objects; o.Read != 7 || o.Used != 5 || o.LeftOut() != 2 {
		t.Errorf("the objects of masks that are there: %+v", o)
	}
	opt.Mode = coco.FirstPolygon
	_, err = COCO(context.Background(), opt)
	contains(t, err, "mask mode", "all-polygons", "first-polygon", "--force")
	opt.Force = true
	if _, err = COCO(context.Background(), opt); err != nil {
		t.Fatal(err)
	}
	if pix, _, err := new(picture.Reader).ReadMask(one, 2); err != nil || !bytes.Equal(pix, bytes.Repeat([]byte{0, 0, 0, 0, 0, 2, 2, 2}, 6)) {
		t.Errorf("first polygon: %v, %v", pix, err)
	}
	opt.Force = false
	put(t, filepath.Join(root, "annotations", "instances_val2014.json"), instances(cocoCategories, []string{"v1.jpg", "v0.jpg"}, [3]int{0, 7, 1}))
	_, err = COCO(context.Background(), opt)
	contains(t, err, "checksum of instances_val2014.json", "…, now it is ", "--force")
}

func TestCOCOElsewhereAndInAnotherOrder(t *testing.T) {
	root := cocoRoot(t)
	if err := os.Remove(filepath.Join(root, "annotations", "instances_train2014.json")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(root, "val2014"), filepath.Join(root, "moved")); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "out")
	opt := COCOOptions{Root: root, Options: Options{Out: out}, ValOrder: put(t, filepath.Join(root, "field.txt"), "val2014/v2.jpg val/v2.png\nx/v9.jpg y\nv0.jpg z\nval2014/v1.jpg v\n")}
	_, err := COCO(context.Background(), opt)
	contains(t, err, "no val2014 in ", "val2014.zip")
	if err := os.MkdirAll(filepath.Join(root, "images"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(root, "moved"), filepath.Join(root, "images", "val2014")); err != nil {
		t.Fatal(err)
	}
	warned := warnings(&opt.Options)
	report, err := COCO(context.Background(), opt)
	if err != nil || len(report.Lists) != 1 {
		t.Fatal(report, err)
	}
	if !strings.Contains(strings.Join(*warned, "\n"), "no train.txt is made") {
		t.Errorf("warnings %q", *warned)
	}
	entries, err := data.ParseList(strings.NewReader(get(t, filepath.Join(out, "val.txt"))), "val.txt")
	if err != nil || len(entries) != 3 {
		t.Fatal(entries, err)
	}
	for i, id := range []string{"v2", "v0", "v1"} {
		image := filepath.Join(out, filepath.FromSlash(entries[i].Image))
		if get(t, image) != "picture" || filepath.Base(image) != id+".jpg" || entries[i].Mask != "annotations/val2014/"+id+".png" {
			t.Errorf("entry %d: %+v", i, entries[i])
		}
	}
	written := get(t, filepath.Join(out, "val.txt"))
	opt.ValOrder = ""
	if _, err := COCO(context.Background(), opt); err != nil || get(t, filepath.Join(out, "val.txt")) != written {
		t.Errorf("made again without an order: %v, the list is\n%s", err, get(t, filepath.Join(out, "val.txt")))
	}
	opt.Force = true
	if _, err := COCO(context.Background(), opt); err != nil || get(t, filepath.Join(out, "val.txt")) == written {
		t.Errorf("made again with Force and without an order: %v, the list has kept its order", err)
	}
	opt.Force = false
	opt.ValOrder = put(t, filepath.Join(root, "other.txt"), "val2014/v2.jpg val/v2.png\n")
	_, err = COCO(context.Background(), opt)
	contains(t, err, "other.txt lacks", "v1.jpg", "another split")
	opt.TrainOrder = opt.ValOrder
	_, err = COCO(context.Background(), opt)
	contains(t, err, "--train-order", "instances_train2014.json")
}

func TestCOCOOfAnyClasses(t *testing.T) {
	dir := t.TempDir()
	pictures := filepath.Join(dir, "photos")
	json := put(t, filepath.Join(dir, "a.json"), strings.Replace(instances(`[{"id":5,"name":"nut"},{"id":3,"name":"bolt"}]`,
		[]string{`sub\\a b.png`, "c.png"}, [3]int{0, 5, 1}), `"annotations":[`, `"annotations":[{"id":50,"image_id":99,"category_id":3},`, 1))
	for _, name := range []string{"sub/a b.png", "c.png"} {
		var content bytes.Buffer
		if err := png.Encode(&content, image.NewGray(image.Rect(0, 0, 8, 6))); err != nil {
			t.Fatal(err)
		}
		put(t, filepath.Join(pictures, filepath.FromSlash(name)), content.String())
	}
	opt := COCOOptions{Instances: json, Images: pictures, Options: Options{Out: filepath.Join(dir, "set")}}
	warned := warnings(&opt.Options)
	report, err := COCO(context.Background(), opt)
	if err != nil || report.Written != 2 {
		t.Fatal(report, err)
	}
	if all := strings.Join(*warned, "\n"); !strings.Contains(all, "left out: 1 annotations without polygon or RLE (a box alone), such as annotation 50 of c.png") {
		t.Errorf("warnings %q", *warned)
	}
	classes, err := data.ReadClasses(filepath.Join(opt.Out, "classes.txt"))
	if err != nil || len(classes) != 3 || classes[1] != "bolt" {
		t.Fatal(classes, err)
	}
	src, err := data.OpenList(filepath.Join(opt.Out, "list.txt"), opt.Out, len(classes)-1)
	if err != nil {
		t.Fatal(err)
	}
	scene, err := src.Load(0)
	if err != nil || src.Len() != 2 || !bytes.Equal(scene.Mask, bytes.Repeat([]byte{0, 2, 2, 0, 0, 0, 0, 2}, 6)) {
		t.Errorf("%d pictures, %+v, %v", src.Len(), scene, err)
	}
}

func TestCOCOErrors(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "photos", "a.jpg"), "picture")
	put(t, filepath.Join(dir, "photos", "a.png"), "picture")
	sets := 0
	custom := func(text string) COCOOptions {
		sets++
		return COCOOptions{Instances: put(t, filepath.Join(dir, fmt.Sprint(sets), "a.json"), text), Images: filepath.Join(dir, "photos"), Options: Options{Out: filepath.Join(dir, "set")}}
	}
	for _, c := range []struct {
		opt  COCOOptions
		want []string
	}{
		{COCOOptions{Root: dir}, []string{"instances_{train,val}{2014,2017}.json", "--instances"}},
		{COCOOptions{Instances: "a.json"}, []string{"output folder"}},
		{custom(`{`), []string{"a.json", "ends in the middle"}},
		{custom(instances(cocoCategories, []string{"a.jpg"})), []string{"a.json: no image has an annotation", "--crowd draw"}},
		{custom(instances(cocoCategories, []string{"b.jpg"}, [3]int{0, 3, 1})), []string{"1 of 1 files cannot be read", "b.jpg"}},
		{custom(instances(cocoCategories, []string{"../set.jpg"}, [3]int{0, 3, 1})), []string{"1 of 1 files cannot be read", "set.jpg"}},
		{custom(instances(cocoCategories, []string{"a.jpg", "a.png"}, [3]int{0, 3, 1}, [3]int{1, 3, 1})), []string{"a.jpg", "a.png", "share the mask masks/a.png"}},
		{custom(instances(`[{"id":3,"name":"background"}]`, []string{"a.jpg"}, [3]int{0, 3, 1})), []string{"a.json", "no categories"}},
		{custom(instances(`[{"id":3,"name":"a, b"}]`, []string{"a.jpg"}, [3]int{0, 3, 1})), []string{"a.json", "categories:1", "comma"}},
		{custom(strings.Replace(instances(cocoCategories, []string{"a.jpg"}, [3]int{0, 3, 1}), "[7,0,", "[null,", 1)), []string{"annotation 0 of a.jpg", "null", "--strict"}},
	} {
		skip := coco.SkipCrowds
		c.opt.Crowds = &skip
		c.opt.Strict = strings.Contains(strings.Join(c.want, ""), "--strict")
		_, err := COCO(context.Background(), c.opt)
		contains(t, err, c.want...)
	}
	root := cocoRoot(t)
	put(t, filepath.Join(root, "annotations", "instances_val2014.json"), instances(`[{"id":3,"name":"dog"}]`, []string{"v0.jpg"}, [3]int{0, 3, 1}))
	_, err := COCO(context.Background(), COCOOptions{Root: root})
	contains(t, err, "different categories")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = COCO(ctx, COCOOptions{Root: root})
	contains(t, err, "context canceled")
}
