package weights

import (
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// raw builds a safetensors file from a header text and its data.
func raw(header string, data ...byte) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), data...)
}

func put(t *testing.T, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "w.safetensors")
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func openBytes(t *testing.T, b []byte) *File {
	t.Helper()
	f, err := Open(put(t, b))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func TestConversions(t *testing.T) {
	var data []byte
	data = binary.LittleEndian.AppendUint64(data, math.Float64bits(0.1))
	data = binary.LittleEndian.AppendUint64(data, math.Float64bits(math.Inf(-1)))
	minus := int64(-7)
	data = binary.LittleEndian.AppendUint64(data, uint64(minus))
	data = binary.LittleEndian.AppendUint32(data, uint32(0xfffffffe)) // I32 -2
	for _, h := range []uint16{0x3c00, 0xc000, 0x7bff, 0x0001, 0x83ff, 0x7c00, 0x8000, 0x7e01} {
		data = binary.LittleEndian.AppendUint16(data, h)
	}
	data = binary.LittleEndian.AppendUint16(data, 0x3fc0) // BF16 1.5
	data = binary.LittleEndian.AppendUint16(data, 0xff80) // I16 -128
	data = append(data, 0x80, 1, 0, 255)
	f := openBytes(t, raw(`{"__metadata__":{"k":"v"},
		"f64":{"dtype":"F64","shape":[2],"data_offsets":[0,16]},
		"i64":{"dtype":"I64","shape":[],"data_offsets":[16,24]},
		"i32":{"dtype":"I32","shape":[1,1],"data_offsets":[24,28]},
		"f16":{"dtype":"F16","shape":[2,4],"data_offsets":[28,44]},
		"bf16":{"dtype":"BF16","shape":[1],"data_offsets":[44,46]},
		"i16":{"dtype":"I16","shape":[1],"data_offsets":[46,48]},
		"i8":{"dtype":"I8","shape":[1],"data_offsets":[48,49]},
		"bool":{"dtype":"BOOL","shape":[2],"data_offsets":[49,51]},
		"u8":{"dtype":"U8","shape":[1],"data_offsets":[51,52]},
		"none":{"dtype":"F32","shape":[0,3],"data_offsets":[52,52]}}  `, data...))

	if got := f.Names(); !slices.Equal(got, []string{"f64", "i64", "i32", "f16", "bf16", "i16", "i8", "bool", "u8", "none"}) {
		t.Errorf("Names = %v", got)
	}
	if m := f.Metadata(); len(m) != 1 || m["k"] != "v" {
		t.Errorf("Metadata = %v", m)
	}
	if f.Dtype("f16") != "F16" || f.Dtype("nope") != "" {
		t.Errorf("Dtype: %q, %q", f.Dtype("f16"), f.Dtype("nope"))
	}
	if s, ok := f.Shape("f16"); !ok || !slices.Equal(s, []int{2, 4}) {
		t.Errorf("Shape(f16) = %v, %v", s, ok)
	}
	if s, ok := f.Shape("i64"); !ok || len(s) != 0 {
		t.Errorf("Shape of a scalar = %v, %v", s, ok)
	}
	if _, ok := f.Shape("nope"); ok {
		t.Error("Shape finds a tensor that is not there")
	}

	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for name, want := range map[string][]float32{
		"f64":  {0.1, -inf},
		"f16":  {1, -2, 65504, 1.0 / (1 << 24), -1023.0 / (1 << 24), inf, float32(math.Copysign(0, -1)), nan},
		"bf16": {1.5}, "none": {},
	} {
		got, _, err := f.Float32(name)
		if err != nil {
			t.Errorf("Float32(%s): %v", name, err)
			continue
		}
		same := len(got) == len(want)
		for i := range want {
			bothNaN := same && got[i] != got[i] && want[i] != want[i]
			same = same && (bothNaN || math.Float32bits(got[i]) == math.Float32bits(want[i]))
		}
		if !same {
			t.Errorf("Float32(%s) = %v, want %v", name, got, want)
		}
	}
	for name, want := range map[string]int64{"i64": -7, "i32": -2, "i16": -128, "i8": -128, "u8": 255} {
		if got, _, err := f.Int64(name); err != nil || len(got) != 1 || got[0] != want {
			t.Errorf("Int64(%s) = %v, %v, want [%d]", name, got, err, want)
		}
	}
	if got, _, err := f.Uint8("bool"); err != nil || !slices.Equal(got, []uint8{1, 0}) {
		t.Errorf("Uint8(bool) = %v, %v", got, err)
	}
	for name, read := range map[string]func() error{
		"i64":  func() error { _, _, err := f.Float32("i64"); return err },
		"f64":  func() error { _, _, err := f.Int64("f64"); return err },
		"i8":   func() error { _, _, err := f.Uint8("i8"); return err },
		"nope": func() error { _, _, err := f.Float32("nope"); return err },
	} {
		if err := read(); err == nil || !strings.Contains(err.Error(), `"`+name+`"`) || !strings.Contains(err.Error(), f.Path()) {
			t.Errorf("reading %s with the wrong type: %v", name, err)
		}
	}
}

func TestHalfAgainstFormula(t *testing.T) {
	for h := 0; h < 0x8000; h++ {
		exp, frac := h>>10, float64(h&0x3ff)
		var want float64
		switch exp {
		case 0:
			want = math.Ldexp(frac, -24)
		case 31:
			continue
		default:
			want = math.Ldexp(1024+frac, exp-25)
		}
		if got := halfToFloat32(uint16(h)); float64(got) != want {
			t.Fatalf("half %#04x = %v, want %v", h, got, want)
		}
		if got := halfToFloat32(uint16(h | 0x8000)); float64(got) != -want || !math.Signbit(float64(got)) {
			t.Fatalf("half %#04x = %v, want %v", h|0x8000, got, -want)
		}
	}
}

const one = `"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}`

func TestOpenRejects(t *testing.T) {
	data8 := make([]byte, 8)
	cases := []struct {
		what string
		file []byte
		want string
	}{
		{"empty", nil, "half-written"},
		{"7 bytes", make([]byte, 7), "half-written"},
		{"header past the end", raw("{}")[:9], "truncated"},
		{"huge header", []byte("\xff\xff\xff\xff\xff\xff\xff\xff{}"), "neither safetensors nor a file of torch.save"},
		{"truncated data", raw("{" + one + "}")[:], "truncated"},
		{"half the data", raw("{"+one+"}", 1, 2, 3, 4), "copy or download the file again"},
		{"trailing data", raw("{"+one+"}", make([]byte, 12)...), "4 bytes follow"},
		{"gap", raw(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[4,5]}}`, make([]byte, 5)...), "belong to no tensor"},
		{"overlap", raw(`{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}}`, data8[:6]...), `"b" overlaps "a"`},
		{"twice", raw("{"+one+","+one+"}", data8...), `"a" is listed twice`},
		{"dtype", raw(`{"a":{"dtype":"F33","shape":[2],"data_offsets":[0,8]}}`, data8...), `unknown dtype "F33"`},
		{"size", raw(`{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}`, data8...), "needs 12 bytes"},
		{"negative shape", raw(`{"a":{"dtype":"F32","shape":[-1,-2],"data_offsets":[0,8]}}`, data8...), "out of range"},
		{"overflow", raw(`{"a":{"dtype":"U8","shape":[2147483647,2147483647,2147483647],"data_offsets":[0,8]}}`, data8...), "too many elements"},
		{"backwards", raw(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}`, data8...), "do not describe a range"},
		{"one offset", raw(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[8]}}`, data8...), "expected 2"},
		{"float offset", raw(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8.5]}}`, data8...), `tensor "a"`},
		{"null entry", raw(`{"a":null}`), "unknown dtype"},
		{"array header", raw(`[]`), "not a JSON object"},
		{"cut header", raw(`{"a":`), `tensor "a"`},
		{"open header", raw("{"+one, data8...), "not valid JSON"},
		{"two objects", raw(`{}{}`), "text follows"},
		{"null metadata", raw(`{"__metadata__":null}`), "map strings to strings"},
		{"number metadata", raw(`{"__metadata__":{"a":1}}`), "map strings to strings"},
		{"zip", []byte("PK\x03\x04aaaaaaaaaaaaaa"), "zip archive is damaged"},
		{"pickle", []byte("\x80\x02}q\x00(X\x0e\x00\x00\x00"), "none of torch.save"},
		{"tar", append(make([]byte, 257), "ustar\x0000"...), "tar archive"},
		{"gzip", []byte("\x1f\x8b\x08\x00\x00\x00\x00\x00"), "gzip"},
		{"lfs", []byte("version https://git-lfs.github.com/spec/v1\noid sha256:0\n"), "git lfs pull"},
		{"html", []byte("<!DOCTYPE html><html></html>"), "web page"},
	}
	for _, c := range cases {
		t.Run(c.what, func(t *testing.T) {
			path := put(t, c.file)
			_, err := Open(path)
			var format *FormatError
			if !errors.As(err, &format) {
				t.Fatalf("Open = %v, want a *FormatError", err)
			}
			if format.Path != path || format.Remedy == "" || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %q should name %s and say %q", err, path, c.want)
			}
		})
	}
}

func TestOpenMissingAndDirectory(t *testing.T) {
	dir := t.TempDir()
	missing := filepath.Join(dir, "nope.safetensors")
	if _, err := Open(missing); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), missing) {
		t.Errorf("missing file: %v", err)
	}
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("directory: %v", err)
	}
}

func TestHeaderOf640BytesIsNoPickle(t *testing.T) {
	// 0x280 = 640 makes the file start with the bytes of a pickle, 80 02.
	body := "{" + one + "}"
	body += strings.Repeat(" ", 0x280-len(body))
	f := openBytes(t, raw(body, make([]byte, 8)...))
	if got := f.Names(); !slices.Equal(got, []string{"a"}) {
		t.Errorf("Names = %v", got)
	}
}

func TestFileShrinksAfterOpen(t *testing.T) {
	content := raw("{"+one+"}", make([]byte, 8)...)
	path := put(t, content)
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := os.Truncate(path, int64(len(content)-4)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := f.Float32("a"); err == nil || !strings.Contains(err.Error(), "shorter") {
		t.Errorf("reading a truncated file: %v", err)
	}
}
