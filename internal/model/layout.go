package model

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"hdmnet/internal/nn"
	"hdmnet/internal/vit"
	"hdmnet/internal/weights"
)

// Kind is what a file of weights holds.
type Kind string

// The kinds of files.
const (
	Network       Kind = "HDMNet"
	BaseLearner   Kind = "base learner" // backbone, PPM, classifier
	BackboneAlone Kind = "backbone"
	UnknownKind   Kind = "unknown"
)

// Layout is what the names and shapes of a file of weights tell.
type Layout struct {
	Kind        Kind
	Source      string                 // whose names they are: "the release", "semseg", "torchvision", …
	Backbone    string                 // one of Backbones(), or one that hdmnet has not; empty: unknown
	BaseClasses int                    // base classes plus background; 0: unknown
	Shots       int                    // K of kshot_rw, 1 without; 0: no whole network
	Ambiguity   bool                   // a whole network with ambiguity elimination
	Problem     string                 // why the network cannot use it; empty: it can
	Notes       []string               // what to beware of
	About       []string               // what to know
	lacks       func(name string) bool // parameters of the backbone that it does not bring
	encoder     *vit.Layout            // of a file of an encoder alone
}

// String says in a few words what a file holds.
func (l Layout) String() string {
	if l.Kind == UnknownKind {
		return "not recognized"
	}
	s := string(l.Kind)
	for _, part := range []struct {
		is   bool
		text string
	}{
		{l.Backbone != "", l.Backbone}, {l.BaseClasses > 0, fmt.Sprintf("%d classes with background", l.BaseClasses)},
		{l.Shots > 0, fmt.Sprintf("%d-shot", l.Shots)},
		{l.Ambiguity, "ambiguity elimination"}, {l.Source != "", "names of " + l.Source},
	} {
		if part.is {
			s += ", " + part.text
		}
	}
	return s
}

// Recognize tells what a file of weights holds, of what Select finds in it, and returns it
// under the release's names:
//
//   - HDMNet, and PSPNet (BAM's base stage) with or without its second copy of the
//     backbone, encoder.*;
//   - semseg's resnet50_v2 and resnet101_v2: conv1,bn1,conv2,bn2,conv3,bn3 are
//     layer0.0,1,3,4,6,7, fc is dropped;
//   - torchvision's vgg16_bn: features.N is layer0..4;
//   - torchvision's ResNets: the 7×7 stem and what follows it in layer1.0 is left out,
//     because the network's stem is of three 3×3 convolutions with 128 outputs;
//   - DINOv2 and DINOv3, of Hugging Face and of Meta (package vit).
//
// A file of other names comes back as it is, of UnknownKind.
func Recognize(f *weights.File) (Layout, *weights.File, error) {
	f, err := Select(f)
	if err != nil {
		return Layout{}, nil, err
	}
	l, translate := match(f.Shape)
	if l.Kind == UnknownKind {
		l.Problem = "its names are not those of a network known here: " + some(f.Names())
		return l, f, nil
	}
	g, err := translate(f)
	if err != nil {
		return l, nil, err
	}
	l.measure(g)
	return l, g, nil
}

// translation gives a file's tensors the release's names.
type translation func(f *weights.File) (*weights.File, error)

func renaming(rename func(string) (string, bool)) translation {
	return func(f *weights.File) (*weights.File, error) { return f.Renamed(rename) }
}

func unchanged(f *weights.File) (*weights.File, error) { return f, nil }

// match tells whose names tensors have, and how they become the release's.
func match(shape shapes) (Layout, translation) {
	has := func(name string) bool { _, ok := shape(name); return ok }
	kernel := func(name string) int {
		if s, _ := shape(name); len(s) == 4 {
			return s[3]
		}
		return 0
	}
	switch {
	case has("features.0.weight"):
		l, rename := torchvisionVGG(has)
		return l, renaming(rename)
	case kernel("conv1.weight") == 7 && has("layer1.0.conv1.weight"):
		return plainResNet(), renaming(plainNames)
	case kernel("conv1.weight") == 3 && has("conv3.weight") && has("layer1.0.conv1.weight"):
		return Layout{Kind: BackboneAlone, Source: "semseg"}, renaming(semsegNames)
	case has("layer0.0.weight") || has("encoder.0.0.weight") || has(encoderAnchor):
		return release(has), renaming(releaseNames(has))
	}
	if found, ok := vit.Match(shape); ok {
		return encoderLayout(found)
	}
	return Layout{Kind: UnknownKind}, nil
}

// release is a file under the release's or BAM's names.
func release(has func(string) bool) Layout {
	l := Layout{Kind: BackboneAlone, Source: "the release"}
	switch {
	case has("transformer.mix_transformer.cls.0.weight"):
		l.Kind = Network
	case has("base_learnear.2.weight"):
		l.Kind, l.Source = BaseLearner, "BAM's second stage"
	case has("cls.4.weight"):
		l.Kind, l.Source = BaseLearner, "BAM's PSPNet"
	}
	return l
}

// releaseNames drops PSPNet's second copy of the backbone, or takes it where it is the
// only one.
func releaseNames(has func(string) bool) func(string) (string, bool) {
	return func(name string) (string, bool) {
		if rest, ok := strings.CutPrefix(name, "encoder."); ok {
			return "layer" + rest, !has("layer" + rest)
		}
		return name, true
	}
}

// semsegNames renames a ResNet with a deep stem.
func semsegNames(name string) (string, bool) {
	module, rest, _ := strings.Cut(name, ".")
	if at := slices.Index([]string{"conv1", "bn1", "", "conv2", "bn2", "", "conv3", "bn3"}, module); at >= 0 && module != "" {
		return fmt.Sprintf("layer0.%d.%s", at, rest), true
	}
	return name, IsBackboneParam(name)
}

// plainLacks are the parameters that a ResNet with a 7×7 stem has not or has in another
// shape: the stem, and the convolutions that read its output with their batch norms.
func plainLacks(name string) bool {
	for _, p := range []string{"layer0.", "layer1.0.conv1.", "layer1.0.bn1.", "layer1.0.downsample."} {
		if strings.HasPrefix(name, p) {
			return true
		}
	}
	return false
}

func plainNames(name string) (string, bool) { return name, IsBackboneParam(name) && !plainLacks(name) }

func plainResNet() Layout {
	return Layout{Kind: BackboneAlone, Source: "torchvision", lacks: plainLacks, Notes: []string{
		"this ResNet has a stem of one 7×7 convolution with 64 outputs, the network's has three 3×3 with 128: " +
			"the stem (layer0), layer1.0.conv1 and layer1.0.downsample start from their initialization; " +
			"published results use a ResNet with a deep stem (semseg's resnet50_v2.pth), expect less",
	}}
}

// vggStarts are the positions in torchvision's features where the release's layers begin.
var vggStarts = []int{0, 7, 14, 24, 34}

func torchvisionVGG(has func(string) bool) (Layout, func(string) (string, bool)) {
	l := Layout{Kind: BackboneAlone, Source: "torchvision"}
	switch {
	case !has("features.1.running_mean"):
		l.Problem = "this is a VGG without batch norm; the network needs torchvision's vgg16_bn"
	case !has("features.41.running_mean") || has("features.43.weight") || has("features.44.weight"):
		l.Problem = "this is a VGG with batch norm of another depth; the network needs torchvision's vgg16_bn"
	default:
		return l, vggNames
	}
	return l, func(name string) (string, bool) { return name, true }
}

func vggNames(name string) (string, bool) {
	rest, ok := strings.CutPrefix(name, "features.")
	number, what, dotted := strings.Cut(rest, ".")
	n, err := strconv.Atoi(number)
	if !ok || !dotted || err != nil || n < 0 {
		return "", false
	}
	layer := len(vggStarts) - 1
	for vggStarts[layer] > n {
		layer--
	}
	return fmt.Sprintf("layer%d.%d.%s", layer, n-vggStarts[layer], what), true
}

// measure reads backbone, classes and shots off the shapes.
func (l *Layout) measure(f *weights.File) {
	if name := backboneName(f.Shape); name != "" {
		l.Backbone = name
	}
	if l.Problem == "" && l.Backbone != "" && !slices.Contains(Backbones(), l.Backbone) {
		l.Problem = fmt.Sprintf("its backbone is %s; there are %s", l.Backbone, strings.Join(Backbones(), ", "))
	}
	for _, name := range []string{"base_learnear.2.weight", "cls.4.weight"} {
		if s, _ := f.Shape(name); len(s) > 0 {
			l.BaseClasses = s[0]
		}
	}
	if l.Kind == Network {
		l.Shots = 1
		if s, _ := f.Shape("kshot_rw.0.weight"); len(s) > 1 {
			l.Shots = s[1]
		}
		_, l.Ambiguity = f.Shape("transformer.mix_transformer.adaptors.0.linear_q.weight")
	}
}

// backboneName tells a backbone by its blocks; one that hdmnet has not is described.
func backboneName(shape shapes) string {
	for _, e := range backboneEntries {
		if e.is(shape) {
			return e.name
		}
	}
	if _, ok := shape("layer1.0.conv2.weight"); !ok {
		return ""
	}
	if _, ok := shape("layer1.0.conv3.weight"); !ok {
		return "a ResNet of basic blocks (18 or 34)"
	}
	blocks, width := layer3(shape)
	if blocks == 36 && width == 256 {
		return "resnet152"
	}
	return fmt.Sprintf("a ResNet with %d blocks of width %d in layer3", blocks, width)
}

// layer3 returns the number of bottleneck blocks in a ResNet's layer3, by which ResNets
// differ, and the channels of their 3×3 convolutions; 0, 0 of another network.
func layer3(shape shapes) (blocks, width int) {
	if _, ok := shape("layer1.0.conv3.weight"); !ok {
		return 0, 0
	}
	for {
		s, ok := shape(fmt.Sprintf("layer3.%d.conv2.weight", blocks))
		if !ok || len(s) == 0 {
			return blocks, width
		}
		blocks, width = blocks+1, s[0]
	}
}

// isVGG16 tells VGG-16 with batch norm by its last convolution's batch norm.
func isVGG16(shape shapes) bool {
	_, ok := shape("layer4.7.weight")
	return ok
}

// Missing lists the tensors of the network that a file under the release's names lacks
// or has in another shape, and so PyTorch's strict load_state_dict would miss; nil when
// the layout names no network.
func (l Layout) Missing(f *weights.File) []string {
	if l.encoder != nil {
		return l.encoder.Missing
	}
	var missing []string
	for _, p := range l.stateDict(f) {
		if s, ok := f.Shape(p.Name); !ok || !slices.Equal(s, p.Shape) {
			missing = append(missing, p.Name)
		}
	}
	return missing
}

// Foreign lists the tensors of a whole network's or a PSPNet's file that are not the
// network's, such as the moments in a checkpoint: a strict load_state_dict would refuse
// them. It is nil for layouts that name no network, and for BAM's second stage.
func (l Layout) Foreign(f *weights.File) []string {
	if _, bam := f.Shape("base_learnear.2.weight"); bam && l.Kind == BaseLearner {
		return nil
	}
	known := map[string]bool{}
	for _, p := range l.stateDict(f) {
		known[p.Name] = true
	}
	var foreign []string
	for _, name := range f.Names() {
		if len(known) > 0 && !known[name] && !isOptionalParam(name) {
			foreign = append(foreign, name)
		}
	}
	return foreign
}

// stateDict is the network that a file is recognized as, nil for none.
func (l Layout) stateDict(f *weights.File) []nn.NamedShape {
	o := Options{Backbone: l.Backbone, BaseClasses: l.BaseClasses, Shots: max(l.Shots, 1), Ambiguity: l.Ambiguity}
	var net any
	var err error
	switch l.Kind {
	case Network:
		net, err = NewHDMNet(o)
	case BaseLearner:
		net, err = NewPSPNet(o)
	default:
		return nil
	}
	if err != nil {
		return nil // a backbone that hdmnet has not: Problem says so
	}
	list := nn.StateDict(net)
	if _, bam := f.Shape("base_learnear.2.weight"); bam && l.Kind == BaseLearner {
		for i := range list {
			if rest, ok := strings.CutPrefix(list[i].Name, "cls.4."); ok {
				list[i].Name = "base_learnear.2." + rest
			}
		}
	}
	return list
}

// some lists the first of many names.
func some(names []string) string {
	if len(names) > 3 {
		return strings.Join(names[:3], ", ") + ", …"
	}
	return strings.Join(names, ", ")
}
