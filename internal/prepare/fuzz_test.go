package prepare

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzReadIDs: whatever is accepted are names that make paths inside a folder.
func FuzzReadIDs(f *testing.F) {
	for _, s := range []string{"2007_000032\n2007_000039\n", "\ufeffa\r\nb\r\n", "a\ra", "a b", "../a", "a.jpg", "\xff\xfea\x00", "\xb1\xad", "\x1b[2J", ""} {
		f.Add([]byte(s))
	}
	path := filepath.Join(f.TempDir(), "train.txt")
	f.Fuzz(func(t *testing.T, content []byte) {
		if err := os.WriteFile(path, content, 0o666); err != nil {
			t.Fatal(err)
		}
		ids, err := readIDs(path)
		if err != nil {
			if !strings.Contains(err.Error(), path) || ids != nil {
				t.Fatalf("%d names, error %v", len(ids), err)
			}
			return
		}
		seen := map[string]bool{}
		for _, id := range ids {
			if id == "" || seen[id] || !filepath.IsLocal(id) || filepath.Base(id) != id {
				t.Fatalf("name %q of %q", id, content)
			}
			seen[id] = true
		}
	})
}

// FuzzRecord: a record that others have changed is refused or can be gone on with.
func FuzzRecord(f *testing.F) {
	for _, s := range []string{`{"tasks":{"coco":{"folders":["masks"],"settings":{"mask mode":"all-polygons"},"result":{"read":3,"drawn":2,"left_out":[{"why":"x","count":1,"first":["y"]}]}}}}`,
		`{"tasks":{"coco":null}}`, `{"tasks":{"voc":{"folders":["masks"],"rewriting":true}},"files":{"list.txt":["1"]}}`, `{`, `[]`, `{"tasks":5}`, ``} {
		f.Add([]byte(s))
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, content []byte) {
		if err := os.WriteFile(filepath.Join(dir, recordFile), content, 0o666); err != nil {
			t.Fatal(err)
		}
		work := task{command: "coco", folders: []string{"masks"}, settings: map[string]string{"mask mode": "all-polygons"}}
		opt, release, err := begin(Options{Out: dir}, work)
		if err != nil {
			if strings.Contains(err.Error(), "Go ") {
				t.Fatal(err)
			}
			return
		}
		defer release()
		if err := finish(opt, work, &Report{}); err != nil {
			t.Fatal(err)
		}
		if rec, err := readRecord(filepath.Join(dir, recordFile)); err != nil || rec.Tasks["coco"].Rewriting {
			t.Fatalf("%+v, %v", rec, err)
		}
	})
}
