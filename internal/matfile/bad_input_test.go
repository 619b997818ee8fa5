package matfile

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func content(t testing.TB, name string) []byte {
	t.Helper()
	c, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func fails(t *testing.T, err error, want ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one about %q", want)
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q does not say %q", err, w)
		}
	}
}

func TestRefusesOtherFiles(t *testing.T) {
	_, err := Read(filepath.Join("testdata", "level4.mat"), defaultLimit)
	fails(t, err, "level4.mat", "level 4", "-v7")
	hdf5 := content(t, "sbd.mat")
	binary.LittleEndian.PutUint16(hdf5[124:], 0x0200)
	_, err = decode(hdf5, "new.mat", defaultLimit)
	fails(t, err, "new.mat", "7.3", "-v7")
	_, err = decode([]byte("\x89HDF\r\n\x1a\n and more"), "new.mat", defaultLimit)
	fails(t, err, "7.3")
	_, err = decode([]byte("<html>404 not found</html>"), "page.mat", defaultLimit)
	fails(t, err, "page.mat", "not a MATLAB file")
	_, err = Read(filepath.Join("testdata", "none.mat"), defaultLimit)
	fails(t, err, "none.mat")
}

// TestEveryCutFails: a file that is cut short anywhere is an error, unless it is cut
// between two variables.
func TestEveryCutFails(t *testing.T) {
	for _, name := range []string{"sbd.mat", "sbd_plain.mat"} {
		whole := content(t, name)
		for n := headerSize + 1; n < len(whole); n += 7 {
			if _, err := decode(whole[:n], name, defaultLimit); err == nil {
				t.Fatalf("%s: its first %d of %d bytes are read without an error", name, n, len(whole))
			}
		}
	}
}

func TestNeverMoreThanTheLimit(t *testing.T) {
	// A 64 MiB of zeros pack to 64 KiB.
	var bomb bytes.Buffer
	bomb.Write(content(t, "sbd.mat")[:headerSize])
	var packed bytes.Buffer
	z := zlib.NewWriter(&packed)
	for range 1 << 6 {
		_, _ = z.Write(make([]byte, 1<<20))
	}
	z.Close()
	_ = binary.Write(&bomb, binary.LittleEndian, []uint32{uint32(miCOMPRESSED), uint32(packed.Len())})
	bomb.Write(packed.Bytes())
	var err error
	allocated := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			_, err = decode(bomb.Bytes(), "bomb.mat", 1<<20)
		}
	}).AllocedBytesPerOp()
	fails(t, err, "bomb.mat", "1048576 bytes")
	if allocated > 8<<20 {
		t.Errorf("%d bytes were allocated for a limit of a megabyte", allocated)
	}
	_, err = decode(content(t, "sbd_plain.mat"), "a.mat", 1000)
	fails(t, err, "1000 bytes")
	_, err = Read(filepath.Join("testdata", "sbd_plain.mat"), 1000)
	fails(t, err, "1000 bytes")
	if _, err := decode(content(t, "sbd.mat"), "a.mat", 1<<16); err != nil {
		t.Error(err)
	}
}

// TestSizesOfDamagedFiles: sizes that speak of more than is there take no memory.
func TestSizesOfDamagedFiles(t *testing.T) {
	header := content(t, "big_endian.mat")[:headerSize]
	matrix := func(class uint32, dims []int32, parts ...byte) []byte {
		var body bytes.Buffer
		_ = binary.Write(&body, binary.BigEndian, []uint32{uint32(miUINT32), 8, class, 0, uint32(miINT32), uint32(4 * len(dims))})
		_ = binary.Write(&body, binary.BigEndian, dims)
		if len(dims)%2 == 1 {
			body.Write(make([]byte, 4))
		}
		body.Write([]byte{0, 1, 0, 1, 'x', 0, 0, 0})
		body.Write(parts)
		file := slices.Clone(header)
		file = binary.BigEndian.AppendUint32(file, uint32(miMATRIX))
		file = binary.BigEndian.AppendUint32(file, uint32(body.Len()))
		return append(file, body.Bytes()...)
	}
	field := []byte{0, 4, 0, 5, 0, 0, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0} // no field names
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"cells":      {matrix(uint32(Cell), []int32{1 << 15, 1 << 15}), "cut short"},
		"overflow":   {matrix(uint32(Uint8), []int32{1 << 30, 1 << 30, 1 << 30, 1 << 30}), "dimensions"},
		"negative":   {matrix(uint32(Uint8), []int32{-1, 5}), "dimensions"},
		"dimensions": {matrix(uint32(Uint8), []int32{5}), "1 dimensions"},
		"numbers":    {matrix(uint32(Uint8), []int32{2, 2}, 0, 1, 0, 2, 7, 0, 0, 0), "1 numbers"},
		"type":       {matrix(uint32(Uint8), []int32{1, 1}, 0, 1, 0, 99, 7, 0, 0, 0), "unknown type 99"},
		"class":      {matrix(40, []int32{1, 1}), "class 40"},
		"blanks":     {matrix(uint32(Char), []int32{1 << 19, 1 << 19}, 0, 0, 0, 1, 0, 0, 0, 0), "memory"},
		"fieldless":  {matrix(uint32(Struct), []int32{1 << 19, 1 << 19}, field...), "memory"},
	} {
		_, err := decode(c.file, name, 1<<20)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: error %v, want one about %q", name, err, c.want)
		}
	}
}

func TestBytes(t *testing.T) {
	a := &Array{Class: Double, Dims: []int{2, 3}, Real: []float64{1, 2, 3, 4, 5, 255}}
	pix, h, w, err := a.Bytes()
	if err != nil || h != 2 || w != 3 || !bytes.Equal(pix, []byte{1, 3, 5, 2, 4, 255}) {
		t.Errorf("%v %d×%d, %v", pix, h, w, err)
	}
	for _, bad := range []any{[]int8{0, -1}, []float64{0.5, 0}, []uint16{0, 256}, []float32{-1, 0}, []int64{1 << 40, 0}} {
		_, _, _, err := (&Array{Class: Double, Dims: []int{1, 2}, Real: bad}).Bytes()
		fails(t, err, "row 0", "0..255")
	}
	_, _, _, err = (&Array{Class: Char, Dims: []int{1, 2}, Text: []string{"ab"}}).Bytes()
	fails(t, err, "1×2 char")
	_, _, _, err = (&Array{Class: Uint8, Dims: []int{1, 2, 1}, Real: []uint8{1, 2}}).Bytes()
	fails(t, err, "1×2×1 uint8")
}

func TestFieldsAndVariables(t *testing.T) {
	all, err := decode(content(t, "sbd.mat"), "sbd.mat", defaultLimit)
	if err != nil {
		t.Fatal(err)
	}
	gt, err := Lookup(all, "GTcls")
	if err != nil {
		t.Fatal(err)
	}
	mask, err := gt.Field("Segmentation")
	if err != nil || mask.Class != Uint8 {
		t.Fatalf("%+v, %v", mask, err)
	}
	_, err = gt.Field("segmentation")
	fails(t, err, `"segmentation"`, "Boundaries")
	_, err = mask.Field("x")
	fails(t, err, "17×23 uint8", "struct")
	_, err = Lookup(all, "GTinst")
	fails(t, err, "GTinst", "GTcls")
}

func FuzzDecode(f *testing.F) {
	for _, name := range []string{"sbd.mat", "sbd_plain.mat", "classes.mat", "classes_plain.mat", "big_endian.mat", "level4.mat"} {
		f.Add(content(f, name))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		all, err := decode(file, "fuzz.mat", 1<<22)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "fuzz.mat: ") {
				t.Errorf("error %q does not name the file", err)
			}
			return
		}
		for _, a := range all {
			if pix, h, w, err := a.Bytes(); err == nil && len(pix) != h*w {
				t.Errorf("%d bytes of a %d×%d matrix", len(pix), h, w)
			}
		}
	})
}
