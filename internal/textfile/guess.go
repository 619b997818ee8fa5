package textfile

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
)

// candidates are the encodings that files of people still have, under the names that
// iconv takes. Those before others win where text is as plausible in both.
var candidates = []struct {
	name string
	encoding.Encoding
	common func(b [2]byte) bool // pairs of bytes that most text consists of; nil: single bytes
	letter *unicode.RangeTable  // of encodings of single bytes
}{
	{"GB18030", simplifiedchinese.GB18030, func(b [2]byte) bool { return b[0] >= 0xb0 && b[0] <= 0xd7 && b[1] >= 0xa1 }, nil},
	{"SHIFT-JIS", japanese.ShiftJIS, func(b [2]byte) bool {
		return b[0] == 0x82 && b[1] >= 0x9f || b[0] == 0x83 && b[1] <= 0x96 || b[0] >= 0x88 && b[0] <= 0x97
	}, nil},
	{"EUC-JP", japanese.EUCJP, func(b [2]byte) bool { return b[0] == 0xa4 || b[0] == 0xa5 }, nil},
	{"BIG5", traditionalchinese.Big5, func(b [2]byte) bool { return b[0] >= 0xa4 && b[0] <= 0xc6 }, nil},
	{"CP949", korean.EUCKR, func(b [2]byte) bool { return b[0] >= 0xb0 && b[0] <= 0xc8 && b[1] >= 0xa1 }, nil},
	{"CP1251", charmap.Windows1251, nil, unicode.Cyrillic},
	{"CP1252", charmap.Windows1252, nil, unicode.Latin},
}

// sample is the most text that is looked at.
const sample = 1 << 16

// guess names the encoding that text, which is no UTF-8, is most plausible in, or "".
// Short texts are plausible in several: it is a guess.
func guess(text []byte) string {
	if len(text) >= 4 && (string(text[:4]) == "\xff\xfe\x00\x00" || string(text[:4]) == "\x00\x00\xfe\xff") {
		return "UTF-32"
	}
	text = text[:min(len(text), sample)]
	name, best := "", 0.0
	for _, c := range candidates {
		decoded, err := c.NewDecoder().Bytes(text)
		if err != nil {
			continue
		}
		score := pairScore(text, c.common)
		if c.common == nil {
			score = letterScore(decoded, c.letter)
		}
		if lost(decoded) > len(decoded)/200 { // the sample may end in the middle of a character
			score = 0
		}
		if score > best {
			name, best = c.name, score
		}
	}
	return name
}

// lost counts bytes of text that could not be decoded, or that are no text; one at the
// end is none.
func lost(text []byte) int {
	n := 0
	for at := 0; at < len(text); {
		r, size := utf8.DecodeRune(text[at:])
		at += size
		if r == utf8.RuneError && at < len(text) || unicode.IsControl(r) && !unicode.IsSpace(r) {
			n++
		}
	}
	return n
}

// pairScore is the share of pairs of bytes that are common ones.
func pairScore(text []byte, common func([2]byte) bool) float64 {
	if common == nil {
		return 0
	}
	pairs, good := 0, 0
	for i := 0; i < len(text); i++ {
		if text[i] < 0x80 {
			continue
		}
		pairs++
		if i+1 < len(text) && common([2]byte(text[i:i+2])) {
			good++
		}
		i++
	}
	return float64(good) / float64(max(pairs, 1))
}

// letterScore is the share of letters of a script in what is not ASCII, less than that
// of pairs where most follow each other: accents stand alone.
func letterScore(text []byte, letters *unicode.RangeTable) float64 {
	all, good, runs, before := 0, 0, 0, false
	for _, r := range string(text) {
		if r < 0x80 {
			before = false
			continue
		}
		all++
		if unicode.Is(letters, r) {
			good++
		}
		if before {
			runs++
		}
		before = true
	}
	share := float64(good) / float64(max(all, 1))
	if letters == unicode.Latin {
		return 0.9 * (share - float64(runs)/float64(max(all, 1)))
	}
	return 0.8 * share
}
