package picture

import (
	"image/color"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestTables(t *testing.T) {
	for name, c := range map[string]struct {
		text   string
		labels []string
		class  map[[3]uint8]uint8
	}{
		"CVAT's labelmap.txt": {"# label:color_rgb:parts:actions\r\nbackground:0,0,0::\r\ncup:250,50,83::\r\ntea spoon:1,2,3:a,b:\r\n",
			[]string{"cup", "tea spoon"}, map[[3]uint8]uint8{{0, 0, 0}: 0, {250, 50, 83}: 1, {1, 2, 3}: 2}},
		"class_dict.csv": {"name,r,g,b\nroad,128,64,128\nVoid,0,0,0\nsky, big,1,2,3\n",
			[]string{"road", "sky, big"}, map[[3]uint8]uint8{{128, 64, 128}: 1, {0, 0, 0}: 255, {1, 2, 3}: 2}},
		"label_colors.txt": {"64 128 64\tAnimal\n192 0 128\tArchway hall\n\n0 0 0\n7 7 7\n",
			[]string{"Animal", "Archway hall", "class 3"}, map[[3]uint8]uint8{{64, 128, 64}: 1, {192, 0, 128}: 2, {0, 0, 0}: 0, {7, 7, 7}: 3}},
	} {
		got, err := parseTable(c.text, "t.txt")
		if err != nil || !slices.Equal(got.Labels(), c.labels) {
			t.Errorf("%s: %q, want %q; error %v", name, got.Labels(), c.labels, err)
			continue
		}
		for color, class := range c.class {
			if v, ok := got.class[color]; !ok || v != class {
				t.Errorf("%s: %v is %d, %v; want %d", name, color, v, ok, class)
			}
		}
	}
	for text, want := range map[string]string{
		"":                             "no color of a class",
		"background:0,0,0::\n":         "no color of a class",
		"cup:250,50,83::\ncup 2:1,2\n": `"t.txt":2: "cup 2:1,2" is no color`,
		"a,1,2,300\n":                  `"t.txt":1:`,
		"a,1,2,3\nb,1,2,3\n":           `"t.txt":2: the color (1,2,3) is there twice`,
		"x\x1b[2J,1,2,3":               `"t.txt":1:`,
	} {
		if _, err := parseTable(text, "t.txt"); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\x1b") {
			t.Errorf("%q: error %v, want %q", text, err, want)
		}
	}
	if _, err := ReadTable(filepath.Join(t.TempDir(), "none")); err == nil || !strings.Contains(err.Error(), "cityscapes") {
		t.Errorf("no file: %v", err)
	}
}

func TestKnownTables(t *testing.T) {
	for name, c := range map[string]struct {
		colors []color.NRGBA
		want   []uint8
	}{
		"voc":        {[]color.NRGBA{rgb(0, 0, 0), rgb(192, 128, 128), {1, 2, 3, 0}, rgb(224, 224, 192)}, []uint8{0, 15, 0, 255}},
		"cityscapes": {[]color.NRGBA{rgb(128, 64, 128), rgb(0, 0, 0), rgb(153, 153, 153), rgb(0, 0, 142), rgb(119, 11, 32), rgb(81, 0, 81)}, []uint8{1, 255, 6, 14, 19, 255}},
	} {
		table, err := ReadTable(name)
		if err != nil {
			t.Fatal(err)
		}
		got, _, err := (&Reader{Colors: table}).Mask(nil, encode(t, painted(c.colors...)), "m.png", 20)
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v; error %v", name, got, c.want, err)
		}
	}
	if n := len(cityscapes.Labels()); n != 19 {
		t.Errorf("%d classes of Cityscapes", n)
	}
	// With a table the colors of a palette count, not the indices; gray stays what it is.
	m := paletteMask(3, 4)
	m.Palette[3], m.Palette[4] = rgb(128, 0, 0), rgb(0, 128, 0)
	if got, _, err := (&Reader{Colors: VOC}).Mask(nil, encode(t, m), "m.png", 20); err != nil || !slices.Equal(got, []uint8{1, 2}) {
		t.Errorf("palette: %v, %v", got, err)
	}
	if got, _, err := (&Reader{Colors: VOC}).Mask(nil, encode(t, grayMask(3, 4)), "m.png", 20); err != nil || !slices.Equal(got, []uint8{3, 4}) {
		t.Errorf("gray: %v, %v", got, err)
	}
}

// A data set may number the classes otherwise than the table.
func TestNumbered(t *testing.T) {
	table, err := parseTable("background:0,0,0::\ncup:1,1,2::\nspoon:2,2,3::\nvoid:9,9,9::\n", "t")
	if err != nil {
		t.Fatal(err)
	}
	got, err := table.Numbered([]string{"background", "fork", "spoon", "cup"})
	if err != nil {
		t.Fatal(err)
	}
	mask, _, err := (&Reader{Colors: got}).Mask(nil, encode(t, painted(rgb(0, 0, 0), rgb(1, 1, 2), rgb(2, 2, 3), rgb(9, 9, 9))), "m.png", 3)
	if err != nil || !slices.Equal(mask, []uint8{0, 3, 2, 255}) {
		t.Errorf("%v, %v", mask, err)
	}
	if _, err := table.Numbered([]string{"background", "cup", "fork"}); err == nil || !strings.Contains(err.Error(), `"spoon", which is none of the data set's: cup, fork`) {
		t.Errorf("a class that is not there: %v", err)
	}
	nameless, err := parseTable("1 1 2\n2 2 3\n", "t")
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range []*Table{nameless, VOC} {
		if got, err := table.Numbered([]string{"background", "a", "b"}); err != nil || got != table {
			t.Errorf("a table without names is changed: %v", err)
		}
	}
}

func FuzzTable(f *testing.F) {
	f.Add("background:0,0,0::\ncup:250,50,83::\n")
	f.Add("name,r,g,b\nroad,128,64,128\n")
	f.Add("64 128 64\tAnimal\n")
	f.Fuzz(func(t *testing.T, text string) {
		table, err := parseTable(text, "t")
		if err == nil && (len(table.labels) == 0 || len(table.labels) > 254 || len(table.class) < len(table.labels)) {
			t.Fatalf("%d classes, %d colors", len(table.labels), len(table.class))
		}
	})
}

func TestTableFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "labelmap.txt")
	if err := os.WriteFile(path, []byte("\xef\xbb\xbfcup:250,50,83::\r\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	table, err := ReadTable(path)
	if err != nil || !slices.Equal(table.Labels(), []string{"cup"}) {
		t.Errorf("%+v, %v", table, err)
	}
}
