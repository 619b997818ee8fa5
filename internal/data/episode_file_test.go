package data

import (
	"bytes"
	"fmt"
	"path"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// savedEpisodes are draws over pascal-mini, as a file.
func savedEpisodes(t testing.TB, src *areaSource, index *Index, shots int, seeds ...int) (string, map[int][]Draw) {
	t.Helper()
	f := NewEpisodeFile(index.Fold, shots, "list.txt")
	draws := map[int][]Draw{}
	for _, seed := range seeds {
		d := NewReleaseDrawer(index, shots, uint64(seed), 8)
		for p := range 30 {
			draws[seed] = append(draws[seed], d.Draw(0, p))
		}
		f.Add(src, seed, draws[seed])
	}
	var b bytes.Buffer
	if err := f.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String(), draws
}

func TestEpisodeFile(t *testing.T) {
	src := pascalMini(t)
	index := releaseIndex(t, src, 1, Val)
	text, want := savedEpisodes(t, src, index, 2, 510, 7)
	first := `{"format":"hdmnet episodes 1","dataset":"pascal","fold":1,"novel":[6,7,8,9,10],"shots":2,"list":"list.txt","episodes":60}` + "\n" +
		`{"seed":510,"query":"JPEGImages/2007_000063.jpg","class":9,"supports":["JPEGImages/`
	if !strings.HasPrefix(text, first) {
		t.Errorf("the file starts with\n%.300s\nwant\n%s", text, first)
	}
	f, err := ReadEpisodeFile(strings.NewReader(strings.ReplaceAll(text, "\n", "\r\n\n")), "e.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	if seeds := f.Seeds(); !reflect.DeepEqual(seeds, []int{510, 7}) {
		t.Errorf("seeds %v", seeds)
	}
	var again bytes.Buffer
	if err := f.Write(&again); err != nil || again.String() != text {
		t.Errorf("read and written again: %v\n%.300s", err, again.String())
	}
	got, err := f.Draws(src, index)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("replayed: %v, %v", err, got)
	}
	d := NewReplay(got[7])
	for p, w := range want[7] {
		if g := d.Draw(3, p); !sameDraw(g, w) {
			t.Errorf("episode %d: %+v, want %+v", p, g, w)
		}
	}
}

// TestReplayElsewhere: another order, folders and path separators give the same pictures.
func TestReplayElsewhere(t *testing.T) {
	src := pascalMini(t)
	text, _ := savedEpisodes(t, src, releaseIndex(t, src, 1, Val), 1, 510)
	there := &areaSource{}
	for i := len(src.names) - 1; i >= 0; i-- {
		there.names = append(there.names, "/data/VOC2012/"+src.names[i])
		there.areas = append(there.areas, src.areas[i])
	}
	for name, text := range map[string]string{"another root": text, "backslashes": strings.ReplaceAll(text, "JPEGImages/", `D:\\JPEGImages\\`)} {
		f, err := ReadEpisodeFile(strings.NewReader(text), "e.jsonl")
		if err != nil {
			t.Fatal(err)
		}
		draws, err := f.Draws(there, releaseIndex(t, there, 1, Val))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for p, d := range draws[510] {
			e := f.Episodes[p]
			if path.Base(there.Name(d.Query)) != path.Base(e.Query) || path.Base(there.Name(d.Supports[0])) != path.Base(e.Supports[0]) || d.Class != e.Class {
				t.Errorf("%s: episode %d is %s by %s, want %s by %s", name, p, there.Name(d.Query), there.Name(d.Supports[0]), e.Query, e.Supports[0])
			}
		}
	}
}

// TestReplayOfOtherSpellings: pictures are found by the end of their paths where file names
// alone are not enough.
func TestReplayOfOtherSpellings(t *testing.T) {
	l := newLookup(&areaSource{names: []string{"a/1.jpg", "./b/1.jpg", "/data/c/2.jpg", `d\\3.jpg`, "e/d/3.jpg"}})
	for name, want := range map[string]int{"a/1.jpg": 0, "b/1.jpg": 1, "/home/x/b/1.jpg": 1, "c/2.jpg": 2, "2.jpg": 2, "/x/e/d/3.jpg": 4, "d/3.jpg": 3} {
		if got, err := l.find(cleanName(name)); err != nil || got != want {
			t.Errorf("%s: %d, %v, want %d", name, got, err, want)
		}
	}
	for name, want := range map[string]string{"1.jpg": "several pictures", "x/d/3.jpg": "several pictures", "9\x1b.jpg": `"9\x1b.jpg" is not in the list`} {
		if _, err := l.find(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}

const (
	episodeHeader = `{"format":"hdmnet episodes 1","dataset":"pascal","fold":1,"novel":[6,7,8,9,10],"shots":1,"list":"l","episodes":1}` + "\n"
	episodeLine   = `{"seed":1,"query":"JPEGImages/2007_000063.jpg","class":9,"supports":["JPEGImages/2007_000452.jpg"]}` + "\n"
)

func TestEpisodeFileErrors(t *testing.T) {
	line := func(old, new string) string {
		if !strings.Contains(episodeLine, old) {
			t.Fatalf("no %s in the line", old)
		}
		return episodeHeader + strings.Replace(episodeLine, old, new, 1)
	}
	for _, c := range []struct {
		text string
		want []string
	}{
		{"", []string{"empty", "--save-episodes"}},
		{"\n \n", []string{"empty"}},
		{"JPEGImages/a.jpg SegmentationClassAug/a.png\n", []string{"e.jsonl:1", "no header", "--save-episodes"}},
		{episodeLine, []string{"e.jsonl:1", "no header"}},
		{strings.Replace(episodeHeader, "episodes 1", "episodes 9", 1), []string{"episodes 9", "another version"}},
		{strings.Replace(episodeHeader, `"shots":1`, `"shots":0`, 1), []string{"0 shots"}},
		{strings.Replace(episodeHeader, `"fold":1`, `"fold":"1"`, 1), []string{"e.jsonl:1", `"fold" is text, expected a whole number`}},
		{episodeHeader, []string{"0 episodes", "says 1", "cut short"}},
		{episodeHeader + episodeLine + episodeLine, []string{"2 episodes", "says 1"}},
		{episodeHeader + episodeLine[:40], []string{"e.jsonl:2", "no episode", "supports"}},
		{line(`"supports"`, `"support"`), []string{"e.jsonl:2", `unknown field "support"`}},
		{line("}", "} 5"), []string{"e.jsonl:2", "text after"}},
		{line(`"seed":1`, `"seed":-1`), []string{"e.jsonl:2", "seed -1"}},
		{line(`"seed":1`, `"seed":1.5`), []string{"e.jsonl:2", "seed"}},
		{line(`"class":9`, `"class":11`), []string{"e.jsonl:2", "class 11", "[6 7 8 9 10]"}},
		{line(`.jpg"]`, `.jpg","x"]`), []string{"e.jsonl:2", "2 supports", "1 shots"}},
		{line("000452", "000063"), []string{"e.jsonl:2", "2007_000063.jpg", "twice"}},
		{line("JPEGImages/2007_000452.jpg", ""), []string{"e.jsonl:2", "without a name"}},
		{episodeHeader + strings.Repeat(" ", maxEpisodeLine+1), []string{"e.jsonl:2", "longer than"}},
	} {
		_, err := ReadEpisodeFile(strings.NewReader(c.text), "e.jsonl")
		if err == nil {
			t.Errorf("%.200q is read", c.text)
			continue
		}
		for _, w := range append(c.want, "e.jsonl") {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%.200q: the message should say %q: %v", c.text, w, err)
			}
		}
	}
}

func TestReplayErrors(t *testing.T) {
	src := pascalMini(t)
	index := releaseIndex(t, src, 1, Val)
	line := func(old, new string) string { return episodeHeader + strings.Replace(episodeLine, old, new, 1) }
	for _, c := range []struct {
		text string
		want []string
	}{
		{strings.Replace(episodeHeader, `"fold":1`, `"fold":2`, 1) + episodeLine, []string{"e.jsonl", "fold 2", "fold 1", "--fold"}},
		{strings.Replace(episodeHeader, "pascal", "coco", 1) + episodeLine, []string{"coco", "pascal", "--config"}},
		{strings.Replace(episodeHeader, "[6,7,8,9,10]", "[6,7,8,9]", 1) + episodeLine, []string{"[6 7 8 9]", "--split"}},
		{line("2007_000452", "2008_000001"), []string{"e.jsonl:2", "JPEGImages/2008_000001.jpg", "not in the list"}},
		{line("2007_000452", "2007_000464"), []string{"e.jsonl:2", "2007_000464.jpg", "class 9 (chair)"}},
		{line(`"class":9`, `"class":10`), []string{"e.jsonl:2", "2007_000063.jpg", "class 10 (cow)"}},
		{line("2007_000452", "2007_000032"), []string{"e.jsonl:2", "2007_000032.jpg", "no novel class", "2048"}},
		{line("JPEGImages/2007_000452", "elsewhere/2007_000063"), []string{"e.jsonl:2", "elsewhere/2007_000063.jpg", "already"}},
		{strings.Replace(episodeHeader, `"episodes":1`, `"episodes":3`, 1) + strings.Repeat(strings.Replace(episodeLine, "000452", "1", 1), 3),
			[]string{"e.jsonl:2", "3 of 3 episodes", "drawn from l"}},
	} {
		f, err := ReadEpisodeFile(strings.NewReader(c.text), "e.jsonl")
		if err != nil {
			t.Fatalf("%s: %v", c.text, err)
		}
		_, err = f.Draws(src, index)
		if err == nil {
			t.Errorf("%s is replayed", c.text)
			continue
		}
		for _, w := range c.want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: the message should say %q: %v", c.text, w, err)
			}
		}
	}

	twice := &areaSource{names: []string{"a/1.jpg", "b/1.jpg", "a/2.jpg"}, areas: slices.Repeat([]map[uint8]int{{9: 3000}}, 3)}
	at := releaseIndex(t, twice, 1, Val)
	for query, want := range map[string]string{"b/1.jpg": "", "c/1.jpg": "several pictures"} {
		f, err := ReadEpisodeFile(strings.NewReader(episodeHeader+fmt.Sprintf(`{"seed":1,"query":%q,"class":9,"supports":["x/2.jpg"]}`, query)), "e.jsonl")
		if err != nil {
			t.Fatal(err)
		}
		draws, err := f.Draws(twice, at)
		if want == "" && (err != nil || !sameDraw(draws[1][0], Draw{Query: 1, Class: 9, Supports: []int{2}})) || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, %v; want %q", query, draws, err, want)
		}
	}
}

func FuzzReadEpisodeFile(f *testing.F) {
	src := pascalMini(f)
	index := releaseIndex(f, src, 1, Val)
	text, _ := savedEpisodes(f, src, index, 2, 510)
	f.Add(text[:strings.LastIndex(text[:2000], "\n")])
	f.Add(episodeHeader + episodeLine)
	f.Add(strings.ReplaceAll(episodeHeader+"\r\n"+episodeLine, "2007_000452", "é😀<&>"))
	f.Add(episodeHeader + `{"seed":1e3,"query":"a","class":9,"supports":null}`)
	f.Fuzz(func(t *testing.T, text string) {
		file, err := ReadEpisodeFile(strings.NewReader(text), "e")
		if err != nil {
			return
		}
		var b bytes.Buffer
		if err := file.Write(&b); err != nil {
			t.Fatal(err)
		}
		again, err := ReadEpisodeFile(bytes.NewReader(b.Bytes()), "e")
		if err != nil {
			t.Fatalf("%v in what was written: %q", err, b.String())
		}
		for _, x := range []*EpisodeFile{file, again} {
			for i := range x.Episodes {
				x.Episodes[i].line = 0
			}
		}
		if !reflect.DeepEqual(file, again) {
			t.Fatalf("%+v read again is %+v", file, again)
		}
		draws, err := file.Draws(src, index)
		if err != nil {
			return
		}
		for _, list := range draws {
			for _, d := range list {
				if len(d.Supports) != file.Header.Shots {
					t.Fatalf("%+v for %d shots", d, file.Header.Shots)
				}
			}
		}
	})
}
