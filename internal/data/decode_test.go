package data

import (
	"slices"
	"testing"
)

// A JPEG and a palette mask come out as OpenCV reads them. The pair tests the
// file formats only: the mask outlines an aeroplane, the photograph shows a room.
func TestDecodingMatchesOpenCV(t *testing.T) {
	want := openGoldens(t, "validation").scene() // rows 60:200, columns 150:340
	src, err := OpenList("../../testdata/pascal-tiny/list.txt", "../../testdata/pascal-tiny", 20)
	if err != nil {
		t.Fatal(err)
	}
	s, err := src.Load(0)
	if err != nil {
		t.Fatal(err)
	}
	for y := range want.H {
		at := (y+60)*s.W + 150
		if got := s.Mask[at : at+want.W]; !slices.Equal(got, want.Mask[y*want.W:(y+1)*want.W]) {
			t.Fatalf("mask row %d differs", y)
		}
		if got := s.Image[at*3:][:want.W*3]; !slices.Equal(got, want.Image[y*want.W*3:][:want.W*3]) {
			t.Fatalf("image row %d differs", y)
		}
	}
}
