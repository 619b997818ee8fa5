package model

import "hdmnet/internal/onnx"

// features of pictures x [N,3,S,S], as backbone.features has them.
func (r *resNet) draw(d *drawing, x drawnMap) (f2, f3, f4 drawnMap) {
	d.at("layer0")
	x = d.convBN(x, r.Stem0, true)
	x = d.convBN(x, r.Stem1, true)
	x = d.maxPool(d.convBN(x, r.Stem2, true), stemPool)
	stage := func(name string, x drawnMap, blocks []*bottleneck) drawnMap {
		d.at(name)
		for _, b := range blocks {
			x = b.draw(d, x)
		}
		return x
	}
	f2 = stage("layer2", stage("layer1", x, r.Layer1), r.Layer2)
	f3 = stage("layer3", f2, r.Layer3)
	return f2, f3, stage("layer4", f3, r.Layer4)
}

func (b *bottleneck) draw(d *drawing, x drawnMap) drawnMap {
	y := d.convBN(d.convBN(d.convBN(x, b.Conv1, true), b.Conv2, true), b.Conv3, false)
	if b.Downsample != nil {
		x = d.convBN(x, b.Downsample, false)
	}
	y.v = d.relu(d.plus(y.v, x.v))
	return y
}

func (v *vgg) draw(d *drawing, x drawnMap) (f2, f3, f4 drawnMap) {
	d.at("layer0")
	x = d.maxPool(d.convBN(d.convBN(x, v.Layer0.Conv0, true), v.Layer0.Conv1, true), vggPool)
	d.at("layer1")
	x = d.maxPool(d.convBN(d.convBN(x, v.Layer1.Conv0, true), v.Layer1.Conv1, true), vggPool)
	group := func(name string, x drawnMap, g *vggGroup3) drawnMap {
		d.at(name)
		return d.convBN(d.convBN(d.convBN(x, g.Conv0, true), g.Conv1, true), g.Conv2, true)
	}
	wide := d.maxPool(group("layer2", x, &v.Layer2), vggPool)
	f3 = d.maxPool(group("layer3", wide, &v.Layer3), vggPool)
	return d.resize(wide, f3.h, f3.w, true), f3, group("layer4", f3, &v.Layer4)
}

// drawnFeatures are the frozen maps of pictures, and their projection.
type drawnFeatures struct{ f2, f4, f5, down drawnMap }

// features runs backbone, head and a projection, down_query or down_supp, on x [N,3,S,S].
func (d *drawing) features(x onnx.Value, query bool) (f drawnFeatures) {
	n := d.n
	var f3 drawnMap
	f.f2, f3, f.f4 = n.Base.Backbone.(drawable).draw(d, drawnMap{x, 3, d.o.Size, d.o.Size})
	d.at("head")
	parts := []onnx.Value{f.f4.v}
	for _, bin := range n.Base.PPM.Features {
		small := d.convBN(d.averages(f.f4, bin.bins), bin.Conv, true)
		parts = append(parts, d.resize(small, f.f4.h, f.f4.w, true).v)
	}
	f.f5 = d.convBN(drawnMap{d.concat(1, parts...), 2 * f.f4.c, f.f4.h, f.f4.w}, n.Base.Cls, false)

	d.at("projections")
	l := n.DownSupp
	if query {
		l = n.DownQuery
	}
	f.down = d.pointwise(drawnMap{d.concat(1, f3.v, f.f2.v), f3.c + f.f2.c, f3.h, f3.w}, l)
	f.down.v = d.relu(f.down.v)
	return f
}
