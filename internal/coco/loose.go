package coco

import (
	"bytes"
	"cmp"
	"encoding/json"
	"math"
	"strconv"
	"strings"
)

// ID is the id of an image or a category, as text: files hold whole numbers, numbers written
// as 64.0, and text. The text of a number is the number's: "7", 7, 7.0 and "7.0"
// (a table whose column held blanks) are one id; "07" is another.
type ID string

// parseID reads an id; ok is false where there is none.
func parseID(raw json.RawMessage) (id ID, ok bool) {
	switch firstByte(raw) {
	case '"':
		var text string
		if json.Unmarshal(raw, &text) != nil || text == "" {
			return "", false
		}
		if whole, zeros, point := strings.Cut(text, "."); point && digits(whole) && strings.Trim(zeros, "0") == "" {
			return ID(whole), true
		}
		return ID(text), true
	case 't':
		return "1", true // as Python counts
	case 'f':
		return "0", true
	case 0, 'n', '[', '{':
		return "", false
	}
	if n, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
		return ID(strconv.FormatInt(n, 10)), true
	}
	v, err := strconv.ParseFloat(string(raw), 64)
	if err == nil && v == math.Trunc(v) && math.Abs(v) < 1<<53 {
		return ID(strconv.FormatInt(int64(v), 10)), true
	}
	return ID(raw), true
}

// digits says whether text is a whole number without a sign.
func digits(text string) bool {
	return text != "" && strings.Trim(text, "0123456789") == ""
}

// compare orders ids: numbers by value, then text.
func (a ID) compare(b ID) int {
	x, errX := strconv.ParseFloat(string(a), 64)
	y, errY := strconv.ParseFloat(string(b), 64)
	switch {
	case errX == nil && errY == nil:
		return cmp.Or(cmp.Compare(x, y), strings.Compare(string(a), string(b)))
	case errX == nil:
		return -1
	case errY == nil:
		return 1
	}
	return strings.Compare(string(a), string(b))
}

// parseText reads a name, which may be a number; "" where there is none.
func parseText(raw json.RawMessage) string {
	switch firstByte(raw) {
	case 0, 'n', '[', '{':
		return ""
	case '"':
		var text string
		_ = json.Unmarshal(raw, &text) // the text is one that was read before
		return strings.TrimSpace(text)
	}
	return string(raw)
}

// parseNumber reads a number, or text that is one.
func parseNumber(raw json.RawMessage) (v float64, ok bool) {
	v, err := strconv.ParseFloat(string(bytes.Trim(raw, "\" \t\r\n")), 64)
	return v, err == nil
}

// parseSide reads a height or width; 0 where it is none.
func parseSide(raw json.RawMessage) int {
	v, ok := parseNumber(raw)
	if !ok || v < 1 || v > MaxPixels || v != math.Trunc(v) {
		return 0
	}
	return int(v)
}

// parseFlag reads iscrowd: a number, true or false, or text of them.
func parseFlag(raw json.RawMessage) bool {
	if v, ok := parseNumber(raw); ok {
		return v != 0
	}
	return strings.EqualFold(string(bytes.Trim(raw, `"`)), "true")
}

func firstByte(text []byte) byte {
	if len(text) == 0 {
		return 0
	}
	return text[0]
}
