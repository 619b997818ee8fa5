package tta

import (
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"hdmnet/internal/cpu"
	"hdmnet/internal/data"
	"hdmnet/internal/nn"
)

func TestParse(t *testing.T) {
	for text, want := range map[string][]View{
		"":                        {Plain},
		" ":                       {Plain},
		"flip":                    {Plain, {Flip: true, Scale: 1}},
		"scales=0.8,1":            {{Scale: 0.8}, Plain},
		"flip,scales=0.8":         {{Scale: 0.8}, {Flip: true, Scale: 0.8}},
		"scales=1, 1.25 ,flip":    {Plain, {Flip: true, Scale: 1}, {Scale: 1.25}, {Flip: true, Scale: 1.25}},
		"flip,scales=0.8,1.0,1.2": {{Scale: 0.8}, {Flip: true, Scale: 0.8}, Plain, {Flip: true, Scale: 1}, {Scale: 1.2}, {Flip: true, Scale: 1.2}},
	} {
		if got, err := Parse(text); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %v, %v; want %v", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"flop": `"flop"`, "0.8": `"0.8"`, "scales=": `""`, "scales=0": `"0"`, "scales=nan": `"nan"`, "scales=5": `"5"`, "scales=1,1": "twice", "flip,": `""`,
	} {
		if _, err := Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

func TestSide(t *testing.T) {
	for _, c := range []struct {
		scale      float64
		side, want int
	}{{1, 473, 473}, {0.8, 473, 377}, {1.2, 473, 569}, {0.5, 129, 65}, {0.25, 65, 33}, {1, 129, 129}} {
		if got := (View{Scale: c.scale}).Side(c.side); got != c.want || got%8 != 1 {
			t.Errorf("scale %g of %d is %d, want %d", c.scale, c.side, got, c.want)
		}
	}
}

// ramp is a batch of one episode with two supports, whose pixels are their numbers.
func ramp(side int) *data.Batch {
	px := side * side
	b := &data.Batch{Size: 1, Shots: 2, Side: side, Query: make([]float32, px*3), Support: make([]float32, 2*px*3), SupportMask: make([]uint8, 2*px)}
	for i := range b.Query {
		b.Query[i] = float32(i)
	}
	for i := range b.Support {
		b.Support[i] = float32(-i)
	}
	for i := range b.SupportMask {
		b.SupportMask[i] = uint8(i % 2)
	}
	return b
}

// TestFlip: the query is mirrored, twice is once, and what is given stays as it is.
func TestFlip(t *testing.T) {
	b := ramp(9)
	before := slices.Clone(b.Query)
	flip := View{Flip: true, Scale: 1}
	f := flip.Batch(b)
	if !slices.Equal(b.Query, before) || f.Side != 9 || f.Size != 1 || f.Shots != 2 {
		t.Fatalf("the batch changed, or %+v", f)
	}
	for y := range 9 {
		for x := range 9 {
			for c := range 3 {
				if got, want := f.Query[(y*9+x)*3+c], before[(y*9+8-x)*3+c]; got != want {
					t.Fatalf("pixel %d,%d,%d is %g, want %g", y, x, c, got, want)
				}
			}
		}
	}
	if again := flip.Batch(f); !slices.Equal(again.Query, before) {
		t.Error("flipped twice is not the picture")
	}
	if !slices.Equal(f.Support, b.Support) || !slices.Equal(f.SupportMask, b.SupportMask) {
		t.Error("supports are not flipped")
	}
	if Plain.Batch(b) != b {
		t.Error("the plain view is the batch itself")
	}
}

// TestScale: pictures and masks come in the other size; a plane stays a plane.
func TestScale(t *testing.T) {
	b := ramp(65)
	for i := range b.Query {
		b.Query[i] = 7
	}
	v := View{Scale: 0.5}
	s := v.Batch(b)
	if s.Side != 33 || len(s.Query) != 33*33*3 || len(s.Support) != 2*33*33*3 || len(s.SupportMask) != 2*33*33 {
		t.Fatalf("side %d, %d, %d, %d values", s.Side, len(s.Query), len(s.Support), len(s.SupportMask))
	}
	for i, x := range s.Query {
		if x != 7 {
			t.Fatalf("value %d of a plane of 7 is %g", i, x)
		}
	}
	if len(b.SupportMask) != 2*65*65 || slices.Max(s.SupportMask) != 1 {
		t.Error("masks")
	}
}

// TestAccumulate: the mean of probabilities over rows; a flipped map is turned back.
func TestAccumulate(t *testing.T) {
	dev, err := cpu.New()
	if err != nil {
		t.Fatal(err)
	}
	tape := nn.NewTape(dev)
	defer tape.Arena.Close()
	tape.Begin(false, 0)
	x := tape.Arena.Float32(2, 1, 2, 2) // two maps of 1×2 pixels
	dev.Upload(x, []float32{0, 0, 0, float32(math.Log(3)), 0, float32(math.Log(9)), 0, 0})
	sum := make([]float32, 4)
	full := FullSize(tape, x, 0, 2, 1, 2, 0)
	full.Accumulate(tape, sum, false, 0.5)
	full.Free(tape)
	want := []float32{(0.5 + 0.1) / 2, (0.5 + 0.9) / 2, (0.25 + 0.5) / 2, (0.75 + 0.5) / 2}
	for i := range sum {
		if math.Abs(float64(sum[i]-want[i])) > 1e-6 {
			t.Errorf("probabilities %v, want %v", sum, want)
			break
		}
	}
	flipped := make([]float32, 4)
	full = FullSize(tape, x, 0, 1, 1, 2, 0)
	full.Accumulate(tape, flipped, true, 1)
	full.Free(tape)
	for i, w := range []float32{0.25, 0.75, 0.5, 0.5} {
		if math.Abs(float64(flipped[i]-w)) > 1e-6 {
			t.Errorf("flipped %v", flipped)
			break
		}
	}
}

// TestFullSizeTwice: by way of a coarser size, corners stay and what is between changes.
func TestFullSizeTwice(t *testing.T) {
	dev, err := cpu.New()
	if err != nil {
		t.Fatal(err)
	}
	tape := nn.NewTape(dev)
	defer tape.Arena.Close()
	tape.Begin(false, 0)
	x := tape.Arena.Float32(1, 5, 5, 1)
	v := make([]float32, 25)
	v[12], v[0], v[24] = 1, 2, 3
	dev.Upload(x, v)
	read := func(between int) []float32 {
		out := make([]float32, 81)
		full := FullSize(tape, x, 0, 1, 9, 9, between)
		dev.Download(out, full.Logits)
		full.Free(tape)
		return out
	}
	once, twice := read(0), read(7)
	if once[0] != 2 || twice[0] != 2 || once[80] != 3 || twice[80] != 3 || once[40] != 1 {
		t.Errorf("corners and center: %g %g %g, %g %g", once[0], once[80], once[40], twice[0], twice[80])
	}
	if slices.Equal(once, twice) || !slices.Equal(once, read(9)) {
		t.Error("the size between does not count, or counts where it is the size itself")
	}
	if RoundUp(5) != 6 || RoundUp(7) != 8 || RoundUp(1) != 1 || RoundUp(96) != 96 || RoundUp(97) != 128 {
		t.Error("sizes are rounded up to 2^k and 3·2^k")
	}
}
