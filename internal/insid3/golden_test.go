package insid3

import (
	"math"
	"slices"
	"testing"

	"hdmnet/internal/cpu"
	"hdmnet/internal/foundation"
	"hdmnet/internal/golden"
	"hdmnet/internal/nn"
	"hdmnet/internal/vit"
)

// What the program made the golden file with.
const (
	goldenSize, goldenSide, goldenChannels, goldenRank = 96, 12, 32, 10
)

func product(t *testing.T) foundation.Product {
	dev, err := cpu.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = dev.Close() })
	spec, _ := vit.Find("dinov3_tiny16")
	return foundation.New(vit.New(spec), nn.NewTape(dev), spec.Patch).Product()
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
	p, err := projector(foundation.Normalized(rows(black, goldenChannels), goldenChannels), goldenChannels, goldenRank)
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
	p, c := product(t), goldenChannels
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
				maps = append(maps, featuresOf(p, rows(all[i*n:(i+1)*n], c), projection, c))
			}
			query := maps[len(maps)-1]
			var supports []support
			for i, m := range maps[:len(maps)-1] {
				px := goldenSize * goldenSize
				supports = append(supports, support{m, foundation.Patches(masks[i*px:(i+1)*px], goldenSize, goldenSide)})
			}
			want, _ := f.Float32(k.name + ".prototype")
			prototype := prototypeOf(supports, c)
			if d := golden.RelL2(prototype, want); d > 2e-6 {
				t.Errorf("the prototype is off by %g", d)
			}
			candidates := forward(dots(query.debiased, prototype))
			backward(p, candidates, supports, query.debiased, c)
			same(t, "candidates", candidates, f, k.name+".candidates")
			theirs, _ := f.Uint8(k.name + ".clusters")
			if got := cluster(cosineDistances(p, query.plain, c), 1-k.tau); !slices.Equal(got, renumbered(theirs)) {
				t.Errorf("clusters\n%v, the program's\n%v", got, renumbered(theirs))
			}
			found := segment(p, supports, query, c, s)
			same(t, "patches", found.object, f, k.name+".patches")
			var mask []bool
			for _, v := range found.answer(s, goldenSide, k.h, k.w) {
				mask = append(mask, v > 0.5)
			}
			same(t, "mask", mask, f, k.name+".mask")
		})
	}
}

// same compares a mask with a stored one.
func same(t *testing.T, what string, got []bool, f *golden.File, name string) {
	t.Helper()
	if want := f.Mask(name); !slices.Equal(got, want) {
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
