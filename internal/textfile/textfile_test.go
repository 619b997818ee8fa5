package textfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/encoding/unicode"
)

func encode(t testing.TB, e encoding.Encoding, text string) []byte {
	t.Helper()
	b, err := e.NewEncoder().Bytes([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestDecode(t *testing.T) {
	const text = "cup\r\nBär 杯子 🥄\n"
	for name, content := range map[string][]byte{
		"UTF-8":          []byte(text),
		"with a mark":    []byte("\ufeff" + text),
		"UTF-16LE":       encode(t, unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), text),
		"UTF-16BE":       encode(t, unicode.UTF16(unicode.BigEndian, unicode.UseBOM), text),
		"LE, no mark":    encode(t, unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), text),
		"BE, no mark":    encode(t, unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), text),
		"mark of itself": encode(t, unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), text),
	} {
		if got, err := decode(content, "l.txt"); err != nil || string(got) != text {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	for _, c := range []struct {
		content []byte
		want    string
	}{
		{[]byte("\xff\xfea\x00b"), "odd number of bytes"},
		{[]byte("\xff\xfea\x00\x00\xd8"), "half a character"},
		{[]byte("\xff\xfe\x00\x00a\x00\x00\x00"), "l.txt:1: byte 0xFF is no UTF-8; the text is likely UTF-32"},
		{[]byte("a\nb\n\x81"), "l.txt:3: byte 0x81"},
	} {
		if got, err := decode(c.content, "l.txt"); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %q, error %v, want %q", c.content, got, err, c.want)
		}
	}
}

// Names of things, as short as class files have them.
func TestEncodingsAreNamed(t *testing.T) {
	for _, c := range []struct {
		encoding.Encoding
		name, text string
	}{
		{simplifiedchinese.GBK, "GB18030", "杯子\n勺子\n"},
		{simplifiedchinese.GB18030, "GB18030", "cup\n红绿灯\n自行车 {\"label\": \"人\"}\n"},
		{japanese.ShiftJIS, "SHIFT-JIS", "コップ\nスプーン\n"},
		{japanese.ShiftJIS, "SHIFT-JIS", "猫と犬\n自転車\n"},
		{japanese.EUCJP, "EUC-JP", "コップ\nスプーンとさら\n"},
		{traditionalchinese.Big5, "BIG5", "杯子\n湯匙\n腳踏車\n"},
		{charmap.Windows1251, "CP1251", "чашка\nложка\n"},
		{charmap.ISO8859_1, "CP1252", "cup\nBär\nfenêtre\n"},
		{charmap.Windows1252, "CP1252", "señal de tráfico\n"},
	} {
		_, err := decode(encode(t, c.Encoding, "a\n"+c.text), "classes.txt")
		if err == nil || !strings.Contains(err.Error(), "classes.txt:") || !strings.Contains(err.Error(), "iconv -f "+c.name+" -t UTF-8 classes.txt") {
			t.Errorf("%q in %s: %v", c.text, c.name, err)
		}
	}
	// Korean text is plausible Chinese, pair by pair: it is refused, whatever the guess.
	if _, err := decode(encode(t, korean.EUCKR, "컵\n숟가락\n"), "c"); err == nil || !strings.Contains(err.Error(), "iconv") {
		t.Error(err)
	}
}

func TestLines(t *testing.T) {
	for text, want := range map[string][]string{
		"":                nil,
		"\n":              nil,
		"a":               {"a"},
		"a\nb\n":          {"a", "b"},
		"a\r\nb\r\n\r\nc": {"a", "b", "", "c"},
		"a\rb\r":          {"a", "b"},
	} {
		if got := Lines(text); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestCheckName(t *testing.T) {
	for _, good := range []string{"", "cup", "traffic light", "杯", "a\u00a0b", "کتاب\u200cها"} {
		if err := CheckName(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{"a\nb", "\x1b[2J", "a\tb", "\ufeffcup", "\u0085", "\u2028", "cup\u202egod", "\u2066cup\u2069"} {
		if err := CheckName(bad); err == nil || !strings.Contains(err.Error(), "control character U+") {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if err := CheckName("caf\ufffd"); !errors.Is(err, errLost) {
		t.Error(err)
	}
}

func TestRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "l.txt")
	if err := os.WriteFile(path, []byte("\ufeffa b\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if got, err := Read(path, 100); err != nil || string(got) != "a b\n" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := Read(path, 3); err == nil || !strings.Contains(err.Error(), "expected at most 3") {
		t.Error(err)
	}
	if got, err := ReadAll(strings.NewReader("\xff\xfea\x00"), "x"); err != nil || string(got) != "a" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestJSON(t *testing.T) {
	const text = `{"a":NaN,"b":[-Infinity,Infinity,-1],"NaN":"\"NaN -Infinity","c":"\\",d:NaN}`
	const want = `{"a":"" ,"b":[""       ,""      ,-1],"NaN":"\"NaN -Infinity","c":"\\",d:"" }`
	if got := string(JSON([]byte(text))); got != want {
		t.Errorf("%s", got)
	}
	for name, r := range map[string]io.Reader{
		"whole": strings.NewReader(text), "halves": iotest.HalfReader(strings.NewReader(text)), "bytes": iotest.OneByteReader(strings.NewReader(text)),
	} {
		if got, err := io.ReadAll(NewJSONReader(r, "a.json")); err != nil || string(got) != want {
			t.Errorf("%s: %s, %v", name, got, err)
		}
	}
	long := strings.Repeat("{\"杯\": NaN,\n\"x\": -Infinity}\n", 20000)
	got, err := io.ReadAll(NewJSONReader(strings.NewReader(long), "a.json"))
	if err != nil || string(got) != string(JSON([]byte(long))) {
		t.Errorf("long text: %d bytes, %v", len(got), err)
	}
	bad := strings.Repeat("\n", 1<<17) + string(encode(t, simplifiedchinese.GBK, `{"name": "杯子"}`))
	if _, err := io.ReadAll(NewJSONReader(strings.NewReader(bad), "a.json")); err == nil || !strings.Contains(err.Error(), "a.json:131073: byte 0xB1") || !strings.Contains(err.Error(), "GB18030") {
		t.Errorf("GB18030: %v", err)
	}
	if _, err := io.ReadAll(NewJSONReader(strings.NewReader("\"a\xe6\x9d"), "a.json")); err == nil {
		t.Error("half a character at the end is taken")
	}
}

func TestJSONErrorsArePlain(t *testing.T) {
	var v struct {
		Seed  int              `json:"seed"`
		Names []string         `json:"names"`
		Area  *float64         `json:"area"`
		Sub   struct{ X bool } `json:"sub"`
	}
	for text, want := range map[string]string{
		`{"seed":"x"}`:     `"seed" is text, expected a whole number`,
		`{"seed":1.5}`:     `"seed" is number 1.5, expected a whole number`,
		`{"names":{}}`:     `"names" is an object, expected a list`,
		`{"area":true}`:    `"area" is true or false, expected a number`,
		`{"sub":{"X":[]}}`: `"sub.X" is a list, expected true or false`,
		`[]`:               `it is a list, expected an object`,
		`{`:                "unexpected end of JSON input",
	} {
		if err := JSONError(json.Unmarshal([]byte(text), &v)); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{"", "a\n", "\ufeffa", "\xff\xfea\x00", "\xfe\xff\x00a", "a\x00b\x00", "\xb1\xad\xd7\xd3", "\xff\xfe\x00\x00", "\x00", "\xff\xfe\x00\xd8"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		text, err := decode(bytes.Clone(content), "f")
		if err != nil {
			if !strings.HasPrefix(err.Error(), "f:") {
				t.Fatalf("error %q", err)
			}
			return
		}
		if !utf8.Valid(text) {
			t.Fatalf("%q became %q", content, text)
		}
		again, err := io.ReadAll(NewJSONReader(iotest.OneByteReader(bytes.NewReader(text)), "f"))
		if err != nil || !bytes.Equal(again, JSON(bytes.Clone(text))) {
			t.Fatalf("%q read as a stream: %q, %v", text, again, err)
		}
		if strings.ContainsAny(strings.Join(Lines(string(text)), ""), "\r\n") {
			t.Fatalf("%q: ends in its lines", text)
		}
	})
}
