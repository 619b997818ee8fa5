package insid3

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"hdmnet/internal/cpu"
	"hdmnet/internal/golden"
	"hdmnet/internal/nn"
)

// What the program made the golden file with.
const (
	goldenSize, goldenSide, goldenChannels, goldenRank = 96, 12, 32, 10
)

func tape(t *testing.T) product {
	dev, err := cpu.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = dev.Close() })
	return product{nn.NewTape(dev)}
}

// rows are the features [h·w,c] of a map [c,h,w].
func rows(v []float32, c int) []float32 {
	n := len(v) / c
	out := make([]float32, len(v))
	for i := range v {
		out[i%n*c+i/n] = v[i]
	}
	return out
}

// goldenProjector is that of the black picture.
func goldenProjector(t *testing.T, f *golden.File) []float32 {
	t.Helper()
	black, _ := f.Float32("black")
	features := rows(black, goldenChannels)
	normalize(features, goldenChannels)
	p, err := projector(features, goldenChannels, goldenRank)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestProgramsProjector compares the subspace of positions with the program's.
func TestProgramsProjector(t *testing.T) {
	f := golden.Load(t, "insid3.safetensors")
	want, _ := f.Float32("projector")
	got := goldenProjector(t, f)
	for i := range want {
		if math.Abs(float64(got[i]-want[i])) > 2e-6 {
			t.Fatalf("element %d is %g, the program's %g", i, got[i], want[i])
		}
	}
}

// TestProgramsMasks compares every stage with the program's.
func TestProgramsMasks(t *testing.T) {
	f := golden.Load(t, "insid3.safetensors")
	p, c := tape(t), goldenChannels
	projection := goldenProjector(t, f)
	for _, k := range []struct {
		name string
		tau  float64
		h, w int
	}{{"one", 0.6, 75, 130}, {"three", 0.6, 200, 96}, {"two", 0.7, 64, 33}} {
		t.Run(k.name, func(t *testing.T) {
			s := Settings{Size: goldenSize, Tau: k.tau, Merge: 0.2}
			all, shape := f.Float32(k.name + ".features")
			masks, _ := f.Uint8(k.name + ".masks")
			var maps []*features
			for i := range shape[0] {
				n := len(all) / shape[0]
				plain := rows(all[i*n:(i+1)*n], c)
				normalize(plain, c)
				maps = append(maps, debiased(p, plain, projection, goldenSide, goldenSide))
			}
			query := maps[len(maps)-1]
			var supports []support
			for i, m := range maps[:len(maps)-1] {
				px := goldenSize * goldenSize
				supports = append(supports, support{m, patches(masks[i*px:(i+1)*px], goldenSize, goldenSide, goldenSide)})
			}
			want, _ := f.Float32(k.name + ".prototype")
			prototype := prototypeOf(supports, c)
			if d := golden.RelL2(prototype, want); d > 2e-6 {
				t.Errorf("the prototype is off by %g", d)
			}
			candidates := forward(dots(query.debiased, prototype))
			backward(p, candidates, supports, query)
			same(t, "candidates", candidates, f, k.name+".candidates")
			theirs, _ := f.Uint8(k.name + ".clusters")
			if got := cluster(cosineDistances(p, query.plain, c), 1-k.tau); !slices.Equal(got, renumbered(theirs)) {
				t.Errorf("clusters\n%v, the program's\n%v", got, renumbered(theirs))
			}
			found := segment(p, supports, query, s)
			same(t, "patches", found.object, f, k.name+".patches")
			var mask []bool
			for _, v := range found.enlarge(s, k.h, k.w) {
				mask = append(mask, v > 0.5)
			}
			same(t, "mask", mask, f, k.name+".mask")
		})
	}
}

// same compares a mask with a stored one, which must show something and not all.
func same(t *testing.T, what string, got []bool, f *golden.File, name string) {
	t.Helper()
	v, _ := f.Uint8(name)
	want := make([]bool, len(v))
	for i := range v {
		want[i] = v[i] == 1
	}
	if !slices.Contains(want, true) || !slices.Contains(want, false) {
		t.Errorf("%s: the stored ones are all alike", what)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s are\n%v, the program's\n%v", what, got, want)
	}
}

// renumbered are clusters numbered by their first points.
func renumbered(labels []uint8) []int {
	numbers, out := map[uint8]int{}, []int(nil)
	for _, k := range labels {
		if _, ok := numbers[k]; !ok {
			numbers[k] = len(numbers)
		}
		out = append(out, numbers[k])
	}
	return out
}

// TestProgramsPatches compares what is the object of masks that fit no patch.
func TestProgramsPatches(t *testing.T) {
	f := golden.Load(t, "insid3.safetensors")
	marks, shape := f.Uint8("marks")
	var got []bool
	for i := range shape[0] {
		px := goldenSize * goldenSize
		got = append(got, patches(marks[i*px:(i+1)*px], goldenSize, goldenSide, goldenSide)...)
	}
	same(t, "patches", got, f, "marks.patches")
}

// TestProgramsResizing compares pictures and masks at the input's size and back.
func TestProgramsResizing(t *testing.T) {
	f := golden.Load(t, "insid3.safetensors")
	for name, size := range map[string]int{"shrink": 32, "grow": 48, "along": 32} {
		picture, shape := f.Uint8(name)
		h, w := shape[0], shape[1]
		want, _ := f.Uint8(name + ".resized")
		got := make([]float32, size*size*3)
		input{}.Picture(got, size, picture, h, w)
		for i, v := range got {
			if v != float32(want[i]) {
				t.Fatalf("%s: value %d is %g, Pillow's %d", name, i, v, want[i])
			}
		}
		label, _ := f.Uint8(name + ".label")
		small := make([]uint8, size*size)
		input{}.Label(small, size, label, h, w)
		if want, _ := f.Uint8(name + ".label.resized"); !slices.Equal(small, want) {
			t.Errorf("%s: the mask is another one than PyTorch's", name)
		}
		object := make([]float32, len(small))
		for i, v := range small {
			object[i] = float32(v)
		}
		for _, to := range [][2]int{{h, w}, {77, 130}} {
			var mask []bool
			for _, v := range bilinear(object, size, size, to[0], to[1]) {
				mask = append(mask, v > 0.5)
			}
			same(t, name, mask, f, fmt.Sprintf("%s.enlarged.%dx%d", name, to[0], to[1]))
		}
	}
}
