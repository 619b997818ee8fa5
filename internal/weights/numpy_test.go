package weights

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// TestNumpy: arrays as torch.save and pickle write them, in every protocol, under the names
// of numpy 1 and 2.
func TestNumpy(t *testing.T) {
	for _, name := range []string{"numpy.pth", "numpy1.pkl", "numpy2.pkl", "numpy4.pkl", "numpy5.pkl"} {
		f := openTorch(t, name)
		for _, c := range []struct {
			name  string
			want  []float32
			shape []int
		}{
			{"layer0.0.weight", []float32{0.5152631998062134, -0.44137823581695557}, []int{2, 1, 1, 1}},
			{"half", []float32{.5}, []int{1}},
			{"columns", []float32{0, 1, 2, 3, 4, 5}, []int{2, 3}},
		} {
			if v, shape, err := f.Float32(c.name); err != nil || !slices.Equal(v, c.want) || !slices.Equal(shape, c.shape) {
				t.Errorf("%s: %s is %v %v %v", name, c.name, v, shape, err)
			}
		}
		if v, _, err := f.Int64("big"); err != nil || !slices.Equal(v, []int64{1, 2, 3}) {
			t.Errorf("%s: big-endian integers are %v %v", name, v, err)
		}
		if v, shape, err := f.Int64("scalar"); err != nil || !slices.Equal(v, []int64{7}) || len(shape) != 0 {
			t.Errorf("%s: the scalar is %v %v %v", name, v, shape, err)
		}
		if v, _, err := f.Uint8("flags"); err != nil || !slices.Equal(v, []uint8{1, 0}) {
			t.Errorf("%s: flags are %v %v", name, v, err)
		}
		if s := strings.Join(f.Skipped(), ", "); s != "objects (a numpy array of no numbers), words (a numpy array of no numbers)" {
			t.Errorf("%s: skipped %s", name, s)
		}
	}
}

// array is a pickle of {"w": array} with a state.
func array(state string) string {
	return "\x80\x02}X\x01\x00\x00\x00wcnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R" + state + "bs."
}

const f4 = "cnumpy\ndtype\nX\x02\x00\x00\x00f4K\x00K\x01\x87R"

func TestHostileArrays(t *testing.T) {
	for what, c := range map[string]struct{ pickle, want string }{
		"no state":         {array("N"), "state is none"},
		"short state":      {array("(K\x01)t"), "state is none"},
		"no shape":         {array("(K\x01N" + f4 + "\x89U\x00t"), "shape or order"},
		"no bytes":         {array("(K\x01)" + f4 + "\x89K\x00t"), "bytes are none"},
		"part of a number": {array("(K\x01K\x01\x85" + f4 + "\x89U\x03abct"), "in 3 bytes"},
		"too few bytes":    {array("(K\x01K\x02\x85" + f4 + "\x89U\x04abcdt"), "beyond its storage"},
		"negative":         {array("(K\x01J\xff\xff\xff\xff\x85" + f4 + "\x89U\x04abcdt"), "out of range"},
		"no buffer":        {"\x80\x02}X\x01\x00\x00\x00wcnumpy.core.numeric\n_frombuffer\n)Rs.", "0 arguments"},
		"no text":          {"\x80\x02}X\x01\x00\x00\x00wc_codecs\nencode\n)Rs.", "no text"},
		"no byte":          {"\x80\x02}X\x01\x00\x00\x00wc_codecs\nencode\nX\x02\x00\x00\x00\xc4\x80\x85Rs.", "no byte"},
	} {
		var format *FormatError
		if f, err := Open(stored(t, c.pickle)); !errors.As(err, &format) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v (%v) should say %q", what, err, f, c.want)
		}
	}
}
