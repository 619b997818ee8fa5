package predict

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"

	"hdmnet/internal/annotate"
)

// Support is a picture with its object: a mask's file, or marks (see annotate.Mask) of
// which the scribble is a file too.
type Support struct {
	Image, Mask string
	// Value of the object in the mask; 0: every value but 0 and 255.
	Value       uint8
	Scribble    string
	Boxes       []annotate.Box
	Points, Not []annotate.Point
}

// supportForms says how a support is written.
const supportForms = "image:mask, or image with marks: image:box=LEFT,TOP,RIGHT,BOTTOM image:point=X,Y image:not=X,Y image:scribble=FILE.png, several in a row"

// mark starts one mark; what it says goes to the next one. A drive's colon, as in
// C:\cat.jpg, starts none.
var (
	mark    = regexp.MustCompile(`:(box|point|not|scribble)=`)
	unknown = regexp.MustCompile(`:([A-Za-z]+)=([0-9,.;\- ]*)$`)
)

// ParseSupport reads a support as the command line has it:
//
//	cat.jpg:cat_mask.png                        a mask
//	cat.jpg:box=10,20,110,220:box=300,40,380,90 boxes; left, top, right, bottom in pixels
//	cat.jpg:point=60,90:point=80,120:not=5,5    points on the object and on the background
//	cat.jpg:scribble=lines.png:not=5,5          a scribble, drawn on black or transparent
//
// Of several colons in image:mask the one counts that leaves two existing files; with
// none of them the last one does, and reading will name what is missing. Whether
// marks lie in the picture is found out when it is read.
func ParseSupport(s string) (Support, error) {
	at := mark.FindAllStringSubmatchIndex(s, -1)
	if at == nil {
		return parsePair(s)
	}
	out := Support{Image: s[:at[0][0]]}
	if out.Image == "" {
		return out, fmt.Errorf("support %q names no picture; expected %s", s, supportForms)
	}
	for i, m := range at {
		end := len(s)
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		if err := out.add(s[m[2]:m[3]], s[m[1]:end]); err != nil {
			return out, fmt.Errorf("support %q: %w", s, err)
		}
	}
	return out, nil
}

// add takes one mark.
func (s *Support) add(kind, value string) error {
	if kind == "scribble" {
		if value == "" || s.Scribble != "" {
			return fmt.Errorf("scribble=%s: expected one PNG file", value)
		}
		s.Scribble = value
		return nil
	}
	form, count := "X,Y", 2
	if kind == "box" {
		form, count = "LEFT,TOP,RIGHT,BOTTOM", 4
	}
	var v []int
	for field := range strings.SplitSeq(value, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(field))
		if err != nil {
			return fmt.Errorf("%s=%s: expected %s=%s, whole pixels from the upper left corner", kind, value, kind, form)
		}
		v = append(v, n)
	}
	switch {
	case len(v) != count:
		return fmt.Errorf("%s=%s has %d numbers; expected %s=%s", kind, value, len(v), kind, form)
	case kind == "box":
		s.Boxes = append(s.Boxes, annotate.Box{X0: v[0], Y0: v[1], X1: v[2], Y1: v[3]})
	case kind == "point":
		s.Points = append(s.Points, annotate.Point{X: v[0], Y: v[1]})
	default:
		s.Not = append(s.Not, annotate.Point{X: v[0], Y: v[1]})
	}
	return nil
}

func parsePair(s string) (Support, error) {
	var last Support
	for i := range s {
		if s[i] != ':' || i == 0 || i == len(s)-1 {
			continue
		}
		last = Support{Image: s[:i], Mask: s[i+1:]}
		if isFile(last.Image) && isFile(last.Mask) {
			return last, nil
		}
	}
	if m := unknown.FindStringSubmatch(s); m != nil {
		return last, fmt.Errorf("support %q: there is no mark %q; expected %s", s, m[1], supportForms)
	}
	if last.Image == "" {
		return last, fmt.Errorf("support %q: expected %s; for instance cat.jpg:cat_mask.png or cat.jpg:point=120,80", s, supportForms)
	}
	return last, nil
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
