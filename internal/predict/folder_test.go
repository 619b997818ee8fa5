package predict

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hdmnet/internal/coco"
	"hdmnet/internal/data"
	"hdmnet/internal/locate"
	"hdmnet/internal/model"
	"hdmnet/internal/nn"
)

const folderSide = 24 // of all pictures, and of the network's input: nothing is resized

// levels finds what is as bright as the object of the first support.
type levels struct{ calls int }

func (l *levels) Forward(t *nn.Tape, in model.Input) *model.Output {
	l.calls++
	n := folderSide * folderSide
	query, support, mask := make([]float32, n*3), make([]float32, n*3*in.Support.Shape()[1]), make([]uint8, n*in.Support.Shape()[1])
	t.Dev.Download(query, in.Query)
	t.Dev.Download(support, in.Support)
	t.Dev.Download(mask, in.SupportMask)
	at := slices.Index(mask[:n], 1)
	logits := make([]float32, n*2)
	for i := range n {
		d := (query[3*i] - support[3*at]) * data.Std[0]
		if logits[2*i+1] = -3; d > -8 && d < 8 {
			logits[2*i+1] = 3
		}
	}
	y := t.Arena.Float32(1, folderSide, folderSide, 2)
	t.Dev.Upload(y, logits)
	return &model.Output{Final: t.Const(y)}
}

// leveled is a picture in gray levels 0, 100 and 200 for the labels 0, 1 and 2.
func leveled(labels []uint8) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, folderSide, folderSide))
	for i, v := range labels {
		m.SetRGBA(i%folderSide, i/folderSide, color.RGBA{v * 100, v * 100, v * 100, 255})
	}
	return m
}

// scenes are label maps: a ring with something in it, two squares that touch at a corner,
// nothing, and a pixel beside a large object.
func scenes() map[string][]uint8 {
	all := map[string][]uint8{}
	draw := func(name string, boxes ...[5]int) {
		m := make([]uint8, folderSide*folderSide)
		for _, b := range boxes {
			for y := b[2]; y < b[4]; y++ {
				for x := b[1]; x < b[3]; x++ {
					m[y*folderSide+x] = uint8(b[0])
				}
			}
		}
		all[name] = m
	}
	draw("ring.png", [5]int{1, 2, 2, 16, 16}, [5]int{0, 5, 5, 12, 12}, [5]int{2, 7, 7, 10, 9})
	draw("deep/corner.png", [5]int{2, 0, 0, 6, 6}, [5]int{2, 6, 6, 24, 24})
	draw("nothing.png")
	draw("small.png", [5]int{1, 20, 1, 21, 2}, [5]int{1, 3, 3, 12, 20})
	return all
}

// workplace makes a folder of pictures and supports of two classes.
func workplace(t *testing.T) (o FolderOptions, folder string) {
	t.Helper()
	dir := t.TempDir()
	folder = filepath.Join(dir, "photos")
	for name, labels := range scenes() {
		path := filepath.Join(folder, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		save(t, path, leveled(labels))
	}
	object := make([]uint8, folderSide*folderSide)
	for i := range 60 {
		object[i] = 1
	}
	mask := gray(folderSide, folderSide, object...)
	o = FolderOptions{Folder: folder, Threshold: 0.5, Network: "levels", Options: Options{
		Out: filepath.Join(dir, "out"), Size: folderSide, Warn: func(m string) { t.Errorf("warning: %s", m) }}}
	for i, name := range []string{"gray thing", "light/thing"} {
		level := slices.Clone(object)
		for j := range level {
			level[j] *= uint8(i + 1)
		}
		at := filepath.Join(dir, fmt.Sprintf("s%d.png", i))
		o.Classes = append(o.Classes, Class{Name: name, Supports: []Support{{
			Image: save(t, at, leveled(level)), Mask: save(t, at+"_mask.png", mask)}}})
	}
	return o, folder
}

func (o FolderOptions) as(t *testing.T, name string) FolderOptions {
	t.Helper()
	f, err := ParseFormat(name)
	if err != nil {
		t.Fatal(err)
	}
	o.Format = f
	return o
}

func read[T any](t *testing.T, path string) (v T) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(b, &v)
	}
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestFolderFormats: drawn again from every format, the objects are those of the pictures.
func TestFolderFormats(t *testing.T) {
	want := scenes()
	check := func(t *testing.T, name string, got []uint8) {
		t.Helper()
		if !slices.Equal(got, want[name]) {
			t.Errorf("%s: other labels", name)
		}
	}
	polygon := func(t *testing.T, into []uint8, xy []float64, value uint8) {
		t.Helper()
		if _, err := coco.DrawPolygon(into, folderSide, folderSide, xy, value); err != nil {
			t.Error(err)
		}
	}
	run := func(t *testing.T, o FolderOptions) {
		t.Helper()
		r, err := Folder(context.Background(), &levels{}, newTape(t), o)
		if err != nil || r.Pictures != 4 || r.Failed != 0 || r.Objects != 5 {
			t.Fatalf("%+v, %v", r, err)
		}
		for _, f := range r.Files {
			if _, err := os.Stat(f); err != nil {
				t.Error(err)
			}
		}
	}
	t.Run("png", func(t *testing.T) {
		o, _ := workplace(t)
		o.SaveProbabilities, o.SaveOverlays = true, true
		run(t, o.as(t, "png"))
		src, err := data.OpenList(filepath.Join(o.Out, "list.txt"), o.Out, 2)
		if err != nil || src.Len() != 4 {
			t.Fatalf("the list: %v", err)
		}
		for i := range src.Len() {
			scene, err := src.Load(i)
			if err != nil {
				t.Fatal(err)
			}
			rel, _ := filepath.Rel("../photos", src.Name(i))
			check(t, filepath.ToSlash(rel), scene.Mask)
		}
		if names, err := data.ReadClasses(filepath.Join(o.Out, "classes.txt")); err != nil || !slices.Equal(names, []string{"background", "gray thing", "light/thing"}) {
			t.Errorf("classes %q, %v", names, err)
		}
		for _, f := range []string{"probabilities/gray thing/deep/corner.png", "probabilities/light_thing/ring.png", "overlays/ring.png", "supports/light_thing/support_s1_overlay.png"} {
			if _, err := os.Stat(filepath.Join(o.Out, filepath.FromSlash(f))); err != nil {
				t.Error(err)
			}
		}
		p := load(t, filepath.Join(o.Out, "probabilities", "light_thing", "deep", "corner.png")).(*image.Gray16)
		if in, out := p.Gray16At(0, 0).Y, p.Gray16At(7, 0).Y; in < 62000 || out > 3500 {
			t.Errorf("probabilities of %d inside and %d outside, of 65535", in, out)
		}
	})
	t.Run("coco", func(t *testing.T) {
		for _, simplify := range []float64{0, 1e-6} { // run-length codes, polygons
			o, _ := workplace(t)
			o.Simplify = simplify
			run(t, o.as(t, "coco"))
			set, err := coco.Open(context.Background(), filepath.Join(o.Out, "annotations.json"), coco.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer set.Close()
			for i, img := range set.Images {
				mask, _, err := set.Mask(coco.AllPolygons, img.H, img.W, i)
				if err != nil {
					t.Fatal(err)
				}
				check(t, img.File, mask)
			}
			if names := set.ClassNames(); !slices.Equal(names, []string{"gray thing", "light/thing"}) {
				t.Errorf("classes %q", names)
			}
			all := read[struct {
				Annotations []struct {
					ID, Area int
					Box      [4]int `json:"bbox"`
					Score    float64
				}
			}](t, filepath.Join(o.Out, "annotations.json"))
			for i, a := range all.Annotations {
				if a.ID != i+1 || a.Area > a.Box[2]*a.Box[3] || a.Score < 0.95 || a.Score > 0.96 {
					t.Errorf("annotation %d: %+v", i, a)
				}
			}
		}
	})
	t.Run("labelme", func(t *testing.T) {
		o, folder := workplace(t)
		run(t, o.as(t, "labelme"))
		for name := range want {
			path := filepath.Join(o.Out, filepath.FromSlash(strings.TrimSuffix(name, ".png")+".json"))
			a := read[labelMe](t, path)
			got := make([]uint8, folderSide*folderSide)
			for _, s := range a.Shapes {
				var xy []float64
				for _, p := range s.Points {
					xy = append(xy, p[0], p[1])
				}
				polygon(t, got, xy, uint8(1+slices.IndexFunc(o.Classes, func(c Class) bool { return c.Name == s.Label })))
			}
			check(t, name, got)
			if picture := filepath.Join(filepath.Dir(path), filepath.FromSlash(a.ImagePath)); !locate.Same(picture, filepath.Join(folder, filepath.FromSlash(name))) {
				t.Errorf("%s names the picture %s", path, a.ImagePath)
			}
		}
	})
	t.Run("yolo", func(t *testing.T) {
		o, _ := workplace(t)
		run(t, o.as(t, "yolo"))
		for name := range want {
			text, err := os.ReadFile(filepath.Join(o.Out, "labels", filepath.FromSlash(strings.TrimSuffix(name, ".png")+".txt")))
			if err != nil {
				t.Fatal(err)
			}
			got := make([]uint8, folderSide*folderSide)
			for line := range strings.Lines(string(text)) {
				var class int
				var xy []float64
				for i, f := range strings.Fields(line) {
					var v float64
					if _, err := fmt.Sscan(f, &v); err != nil {
						t.Fatal(err)
					}
					if i == 0 {
						class = int(v)
					} else {
						xy = append(xy, v*folderSide)
					}
				}
				polygon(t, got, xy, uint8(class+1))
			}
			check(t, name, got)
		}
		if b, err := os.ReadFile(filepath.Join(o.Out, "data.yaml")); err != nil || !strings.Contains(string(b), "1: light/thing") {
			t.Errorf("data.yaml: %s, %v", b, err)
		}
	})
}

// TestFolderMinArea: small objects go, also from the masks.
func TestFolderMinArea(t *testing.T) {
	o, _ := workplace(t)
	o.MinArea = 10
	r, err := Folder(context.Background(), &levels{}, newTape(t), o.as(t, "png"))
	if err != nil || r.Objects != 3 {
		t.Fatalf("%+v, %v", r, err)
	}
	m := load(t, filepath.Join(o.Out, "masks", "small.png")).(*image.Paletted)
	if m.ColorIndexAt(20, 1) != 0 || m.ColorIndexAt(5, 5) != 1 {
		t.Error("the small object is in the mask")
	}
}

// TestFolderGoesOn: a run that is stopped, or cut in the middle of a line, ends as one that
// was not, and does nothing twice.
func TestFolderGoesOn(t *testing.T) {
	o, _ := workplace(t)
	o = o.as(t, "coco")
	whole := o
	whole.Out += "-whole"
	if _, err := Folder(context.Background(), &levels{}, newTape(t), whole); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	net := &levels{}
	o.Progress = func(done, _ int) {
		if done == 2 {
			stop()
		}
	}
	if _, err := Folder(ctx, net, newTape(t), o); !errors.Is(err, context.Canceled) || net.calls != 4 {
		t.Fatalf("stopped: %v after %d calls", err, net.calls)
	}
	log := filepath.Join(o.Out, recordFile)
	f, err := os.OpenFile(log, os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		_, err = f.WriteString(`{"picture": "ring.p`)
	}
	if err != nil {
		t.Fatal(err)
	}
	_ = f.Close()
	o.Progress = nil
	r, err := Folder(context.Background(), net, newTape(t), o)
	if err != nil || r.Before != 2 || r.Objects != 5 || net.calls != 8 {
		t.Fatalf("%+v, %v, %d calls", r, err, net.calls)
	}
	for _, name := range []string{"annotations.json", recordFile} {
		a, _ := os.ReadFile(filepath.Join(o.Out, name))
		b, err := os.ReadFile(filepath.Join(whole.Out, name))
		if err != nil || string(a) != string(b) {
			t.Errorf("%s differs from that of a run that was not stopped", name)
		}
	}

	// Other settings, and folders of others.
	refused := func(o FolderOptions, want string) {
		t.Helper()
		var other *OtherRunError
		if _, err := Folder(context.Background(), net, newTape(t), o); !errors.As(err, &other) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	changed := o
	changed.Threshold = 0.25
	refused(changed, "threshold 0.5, now 0.25")
	changed = o
	changed.Classes = slices.Clone(o.Classes)
	changed.Classes[0].Supports = o.Classes[1].Supports
	refused(changed, "classes or supports")
	if err := os.Remove(log); err != nil {
		t.Fatal(err)
	}
	refused(o, "is not empty")
	o.Force = true
	if r, err := Folder(context.Background(), net, newTape(t), o); err != nil || r.Before != 0 || r.Objects != 5 {
		t.Errorf("with force: %+v, %v", r, err)
	}
}

// TestFolderBadInput: a picture that cannot be read does not stop the others.
func TestFolderBadInput(t *testing.T) {
	o, folder := workplace(t)
	o = o.as(t, "coco")
	bad := filepath.Join(folder, "bad.jpg")
	if err := os.WriteFile(bad, []byte("no picture"), 0o666); err != nil {
		t.Fatal(err)
	}
	var warnings []string
	o.Warn = func(m string) { warnings = append(warnings, m) }
	r, err := Folder(context.Background(), &levels{}, newTape(t), o)
	if err != nil || r.Failed != 1 || r.Pictures != 5 || r.Objects != 5 || len(warnings) != 1 || !strings.Contains(warnings[0], "bad.jpg") {
		t.Errorf("%+v, %v, %q", r, err, warnings)
	}
	save(t, bad, leveled(scenes()["nothing.png"]))
	if r, err = Folder(context.Background(), &levels{}, newTape(t), o); err != nil || r.Failed != 0 || r.Before != 4 {
		t.Errorf("once it can be read: %+v, %v", r, err)
	}
	save(t, filepath.Join(folder, "BAD.png"), leveled(scenes()["nothing.png"]))
	if _, err := Folder(context.Background(), &levels{}, newTape(t), o); err == nil || !strings.Contains(err.Error(), "differ in extension or case alone") {
		t.Errorf("two pictures of one name: %v", err)
	}
	o.Folder = t.TempDir()
	if _, err := Folder(context.Background(), &levels{}, newTape(t), o); err == nil || !strings.Contains(err.Error(), "no picture in") {
		t.Errorf("an empty folder: %v", err)
	}
	if _, err := ParseFormat("voc"); err == nil || !strings.Contains(err.Error(), "png, coco, labelme, yolo") {
		t.Errorf("an unknown format: %v", err)
	}
}

// TestClassFolders: masks beside their pictures; what is missing is named.
func TestClassFolders(t *testing.T) {
	dir := t.TempDir()
	make := func(names ...string) {
		for _, name := range names {
			path := filepath.Join(dir, filepath.FromSlash(name))
			if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
				t.Fatal(err)
			}
			save(t, path, gray(2, 2, 1))
		}
	}
	if _, err := ClassFolders(context.Background(), dir); err == nil || !strings.Contains(err.Error(), "expected one for each class") {
		t.Errorf("an empty folder: %v", err)
	}
	make("cat/a.jpg", "cat/a_mask.png", "cat/b.jpg", "cat/b.png", "cat/c.png", "cat/c_mask.png", "dog/x.jpg", "dog/x-mask.png")
	classes, err := ClassFolders(context.Background(), dir)
	got := ""
	for _, c := range classes {
		got += c.Name
		for _, s := range c.Supports {
			got += " " + filepath.Base(s.Image) + ":" + filepath.Base(s.Mask)
		}
		got += "; "
	}
	if want := "cat a.jpg:a_mask.png b.jpg:b.png c.png:c_mask.png; dog x.jpg:x-mask.png; "; got != want || err != nil {
		t.Errorf("%s, want %s (%v)", got, want, err)
	}
	make("dog/y.jpg")
	if _, err := ClassFolders(context.Background(), dir); err == nil || !strings.Contains(err.Error(), "y.jpg has no mask beside it") {
		t.Errorf("a picture without mask: %v", err)
	}
}

// TestListClasses: supports of a custom data set, each class with its own part of a mask.
func TestListClasses(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"list.txt": "a.jpg a.png\nb.jpg b.png\nc.jpg c.png\n", "classes.txt": "cat\ndog\nnone\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for name, values := range map[string][]uint8{"a": {1, 2}, "b": {1}, "c": {1, 0, 255}} {
		save(t, filepath.Join(dir, name+".jpg"), image.NewRGBA(image.Rect(0, 0, 2, 2)))
		save(t, filepath.Join(dir, name+".png"), gray(2, 2, values...))
	}
	classes, err := ListClasses(filepath.Join(dir, "list.txt"), dir, filepath.Join(dir, "classes.txt"), 2)
	if err != nil || len(classes) != 2 || classes[0].Name != "cat" || len(classes[0].Supports) != 2 || len(classes[1].Supports) != 1 {
		t.Fatalf("%+v, %v", classes, err)
	}
	o := Options{}
	_, m, err := classes[1].Supports[0].read(o.reader(), false)
	if err != nil || !slices.Equal(m.values, []uint8{0, 1, 0, 0}) {
		t.Errorf("the mask of the second class: %v, %v", m, err)
	}
}

// TestClassFolder: classes whose names are one as parts of file names keep apart.
func TestClassFolder(t *testing.T) {
	o := FolderOptions{Classes: []Class{{Name: "a/b"}, {Name: "A_B"}, {Name: "c"}, {Name: ".."}}}
	var got []string
	for i := range o.Classes {
		got = append(got, o.classFolder(i))
	}
	if want := []string{"a_b", "A_B_2", "c", "_"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
