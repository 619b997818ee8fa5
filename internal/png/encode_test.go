package png

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	"math/rand/v2"
)

// file makes files for tests: any depth, color and interlacing, its row filters in turn.
type file struct {
	h, w, depth int
	color       Color
	interlaced  bool
	samples     []byte // as Rows gives them, all rows
}

func newFile(h, w, depth int, color Color, interlaced bool) *file {
	f := &file{h: h, w: w, depth: depth, color: color, interlaced: interlaced}
	rng := rand.New(rand.NewPCG(uint64(h), uint64(w)))
	f.samples = make([]byte, h*w*f.size())
	for i := range f.samples {
		f.samples[i] = byte(rng.UintN(1 << min(depth, 8)))
	}
	return f
}

// size is the bytes of a pixel's samples.
func (f *file) size() int { return f.color.Channels() * max(1, f.depth/8) }

// raw are the filtered rows.
func (f *file) raw() []byte {
	passes := [][4]int{{0, 0, 1, 1}}
	if f.interlaced {
		passes = [][4]int{{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}}
	}
	var out []byte
	step := max(1, f.color.Channels()*f.depth/8)
	for _, p := range passes {
		var above []byte
		for y, filter := p[1], byte(0); y < f.h; y += p[3] {
			var row []byte
			used := 8 // bits of the last byte
			for x := p[0]; x < f.w; x += p[2] {
				s := f.samples[(y*f.w+x)*f.size():][:f.size()]
				if f.depth >= 8 {
					row = append(row, s...)
					continue
				}
				if used == 8 {
					row, used = append(row, 0), 0
				}
				used += f.depth
				row[len(row)-1] |= s[0] << (8 - used)
			}
			if len(row) == 0 {
				continue
			}
			if above == nil {
				above = make([]byte, len(row))
			}
			out = append(out, filter)
			for i, v := range row {
				left, corner := byte(0), byte(0)
				if i >= step {
					left, corner = row[i-step], above[i-step]
				}
				out = append(out, v-[]byte{0, left, above[i], byte((int(left) + int(above[i])) / 2), paeth(left, above[i], corner)}[filter])
			}
			above, filter = row, (filter+1)%5
		}
	}
	return out
}

func pack(raw []byte) []byte {
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	_, _ = z.Write(raw)
	z.Close()
	return b.Bytes()
}

func chunk(kind string, body []byte) []byte {
	out := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	out = append(append(out, kind...), body...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out[4:]))
}

// badChunk has a wrong checksum.
func badChunk(kind string, body []byte) []byte {
	c := chunk(kind, body)
	c[len(c)-1] ^= 1
	return c
}

func (f *file) header() []byte {
	b := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(f.w)), uint32(f.h))
	interlaced := byte(0)
	if f.interlaced {
		interlaced = 1
	}
	return chunk("IHDR", append(b, byte(f.depth), byte(f.color), 0, 0, interlaced))
}

// bytes are the whole file: the packed data in two chunks, more chunks before them.
func (f *file) bytes(before ...[]byte) []byte {
	parts := [][]byte{[]byte(Signature), f.header()}
	if f.color == Palette {
		parts = append(parts, chunk("PLTE", make([]byte, 3<<f.depth)))
	}
	packed := pack(f.raw())
	parts = append(append(parts, before...), chunk("IDAT", packed[:len(packed)/2]), chunk("IDAT", packed[len(packed)/2:]), chunk("IEND", nil))
	return bytes.Join(parts, nil)
}
