package foundation

import (
	"fmt"
	"slices"
	"testing"

	"hdmnet/internal/golden"
)

// TestProgramsPatches compares what is the object of masks that fit no patch.
func TestProgramsPatches(t *testing.T) {
	f := golden.Load(t, "insid3.safetensors")
	const goldenSize, goldenSide = 96, 12
	marks, shape := f.Uint8("marks")
	var got []bool
	for i := range shape[0] {
		px := goldenSize * goldenSize
		got = append(got, Patches(marks[i*px:(i+1)*px], goldenSize, goldenSide)...)
	}
	if want := f.Mask("marks.patches"); !slices.Equal(got, want) {
		t.Errorf("patches are\n%v, the program's\n%v", got, want)
	}
}

// TestProgramsResizing compares pictures and masks at the input's size and back.
func TestProgramsResizing(t *testing.T) {
	f := golden.Load(t, "insid3.safetensors")
	for name, size := range map[string]int{"shrink": 32, "grow": 48, "along": 32} {
		picture, shape := f.Uint8(name)
		h, w := shape[0], shape[1]
		want, _ := f.Uint8(name + ".resized")
		got := make([]float32, size*size*3)
		(&Encoder{}).Picture(got, size, picture, h, w)
		for i, v := range got {
			if v != float32(want[i]) {
				t.Fatalf("%s: value %d is %g, Pillow's %d", name, i, v, want[i])
			}
		}
		label, _ := f.Uint8(name + ".label")
		small := make([]uint8, size*size)
		(&Encoder{}).Label(small, size, label, h, w)
		if want, _ := f.Uint8(name + ".label.resized"); !slices.Equal(small, want) {
			t.Errorf("%s: the mask is another one than PyTorch's", name)
		}
		object := make([]float32, len(small))
		for i, v := range small {
			object[i] = float32(v)
		}
		for _, to := range [][2]int{{h, w}, {77, 130}} {
			var mask []bool
			for _, v := range Bilinear(object, size, size, to[0], to[1]) {
				mask = append(mask, v > 0.5)
			}
			if want := f.Mask(fmt.Sprintf("%s.enlarged.%dx%d", name, to[0], to[1])); !slices.Equal(mask, want) {
				t.Errorf("%s at %dx%d is another mask than PyTorch's", name, to[0], to[1])
			}
		}
	}
}
