package insid3

import (
	"strings"
	"testing"

	"hdmnet/internal/cpu"
	"hdmnet/internal/foundation"
	"hdmnet/internal/nn"
	"hdmnet/internal/synth"
	"hdmnet/internal/vit"
)

// told is the share of what differs between the patches of a black picture that the default number of
// directions takes out, with an encoder of random weights.
func told(t testing.TB, name string, size int) float64 {
	t.Helper()
	dev, err := cpu.New()
	if err != nil {
		t.Fatal(err)
	}
	defer dev.Close()
	spec, _ := vit.Find(name)
	net := vit.New(spec)
	set := nn.NewInferenceSet(dev, net, 1)
	defer set.Close()
	err = set.Fill(func(p *nn.Param, v []float32) error {
		if strings.HasSuffix(p.Name, "periods") { // of the rotary embedding, which are no matter of chance
			p.Init(p.Shape, nil, v)
		} else {
			synth.FillParam(v, p.Name, p.Shape)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	e, c := foundation.New(net, nn.NewTape(dev), size), spec.Channels
	black, err := e.Encode("black", make([]float32, size*size*3))
	if err != nil {
		t.Fatal(err)
	}
	black = foundation.Normalized(black, c)
	away, err := projector(black, c, Settings{}.For(spec).Components)
	if err != nil {
		t.Fatal(err)
	}
	mean, n := make([]float64, c), len(black)/c
	for i, v := range black {
		mean[i%c] += float64(v) / float64(n)
	}
	for i := range black {
		black[i] -= float32(mean[i%c])
	}
	left, all := 0.0, 0.0
	e.Product().Times(black, away, c, func(_ int, values []float32) {
		for _, v := range values {
			left += float64(v) * float64(v)
		}
	})
	for _, v := range black {
		all += float64(v) * float64(v)
	}
	return 1 - left/all
}

// TestComponents: far fewer directions than channels have nearly all of what tells the place of a patch.
func TestComponents(t *testing.T) {
	spec, _ := vit.Find("dinov3_vits16")
	if r := (Settings{}).For(spec).Components; r*10 > spec.Channels {
		t.Errorf("%d directions of %d channels", r, spec.Channels)
	}
	if v := told(t, spec.Name, 256); v < 0.9 {
		t.Errorf("%.4f of what differs between places is taken out", v)
	}
}

// BenchmarkComponents says how much it is at the paper's size.
func BenchmarkComponents(b *testing.B) {
	for _, name := range []string{"dinov3_vits16", "dinov3_vitb16", "dinov3_vitl16"} {
		b.Run(name, func(b *testing.B) {
			v := 0.0
			for b.Loop() {
				v = told(b, name, paperSize)
			}
			b.ReportMetric(100*v, "%")
		})
	}
}
