package foundation

import (
	"math"
	"slices"
	"strings"
	"testing"

	"hdmnet/internal/cpu"
	"hdmnet/internal/data"
	"hdmnet/internal/nn"
	"hdmnet/internal/vit"
)

// encoder is a small one with random weights.
func encoder(t *testing.T, size int) *Encoder {
	t.Helper()
	dev, err := cpu.New()
	if err != nil {
		t.Fatal(err)
	}
	spec, _ := vit.Find("dinov3_tiny16")
	net := vit.New(spec)
	set := nn.NewSet(dev, net, 3)
	t.Cleanup(func() { set.Close(); _ = dev.Close() })
	return New(net, nn.NewTape(dev), size)
}

// TestRead: supports that show no object are left out, and nothing is read where none shows one; features
// of NaN name the picture.
func TestRead(t *testing.T) {
	e := encoder(t, 32)
	mask := make([]uint8, 32*32)
	shown := slices.Clone(mask)
	shown[20*32+5] = 1
	image := make([]float32, 32*32*3)
	sample := func(mask []uint8) data.Sample { return data.Sample{Image: image, Mask: mask} }
	episode := &data.Episode{Supports: []data.Sample{sample(mask), sample(shown)}, SupportNames: []string{"a", "b"}, Query: sample(nil), QueryName: "q"}
	supports, query, err := e.Read(episode)
	if err != nil || len(supports) != 1 || !slices.Equal(supports[0].Object, []bool{false, false, true, false}) || len(query) != 4*128 {
		t.Errorf("%d supports, %d values of the query: %v", len(supports), len(query), err)
	}
	episode.Supports = episode.Supports[:1]
	if supports, query, err := e.Read(episode); supports != nil || query != nil || err != nil {
		t.Errorf("%v, %v, %v without an object", supports, query, err)
	}
	image[7] = float32(math.NaN())
	if _, err := e.Encode("photo", image); err == nil || !strings.Contains(err.Error(), "photo") || !strings.Contains(err.Error(), "NaN") {
		t.Errorf("a picture of NaN: %v", err)
	}
}

// TestAnswer: the probability is on the side of the mask in every pixel, and p's elsewhere.
func TestAnswer(t *testing.T) {
	mask := []float32{1, 0, 1, 0}
	got := Answer(mask, 2, []float32{0.9}, 1, 2, 2)
	if want := []float32{0.9, 0.5 - sure, 0.9, 0.5 - sure}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
