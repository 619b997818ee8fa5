package model

import (
	"errors"
	"fmt"

	"hdmnet/internal/nn"
	"hdmnet/internal/onnx"
)

// GraphOptions say how a network is drawn as ONNX graphs.
type GraphOptions struct {
	Size   int                         // side S of the square pictures, pixels
	Shots  int                         // K, the supports of an episode; 0: any number, chosen by every run
	Values func(p *nn.Param) []float32 // of a parameter, in PyTorch's order, a copy
}

// Graphs are a network as ONNX graphs for inference. B queries, E their support sets (B, or
// 1 for all queries), K supports. Pictures are NCHW and normalized; masks are 1 for the object.
//
//	Whole          query [B,3,S,S], support [E,K,3,S,S], support_mask uint8 [E,K,S,S], output_size → logits
//	EncodeSupport  support, support_mask → what SegmentQuery needs of them
//	SegmentQuery   query, that, output_size → logits
//
// output_size is H and W of logits [B,2,H,W] (background, object): Output.Final, resized
// bilinearly with aligned corners.
type Graphs struct{ Whole, EncodeSupport, SegmentQuery *onnx.Graph }

// Graphs draws the network. Supports fuse as Fuse says, but votes, which are passes of
// their own, are refused; so is any number of supports where the network weighs K shots.
func (n *HDMNet) Graphs(o GraphOptions) (Graphs, error) {
	_, draws := n.Base.Backbone.(drawable)
	switch {
	case !draws:
		return Graphs{}, errors.New("the backbone is a vision transformer, which ONNX graphs are not drawn of: export a network with a ResNet or VGG")
	case n.ambiguity:
		return Graphs{}, errors.New("the network has ambiguity elimination (model.ambiguity), which ONNX graphs are not drawn of: export one without it")
	case n.fusion.way == FusionVote:
		return Graphs{}, errors.New("with shot fusion vote every support is a pass of its own: draw the network for one support, and average the probabilities of the passes")
	case o.Shots == 0 && n.weighsShots():
		return Graphs{}, fmt.Errorf("the network weighs the shots (kshot_rw): it can only be drawn for a fixed number of them, such as %d", n.shots)
	}
	return Graphs{Whole: n.drawWhole(o), EncodeSupport: n.drawEncode(o), SegmentQuery: n.drawSegment(o)}, nil
}

// weighsShots tells whether kshot_rw counts.
func (n *HDMNet) weighsShots() bool { return n.KShot != nil && !n.uniformShots }

// Names of the extents that runs choose.
const (
	dimQueries = "queries" // B
	dimSets    = "support_sets"
	dimShots   = "shots"
)

func (o *GraphOptions) shots() onnx.Dim {
	if o.Shots == 0 {
		return onnx.Free(dimShots)
	}
	return onnx.Fixed(o.Shots)
}

func (n *HDMNet) drawWhole(o GraphOptions) *onnx.Graph {
	d := newDrawing(n, o, "hdmnet", "HDMNet: marks in query pictures the object that support pictures with masks show")
	query := d.query()
	s := d.encode(d.supports())
	d.logits(query, s)
	return d.g
}

func (n *HDMNet) drawEncode(o GraphOptions) *onnx.Graph {
	d := newDrawing(n, o, "encode_support", "HDMNet, first half: what supports say, to be kept and given to segment_query")
	s := d.encode(d.supports())
	for _, p := range s.ports(d) {
		d.g.Output(p.name, p.about, *p.value, onnx.Float, append([]onnx.Dim{onnx.Free(dimSets), o.shots()}, p.dims...)...)
	}
	return d.g
}

func (n *HDMNet) drawSegment(o GraphOptions) *onnx.Graph {
	d := newDrawing(n, o, "segment_query", "HDMNet, second half: marks in queries the object of supports that encode_support has read")
	query := d.query()
	var s encoded
	for _, p := range s.ports(d) {
		*p.value = d.g.Input(p.name, p.about, onnx.Float, append([]onnx.Dim{onnx.Free(dimSets), o.shots()}, p.dims...)...)
	}
	d.logits(query, s)
	return d.g
}

func (d *drawing) query() onnx.Value {
	s := onnx.Fixed(d.o.Size)
	return d.g.Input("query", "pictures to segment, normalized", onnx.Float, onnx.Free(dimQueries), onnx.Fixed(3), s, s)
}

func (d *drawing) supports() (images, masks onnx.Value) {
	s := onnx.Fixed(d.o.Size)
	images = d.g.Input("support", "pictures with the object, normalized", onnx.Float, onnx.Free(dimSets), d.o.shots(), onnx.Fixed(3), s, s)
	masks = d.g.Input("support_mask", "1 where the object is", onnx.Uint8, onnx.Free(dimSets), d.o.shots(), s, s)
	return images, masks
}

// logits ends a graph.
func (d *drawing) logits(query onnx.Value, s encoded) {
	size := d.g.Input("output_size", "height and width of the result, such as those of the picture's file", onnx.Int64, onnx.Fixed(2))
	final := d.segment(query, s)
	d.g.Scope("output")
	d.g.Output("logits", "background and object; the object is where the second is larger", d.resizeTo(final.v, size, true), onnx.Float,
		onnx.Free(dimQueries), onnx.Fixed(2), onnx.Free("height"), onnx.Free("width"))
}

// encoded is what the network needs of E sets of K supports. M_p is h·w; M_i is h_i·w_i of
// level i, fine to coarse.
type encoded struct {
	prior     [2]onnx.Value // of f5 and f4: [E,K,C,M_p] directions under the mask
	prototype onnx.Value    // [E,K,256]
	style     onnx.Value    // [E,K,C2,C2]
	keys      [3]onnx.Value // [E,K,M_i,64]: unit length in each head
	values    [3]onnx.Value // [E,K,M_i,64]: 0 outside the mask
}

// encodedPort is a part of encoded as an input or output.
type encodedPort struct {
	name, about string
	value       *onnx.Value
	dims        []onnx.Dim // after E and K
}

func (s *encoded) ports(d *drawing) []encodedPort {
	c2, _, c4 := d.n.Base.Backbone.channels()
	c5 := d.n.Classifier.Weight.Shape[1]
	places := func(what string) onnx.Dim { return onnx.Free(what + "_positions") }
	list := []encodedPort{
		{"prior_head", "features of the base learner's head under the mask, of unit length", &s.prior[0], []onnx.Dim{onnx.Fixed(c5), places("prior")}},
		{"prior_layer4", "features of layer4 under the mask, of unit length", &s.prior[1], []onnx.Dim{onnx.Fixed(c4), places("prior")}},
		{"prototype", "mean feature of the object", &s.prototype, []onnx.Dim{onnx.Fixed(projected)}},
		{"style", "Gram matrix of layer2", &s.style, []onnx.Dim{onnx.Fixed(c2), onnx.Fixed(c2)}},
	}
	for i, level := range []string{"fine", "middle", "coarse"} {
		list = append(list,
			encodedPort{"keys_" + level, "support tokens as keys of the matching layer", &s.keys[i], []onnx.Dim{places(level), onnx.Fixed(dim)}},
			encodedPort{"values_" + level, "support tokens as values of the matching layer, 0 outside the object", &s.values[i], []onnx.Dim{places(level), onnx.Fixed(dim)}})
	}
	return list
}
