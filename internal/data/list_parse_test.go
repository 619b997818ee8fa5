package data

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestParseList(t *testing.T) {
	text := "\ufeffa/1.jpg m/1.png\r\n\r\n  a/2.jpg \t m/2.png  \n\nwith space.jpg\tmask of it.png\n\ufeffa/3.jpg m/1.png"
	got, err := ParseList(strings.NewReader(text), "list.txt")
	if err != nil {
		t.Fatal(err)
	}
	want := []ListEntry{
		{"a/1.jpg", "m/1.png", 1}, {"a/2.jpg", "m/2.png", 3},
		{"with space.jpg", "mask of it.png", 5}, {"a/3.jpg", "m/1.png", 6},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for name, c := range map[string]struct{ text, want string }{
		"one column":    {"a b\n\nc\n", "list.txt:3: 1 columns"},
		"three columns": {"a b c\n", "list.txt:1: 3 columns"},
		"twice":         {"a b\nc d\na  b\n", "list.txt:3: a is listed on line 1 already; remove"},
		"two spellings": {"a/b.png m\nc d\n./a//b.png m\n", "list.txt:3: a/b.png is listed on line 1 already; remove"},
		"two masks":     {"a b\nc d\na e\n", "list.txt:3: a is listed on line 1 already, with another mask"},
		"empty":         {"\n \r\n", "list.txt: no entries"},
		"binary":        {"a b\n" + strings.Repeat("x", 70000), "list.txt:2: line longer"},
		"encoding":      {"a b\n\xb1\xad\xd7\xd3.jpg c\n", "list.txt:2: byte 0xB1 is no UTF-8; the text is likely GB18030"},
	} {
		if _, err := ParseList(strings.NewReader(c.text), "list.txt"); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q…", name, err, c.want)
		}
	}
}

// What Windows, spreadsheets and other tools write.
func TestParseListOfOtherTools(t *testing.T) {
	for text, want := range map[string]string{
		"images\\a.png masks\\a.png\n":                "images/a.png|masks/a.png",
		"images/a.png,masks/a.png\r\n":                "images/a.png|masks/a.png",
		"images/a.png, masks/a.png\n":                 "images/a.png|masks/a.png",
		"images/a.png;masks/a.png\n":                  "images/a.png|masks/a.png",
		"image,mask\nmy cup.png,my mask.png\n":        "my cup.png|my mask.png",
		"my cup.png,mask.png\n":                       "my cup.png|mask.png",
		"a,b.jpg m/a,b.png\n":                         "a,b.jpg|m/a,b.png",
		"a.x,b.jpg m.png\n":                           "a.x,b.jpg|m.png",
		"\"my cup.png\" \"my mask.png\"\n":            "my cup.png|my mask.png",
		"\"my, cup.png\",m.png\n":                     "my, cup.png|m.png",
		"\"5\"\" disk.png\"\tm.png\n":                 "5\" disk.png|m.png",
		"Image;Mask\r1.png;2.png\r":                   "1.png|2.png",
		"./a.png x/../m.png\n":                        "a.png|m.png",
		"D:\\data\\a.png D:\\data\\m.png\n":           "D:/data/a.png|D:/data/m.png",
		"\xff\xfea\x00.\x00j\x00 \x00b\x00.\x00p\x00": "a.j|b.p",
	} {
		got, err := ParseList(strings.NewReader(text), "l")
		if err != nil || len(got) != 1 || got[0].Image+"|"+got[0].Mask != want {
			t.Errorf("%q: %v, %v, want %q", text, got, err, want)
		}
	}
	for _, name := range []string{"a.png", "my cup.png", `5" disk, old.png`, "a\tb.png", "a\u00a0b.png"} {
		got, err := ParseList(strings.NewReader(quoteListName(name)+" "+quoteListName("m "+name)), "l")
		if err != nil || len(got) != 1 || got[0].Image != name || got[0].Mask != "m "+name {
			t.Errorf("%q is read back as %+v, %v", name, got, err)
		}
	}
}

func FuzzParseList(f *testing.F) {
	for _, s := range []string{"a b\n", "a b\r\n\r\nc\td e\n", "\ufeffx y", "a", "a b c", "a b\na b", "\t\t", " \n", "a\tb\tc", "\x00 \xff",
		"a.png,b.png", "\"a b\" c", "\"a\"\"\",c;d", "image,mask\na;b", `a\b c`, "\xff\xfea\x00 \x00b\x00", "\xb1\xad a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		entries, err := ParseList(strings.NewReader(text), "l")
		if err != nil {
			if !strings.HasPrefix(err.Error(), "l:") || entries != nil {
				t.Fatalf("error %q with %d entries", err, len(entries))
			}
			return
		}
		var again strings.Builder
		again.WriteString("image,mask\n") // else a pair of these names would be taken for a heading
		for _, e := range entries {
			if e.Image == "" || e.Mask == "" || e.Line < 1 {
				t.Fatalf("entry %+v", e)
			}
			fmt.Fprintf(&again, "%s\t%s\n", quoteListName(e.Image), quoteListName(e.Mask))
		}
		back, err := ParseList(strings.NewReader(again.String()), "l")
		if err != nil || len(back) != len(entries) {
			t.Fatalf("what was read cannot be read again: %v", err)
		}
		for i := range back {
			if back[i].Image != entries[i].Image || back[i].Mask != entries[i].Mask {
				t.Fatalf("%+v became %+v", entries[i], back[i])
			}
		}
	})
}
