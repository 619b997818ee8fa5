package project

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"hdmnet/internal/lockfile"
)

var limits = Limits{Bytes: 1 << 20, Images: 3, Classes: 2}

// filled makes a project with a picture of 4×3 pixels, its support and its mask.
func filled(t *testing.T) (dir, id string) {
	t.Helper()
	dir = t.TempDir()
	p, err := Open(dir, nil, limits)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	content := []byte("a picture")
	id = IDOf(content)
	if _, err := p.AddClass("a", ""); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Add(Image{ID: id, Name: "a.png", Width: 4, Height: 3, Orientation: 1}, ".png", content); err != nil {
		t.Fatal(err)
	}
	mask := []uint8{0, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 1}
	if _, err := p.SetSupport(id, 1, mask, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := p.SetProbabilities(id, 1, Probabilities{H: 2, W: 2, P: []uint16{0, 1, 40000, 65535}}, 0.5, 0.8, 0.5, "x"); err != nil {
		t.Fatal(err)
	}
	r, err := p.Fix(id, 1, mask, true)
	if err != nil {
		t.Fatal(err)
	}
	got, err := p.FixedMask(r, 1)
	v, err2 := p.Probabilities(r, 1)
	if err != nil || err2 != nil || !bytes.Equal(got, mask) || v.H != 2 || v.P[2] != 40000 || r.Mask(1).Area != 4./12 {
		t.Fatal(got, v, err, err2)
	}
	return dir, id
}

// What is damaged is named, with what to do; what is left of a sudden end is removed.
func TestDamage(t *testing.T) {
	for _, x := range []struct {
		name string
		do   func(dir, id string) error
		want []string // empty: nothing is wrong
	}{
		{"nothing", func(string, string) error { return nil }, nil},
		{"left over", func(dir, id string) error {
			return errors.Join(os.WriteFile(filepath.Join(dir, "masks", id+"-1-99.png"), nil, 0o666),
				os.WriteFile(filepath.Join(dir, "images", "."+id+".json.partial"), nil, 0o666))
		}, nil},
		{"project.json cut", func(dir, _ string) error { return os.Truncate(filepath.Join(dir, "project.json"), 20) },
			[]string{"project.json is damaged", "restore it"}},
		{"project.json gone", func(dir, _ string) error { return os.Remove(filepath.Join(dir, "project.json")) },
			[]string{"project.json is missing", "restore it"}},
		{"newer", func(dir, _ string) error {
			return os.WriteFile(filepath.Join(dir, "project.json"), []byte(`{"hdmnet_project":2}`), 0o666)
		}, []string{"format 2", "version"}},
		{"record cut", func(dir, id string) error { return os.Truncate(filepath.Join(dir, "images", id+".json"), 50) },
			[]string{"images/", ".json is damaged", "delete it"}},
		{"record empty", func(dir, id string) error { return os.Truncate(filepath.Join(dir, "images", id+".json"), 0) },
			[]string{"is damaged"}},
		{"record of another", func(dir, id string) error {
			return os.Rename(filepath.Join(dir, "images", id+".json"), filepath.Join(dir, "images", strings.Repeat("a", 32)+".json"))
		}, []string{"it is of picture"}},
		{"mask gone", func(dir, _ string) error {
			all, err := filepath.Glob(filepath.Join(dir, "masks", "*"))
			return errors.Join(err, os.Remove(all[0]))
		}, []string{"masks/", "is missing", "images/"}},
	} {
		t.Run(x.name, func(t *testing.T) {
			dir, id := filled(t)
			if err := x.do(dir, id); err != nil {
				t.Fatal(err)
			}
			p, err := Open(dir, nil, limits)
			if err == nil {
				defer p.Close()
			}
			if len(x.want) == 0 {
				if err != nil {
					t.Fatal(err)
				}
				for _, pattern := range []string{"masks/*", "images/.*"} {
					if left, err := filepath.Glob(filepath.Join(dir, pattern)); err != nil || len(left) > 1 {
						t.Errorf("left over: %v", left)
					}
				}
				return
			}
			for _, w := range x.want {
				if err == nil || !strings.Contains(err.Error(), w) || !strings.Contains(err.Error(), dir) {
					t.Errorf("error %v, want %q", err, w)
				}
			}
		})
	}

	// A PNG that is damaged shows when it is needed.
	dir, id := filled(t)
	all, err := filepath.Glob(filepath.Join(dir, "maps", "*"))
	if err == nil {
		err = os.Truncate(all[0], 30)
	}
	if err != nil {
		t.Fatal(err)
	}
	p, err := Open(dir, nil, limits)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	r, err := p.Record(id)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Probabilities(r, 1); err == nil || !strings.Contains(err.Error(), "maps/") || !strings.Contains(err.Error(), "is damaged") {
		t.Error(err)
	}
}

// A folder is one project's, and one process's at a time.
func TestClaim(t *testing.T) {
	dir, _ := filled(t)
	p, err := Open(dir, nil, limits)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, nil, limits); !errors.Is(err, lockfile.ErrHeld) || !strings.Contains(err.Error(), "one server at a time") {
		t.Error(err)
	}
	p.Close()
	other := t.TempDir()
	if err := os.WriteFile(filepath.Join(other, "thesis.tex"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(other, nil, limits); err == nil || !strings.Contains(err.Error(), "thesis.tex") {
		t.Error(err)
	}
	if _, err := Open(filepath.Join(other, "thesis.tex"), nil, limits); err == nil {
		t.Error("a file is a project")
	}
}

// Limits, and ids of classes that are never used again.
func TestProjectLimits(t *testing.T) {
	dir, _ := filled(t)
	p, err := Open(dir, nil, limits)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if err := p.RemoveClass(1); err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{2, 3} {
		if c, err := p.AddClass(strings.Repeat("b", want), ""); err != nil || c.ID != want {
			t.Error(c, err)
		}
	}
	if _, err := p.AddClass("c", ""); err == nil || !strings.Contains(err.Error(), "no more are possible") {
		t.Error(err)
	}
	for i, want := range []string{"", "", "no more are possible"} {
		content := bytes.Repeat([]byte{1}, i+1)
		_, err := p.Add(Image{ID: IDOf(content), Width: 1, Height: 1}, ".png", content)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("picture %d: %v", i, err)
		}
	}
	before := p.Used()
	if err := p.RemoveImage(IDOf([]byte{1})); err != nil || p.Used() >= before {
		t.Error(before, p.Used(), err)
	}
	large := make([]byte, 1<<20)
	if _, err := p.Add(Image{ID: IDOf(large), Width: 1, Height: 1}, ".png", large); err == nil || !strings.Contains(err.Error(), "--max-disk") {
		t.Error(err)
	}
	sum := int64(0)
	if err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			sum += size(path)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if sum != p.Used() {
		t.Errorf("%d bytes are counted, there are %d", p.Used(), sum)
	}
}

// Who reads a mask while it changes gets the old one or the new one.
func TestReadWhileChanging(t *testing.T) {
	dir, id := filled(t)
	p, err := Open(dir, nil, limits)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	end := make(chan struct{})
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for {
				select {
				case <-end:
					return
				default:
				}
				r, err := p.Record(id)
				if err == nil {
					_, err = p.FixedMask(r, 1)
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for i := range 60 {
		mask := make([]uint8, 12)
		mask[i%12] = 1
		if _, err := p.Fix(id, 1, mask, false); err != nil {
			t.Fatal(err)
		}
	}
	close(end)
	all.Wait()
}
