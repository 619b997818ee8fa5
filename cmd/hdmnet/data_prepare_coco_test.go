package main

import (
	"hdmnet/internal/cli/ui"
	"path/filepath"
	"strings"
	"testing"
)

const cocoAnnotations = `{"images":[{"id":7,"file_name":"a.jpg","height":2,"width":3}],"categories":[{"id":4,"name":"nut"},{"id":9,"name":"bolt"}],
"annotations":[{"id":1,"image_id":7,"category_id":4,"iscrowd":0,"segmentation":{"size":[2,3],"counts":[1,2,3]}}]}`

func TestDataPrepareCOCO(t *testing.T) {
	dir := t.TempDir()
	for _, split := range []string{"train2014", "val2014"} {
		write(t, filepath.Join(dir, split, "a.jpg"), []byte("x"))
		write(t, filepath.Join(dir, "annotations", "instances_"+split+".json"), []byte(cocoAnnotations))
	}
	args := []string{"data", "prepare", "coco", "--root", dir, "--mask-mode", "all-polygons"}
	out, errs, code := hdmnet(t, args...)
	if code != 0 || !strings.Contains(out, "2 written") || !strings.Contains(out, "val.txt, 1 pairs") || !strings.Contains(out, "nut") ||
		!strings.Contains(errs, "published list has 40137") {
		t.Errorf("code %d, %s%s", code, out, errs)
	}
	if out, _, code = hdmnet(t, args...); code != 0 || !strings.Contains(out, "0 written, 2 were there") {
		t.Errorf("again: code %d, %s", code, out)
	}
	fails(t, ui.ExitError, []string{"data", "prepare", "coco", "--root", dir, "--mask-mode", "first-polygon"}, "mask mode", "--force")
	fails(t, ui.ExitError, []string{"data", "prepare", "coco", "--root", filepath.Join(dir, "val2014"), "--mask-mode", "first-polygon"}, "instances_")

	own := filepath.Join(dir, "annotations", "instances_val2014.json")
	set := filepath.Join(dir, "set")
	out, errs, code = hdmnet(t, "data", "prepare", "coco", "--instances", own, "--images", filepath.Join(dir, "val2014"), "--out", set, "--mask-mode", "first-polygon")
	if code != 0 || !strings.Contains(out, "list.txt, 1 pairs") || string(read(t, filepath.Join(set, "classes.txt"))) != "nut\nbolt\n" {
		t.Errorf("own: code %d, %s%s", code, out, errs)
	}
}

func TestDataPrepareCOCOBadFlags(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"", "--root DIR"},
		{"--root x", "--mask-mode is not given"},
		{"--root x --mask-mode polygons", `"polygons", expected all-polygons or first-polygon`},
		{"--root x --instances y", "one or the other"},
		{"--instances x --out z", "belong together"},
		{"--images x --out z", "belong together"},
		{"--instances x --images y", "--out DIR"},
		{"--instances x --images y --out z --val-order v", "COCO's own lists"},
		{"--root x --mask-mode all-polygons --workers -1", "--workers -1"},
		{"--root x more", "more"},
	} {
		fails(t, ui.ExitUsage, append([]string{"data", "prepare", "coco"}, strings.Fields(c.args)...), c.want)
	}
}
