package labelstudio

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestBrushes: brushes that label-studio-sdk made; scripts/labelstudio_golden.py.
func TestBrushes(t *testing.T) {
	text, err := os.ReadFile("testdata/brushes.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Name  string   `json:"name"`
		Exact bool     `json:"exact"`
		Rows  []string `json:"mask"`
		RLE   RLE      `json:"rle"`
	}
	if err := json.Unmarshal(text, &cases); err != nil || len(cases) < 8 {
		t.Fatal(len(cases), err)
	}
	for _, c := range cases {
		h, w := len(c.Rows), len(c.Rows[0])
		var want []uint8
		for _, r := range strings.Join(c.Rows, "") {
			v := uint8(0)
			if r == '#' {
				v = 1
			}
			want = append(want, v)
		}
		got, err := decode(c.RLE, h, w)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: decoded to another mask: %v", c.Name, err)
		}
		ours := encode(want)
		if c.Exact && !bytes.Equal(ours, c.RLE) {
			t.Errorf("%s: %d bytes, label-studio-sdk writes other %d", c.Name, len(ours), len(c.RLE))
		}
		if back, err := decode(ours, h, w); err != nil || !slices.Equal(back, want) {
			t.Errorf("%s: there and back it is another mask: %v", c.Name, err)
		}
		if _, err := decode(c.RLE, h+1, w); err == nil {
			t.Errorf("%s: decoded as a taller picture", c.Name)
		}
		if _, err := decode(c.RLE[:len(c.RLE)/2], h, w); err == nil {
			t.Errorf("%s: half of it was decoded", c.Name)
		}
	}
}

func TestBrushJSON(t *testing.T) {
	text, err := json.Marshal(RLE{0, 7, 255})
	if err != nil || string(text) != "[0,7,255]" {
		t.Errorf("%s %v", text, err)
	}
	var back RLE
	if err := json.Unmarshal([]byte("[ 0,\n7, 255 ]"), &back); err != nil || !bytes.Equal(back, RLE{0, 7, 255}) {
		t.Errorf("%v %v", back, err)
	}
	if err := json.Unmarshal([]byte("[]"), &back); err != nil || len(back) != 0 {
		t.Errorf("%v %v", back, err)
	}
	for _, bad := range []string{"[256]", "[-1]", "[1.5]", `["a"]`, `{"a":1}`} {
		if json.Unmarshal([]byte(bad), &back) == nil {
			t.Errorf("%s was taken", bad)
		}
	}
}

// FuzzDecode: any bytes are a mask of the size asked for, or an error.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(encode([]uint8{0, 1, 1, 0, 0, 1})), uint8(2), uint8(3))
	f.Add([]byte{0, 0, 0, 24, 0xf8, 0xff, 0xff, 1, 2, 3}, uint8(2), uint8(3))
	f.Fuzz(func(t *testing.T, data []byte, h, w uint8) {
		mask, err := decode(data, int(h), int(w))
		if err == nil && len(mask) != int(h)*int(w) {
			t.Fatalf("%d pixels of %d×%d", len(mask), w, h)
		}
	})
}
