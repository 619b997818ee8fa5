package picture

import (
	"image"
	"runtime"
	"strings"
	"testing"
)

func TestFactor(t *testing.T) {
	for s, want := range map[Size][3]int{
		{1, 1}:         {1, 1, 1},
		{8192, 8192}:   {1, 8192, 8192},
		{8192, 8193}:   {5, 1639, 1639},
		{10000, 10000}: {5, 2000, 2000},
		{16384, 16384}: {8, 2048, 2048},
		{65536, 1025}:  {5, 13108, 205},
	} {
		h, w := s.Read()
		if got := [3]int{s.Factor(), h, w}; got != want {
			t.Errorf("%v: %v, want %v", s, got, want)
		}
	}
}

// large is a picture of 72 million pixels, one byte each: column x has value x/40 mod 256.
func large() *image.Gray {
	m := image.NewGray(image.Rect(0, 0, 9001, 8000))
	for x := range 9001 {
		m.Pix[x] = uint8(x / 40)
	}
	for y := 1; y < 8000; y++ {
		copy(m.Pix[y*m.Stride:], m.Pix[:9001])
	}
	return m
}

// allocated is the memory that f takes, all in all.
func allocated(f func()) int {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int(after.TotalAlloc - before.TotalAlloc)
}

// Large pictures are read at a smaller scale without taking the memory of the whole; the
// picture and its mask stay in place.
func TestLargePictures(t *testing.T) {
	if testing.Short() {
		t.Skip("72 million pixels")
	}
	m := large()
	photo, values := encodeJPEG(t, m), encode(t, m)
	if s := (Size{8000, 9001}); s.Factor() != 5 {
		t.Fatalf("factor %d", s.Factor())
	}
	const h, w = 1600, 1801
	var told []string
	r := &Reader{Warn: func(file, message string) { told = append(told, file+": "+message) }}
	for what, content := range map[string][]byte{"JPEG": photo, "PNG": values} {
		var pix []uint8
		n := allocated(func() {
			var err error
			if pix, _, err = r.Image(nil, content, what); err != nil {
				t.Fatal(err)
			}
		})
		if len(pix) != h*w*3 {
			t.Fatalf("%s: %d values", what, len(pix))
		}
		if n > 30<<20 {
			t.Errorf("%s: %d MiB taken for a result of %d MiB", what, n>>20, len(pix)>>20)
		}
		for _, at := range []int{0, 100, w - 1, (h - 1) * w, h*w - 1} {
			x, sum, count := at%w, 0, 0
			for k := 5 * x; k < min(5*x+5, 9001); k++ {
				sum += k / 40 % 256
				count++
			}
			if got := int(pix[3*at+1]); got < sum/count-3 || got > sum/count+3 {
				t.Errorf("%s: place %d is %d, want about %d", what, at, got, sum/count)
			}
		}
	}
	var mask []uint8
	n := allocated(func() {
		var err error
		if mask, _, err = r.Mask(nil, values, "mask", 254); err != nil {
			t.Fatal(err)
		}
	})
	if n > 12<<20 || len(mask) != h*w {
		t.Errorf("mask: %d MiB taken, %d values", n>>20, len(mask))
	}
	for _, x := range []int{0, 1, 1000, w - 1} {
		if want := uint8(min(5*x+2, 9000) / 40 % 256); mask[x] != want || mask[(h-1)*w+x] != want {
			t.Errorf("column %d is %d and %d, want %d", x, mask[x], mask[(h-1)*w+x], want)
		}
	}
	if len(told) != 3 || !strings.Contains(told[0], "9001×8000 pixels are read at a smaller scale, 1 to 5: 1801×1600") {
		t.Errorf("said %q", told)
	}
}

// Means are rounded to nearest, also at the borders where fewer pixels are left.
func TestSink(t *testing.T) {
	k := newSink(nil, Size{1, 1})
	k.size, k.n, k.last = Size{3, 5}, 2, -1
	k.dst, k.line, k.sums = make([]uint8, 2*3*3), make([]uint8, 15), make([]uint32, 9)
	for y := range 3 {
		row := k.row(y)
		for i := range row {
			row[i] = uint8(10*y + i/3 + 100*(i%3/2))
		}
	}
	k.flush()
	want := []uint8{6, 6, 106, 8, 8, 108, 9, 9, 109, 21, 21, 121, 23, 23, 123, 24, 24, 124}
	for i, v := range k.dst {
		if v != want[i] {
			t.Fatalf("%v, want %v", k.dst, want)
		}
	}
}
