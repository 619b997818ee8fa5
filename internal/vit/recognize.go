package vit

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"hdmnet/internal/nn"
	"hdmnet/internal/op"
	"hdmnet/internal/weights"
)

// Anchors are tensors by which files of encoders are found behind a prefix.
var Anchors = []string{"embeddings.cls_token", "cls_token"}

// Layout is what the names and shapes of a file of weights tell.
type Layout struct {
	Spec    Spec     // without a Name: no encoder
	Source  string   // whose names they are
	Problem string   // why it cannot be used; empty: it can
	Missing []string // tensors that the file lacks, or has in another shape, under its names

	names   naming
	rule    rule // of its positions
	periods bool // it has those of op.RotaryEmbedding
	stored  bool // it says its rule itself: a file of hdmnet's
}

// naming gives the tensor of a file that holds a parameter, and which third of it: -1 is all.
type naming func(parameter string) (name string, third int)

// Notes say what an encoder is for, and how its positions are resized.
func (l Layout) Notes() []string {
	notes := []string{"its features are for segmentation without training (predict --method insid3, or prototypes), and for HDMNet (backbone.weights with --set model.backbone=" + l.Spec.Name + ")"}
	if l.Spec.rotary() {
		return notes
	}
	if l.stored {
		return append(notes, "for pictures that are not 518×518 its positions are resized as those of the file that it was made of ("+ruleName+")")
	}
	return append(notes, "for pictures that are not 518×518 its positions are resized "+
		[...]string{"by size, as Hugging Face's program does", "by scale, as Meta's program does", "with antialiasing, as its publishers do"}[l.rule])
}

// Match tells which encoder's the tensors of a file are, by their shapes; false if none's.
func Match(shape func(name string) ([]int, bool)) (Layout, bool) {
	has := func(name string) bool { _, ok := shape(name); return ok }
	var l Layout
	var class, patch, registers string
	var rotary bool
	switch {
	case has("embeddings.cls_token") && (has("embeddings.patch_embeddings.projection.weight") || has("encoder.layer.0.norm1.weight")):
		l.Source, l.names = "Hugging Face's DINOv2", huggingFace2(has)
		class, patch, registers = "embeddings.cls_token", "embeddings.patch_embeddings.projection.weight", "embeddings.register_tokens"
	case has("embeddings.cls_token") && (has("embeddings.patch_embeddings.weight") || has("layer.0.norm1.weight")):
		l.Source, l.names = "Hugging Face's DINOv3", huggingFace3(has)
		class, patch, registers = "embeddings.cls_token", "embeddings.patch_embeddings.weight", "embeddings.register_tokens"
		if rotary = !has("embeddings.position_embeddings"); !rotary || has(periodsName) { // this package's names are the same
			l.Source, l.stored = "hdmnet", has(ruleName)
		}
	case has("cls_token") && (has("storage_tokens") || has("rope_embed.periods")):
		l.Source, l.names = "Meta's DINOv3", meta("storage_tokens")
		class, patch, registers, rotary = "cls_token", "patch_embed.proj.weight", "storage_tokens", true
	case has("cls_token") && (has("patch_embed.proj.weight") || has("blocks.0.norm1.weight")):
		l.Source, l.names, l.rule = "Meta's DINOv2", meta("register_tokens"), byScale
		class, patch, registers = "cls_token", "patch_embed.proj.weight", "register_tokens"
	case has("stages.0.layers.0.depthwise_conv.weight") || has("stages.0.0.dwconv.weight"):
		return Layout{Source: "ConvNeXt", Problem: "it is a ConvNeXt, as DINOv3 has them too, and no vision transformer; there are " + strings.Join(Names(), ", ")}, true
	default:
		return Layout{}, false
	}
	width, side, extra := dim(shape, class, 2), dim(shape, patch, 2), dim(shape, registers, 1)
	i := slices.IndexFunc(specs, func(s Spec) bool {
		return s.Channels == width && (s.Patch == side || side == 0) && s.Registers == extra && s.rotary() == rotary
	})
	if i < 0 {
		l.Problem = fmt.Sprintf("it is a vision transformer of %d channels with patches of %d pixels and %d registers; there are %s",
			width, side, extra, strings.Join(Names(), ", "))
		return l, true
	}
	l.Spec = specs[i]
	if l.Spec.Registers > 0 && !rotary {
		l.rule = antialiased
	}
	if unknown := l.unknown(has); unknown != "" {
		l.Problem = unknown
		return l, true
	}
	name, _ := l.names(periodsName)
	l.periods = has(name)
	for _, p := range parameters(l.Spec) {
		name, third := l.names(p.Name)
		want := slices.Clone(p.Shape)
		if third >= 0 {
			want[0] *= 3
		}
		is, ok := shape(name)
		switch {
		case third > 0 || ok && slices.Equal(is, want) || !ok && p.Name == periodsName:
		case ok:
			l.Missing = append(l.Missing, fmt.Sprintf("%s (it is %v, not %v)", name, is, want))
		default:
			l.Missing = append(l.Missing, name)
		}
	}
	if len(l.Missing) > 0 {
		l.Problem = fmt.Sprintf("tensors of %s are missing, %d in all: %s", l.Spec.Name, len(l.Missing), strings.Join(l.Missing[:min(3, len(l.Missing))], ", "))
	}
	return l, true
}

// unknown says what a file has that no encoder here has.
func (l Layout) unknown(has func(string) bool) string {
	for _, name := range []string{"blocks.0.mlp.w12.weight", "blocks.0.mlp.w1.weight", "encoder.layer.0.mlp.weights_in.weight", "encoder.layer.0.mlp.gate_proj.weight", "layer.0.mlp.gate_proj.weight", "model.layer.0.mlp.gate_proj.weight"} {
		if has(name) {
			return "its MLP is gated (SwiGLU), as in the giant and plus variants; there are " + strings.Join(Names(), ", ")
		}
	}
	if name, _ := l.names("layer." + strconv.Itoa(l.Spec.Blocks) + ".norm1.weight"); has(name) {
		return fmt.Sprintf("it has more than the %d blocks of %s", l.Spec.Blocks, l.Spec.Name)
	}
	return ""
}

// Parameters that files of others do not have, or not all of them.
const periodsName, ruleName = "rope.periods", "embeddings.position_rule"

// parameters are those of an encoder.
func parameters(s Spec) []nn.NamedShape {
	return slices.DeleteFunc(nn.StateDict(New(s)), func(p nn.NamedShape) bool { return len(p.Shape) == 0 })
}

// dim is an extent of a tensor, 0 where there is none.
func dim(shape func(string) ([]int, bool), name string, axis int) int {
	s, _ := shape(name)
	if axis >= len(s) {
		return 0
	}
	return s[axis]
}

// first returns the first prefix with which a tensor is there.
func first(has func(string) bool, name string, prefixes ...string) string {
	for _, p := range prefixes {
		if has(p + name) {
			return p
		}
	}
	return prefixes[0]
}

// huggingFace3 are the names of DINOv3, which are this package's; the blocks have a prefix in
// what is saved by state_dict().
func huggingFace3(has func(string) bool) naming {
	blocks := first(has, "layer.0.norm1.weight", "", "model.")
	return func(name string) (string, int) {
		if strings.HasPrefix(name, "layer.") {
			name = blocks + name
		}
		return name, -1
	}
}

// huggingFace2 are the names of DINOv2, and those of its state_dict() in newer versions.
func huggingFace2(has func(string) bool) naming {
	pairs := []string{"embeddings.patch_embeddings.", "embeddings.patch_embeddings.projection.", "mlp.up_proj", "mlp.fc1", "mlp.down_proj", "mlp.fc2"}
	if !has("encoder.layer.0.attention.q_proj.weight") {
		pairs = append(pairs, "attention.q_proj", "attention.attention.query", "attention.k_proj", "attention.attention.key",
			"attention.v_proj", "attention.attention.value", "attention.o_proj", "attention.output.dense")
	}
	rename := strings.NewReplacer(pairs...)
	return func(name string) (string, int) {
		switch {
		case strings.HasPrefix(name, "layer."):
			name = "encoder." + name
		case strings.HasPrefix(name, "norm."):
			name = "layer" + name
		}
		return rename.Replace(name), -1
	}
}

// meta are the names of Meta's programs; queries, keys and values are thirds of one tensor.
func meta(registers string) naming {
	rename := strings.NewReplacer("embeddings.cls_token", "cls_token", "embeddings.register_tokens", registers, "embeddings.position_embeddings", "pos_embed",
		"embeddings.patch_embeddings.", "patch_embed.proj.", "attention.o_proj", "attn.proj", "layer_scale1.lambda1", "ls1.gamma", "layer_scale2.lambda1", "ls2.gamma",
		"mlp.up_proj", "mlp.fc1", "mlp.down_proj", "mlp.fc2", periodsName, "rope_embed.periods",
		"attention.q_proj", qkv, "attention.k_proj", qkv, "attention.v_proj", qkv)
	return func(name string) (string, int) {
		third := slices.IndexFunc([]string{".q_proj.", ".k_proj.", ".v_proj."}, func(part string) bool { return strings.Contains(name, part) })
		if strings.HasPrefix(name, "layer.") {
			name = "blocks." + strings.TrimPrefix(name, "layer.")
		}
		return rename.Replace(name), third
	}
}

const qkv = "attn.qkv"

const copyAgain = "download the file again"

// View is a file that a layout without a Problem is of, under this package's names. Its error
// is that of a file that is not as published ones.
func (l Layout) View(f *weights.File) (*weights.File, error) {
	g, names := f, map[string]string{}
	for _, p := range parameters(l.Spec) {
		name, third := l.names(p.Name)
		if third < 0 {
			names[name] = p.Name
		}
	}
	if l.stored {
		names[ruleName] = ruleName
	}
	for i := range l.Spec.Blocks {
		whole, third := l.names(fmt.Sprintf("layer.%d.attention.q_proj.weight", i))
		if third < 0 {
			break
		}
		if l.Spec.rotary() {
			if err := keysHaveNoBias(f, strings.TrimSuffix(whole, "weight")); err != nil {
				return nil, err
			}
		}
		for _, what := range []string{"weight", "bias"} {
			var parts []string
			for _, part := range []string{"q_proj", "k_proj", "v_proj"} {
				name := fmt.Sprintf("layer.%d.attention.%s.%s", i, part, what)
				parts = append(parts, name)
				names[name] = name
			}
			if l.Spec.rotary() && what == "bias" {
				delete(names, parts[1])
			}
			var err error
			if g, err = g.Split(strings.TrimSuffix(whole, "weight")+what, parts...); err != nil {
				return nil, err
			}
		}
	}
	return g.Renamed(func(name string) (string, bool) { to, ok := names[name]; return to, ok })
}

// Lacks tells whether a parameter is not in the file, which need not have it.
func (l Layout) Lacks(name string) bool { return name == periodsName && !l.periods }

// keysHaveNoBias fails unless the bias of keys in a DINOv3 of Meta's, the middle third, is
// masked or 0: it changes no attention, and encoders here have none.
func keysHaveNoBias(f *weights.File, layer string) error {
	name := layer + "bias_mask"
	if _, ok := f.Shape(name); !ok {
		name = layer + "bias"
	}
	v, _, err := f.Float32(name)
	if err != nil {
		return err
	}
	third := len(v) / 3
	if slices.ContainsFunc(v[third:2*third], func(x float32) bool { return x != 0 }) {
		return &weights.FormatError{Path: f.Path(), Reason: fmt.Sprintf("%s is not 0 in its middle third, of the keys, as it is in published files", name), Remedy: copyAgain}
	}
	if strings.HasSuffix(name, "mask") && slices.ContainsFunc(slices.Concat(v[:third], v[2*third:]), func(x float32) bool { return x != 1 }) {
		return &weights.FormatError{Path: f.Path(), Reason: fmt.Sprintf("%s is not 1 in its first and last third, of queries and values, as it is in published files", name), Remedy: copyAgain}
	}
	return nil
}

// Load returns the encoder that a file holds the weights of, placed on a device for inference;
// the set is the caller's to close.
func Load(dev op.Device, f *weights.File) (*Encoder, *nn.Set, error) {
	l, ok := Match(f.Shape)
	if !ok {
		return nil, nil, errors.New("it holds no encoder known here: " + strings.Join(Names(), ", "))
	}
	if l.Problem != "" {
		return nil, nil, errors.New(l.Problem)
	}
	view, err := l.View(f)
	if err != nil {
		return nil, nil, err
	}
	e := New(l.Spec)
	s := nn.NewInferenceSet(dev, e, 0)
	if _, err := s.Load(view, nn.LoadOptions{Optional: l.Lacks}); err != nil {
		return nil, nil, errors.Join(err, s.Close())
	}
	l.Settle(e)
	return e, s, nil
}

// Settle tells an encoder that has the weights of a file how its positions are resized, which
// the file may have said itself.
func (l Layout) Settle(e *Encoder) {
	if e.Embeddings.Rule != nil && !l.stored {
		e.Embeddings.Rule.N = int64(l.rule)
	}
}

// RuleTensor is what a file of an encoder under this package's names says of its positions; false
// where there is nothing to say, or the file says it.
func (l Layout) RuleTensor() (weights.Tensor, bool) {
	return weights.Tensor{Name: ruleName, Shape: []int{}, Int64: []int64{int64(l.rule)}}, !l.Spec.rotary() && !l.stored
}
