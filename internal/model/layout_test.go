package model

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hdmnet/internal/golden"
	"hdmnet/internal/nn"
	"hdmnet/internal/op"
	"hdmnet/internal/weights"
)

// TestEvalThroughTorchFile: the golden networks, written as .pth under
// DataParallel's names and read again, give the golden outputs.
func TestEvalThroughTorchFile(t *testing.T) {
	if testing.Short() {
		t.Skip("writes and reads 200 MB")
	}
	for _, name := range []string{"eval_pascal_resnet50_1shot", "eval_pascal_resnet50_5shot"} {
		t.Run(name, func(t *testing.T) {
			evalGolden(t, name, func(dev op.Device, net *HDMNet) *nn.Set {
				set := nn.NewSet(dev, net, 1)
				untouched := set.Tensors()
				synthetic(set)
				path := saveAs(t, "net.pth", set.Tensors(), func(name string) string { return "module." + name })
				for _, w := range untouched {
					if p := set.Param(w.Name); p != nil {
						set.Put(p, w.Float32)
					}
				}
				if uniform, err := net.Load(set, openFile(t, path)); err != nil || uniform {
					t.Fatal(uniform, err)
				}
				return set
			})
		})
	}
}

// saveAs writes tensors under other names; an empty name leaves one out.
func saveAs(t *testing.T, file string, tensors []weights.Tensor, rename func(string) string) string {
	t.Helper()
	var out []weights.Tensor
	for _, w := range tensors {
		if w.Name = rename(w.Name); w.Name != "" {
			out = append(out, w)
		}
	}
	path := filepath.Join(t.TempDir(), file)
	save := weights.Save
	if strings.HasSuffix(file, ".pth") {
		save = weights.SaveTorch
	}
	if err := save(path, out, nil); err != nil {
		t.Fatal(err)
	}
	return path
}

func openFile(t *testing.T, path string) *weights.File {
	t.Helper()
	f, err := weights.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// tinySets returns a base learner and a network whose weights differ, to load from one
// into another.
func tinySets(t *testing.T) (*PSPNet, *nn.Set, *HDMNet, *nn.Set) {
	t.Helper()
	o := Options{Backbone: "tiny", BaseClasses: 16, Shots: 2}
	psp, err := NewPSPNet(o)
	if err != nil {
		t.Fatal(err)
	}
	net, err := NewHDMNet(o)
	if err != nil {
		t.Fatal(err)
	}
	dev := open(t)
	a, b := nn.NewSet(dev, psp, 1), nn.NewSet(dev, net, 2)
	t.Cleanup(func() { a.Close(); b.Close() })
	synthetic(a)
	return psp, a, net, b
}

// same tells whether two sets hold one parameter alike.
func same(a *nn.Set, nameA string, b *nn.Set, nameB string) bool {
	return slices.EqualFunc(a.Get(a.Param(nameA)), b.Get(b.Param(nameB)), func(x, y float32) bool { return math.Float32bits(x) == math.Float32bits(y) })
}

var semsegStem = map[string]string{"0": "conv1", "1": "bn1", "3": "conv2", "4": "bn2", "6": "conv3", "7": "bn3"}

func TestSemsegBackbone(t *testing.T) {
	_, psp, net, set := tinySets(t)
	tensors := append(psp.Tensors(), weights.Tensor{Name: "fc.weight", Shape: []int{1}, Float32: []float32{1}})
	path := saveAs(t, "resnet50_v2.pth", tensors, func(name string) string {
		if rest, ok := strings.CutPrefix(name, "layer0."); ok {
			at, what, _ := strings.Cut(rest, ".")
			return semsegStem[at] + "." + what
		}
		if strings.HasSuffix(name, "num_batches_tracked") || !IsBackboneParam(name) && name != "fc.weight" {
			return "" // the published file is older than that counter
		}
		return name
	})
	f := openFile(t, path)
	l, _, err := Recognize(f)
	if err != nil || l.Kind != BackboneAlone || l.Source != "semseg" || l.Backbone != "tiny" || l.Problem != "" || len(l.Notes) != 0 {
		t.Errorf("recognized as %+v, %v", l, err)
	}
	if notes, err := net.LoadBackbone(set, f); err != nil || len(notes) != 0 {
		t.Fatal(notes, err)
	}
	for _, p := range psp.Params {
		if IsBackboneParam(p.Name) && !same(psp, p.Name, set, p.Name) {
			t.Errorf("%s differs", p.Name)
		}
	}
	if err := net.LoadBase(set, f); err == nil || !strings.Contains(err.Error(), "backbone.weights") {
		t.Errorf("as a base learner: %v", err)
	}
	if _, err := net.Load(set, f); err == nil || !strings.Contains(err.Error(), "backbone.weights") {
		t.Errorf("as a network: %v", err)
	}
}

func TestPlainResNetBackbone(t *testing.T) {
	_, psp, net, set := tinySets(t)
	var tensors []weights.Tensor
	for _, w := range psp.Tensors() {
		switch {
		case !IsBackboneParam(w.Name) || strings.HasPrefix(w.Name, "layer0."):
			continue
		case w.Name == "layer1.0.conv1.weight" || w.Name == "layer1.0.downsample.0.weight":
			w.Shape = []int{w.Shape[0], w.Shape[1] / 2, 1, 1}
			w.Float32 = w.Float32[:len(w.Float32)/2]
		}
		tensors = append(tensors, w)
	}
	tensors = append(tensors, weights.Tensor{Name: "conv1.weight", Shape: []int{16, 3, 7, 7}, Float32: make([]float32, 16*3*7*7)})
	for _, what := range []string{"weight", "bias", "running_mean", "running_var"} {
		tensors = append(tensors, weights.Tensor{Name: "bn1." + what, Shape: []int{16}, Float32: make([]float32, 16)})
	}
	f := openFile(t, saveAs(t, "resnet50.pth", tensors, func(name string) string { return name }))
	before := map[string][]float32{}
	for _, p := range set.Params {
		before[p.Name] = set.Get(p)
	}
	notes, err := net.LoadBackbone(set, f)
	if err != nil || len(notes) != 1 || !strings.Contains(notes[0], "7×7") || !strings.Contains(notes[0], "initialization") {
		t.Fatal(notes, err)
	}
	fresh := 0
	for _, p := range set.Params {
		if !IsBackboneParam(p.Name) {
			continue
		}
		if plainLacks(p.Name) {
			if fresh++; !slices.Equal(before[p.Name], set.Get(p)) {
				t.Errorf("%s has changed", p.Name)
			}
		} else if !same(psp, p.Name, set, p.Name) {
			t.Errorf("%s differs", p.Name)
		}
	}
	if want := 3*5 + 2*5; fresh != want {
		t.Errorf("%d tensors start from their initialization, want %d", fresh, want)
	}
}

// TestVGGNames: torchvision's vgg16_bn, built from its published configuration, becomes
// the release's backbone.
func TestVGGNames(t *testing.T) {
	got := map[string]string{}
	at, in := 0, 3
	put := func(n int, what string, shape ...int) {
		name, ok := vggNames(fmt.Sprintf("features.%d.%s", n, what))
		if !ok || got[name] != "" {
			t.Errorf("features.%d.%s becomes %q, %v", n, what, name, ok)
		}
		got[name] = fmt.Sprint(shape)
	}
	for _, out := range []int{64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0} {
		if out == 0 {
			at++ // a pool
			continue
		}
		put(at, "weight", out, in, 3, 3)
		put(at, "bias", out)
		for _, what := range []string{"weight", "bias", "running_mean", "running_var"} {
			put(at+1, what, out)
		}
		put(at+1, "num_batches_tracked")
		at, in = at+3, out
	}
	n := 0
	for _, p := range golden.StateDict(t, "state_dict_pascal_vgg16_5shot.tsv") {
		if IsBackboneParam(p.Name) {
			if n++; got[p.Name] != fmt.Sprint(p.Shape) {
				t.Errorf("%s is %s, want %v", p.Name, got[p.Name], p.Shape)
			}
		}
	}
	if n != len(got) {
		t.Errorf("%d tensors, want %d", len(got), n)
	}
	if name, ok := vggNames("classifier.0.weight"); ok {
		t.Errorf("classifier.0.weight becomes %s", name)
	}
}

// TestBAMsPSPNet: DataParallel's names, the backbone twice.
func TestBAMsPSPNet(t *testing.T) {
	_, psp, net, set := tinySets(t)
	var tensors []weights.Tensor
	for _, w := range psp.Tensors() {
		name := w.Name
		w.Name = "module." + name
		tensors = append(tensors, w)
		if rest, ok := strings.CutPrefix(name, "layer"); ok {
			w.Name = "module.encoder." + rest
			tensors = append(tensors, w)
		}
	}
	for _, keep := range []string{"", "module.layer"} { // both copies; encoder.* alone
		f := openFile(t, saveAs(t, "best.pth", tensors, func(name string) string {
			if keep != "" && strings.HasPrefix(name, keep) {
				return ""
			}
			return name
		}))
		l, g, err := Recognize(f)
		if err != nil || l.Kind != BaseLearner || l.Backbone != "tiny" || l.BaseClasses != 16 || len(l.Missing(g)) != 0 {
			t.Errorf("recognized as %+v, %v, missing %v", l, err, l.Missing(g))
		}
		for _, p := range set.Params {
			set.Put(p, make([]float32, p.Len()))
		}
		if err := net.LoadBase(set, f); err != nil {
			t.Fatal(err)
		}
		for _, p := range psp.Params {
			name := p.Name
			if rest, ok := strings.CutPrefix(name, "cls.4."); ok {
				name = "base_learnear.2." + rest
			}
			if !same(psp, p.Name, set, name) {
				t.Errorf("%s differs", name)
			}
		}
	}
}

func TestRecognizeNetworkAndUnusable(t *testing.T) {
	_, _, net, set := tinySets(t)
	f := openFile(t, saveAs(t, "net.safetensors", set.Tensors(), func(name string) string {
		if name == "transformer.mix_transformer.cls.0.bias" {
			return ""
		}
		return name
	}))
	l, g, err := Recognize(f)
	if err != nil || l.Kind != Network || l.Shots != 2 || l.BaseClasses != 16 || !slices.Equal(l.Missing(g), []string{"transformer.mix_transformer.cls.0.bias"}) {
		t.Errorf("%+v, %v, missing %v", l, err, l.Missing(g))
	}
	if s := l.String(); s != "HDMNet, tiny, 16 classes with background, 2-shot, names of the release" {
		t.Error(s)
	}
	one := func(name string, shape ...int) weights.Tensor {
		n := 1
		for _, d := range shape {
			n *= d
		}
		return weights.Tensor{Name: name, Shape: shape, Float32: make([]float32, n)}
	}
	block := func(n int) (out []weights.Tensor) {
		for i := range n {
			out = append(out, one(fmt.Sprintf("layer3.%d.conv2.weight", i), 256, 1, 1, 1))
		}
		return append(out, one("layer0.0.weight", 1), one("layer1.0.conv2.weight", 1), one("layer1.0.conv3.weight", 1))
	}
	for want, tensors := range map[string][]weights.Tensor{
		"without batch norm":               {one("features.0.weight", 64, 3, 3, 3)},
		"another depth":                    {one("features.0.weight", 64, 3, 3, 3), one("features.1.running_mean", 64)},
		"backbone is resnet152":            block(36),
		"the network's is tiny":            block(6),
		"2 blocks of width 256 in layer3":  block(2),
		"basic blocks":                     {one("conv1.weight", 64, 3, 7, 7), one("layer1.0.conv1.weight", 64, 64, 3, 3), one("layer1.0.conv2.weight", 64, 64, 3, 3)},
		"names are not those of a network": {one("stem.conv1.weight", 3)},
		"missing":                          {one("layer0.0.weight", 16, 3, 3, 3)},
	} {
		f := openFile(t, saveAs(t, "x.pth", tensors, func(name string) string { return name }))
		if _, err := net.LoadBackbone(set, f); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v should say %q", err, want)
		}
	}
}
