package data

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// numbered gives n lines c1 … cn.
func numbered(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "c%d\n", i+1)
	}
	return b.String()
}

func TestParseClasses(t *testing.T) {
	got, err := parseClasses(strings.NewReader("\ufeffcat\r\n traffic light \r\nÅngström\r\n\r\n\n"), "c.txt")
	if want := []string{"background", "cat", "traffic light", "Ångström"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("names %q, error %v, want %q", got, err, want)
	}
	if got, err := parseClasses(strings.NewReader("\xff\xfe7\x00\r\x00\n\x000\x007\x00"), "c.txt"); err != nil || !slices.Equal(got, []string{"background", "7", "07"}) {
		t.Errorf("UTF-16, digits: %q, %v", got, err)
	}
	for _, labels := range [][]string{{"a\nb", "c"}, {" a", "c"}, {"a", "c "}, {"\ufeffa", "c"}, {"a\x1b[2J", "c"}} {
		if got, err := CheckClasses(labels, "labels"); err == nil || !strings.HasPrefix(err.Error(), "labels:") {
			t.Errorf("%q: %q, %v", labels, got, err)
		}
	}
	if got, err := parseClasses(strings.NewReader(numbered(254)), "c.txt"); err != nil || len(got) != 255 {
		t.Errorf("254 classes: %d names, error %v", len(got), err)
	}
	for text, want := range map[string]string{
		"cat\n\ndog\n":               "c.txt:2: blank line",
		"cat\n# dogs\ndog\n":         `c.txt:2: "# dogs" looks like a comment`,
		"cat, dog\nbird\n":           "c.txt:1: comma in class name",
		"background\ncat\ndog\n":     `c.txt:1: "background" is no class`,
		"cat\n__ignore__\ndog\n":     `c.txt:2: "__ignore__" is no class`,
		"cat\ndog\n cat\n":           `c.txt:3: class "cat" has line 1 already`,
		"cat\nfe\u0301e\nf\u00e9e\n": `c.txt:3: class "fée" has line 2 already`,
		"cat\n\ufffd\ufffd\n":        "c.txt:2: class name",
		"cat\n\xb1\xad\xd7\xd3\n":    "c.txt:2: byte 0xB1 is no UTF-8; the text is likely GB18030",
		"\n\n":                       "c.txt: no classes",
		"a\x00b\nc\n":                "c.txt:1: holds control characters",
		strings.Repeat("x", 201):     "c.txt:1: class name of 201 bytes",
		numbered(255):                "c.txt:255: more than 254 classes",
		strings.Repeat("x", 1e5):     "c.txt:1: line longer than",
		strings.Repeat("\n", 2e4):    "more than 10000 lines",
		"person\nbicycle, car\n\n":   "c.txt:2: comma",
	} {
		if _, err := parseClasses(strings.NewReader(text), "c.txt"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: error %v, want %q", text, err, want)
		}
	}
	if _, err := ReadClasses(t.TempDir() + "/none.txt"); err == nil || !strings.Contains(err.Error(), "class file") {
		t.Errorf("missing file: error %v", err)
	}
}

func TestBlockFolds(t *testing.T) {
	for _, c := range []struct {
		classes, folds int
		want           [][]int
	}{
		{8, 4, [][]int{{1, 2}, {3, 4}, {5, 6}, {7, 8}}},
		{7, 3, [][]int{{1, 2, 3}, {4, 5}, {6, 7}}},
		{2, 2, [][]int{{1}, {2}}},
	} {
		if got, err := BlockFolds(c.classes, c.folds); err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%d classes, %d folds: %v, error %v, want %v", c.classes, c.folds, got, err, c.want)
		}
	}
	for _, c := range [][2]int{{3, 4}, {8, 1}, {8, 0}, {8, -1}} {
		if _, err := BlockFolds(c[0], c[1]); err == nil || !strings.Contains(err.Error(), "expected 2 to") {
			t.Errorf("%d classes, %d folds: error %v", c[0], c[1], err)
		}
	}
	// 20 classes and 4 folds are PASCAL-5i.
	folds, err := BlockFolds(20, 4)
	if err != nil {
		t.Fatal(err)
	}
	for f, novel := range folds {
		if p, _ := PASCAL5i(f); !slices.Equal(p.Novel, novel) {
			t.Errorf("fold %d: novel %v, PASCAL-5i has %v", f, novel, p.Novel)
		}
	}
}

func TestParseFoldList(t *testing.T) {
	names := []string{"background", "cat", "traffic light", "dog", "bird", "cow"}
	got, err := parseFoldList(strings.NewReader("\ufeffdog, traffic light\r\n4,cat\r\n\r\n"), "f.txt", names)
	if want := [][]int{{2, 3}, {1, 4}}; err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("folds %v, error %v, want %v", got, err, want)
	}
	fold, err := CustomFold(names, got, 1)
	if err != nil || !slices.Equal(fold.Novel, []int{1, 4}) || !slices.Equal(fold.Base, []int{2, 3, 5}) ||
		fold.Index != 1 || fold.Dataset != "custom" || fold.ClassName(2) != "traffic light" || fold.ClassName(6) != "class 6" {
		t.Errorf("fold %+v, error %v", fold, err)
	}
	// Names that are numbers: 2 is the class of this name, not the second.
	digits := []string{"background", "2", "010", "x"}
	got, err = parseFoldList(strings.NewReader("2\r010, x"), "f.txt", digits)
	if want := [][]int{{1}, {2, 3}}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("names of digits: %v, error %v, want %v", got, err, want)
	}
	if _, err := parseFoldList(strings.NewReader("1\n"), "f.txt", digits); err == nil || !strings.Contains(err.Error(), `no class named "1"`) {
		t.Errorf("names of digits: %v", err)
	}
	for _, f := range []int{-1, 2} {
		if _, err := CustomFold(names, got, f); err == nil || !strings.Contains(err.Error(), "does not exist: it has 2") {
			t.Errorf("fold %d: error %v", f, err)
		}
	}
	for text, want := range map[string]string{
		"cat\ndog, cow, cat\n":   "f.txt:2: class 1 (cat) is listed on line 1 already",
		"cat, 1\n":               "f.txt:1: class 1 (cat) is listed on line 1 already",
		"cat\nhorse\n":           `f.txt:2: fold 1: there is no class "horse"`,
		"Dog\n":                  `there is no class "Dog"; did you mean "dog"?`,
		"6\n":                    "f.txt:1: fold 0: class 6 does not exist, expected 1..5",
		"0\n":                    "class 0 does not exist",
		"background\n":           `there is no class "background"`,
		"cat\n\ndog\n":           "f.txt:2: fold 1 has no class",
		"cat,\n":                 "f.txt:1: fold 0: nothing between two commas",
		"1,2,3,4,5\n":            "f.txt:1: fold 0 has all 5 classes",
		"":                       "f.txt: no folds",
		"cat dog\n":              `there is no class "cat dog"`,
		"99999999999999999999\n": "there is no class",
	} {
		if _, err := parseFoldList(strings.NewReader(text), "f.txt", names); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q", text, err, want)
		}
	}
	if _, err := ReadFoldList(t.TempDir()+"/none.txt", names); err == nil || !strings.Contains(err.Error(), "fold list") {
		t.Errorf("missing file: error %v", err)
	}
}

// FuzzClassesAndFolds: whatever is accepted makes folds that hold together.
func FuzzClassesAndFolds(f *testing.F) {
	f.Add("cat\ndog\nbird\n", "cat\n2\n")
	f.Add("\ufeffa b\r\nc\r\n", "a b,\n")
	f.Add("background\ncat\n", "1,2,1")
	f.Add(numbered(30), "1,2,c3\nc30\n")
	f.Fuzz(func(t *testing.T, classes, list string) {
		names, err := parseClasses(strings.NewReader(classes), "c.txt")
		if err != nil {
			return
		}
		folds, err := parseFoldList(strings.NewReader(list), "f.txt", names)
		if err != nil {
			return
		}
		novel := map[int]bool{}
		for i := range folds {
			fold, err := CustomFold(names, folds, i)
			if err != nil {
				t.Fatal(err)
			}
			if len(fold.Novel) == 0 || len(fold.Base) == 0 || len(fold.Novel)+len(fold.Base) != len(names)-1 {
				t.Fatalf("fold %d: %+v", i, fold)
			}
			for _, c := range fold.Novel {
				if novel[c] || fold.ClassName(c) != names[c] {
					t.Fatalf("class %d is novel twice or badly named", c)
				}
				novel[c] = true
			}
		}
	})
}
