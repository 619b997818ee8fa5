package png

import (
	"bytes"
	"fmt"
	std "image/png"
	"strings"
	"testing"
)

// read gives all samples of a file.
func read(d *Decoder, content []byte) (samples []byte, h Header, err error) {
	if h, err = d.Open(content); err != nil {
		return nil, h, err
	}
	next := 0
	err = d.Rows(func(y int, row []byte) {
		if y != next || len(row) != h.W*h.sampleBytes() {
			panic(fmt.Sprintf("row %d of %d bytes after row %d", y, len(row), next-1))
		}
		next++
		samples = append(samples, row...)
	})
	if err == nil && next != h.H {
		err = fmt.Errorf("%d rows of %d", next, h.H)
	}
	return samples, h, err
}

// Every kind of pixel, filter and interlacing comes out as it went in; one decoder reads
// all files.
func TestRows(t *testing.T) {
	var d Decoder
	for _, color := range []Color{Gray, RGB, Palette, GrayAlpha, RGBA} {
		for _, depth := range []int{1, 2, 4, 8, 16} {
			if depth < 8 && color != Gray && color != Palette || depth == 16 && color == Palette {
				continue
			}
			for _, interlaced := range []bool{false, true} {
				for _, w := range []int{1, 2, 3, 7, 9, 100} {
					f := newFile(11, w, depth, color, interlaced)
					content := f.bytes(chunk("tEXt", []byte("a\x00b")))
					what := fmt.Sprintf("color %d, %d bits, interlaced %v, width %d", color, depth, interlaced, w)
					got, h, err := read(&d, content)
					if err != nil || h.H != 11 || h.W != w || h.Depth != depth || h.Color != color || !bytes.Equal(got, f.samples) {
						t.Errorf("%s: %+v, %v, samples equal: %v", what, h, err, bytes.Equal(got, f.samples))
					}
					if len(d.Warnings()) > 0 {
						t.Errorf("%s: warnings %q", what, d.Warnings())
					}
					if img, err := std.Decode(bytes.NewReader(content)); err != nil || img.Bounds().Dx() != w { // the test's own files are right
						t.Errorf("%s: image/png: %v", what, err)
					}
				}
			}
		}
	}
}

// What no pixel depends on may be wrong, as for libpng (compared with OpenCV 5.0.0, which
// reads the files of the first group and none of the second).
func TestOddFiles(t *testing.T) {
	f := newFile(30, 40, 8, RGB, false)
	raw := f.raw()
	packed := pack(raw)
	join := func(parts ...[]byte) []byte {
		return bytes.Join(append([][]byte{[]byte(Signature), f.header()}, parts...), nil)
	}
	data, end := chunk("IDAT", packed), chunk("IEND", nil)
	for name, c := range map[string]struct {
		content []byte
		warning string
	}{
		"whole":                     {join(data, end), ""},
		"text, wrong checksum":      {join(badChunk("tEXt", []byte("a\x00b")), data, end), "tEXt"},
		"profile, wrong checksum":   {join(badChunk("iCCP", []byte("ab")), data, end), "iCCP"},
		"end, wrong checksum":       {join(data, badChunk("IEND", nil)), "IEND"},
		"unneeded palette, wrong":   {join(badChunk("PLTE", []byte{1, 2, 3}), data, end), "PLTE"},
		"more rows":                 {join(chunk("IDAT", pack(append(raw, raw...))), end), "more compressed data"},
		"bytes after the data":      {join(chunk("IDAT", append(bytes.Clone(packed), "garbage"...)), end), "bytes after the end"},
		"bytes after the end":       {append(join(data, end), "hello"...), ""},
		"an empty chunk of data":    {join(chunk("IDAT", nil), data, end), ""},
		"unknown, may be left out":  {join(chunk("abCd", []byte("xx")), data, end), ""},
		"no end marker":             {join(data), "no end marker"},                // OpenCV refuses it; Pillow does not
		"ends in text after pixels": {join(data, end[:8], []byte("x")), "no end"}, // likewise
	} {
		var d Decoder
		got, _, err := read(&d, c.content)
		warned := strings.Join(d.Warnings(), "; ")
		if err != nil || !bytes.Equal(got, f.samples) || !strings.Contains(warned, c.warning) || (c.warning == "") != (warned == "") {
			t.Errorf("%s: error %v, warnings %q, samples equal: %v", name, err, warned, bytes.Equal(got, f.samples))
		}
	}
	for name, c := range map[string]struct {
		content []byte
		want    string
	}{
		"data, wrong checksum":   {join(badChunk("IDAT", packed), end), "checksum of a chunk IDAT"},
		"header, wrong checksum": {bytes.Join([][]byte{[]byte(Signature), badChunk("IHDR", f.header()[8:21]), data, end}, nil), "checksum of a chunk IHDR"},
		"wrong sum of the data":  {join(chunk("IDAT", append(bytes.Clone(packed[:len(packed)-4]), "abcd"...)), end), "checksum"},
		"no sum of the data":     {join(chunk("IDAT", packed[:len(packed)-4]), end), "after the last row: the compressed data ends too early"},
		"too few rows":           {join(chunk("IDAT", pack(raw[:20*121])), end), "row 20 of 30"},
		"cut in the data":        {join(data, end)[:500], "ends in a chunk"},
		"no filter of that kind": {join(chunk("IDAT", pack(append([]byte{7}, raw[1:]...))), end), "no filter 7"},
		"unknown and vital":      {join(chunk("ABCD", nil), data, end), "ABCD"},
		"nothing":                {join(end), "no pixels"},
		"a size that is a lie":   {bytes.Join([][]byte{[]byte(Signature), (&file{h: 1 << 30, w: 1 << 30, depth: 16, color: RGBA}).header(), data, end}, nil), "too few for"},
	} {
		if _, _, err := read(new(Decoder), c.content); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
	content := newFile(9, 9, 4, Palette, true).bytes()
	for n := range len(content) - 12 { // the end marker has 12
		if _, _, err := read(new(Decoder), content[:n]); err == nil {
			t.Fatalf("the first %d bytes of %d were taken for a picture", n, len(content))
		}
	}
}

// Whatever the bytes: no panic, all rows or an error, and where image/png reads the file
// too the sizes agree.
func FuzzDecode(f *testing.F) {
	f.Add(newFile(3, 5, 8, RGB, false).bytes())
	f.Add(newFile(9, 9, 2, Palette, true).bytes(badChunk("tEXt", []byte("a\x00b"))))
	f.Add(newFile(2, 3, 16, RGBA, true).bytes())
	f.Add(newFile(4, 4, 16, RGB, false).bytes(chunk("tRNS", []byte{0, 1, 0, 2, 0, 3})))
	f.Add([]byte(Signature))
	f.Fuzz(func(t *testing.T, content []byte) {
		h, err := ReadHeader(content)
		if err != nil || h.H*h.W > 1<<20 {
			return
		}
		var d Decoder
		_, h, err = read(&d, content)
		if img, serr := std.Decode(bytes.NewReader(content)); serr == nil {
			if err != nil {
				t.Fatalf("image/png reads it: %v", err)
			}
			if img.Bounds().Dy() != h.H || img.Bounds().Dx() != h.W {
				t.Fatalf("%d×%d, image/png %v", h.W, h.H, img.Bounds())
			}
		}
	})
}
