package data

import (
	"crypto/sha256"
	"fmt"
	"testing"
)

// TestDecodingMatchesOpenCV: photographs and palette masks come out as OpenCV 5.0 (its
// pixels as RGB) and Pillow (a palette's indices) read them: SHA-256 of the values.
func TestDecodingMatchesOpenCV(t *testing.T) {
	src, err := OpenList("../../testdata/real-mini/list.txt", "../../testdata/real-mini", 2)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct {
		h, w        int
		image, mask string
	}{
		{640, 427, "b87dcfb8f07c4c2a02a57d27ace595b1", "6dddf1e079e1f4e07f07132567307d46"},
		{346, 500, "93cac3328c3b7686ead74fee8d7a2493", "ffe8dea7e50cf4201b7846ec005a37af"},
		{428, 640, "1371ef116d3d204dec6db0cdf64eb665", "fc4c973a41cecd23ea66b4c0d60bb3c3"},
		{429, 640, "394d62a14383f66a0c316922273d8982", "a0ee041592af78f3a7e7ee4741eec0f8"},
		{511, 640, "4c50468aa0a65c05b1105f479b7bab23", "69b5f92c357d2fd35768bb82c1805cae"},
		{334, 500, "741325c85dadc9042385874571973fe7", "be1fbdb9da579b8814992488b3f52e8d"},
		{480, 640, "fa90d13a52919ac4caebe19dfd122f8c", "d16137dd0fce83f0a8723c1f5658411e"},
		{500, 375, "78400885154a8ddd193c99b4c39b96bc", "408b2f8330ebf68a8a09bebcc96f40a0"},
	} {
		s, err := src.Load(i)
		if err != nil {
			t.Fatal(err)
		}
		sum := func(v []uint8) string { return fmt.Sprintf("%x", sha256.Sum256(v))[:32] }
		if s.H != want.h || s.W != want.w || sum(s.Image) != want.image || sum(s.Mask) != want.mask {
			t.Errorf("%s: %d×%d, image %s, mask %s", s.Name, s.W, s.H, sum(s.Image), sum(s.Mask))
		}
	}
}
