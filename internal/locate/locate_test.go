package locate

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// folder has empty files of these names; "a -> b" is a link from a to b.
func folder(t *testing.T, names ...string) string {
	t.Helper()
	root := t.TempDir()
	for _, name := range names {
		name, target, link := strings.Cut(name, " -> ")
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		var err error
		if link {
			err = os.Symlink(target, path)
		} else {
			err = os.WriteFile(path, nil, 0o666)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestFind(t *testing.T) {
	root := folder(t, "a.png", "B.PNG", "sub/c.jpg", "sub/deep/d.jpg", "1a2b3c4d-up.jpg", "plain.jpg", "my cup.jpg", "x/twin.jpg", "y/twin.jpg", "cafe\u0301.jpg", "case/e.png", "case/E.png")
	f := New(root)
	for name, want := range map[string]string{
		"a.png":                             "a.png",
		"./a.png":                           "a.png",
		"b.png":                             "B.PNG",
		`sub\c.jpg`:                         "sub/c.jpg",
		`C:\photos\SUB\C.JPG`:               "sub/c.jpg",
		"../../label/media/upload/4/a.png":  "a.png",
		"/data/upload/1/a.png":              "a.png",
		"d.jpg":                             "sub/deep/d.jpg",
		"http://host/img/d.jpg":             "sub/deep/d.jpg",
		"upload/1/deadbeef-plain.jpg":       "plain.jpg",
		"up.jpg":                            "1a2b3c4d-up.jpg",
		"/data/local-files/?d=my%20cup.jpg": "my cup.jpg",
		"old/B.tif":                         "B.PNG",
		"caf\u00e9.jpg":                     "cafe\u0301.jpg",
		"x/twin.jpg":                        "x/twin.jpg",
		"case/E.png":                        "case/E.png",
	} {
		if got, err := f.Find(name); err != nil || got != filepath.Join(root, filepath.FromSlash(want)) {
			t.Errorf("%s: %s, %v, want %s", name, got, err, want)
		}
	}
	if _, err := f.Find("none.png"); !os.IsNotExist(err) || !strings.Contains(err.Error(), "none.png in "+root) {
		t.Error(err)
	}
	for _, name := range []string{"z/twin.jpg", "CASE/e.PNG"} {
		if _, err := f.Find(name); err == nil || !strings.Contains(err.Error(), "any of 2 files") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, want := range map[string]string{"D:/old/sub/c.jpg": "sub/c.jpg", "sub": "", "d.jpg": "", "": ""} {
		got, err := f.FindPath(name)
		if want == "" != (err != nil) || want != "" && got != filepath.Join(root, filepath.FromSlash(want)) {
			t.Errorf("path %s: %s, %v", name, got, err)
		}
	}
	if got, err := New(filepath.Join(root, "sub")).FindPath("../x/twin.jpg"); err != nil || got != filepath.Join(root, "x/twin.jpg") {
		t.Errorf("above: %s, %v", got, err)
	}
	if got, err := New(filepath.Join(root, "sub")).Find("../x/twin.jpg"); !os.IsNotExist(err) {
		t.Errorf("above: %s, %v", got, err)
	}
	if got, err := New(t.TempDir()).FindPath(filepath.Join(root, "a.png")); err != nil || got != filepath.Join(root, "a.png") {
		t.Errorf("absolute: %s, %v", got, err)
	}
	if got := f.Beside(root, "b", []string{".jpg", ".png"}); got != filepath.Join(root, "B.PNG") {
		t.Errorf("beside: %s", got)
	}
	if got := f.Beside(root, "sub", []string{""}); got != "" {
		t.Errorf("beside: the folder %s", got)
	}
}

func TestWalkFollowsLinksOnce(t *testing.T) {
	other := folder(t, "c.png")
	root := folder(t, "a.png", "b.png -> a.png", "more -> "+other, "again -> "+other, "loop/up -> ..", "gone.png -> nowhere", "out/x.png")
	tree, err := Walk(context.Background(), root, func(p string) bool { return filepath.Base(p) == "out" })
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range tree.Files {
		rel, _ := filepath.Rel(root, p)
		names = append(names, filepath.ToSlash(rel))
	}
	if want := []string{"a.png", "again/c.png", "b.png"}; !slices.Equal(names, want) {
		t.Errorf("files %q, want %q", names, want)
	}
	left := strings.Join(tree.Left, "\n")
	for _, want := range []string{"gone.png is a link that leads nowhere", "up is a link to " + root + ", which is read already", "more is a link to"} {
		if !strings.Contains(left, want) {
			t.Errorf("left out: %q, want %q", left, want)
		}
	}
	if tree, err := Walk(context.Background(), filepath.Join(root, "more"), nil); err != nil || len(tree.Files) != 1 {
		t.Errorf("a linked root: %v, %v", tree, err)
	}
	if _, err := Walk(context.Background(), filepath.Join(root, "none"), nil); err == nil {
		t.Error("no error for a folder that is not there")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Walk(ctx, root, nil); err == nil {
		t.Error("not stopped")
	}
}

func TestUnlinked(t *testing.T) {
	root := folder(t, "a.json -> b.json", "b.json", "c.json -> b.json", "d.json")
	tree, err := Walk(context.Background(), root, nil)
	if err != nil || len(tree.Files) != 4 {
		t.Fatal(tree, err)
	}
	got := tree.Unlinked(tree.Files)
	if want := []string{filepath.Join(root, "b.json"), filepath.Join(root, "d.json")}; !slices.Equal(got, want) || len(tree.Left) != 2 {
		t.Errorf("%q, left out %q", got, tree.Left)
	}
}

func TestIdentify(t *testing.T) {
	root := folder(t, "a.png", "b.png -> a.png", "c.png")
	id := func(name string) ID {
		id, info, err := Identify(filepath.Join(root, name))
		if err != nil || !info.Mode().IsRegular() {
			t.Fatal(info, err)
		}
		return id
	}
	if id("a.png") != id("./b.png") || id("a.png") == id("c.png") {
		t.Error("identity of files")
	}
	if byPath(filepath.Join(root, "b.png")) != byPath(filepath.Join(root, "a.png")) {
		t.Error("identity by path")
	}
	if _, _, err := Identify(filepath.Join(root, "none")); !os.IsNotExist(err) {
		t.Error(err)
	}
}
