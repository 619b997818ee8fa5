package overlay

import "testing"

// TestOutlineWidth: on large pictures the outline is wider; the picture's border has none.
func TestOutlineWidth(t *testing.T) {
	h, w := 4, 1000
	m := make([]uint8, h*w)
	for i := range m {
		if i%w < 100 {
			m[i] = 1
		}
	}
	img := Draw(make([]uint8, h*w*3), m, h, w)
	count := 0
	for x := range w {
		if img.NRGBAAt(x, 2) == Line {
			count++
		}
	}
	if count != 4 || img.NRGBAAt(99, 0) != Line || img.NRGBAAt(95, 0) == Line || img.NRGBAAt(0, 0) == Line {
		t.Errorf("the outline has %d columns", count)
	}
}
