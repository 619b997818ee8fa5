package data

import (
	"slices"
	"testing"
)

// sayer draws its own number and the position.
type sayer int

func (n sayer) Draw(_, position int) Draw { return Draw{Query: position, Class: int(n)} }

func TestInterleaved(t *testing.T) {
	d := NewInterleaved([]Drawer{sayer(7), sayer(8), sayer(9)}, []int{3, 1, 2})
	var got [][3]int
	for p := range d.Len() {
		e := d.Draw(0, p)
		got = append(got, [3]int{d.Run(p), e.Class, e.Query})
	}
	want := [][3]int{{0, 7, 0}, {1, 8, 0}, {2, 9, 0}, {0, 7, 1}, {2, 9, 1}, {0, 7, 2}}
	if !slices.Equal(got, want) {
		t.Errorf("run, drawer and episode by position are %v, want %v", got, want)
	}
}
