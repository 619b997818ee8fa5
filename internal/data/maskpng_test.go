package data

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	"slices"
	"testing"
)

// filteredPNG is an 8-bit PNG of h random rows that have the filter types in
// turn, its data in two chunks; kind is 0 for gray and 3 for a palette.
func filteredPNG(h, w int, kind byte) []byte {
	rng := NewRand(uint64(w), uint64(kind))
	var packed bytes.Buffer
	z := zlib.NewWriter(&packed)
	for y := range h {
		row := []byte{byte(y % 5)}
		for range w {
			row = append(row, byte(rng.Intn(256)))
		}
		z.Write(row)
	}
	z.Close()
	out := []byte("\x89PNG\r\n\x1a\n")
	chunk := func(name string, body []byte) {
		out = binary.BigEndian.AppendUint32(out, uint32(len(body)))
		start := len(out)
		out = append(append(out, name...), body...)
		out = binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out[start:]))
	}
	header := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(w)), uint32(h))
	chunk("IHDR", append(header, 8, kind, 0, 0, 0))
	if kind == 3 {
		chunk("PLTE", make([]byte, 768))
	}
	chunk("tEXt", []byte("a\x00b"))
	half := packed.Len() / 2
	chunk("IDAT", packed.Bytes()[:half])
	chunk("IDAT", packed.Bytes()[half:])
	chunk("IEND", nil)
	return out
}

// Every row filter is undone as image/png does; one decoder reads all files.
func TestMaskDecoder(t *testing.T) {
	var d maskDecoder
	var mask []uint8
	for _, kind := range []byte{0, 3} {
		for _, w := range []int{1, 2, 7, 300} {
			content := filteredPNG(11, w, kind)
			want, _, _, err := decodeRareMask(content, "m.png")
			if err != nil {
				t.Fatal(err)
			}
			got, gh, gw, ok := d.decode(mask, content)
			if !ok || gh != 11 || gw != w || !slices.Equal(got, want) {
				t.Errorf("color type %d, width %d: ok %v, %d×%d, or values other than image/png's", kind, w, ok, gw, gh)
			}
			mask = got
			for n := range len(content) - 1 {
				if _, _, _, ok := d.decode(nil, content[:n]); ok {
					t.Fatalf("the first %d bytes of %d were taken for a picture", n, len(content))
				}
			}
			for at := 8; at < len(content); at++ {
				content[at] ^= 4 // whatever bit: checksums guard all of it
				if _, _, _, ok := d.decode(nil, content); ok {
					t.Fatalf("a wrong bit in byte %d was not noticed", at)
				}
				content[at] ^= 4
			}
		}
	}
}

func TestOutOfRange(t *testing.T) {
	for _, n := range []int{1, 8, 9, 40} {
		mask := slices.Repeat([]uint8{3}, n)
		mask[n/2] = Ignore
		if at := outOfRange(mask, 3); at != -1 {
			t.Errorf("%d values: %d is out of range", n, at)
		}
		for i := range mask {
			wrong := slices.Clone(mask)
			wrong[i] = 4
			if at := outOfRange(wrong, 3); at != i {
				t.Errorf("%d values: the wrong one is at %d, want %d", n, at, i)
			}
		}
	}
}
