package vit

import (
	"slices"
	"strings"
	"testing"

	"hdmnet/internal/cpu"
	"hdmnet/internal/nn"
	"hdmnet/internal/weights"
)

// without returns the tensors but for those whose names hold part.
func without(tensors []weights.Tensor, part string) []weights.Tensor {
	return slices.DeleteFunc(slices.Clone(tensors), func(t weights.Tensor) bool { return strings.Contains(t.Name, part) })
}

func TestMatch(t *testing.T) {
	for _, name := range []string{"dinov2_tiny14", "dinov2_tiny14_reg", "dinov3_tiny16"} {
		spec, _ := Find(name)
		for _, source := range []string{"hf", "meta"} {
			f := save(t, published(spec, source))
			l, ok := Match(f.Shape)
			want := map[string]rule{"dinov2_tiny14hf": bySize, "dinov2_tiny14meta": byScale, "dinov2_tiny14_reghf": antialiased, "dinov2_tiny14_regmeta": antialiased}[name+source]
			if !ok || l.Problem != "" || l.Spec != spec || l.rule != want {
				t.Errorf("%s of %s: %v %+v", name, source, ok, l)
			}
			if _, ok := Match(save(t, without(published(spec, source), "cls_token")).Shape); ok {
				t.Errorf("%s of %s without its class token is an encoder", name, source)
			}
		}
	}
}

// TestMatchNamesWhatIsMissing: a file of a part, of a gated MLP, or of another size.
func TestMatchNamesWhatIsMissing(t *testing.T) {
	spec, _ := Find("dinov2_tiny14")
	three, _ := Find("dinov3_tiny16")
	hf, meta := published(spec, "hf"), published(spec, "meta")
	tensor := func(name string, shape ...int) weights.Tensor {
		return weights.Tensor{Name: name, Shape: shape, Float32: value(name, shape)}
	}
	for _, c := range []struct {
		what    string
		tensors []weights.Tensor
		want    []string
		missing int
	}{
		{"half of Hugging Face's", without(hf, "layer.2."), []string{"dinov2_tiny14", "18 in all", "encoder.layer.2.attention.attention.key.bias"}, 18},
		{"half of Meta's", without(meta, "blocks.2."), []string{"14 in all", "blocks.2.attn.proj.bias"}, 14},
		{"no patches", without(meta, "patch_embed"), []string{"patch_embed.proj.bias", "patch_embed.proj.weight"}, 2},
		{"no positions", without(meta, "pos_embed"), []string{"pos_embed"}, 1},
		{"another shape", append(without(meta, "blocks.1.attn.qkv.weight"), tensor("blocks.1.attn.qkv.weight", 5, 128)),
			[]string{"blocks.1.attn.qkv.weight (it is [5 128], not [384 128])"}, 1},
		{"gated", append(without(published(three, "hf"), "no"), tensor("layer.0.mlp.gate_proj.weight", 4, 128)), []string{"SwiGLU"}, 0},
		{"more blocks", append(without(meta, "no such"), tensor("blocks.3.norm1.weight", 128)), []string{"more than the 3 blocks"}, 0},
		{"giant", []weights.Tensor{tensor("cls_token", 1, 1, 48), tensor("patch_embed.proj.weight", 48, 3, 14, 14)}, []string{"48 channels", "dinov2_vits14"}, 0},
		{"ConvNeXt of Hugging Face", []weights.Tensor{tensor("stages.0.layers.0.depthwise_conv.weight", 96, 1, 7, 7)}, []string{"ConvNeXt", "dinov3_vits16"}, 0},
		{"ConvNeXt of Meta", []weights.Tensor{tensor("stages.0.0.dwconv.weight", 96, 1, 7, 7)}, []string{"ConvNeXt", "dinov3_vits16"}, 0},
	} {
		l, ok := Match(save(t, c.tensors).Shape)
		if !ok || len(l.Missing) != c.missing {
			t.Errorf("%s: %v, %d missing, want %d: %v", c.what, ok, len(l.Missing), c.missing, l.Missing)
		}
		for _, want := range c.want {
			if !strings.Contains(l.Problem, want) {
				t.Errorf("%s: %q does not say %q", c.what, l.Problem, want)
			}
		}
	}
}

// TestMaskedBias: a DINOv3 of Meta's says which of its biases count.
func TestMaskedBias(t *testing.T) {
	spec, _ := Find("dinov3_tiny16")
	for _, change := range []struct {
		at   int
		to   float32
		want string
	}{{200, 1, "middle third"}, {5, 0, "first and last third"}} {
		tensors := published(spec, "meta")
		for i := range tensors {
			if tensors[i].Name == "blocks.1.attn.qkv.bias_mask" {
				tensors[i].Float32[change.at] = change.to
			}
		}
		f := save(t, tensors)
		l, _ := Match(f.Shape)
		if _, err := l.View(f); err == nil || !strings.Contains(err.Error(), change.want) || !strings.Contains(err.Error(), f.Path()) {
			t.Errorf("%d is %g: %v, want an error of the %s", change.at, change.to, err, change.want)
		}
	}
}

// TestStoredRule: a file under this package's names says itself how positions are resized.
func TestStoredRule(t *testing.T) {
	dev, err := cpu.New()
	if err != nil {
		t.Fatal(err)
	}
	spec, _ := Find("dinov2_tiny14")
	meta := save(t, published(spec, "meta"))
	l, _ := Match(meta.Shape)
	view, err := l.View(meta)
	if err != nil {
		t.Fatal(err)
	}
	e := New(spec)
	set := nn.NewSet(dev, e, 1)
	defer set.Close()
	if _, err := set.Load(view, nn.LoadOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, say := l.RuleTensor(); !say {
		t.Error("Meta's file does not say its rule, and a copy need not")
	}
	l.Settle(e)
	f := save(t, set.Tensors())
	if l, _ := Match(f.Shape); l.Problem != "" || l.Source != "hdmnet" {
		t.Errorf("its own file: %+v", l)
	} else if _, say := l.RuleTensor(); say {
		t.Error("its own file has no rule")
	}
	again, other, err := Load(dev, f)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if got := rule(again.Embeddings.Rule.N); got != byScale {
		t.Errorf("the rule of the copy is %d, want %d", got, byScale)
	}
	for i, m := range encode(t, dev, again, 70, 84) {
		if !slices.Equal(m, encode(t, dev, e, 70, 84)[i]) {
			t.Errorf("map %d of the copy differs", i)
		}
	}
}

func TestSizes(t *testing.T) {
	spec, _ := Find("dinov2_vits14")
	if err := spec.CheckSize(518, 14); err != nil {
		t.Error(err)
	}
	if err := spec.CheckSize(473, 473); err == nil || !strings.Contains(err.Error(), "476") {
		t.Errorf("473: %v, want the nearest size 476", err)
	}
	if err := spec.CheckSize(5, 224); err == nil || !strings.Contains(err.Error(), "14×224") {
		t.Errorf("5×224: %v, want the nearest size 14×224", err)
	}
}
