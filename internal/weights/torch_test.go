package weights

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func openTorch(t *testing.T, name string) *File {
	t.Helper()
	f, err := Open(filepath.Join("testdata", "torch", name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// TestEveryTensor: all types and views of testdata/torch, in all formats.
func TestEveryTensor(t *testing.T) {
	var whole []float32
	for i := range 24 {
		whole = append(whole, float32(i))
	}
	floats := map[string][]float32{
		"float32": {1.5, float32(math.Copysign(0, -1)), float32(math.Inf(1)), 3e38}, "float64": {0.1, -2},
		"float16": {1.5, 65504, 1.0 / (1 << 24)}, "bfloat16": {1.5, math.Float32frombits(0xff62 << 16)},
		"empty": {}, "parameter": {1, 2}, "rows": whole[6:18], "columns": {1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23},
		"transposed": {0, 4, 8, 12, 16, 20, 1, 5, 9, 13, 17, 21, 2, 6, 10, 14, 18, 22, 3, 7, 11, 15, 19, 23},
		"shared":     {5, 6, 7, 8}, "repeated": {7, 7, 7, 7, 7, 7}, "whole": whole,
	}
	ints := map[string][]int64{
		"int64": {-7, 1 << 40}, "int32": {-2, 7}, "int16": {-300}, "int8": {-128, 5}, "uint8": {0, 255},
		"uint16": {65535}, "uint32": {4294967295}, "scalar": {42},
	}
	shapes := map[string][]int{
		"empty": {0, 3}, "parameter": {1, 2}, "scalar": {}, "rows": {2, 6}, "columns": {4, 3}, "transposed": {4, 2, 3}, "repeated": {3, 2},
	}
	for name, format := range map[string]string{
		"every.pth": TorchZip, "every_deflated.pth": TorchZip, "protocol4.pth": TorchZip, "legacy.pth": TorchLegacy,
	} {
		f := openTorch(t, name)
		n := len(floats) + len(ints) + 2
		if format == TorchLegacy {
			n -= 2 // no uint16, uint32
		}
		if f.Format() != format || f.Within() != "" || f.Prefix() != "" || len(f.Names()) != n || f.Names()[0] != "float32" {
			t.Errorf("%s: %s, within %q, prefix %q, %d tensors, want %s and %d: %v", name, f.Format(), f.Within(), f.Prefix(), len(f.Names()), format, n, f.Names())
		}
		for tensor, want := range floats {
			got, shape, err := f.Float32(tensor)
			if err != nil || !slices.EqualFunc(got, want, func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) }) {
				t.Errorf("%s: %s = %v, %v, want %v", name, tensor, got, err, want)
			}
			if s, ok := shapes[tensor]; ok && !slices.Equal(shape, s) {
				t.Errorf("%s: %s has shape %v, want %v", name, tensor, shape, s)
			}
		}
		for tensor, want := range ints {
			if format == TorchLegacy && strings.HasPrefix(tensor, "uint") && tensor != "uint8" {
				continue
			}
			if got, _, err := f.Int64(tensor); err != nil || !slices.Equal(got, want) {
				t.Errorf("%s: %s = %v, %v, want %v", name, tensor, got, err, want)
			}
		}
		if got, _, err := f.Uint8("bool"); err != nil || !slices.Equal(got, []uint8{1, 0}) || f.Dtype("bool") != "BOOL" {
			t.Errorf("%s: bool = %v, %v, %s", name, got, err, f.Dtype("bool"))
		}
		if _, _, err := f.Float32("complex64"); err == nil || !strings.Contains(err.Error(), "C64") {
			t.Errorf("%s: complex64: %v", name, err)
		}
	}
}

// TestCheckpoint: a state_dict of DataParallel beside an optimizer, options and numbers.
func TestCheckpoint(t *testing.T) {
	for _, name := range []string{"checkpoint.pth", "checkpoint_legacy.pth"} {
		f, err := openTorch(t, name).At("state_dict.module")
		if err != nil {
			t.Fatal(err)
		}
		want := []string{"0.weight", "0.bias", "1.weight", "1.bias", "1.running_mean", "1.running_var", "1.num_batches_tracked"}
		if !slices.Equal(f.Names(), want) || f.Within() != "state_dict" || f.Prefix() != "module." {
			t.Errorf("%s: within %q, prefix %q, %v", name, f.Within(), f.Prefix(), f.Names())
		}
		if m := f.Metadata(); len(m) != 3 || m["epoch"] != "7" || m["best"] != "0.5" || m["arch"] != "tiny" {
			t.Errorf("%s: metadata %v", name, m)
		}
		if s := strings.Join(f.Skipped(), ", "); s != "args (argparse.Namespace), miou (numpy._core.multiarray.scalar), optimizer (a dict of 2)" {
			t.Errorf("%s: skipped %s", name, s)
		}
		if v, _, err := f.Float32("1.running_var"); err != nil || !slices.Equal(v, []float32{0.9, 0.9}) {
			t.Errorf("%s: %v %v", name, v, err)
		}
	}
	module := openTorch(t, "module.pth") // the same network in half precision
	if v, _, err := module.Float32("1.running_var"); err != nil || !slices.Equal(v, []float32{0.89990234, 0.89990234}) || len(module.Names()) != 7 {
		t.Errorf("a whole module: %v %v %v", module.Names(), v, err)
	}
	half := openTorch(t, "nested_half.pth")
	if v, shape, err := half.Float32("0.weight"); err != nil || !slices.Equal(v, []float32{0.4963379, 0.7680664}) || len(shape) != 4 || half.Within() != "model.state_dict" {
		t.Errorf("nested: %v %v %v, within %q", v, shape, err, half.Within())
	}
	old := openTorch(t, "python2.pth")
	if v, _, err := old.Float32("w"); err != nil || !slices.Equal(v, []float32{1, 2}) || !slices.Equal(old.Names(), []string{"w", "b"}) {
		t.Errorf("Python 2: %v %v %v", old.Names(), v, err)
	}
}

func TestTorchRejects(t *testing.T) {
	for name, want := range map[string]string{
		"big_endian.pth": "little endian", "module_legacy.pth": "no tensors", "script.pth": "TorchScript",
		"tensor.pth": "a tensor without a name", "list.pth": "a list without names", "nothing.pth": "no tensors",
	} {
		path := filepath.Join("testdata", "torch", name)
		_, err := Open(path)
		var format *FormatError
		if !errors.As(err, &format) || format.Path != path || format.Remedy == "" || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v should say %q", name, err, want)
		}
	}
}

// TestTorchCut: a file that is cut short anywhere is an error that names it.
func TestTorchCut(t *testing.T) {
	for _, name := range []string{"every.pth", "legacy.pth"} {
		whole, err := os.ReadFile(filepath.Join("testdata", "torch", name))
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "cut.pth")
		for n := 1; n < len(whole); n += 7 {
			if err := os.WriteFile(path, whole[:n], 0o644); err != nil {
				t.Fatal(err)
			}
			var format *FormatError
			if f, err := Open(path); err == nil {
				f.Close()
				t.Fatalf("%s: %d of %d bytes open without an error", name, n, len(whole))
			} else if !errors.As(err, &format) || !strings.Contains(err.Error(), path) {
				t.Fatalf("%s: %d bytes: %v", name, n, err)
			}
		}
	}
}

// archive is a zip archive of torch.save's form around a pickle and one storage of 8 bytes.
func archive(t *testing.T, pickle string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, e := range [][2]string{{"a/data.pkl", pickle}, {"a/data/0", "\x00\x00\x80\x3f\x00\x00\x00\x40"}} {
		w, err := z.CreateHeader(&zip.FileHeader{Name: e[0], Method: zip.Store})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, e[1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func stored(t *testing.T, pickle string) string { return put(t, archive(t, pickle)) }

// onePickle is {"w": a float32 view of storage 0 with n elements}; the arguments are
// pickled integers.
func onePickle(n, offset, shape, strides string) string {
	text := func(s string) string {
		return "X" + string(binary.LittleEndian.AppendUint32(nil, uint32(len(s)))) + s
	}
	return "\x80\x02}" + text("w") + "ctorch._utils\n_rebuild_tensor_v2\n((" + text("storage") + "ctorch\nFloatStorage\n" + text("0") + text("cpu") +
		n + "tQ" + offset + shape + strides + "\x89}tRs."
}

func TestHostilePickles(t *testing.T) {
	if f, err := Open(stored(t, onePickle("K\x02", "K\x00", "K\x02\x85", "K\x01\x85"))); err != nil {
		t.Fatal(err)
	} else if v, _, err := f.Float32("w"); err != nil || !slices.Equal(v, []float32{1, 2}) {
		t.Fatal(v, err)
	}
	huge := "\x8a\x06\x00\x00\x00\x00\x00\x01" // 2^40
	for what, c := range map[string]struct{ pickle, want string }{
		"storage too small":    {onePickle("K\x03", "K\x00", "K\x02\x85", "K\x01\x85"), "need 12 bytes"},
		"negative size":        {onePickle("K\x02", "K\x00", "J\xff\xff\xff\xff\x85", "K\x01\x85"), "out of range"},
		"negative stride":      {onePickle("K\x02", "K\x01", "K\x02\x85", "J\xff\xff\xff\xff\x85"), "out of range"},
		"negative offset":      {onePickle("K\x02", "J\xff\xff\xff\xff", "K\x01\x85", "K\x01\x85"), "out of range"},
		"beyond":               {onePickle("K\x02", "K\x01", "K\x02\x85", "K\x01\x85"), "beyond its storage"},
		"stride beyond":        {onePickle("K\x02", "K\x00", "K\x02\x85", huge+"\x85"), "beyond its storage"},
		"offset beyond":        {onePickle("K\x02", huge, "K\x01\x85", "K\x01\x85"), "beyond its storage"},
		"repeated for ever":    {onePickle("K\x02", "K\x00", "J\x00\x00\x00\x7f\x85", "K\x00\x85"), ".contiguous()"},
		"too many elements":    {onePickle("K\x02", "K\x00", strings.Repeat("J\x00\x00\x00\x7f", 3)+"\x87", "K\x00K\x00K\x00\x87"), "too many elements"},
		"size of no numbers":   {onePickle("K\x02", "K\x00", "N\x85", "K\x01\x85"), "no numbers"},
		"unlike strides":       {onePickle("K\x02", "K\x00", "K\x02\x85", ")"), "no numbers"},
		"long string":          {"\x80\x02X\xff\xff\xff\xffabc.", "64 MiB"},
		"longer string":        {"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\x7fabc.", "64 MiB"},
		"string of the rest":   {"\x80\x02X\xff\xff\x00\x00abc.", "truncated"},
		"long frame":           {"\x80\x04\x95\xff\xff\x00\x00\x00\x00\x00\x00}.", "a frame"},
		"longer frame":         {"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\xff}.", "64 MiB"},
		"long number":          {"\x80\x02\x8b\x00\x00\x01\x00" + strings.Repeat("1", 1<<16) + ".", "a number"},
		"long decimal":         {"L" + strings.Repeat("1", 1<<16) + "L\n.", "a number"},
		"nests":                {"\x80\x02" + strings.Repeat("(", 1<<11) + ".", "nests deeper"},
		"opcodes":              {"\x80\x02" + strings.Repeat("}0", 1<<20) + ".", "opcodes"},
		"unknown opcode":       {"\x80\x02\xff.", "unknown opcode 0xff"},
		"no end":               {"\x80\x02}", "no end"},
		"empty stack":          {"\x80\x02.", "damaged"},
		"list as key":          {"\x80\x02\x8fccollections\nOrderedDict\n)R](N]\x90.", "damaged"},
		"call of a number":     {"\x80\x02K\x01)R.", "damaged"},
		"calls itself":         {"\x80\x02](ctorch._tensor\n_rebuild_from_type_v2\nq\x01NNe.", "a list without names"},
		"two sizes":            {onePickle("K\x02", "K\x00", "K\x02\x85", "K\x01\x85")[:len(onePickle("K\x02", "K\x00", "K\x02\x85", "K\x01\x85"))-1] + onePickle("K\x01", "K\x00", "K\x01\x85", "K\x01\x85")[2:], "two types or sizes"},
		"os.system, as opaque": {"\x80\x02cos\nsystem\nX\x04\x00\x00\x00true\x85R.", "os.system"},
	} {
		t.Run(what, func(t *testing.T) {
			var before, after runtime.MemStats
			path := stored(t, c.pickle)
			runtime.ReadMemStats(&before)
			f, err := Open(path)
			runtime.ReadMemStats(&after)
			var format *FormatError
			if !errors.As(err, &format) || !strings.Contains(err.Error(), c.want) || len(err.Error()) > 1000 {
				t.Errorf("error %v (%v) should say %q", err, f, c.want)
			}
			if used := after.TotalAlloc - before.TotalAlloc; used > 64<<20 {
				t.Errorf("it took %d bytes of memory", used)
			}
		})
	}
}

func TestSaveTorchRoundTrip(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a.pth"), filepath.Join(dir, "b.pth")
	want := someTensors()
	shared := Tensor{Name: "again", Shape: want[1].Shape[1:], Float32: want[1].Float32}
	want = append(want, shared,
		Tensor{Name: "half", Dtype: "F16", Shape: []int{2}, Float32: []float32{1.5, -2}},
		Tensor{Name: "brain", Dtype: "BF16", Shape: []int{2}, Float32: []float32{1.5, -2}},
		Tensor{Name: "short", Dtype: "I16", Shape: []int{2}, Int64: []int64{-3, 4}},
		Tensor{Name: "flags", Dtype: "BOOL", Shape: []int{2}, Uint8: []uint8{1, 0}})
	meta := map[string]string{"z": "1", "fold": "2"}
	for _, path := range []string{a, b} {
		if err := SaveTorch(path, want, meta); err != nil {
			t.Fatal(err)
		}
	}
	x, _ := os.ReadFile(a)
	y, _ := os.ReadFile(b)
	if len(x) == 0 || !bytes.Equal(x, y) {
		t.Error("the same tensors give different bytes")
	}
	f, err := Open(a)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if m := f.Metadata(); fmt.Sprint(m) != "map[fold:2 z:1]" || f.Within() != "state_dict" || len(f.Skipped()) != 0 {
		t.Errorf("metadata %v, within %q, skipped %v", m, f.Within(), f.Skipped())
	}
	var names []string
	for _, w := range want {
		names = append(names, w.Name)
		shape, _ := f.Shape(w.Name)
		if !slices.Equal(shape, w.Shape) || f.Dtype(w.Name) != w.dtype() {
			t.Errorf("%s: %s %v, want %s %v", w.Name, f.Dtype(w.Name), shape, w.dtype(), w.Shape)
		}
		if at := f.tensors[f.index[w.Name]].at; at%torchAlign != 0 {
			t.Errorf("%s begins at byte %d", w.Name, at)
		}
		var same bool
		switch {
		case w.Float32 != nil:
			got, _, _ := f.Float32(w.Name)
			same = slices.EqualFunc(got, w.Float32, func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) })
		case w.Int64 != nil:
			got, _, _ := f.Int64(w.Name)
			same = slices.Equal(got, w.Int64)
		default:
			got, _, _ := f.Uint8(w.Name)
			same = slices.Equal(got, w.Uint8)
		}
		if !same {
			t.Errorf("%s differs", w.Name)
		}
	}
	if !slices.Equal(f.Names(), names) {
		t.Errorf("names %v", f.Names())
	}
	if one, two := f.tensors[f.index["again"]].at, f.tensors[f.index["layer0.0.weight"]].at; one != two {
		t.Errorf("tensors of one slice lie at %d and %d", one, two)
	}
	if err := SaveTorch(a, []Tensor{{Name: "w", Dtype: "U16", Shape: []int{1}, Int64: []int64{1}}}, nil); err == nil || !strings.Contains(err.Error(), "U16") {
		t.Errorf("a type without a storage: %v", err)
	}
	if err := SaveTorch(a, []Tensor{shared, shared}, nil); err == nil || !strings.Contains(err.Error(), "two tensors") {
		t.Errorf("a name twice: %v", err)
	}
}

// TestNarrowing: every half and every bfloat16 survives, and ties go to even.
func TestNarrowing(t *testing.T) {
	for h := range 1 << 16 {
		if v := halfToFloat32(uint16(h)); v == v {
			if got := float32ToHalf(v); got != uint16(h) {
				t.Fatalf("half %#04x comes back as %#04x", h, got)
			}
		}
		if v := math.Float32frombits(uint32(h) << 16); v == v {
			if got := float32ToBrain(v); got != uint16(h) {
				t.Fatalf("bfloat16 %#04x comes back as %#04x", h, got)
			}
		}
	}
	for v, want := range map[float32]uint16{
		1 + 1.0/2048: 0x3c00, 1 + 3.0/2048: 0x3c02, 1 + 1.001/2048: 0x3c01, 65519.99: 0x7bff, 65520: 0x7c00, 1e9: 0x7c00,
		1.0 / (1 << 25): 0, 1.5 / (1 << 24): 2, 0x1.ff8p-15: 0x03ff, 0x1.ffcp-15: 0x0400,
	} {
		if got := float32ToHalf(v); got != want {
			t.Errorf("half of %g is %#04x, want %#04x", v, got, want)
		}
	}
	if got := float32ToBrain(1 + 1.0/256); got != 0x3f80 {
		t.Errorf("bfloat16 of a tie is %#04x", got)
	}
	nan := float32(math.NaN())
	if h, b := float32ToHalf(nan), float32ToBrain(nan); h&0x7fff <= 0x7c00 || b&0x7fff <= 0x7f80 {
		t.Errorf("NaN becomes %#04x and %#04x", h, b)
	}
	for what, c := range map[string]Tensor{
		"beyond F16": {Dtype: "F16", Float32: []float32{7e4}}, "beyond BF16": {Dtype: "BF16", Float32: []float32{3.4e38}}, "beyond I8": {Dtype: "I8", Int64: []int64{128}},
		"cannot be saved as F64": {Dtype: "F64", Float32: []float32{1}}, "cannot be saved as U8": {Dtype: "U8", Int64: []int64{1}}, "cannot be saved as F16": {Dtype: "F16", Uint8: []uint8{1}},
	} {
		c.Name, c.Shape = "w", []int{1}
		if err := Save(filepath.Join(t.TempDir(), "x"), []Tensor{c}, nil); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("error %v should say %q", err, what)
		}
	}
}

// TestOpenReadsNoTensor: to open a large file takes little memory.
func TestOpenReadsNoTensor(t *testing.T) {
	path := filepath.Join(t.TempDir(), "large.pth")
	large := Tensor{Name: "w", Shape: []int{8 << 20}, Float32: make([]float32, 8<<20)}
	if err := SaveTorch(path, []Tensor{large}, nil); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f, err := Open(path)
	runtime.ReadMemStats(&after)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if used := after.TotalAlloc - before.TotalAlloc; used > 1<<20 {
		t.Errorf("to open a file of 32 MiB took %d bytes of memory", used)
	}
}

func TestRenamed(t *testing.T) {
	f := openTorch(t, "nested_half.pth")
	g, err := f.Renamed(func(name string) (string, bool) { return "x." + name, strings.HasPrefix(name, "0.") })
	if err != nil || !slices.Equal(g.Names(), []string{"x.0.weight", "x.0.bias"}) {
		t.Fatal(g.Names(), err)
	}
	if v, _, err := g.Float32("x.0.bias"); err != nil || len(v) != 2 {
		t.Error(v, err)
	}
	if _, _, err := f.Float32("0.bias"); err != nil {
		t.Errorf("the file itself has changed: %v", err)
	}
	if _, err := f.Renamed(func(string) (string, bool) { return "x", true }); err == nil || !strings.Contains(err.Error(), `"0.weight" and "0.bias"`) {
		t.Errorf("two tensors of one name: %v", err)
	}
}
