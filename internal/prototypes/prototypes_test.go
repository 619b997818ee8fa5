package prototypes

import (
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"hdmnet/internal/cpu"
	"hdmnet/internal/data"
	"hdmnet/internal/foundation"
	"hdmnet/internal/labelmap"
	"hdmnet/internal/nn"
	"hdmnet/internal/vit"
)

// side is that of the inputs here.
const side = 96

// encoder is a small one with random weights.
func encoder(t *testing.T) *foundation.Encoder {
	t.Helper()
	dev, err := cpu.New()
	if err != nil {
		t.Fatal(err)
	}
	spec, _ := vit.Find("dinov3_tiny16")
	net := vit.New(spec)
	set := nn.NewSet(dev, net, 3)
	t.Cleanup(func() { set.Close(); _ = dev.Close() })
	return foundation.New(net, nn.NewTape(dev), side)
}

func product(t *testing.T) foundation.Product { return encoder(t).Product() }

// scene is a picture with a red square on a green ground, and its mask.
func scene(x0, y0, size int) data.Sample {
	s := data.Sample{Image: make([]float32, side*side*3), Mask: make([]uint8, side*side)}
	for y := range side {
		for x := range side {
			color := [3]float32{40, 160, 60}
			if x >= x0 && x < x0+size && y >= y0 && y < y0+size {
				color, s.Mask[y*side+x] = [3]float32{220, 30, 20}, 1
			}
			copy(s.Image[(y*side+x)*3:], color[:])
		}
	}
	return s
}

// TestFind: an object of a color of its own is found from one and from five supports, some with nothing
// marked, with more clusters than patches too, to the same bits whatever the number of processors. Without an
// object nothing is, and without a background all.
func TestFind(t *testing.T) {
	one := &data.Episode{Supports: []data.Sample{scene(16, 16, 48)}, SupportNames: []string{"a"}, Query: scene(32, 32, 48), QueryName: "q", H: side, W: side}
	five := *one
	for i, name := range []string{"b", "c", "d", "e"} {
		s := scene(16*(i%2), 48, 32)
		if name == "d" {
			clear(s.Mask)
		}
		five.Supports, five.SupportNames = append(five.Supports, s), append(five.SupportNames, name)
	}
	find := func(k int, e *data.Episode) []float32 {
		t.Helper()
		s := Settings{Size: side, Clusters: k, Seed: 5}
		f, err := s.Open(encoder(t))
		if err != nil {
			t.Fatal(err)
		}
		p, err := f.Find(e)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	for k, e := range map[int]*data.Episode{1: one, 3: &five, 5: one, 500: one} {
		p := find(k, e)
		var both, either float64
		for i, m := range e.Query.Mask {
			if m == 1 && p[i] > 0.5 {
				both++
			}
			if m == 1 || p[i] > 0.5 {
				either++
			}
		}
		if both/either < 0.8 {
			t.Errorf("%d clusters, %d supports: IoU %.2f", k, len(e.Supports), both/either)
		}
		before := runtime.GOMAXPROCS(1)
		again := find(k, e)
		runtime.GOMAXPROCS(before)
		if !slices.Equal(p, again) {
			t.Errorf("%d clusters: other bits with one processor", k)
		}
	}
	empty := *one
	empty.Supports = []data.Sample{scene(0, 0, 0)}
	if p := find(5, &empty); slices.Max(p) > 0 {
		t.Error("something is found without an object")
	}
	full := *one
	full.Supports = []data.Sample{scene(0, 0, side)}
	if p := find(5, &full); slices.Min(p) != 1 {
		t.Error("not all is found without a background")
	}
}

// TestSplit: patches in ignored pixels are neither the object nor the background.
func TestSplit(t *testing.T) {
	s := foundation.Support{Features: []float32{1, 2, 3, 4}, Object: []bool{true, false, false, false}, Mask: make([]uint8, 16)}
	s.Mask[0] = 1
	for _, i := range []int{2, 3, 6, 7} {
		s.Mask[i] = labelmap.Ignore
	}
	object, background := split([]foundation.Support{s}, 4, 2, 1)
	if !slices.Equal(object, []float32{1}) || !slices.Equal(background, []float32{3, 4}) {
		t.Errorf("object %v, background %v", object, background)
	}
}

// TestKMeans: clusters that lie apart are found whatever the seed; the same seed draws the same; patches
// that are all alike give prototypes that are so, too.
func TestKMeans(t *testing.T) {
	p, c, r := product(t), 4, rand.New(rand.NewPCG(1, 2))
	var x []float32
	for i := range 120 {
		for j := range c {
			v := 0.1 * r.NormFloat64()
			if j == i%c {
				v += 3
			}
			x = append(x, float32(v))
		}
	}
	for seed := range uint64(10) {
		s := scorer{Settings: Settings{Clusters: c, Seed: seed}, p: p, c: c}
		got := s.kmeans(x, 1)
		if !slices.Equal(got, s.kmeans(x, 1)) {
			t.Fatalf("seed %d draws differently", seed)
		}
		found := map[int]bool{}
		for center := range slices.Chunk(got, c) {
			for j, v := range center {
				if v > 0.99 {
					found[j] = true
				}
			}
		}
		if len(found) != c {
			t.Errorf("seed %d: centers %v", seed, got)
		}
	}
	s := scorer{Settings: Settings{Clusters: 3}, p: p, c: c}
	for _, v := range s.kmeans(slices.Repeat([]float32{1, 1, 1, 1}, 9), 0) {
		if math.Abs(float64(v)-0.5) > 1e-6 {
			t.Errorf("prototypes of patches that are alike hold %g", v)
		}
	}
}

// TestSettings: what is out of range is named.
func TestSettings(t *testing.T) {
	spec, _ := vit.Find("dinov2_tiny14")
	if s := (Settings{Clusters: 5}).For(spec); s.Side() != 518 || s.Check(spec) != nil {
		t.Errorf("%v: %v", s, s.Check(spec))
	}
	for key, s := range map[string]Settings{"prototypes.size": {Size: 100, Clusters: 5}, "prototypes.clusters": {Size: 518}} {
		if err := s.Check(spec); err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("%+v: %v, want an error about %s", s, err, key)
		}
	}
}
