package op

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strings"
	"testing"

	"gorgonia.org/tensor"
)

// contract is an operator with operands that fit.
type contract struct {
	operator string
	operands []operand
	check    func(t []Tensor)
}

type operand struct {
	name     string
	of       tensor.Dtype
	shape    []int
	optional bool
	wrong    []int  // a shape that does not fit, if one more axis of 3 does
	blames   string // the operand that is named then, if not this
}

func float(name string, shape ...int) operand {
	return operand{name: name, of: tensor.Float32, shape: shape}
}
func label(name string, shape ...int) operand {
	return operand{name: name, of: tensor.Uint8, shape: shape}
}
func index(name string, shape ...int) operand {
	return operand{name: name, of: tensor.Int32, shape: shape}
}

func (o operand) orNil() operand             { o.optional = true; return o }
func (o operand) bad(wrong ...int) operand   { o.wrong = wrong; return o }
func (o operand) blame(other string) operand { o.blames = other; return o }

func (o operand) tensor() Tensor {
	return tensor.New(tensor.Of(o.of), tensor.WithShape(slices.Clone(o.shape)...))
}

var (
	unit = ConvParams{Stride: 1, Pad: 1, Dilation: 1}
	drop = DropoutParams{P: 0.5}
	pool = PoolParams{Kernel: 3, Stride: 2, Pad: 1}
)

var contracts = []contract{
	{"Conv2D", []operand{float("y", 2, 5, 7, 4), float("x", 2, 5, 7, 3), float("w", 4, 3, 3, 3), float("bias", 4).orNil(), float("residual", 2, 5, 7, 4).orNil()},
		func(t []Tensor) { CheckConv2D(t[0], t[1], t[2], t[3], t[4], unit) }},
	{"Conv2DGradInput", []operand{float("dx", 2, 5, 7, 3), float("dy", 2, 5, 7, 4), float("w", 4, 3, 3, 3)},
		func(t []Tensor) { CheckConv2DGradInput(t[0], t[1], t[2], unit) }},
	{"Conv2DGradWeight", []operand{float("dw", 4, 3, 3, 3).orNil(), float("db", 4).orNil(), float("x", 2, 5, 7, 3), float("dy", 2, 5, 7, 4)},
		func(t []Tensor) { CheckConv2DGradWeight(t[0], t[1], t[2], t[3], unit) }},
	{"FrozenConv2D", []operand{float("y", 2, 5, 7, 4), float("x", 2, 5, 7, 3), float("residual", 2, 5, 7, 4).orNil()},
		func(t []Tensor) { CheckFrozenConv2D(t[0], t[1], frozen{}, t[2], ReLUActivation) }},
	{"Linear", []operand{float("y", 2, 5, 4), float("x", 2, 5, 3).blame("y"), float("w", 4, 3), float("bias", 4).orNil()},
		func(t []Tensor) { CheckLinear(t[0], t[1], t[2], t[3]) }},
	{"LinearGradInput", []operand{float("dx", 2, 5, 3).blame("dy"), float("dy", 2, 5, 4), float("w", 4, 3)},
		func(t []Tensor) { CheckLinearGradInput(t[0], t[1], t[2]) }},
	{"LinearGrad", []operand{float("dx", 6, 3), float("dw", 4, 3), float("db", 4).orNil(), float("dy", 6, 4), float("x", 6, 3).blame("dy"), float("w", 4, 3)},
		func(t []Tensor) { CheckLinearGrad(t[0], t[1], t[2], t[3], t[4], t[5]) }},
	{"LinearGradWeight", []operand{float("dw", 4, 3).orNil(), float("db", 4).orNil(), float("x", 2, 5, 3).blame("dy"), float("dy", 2, 5, 4)},
		func(t []Tensor) { CheckLinearGradWeight(t[0], t[1], t[2], t[3]) }},
	{"Depthwise3x3", []operand{float("y", 2, 5, 7, 4), float("x", 2, 5, 7, 4), float("w", 3, 3, 4), float("bias", 4)},
		func(t []Tensor) { CheckDepthwise3x3(t[0], t[1], t[2], t[3]) }},
	{"Depthwise3x3Grad", []operand{float("dx", 2, 5, 7, 4).orNil(), float("dw", 3, 3, 4).orNil(), float("db", 4).orNil(), float("dy", 2, 5, 7, 4), float("x", 2, 5, 7, 4), float("w", 3, 3, 4)},
		func(t []Tensor) { CheckDepthwise3x3Grad(t[0], t[1], t[2], t[3], t[4], t[5]) }},
	{"BatchNormFrozen", []operand{float("y", 6, 4), float("x", 6, 4).blame("y"), float("w", 4), float("b", 4), float("mean", 4), float("variance", 4)},
		func(t []Tensor) { CheckBatchNormFrozen(t[0], t[1], t[2], t[3], t[4], t[5]) }},
	{"BatchNormFrozenGrad", []operand{float("dx", 6, 4).orNil(), float("dw", 4).orNil(), float("db", 4).orNil(), float("dy", 6, 4), float("x", 6, 4).blame("dy"), float("w", 4), float("mean", 4), float("variance", 4)},
		func(t []Tensor) { CheckBatchNormFrozenGrad(t[0], t[1], t[2], t[3], t[4], t[5], t[6], t[7]) }},
	{"BatchNormTrain", []operand{float("y", 6, 4), float("saveMean", 4), float("saveRstd", 4), float("runningMean", 4), float("runningVar", 4), float("x", 6, 4).blame("y"), float("w", 4), float("b", 4)},
		func(t []Tensor) { CheckBatchNormTrain(t[0], t[1], t[2], t[3], t[4], t[5], t[6], t[7]) }},
	{"BatchNormTrainGrad", []operand{float("dx", 6, 4).orNil(), float("dw", 4).orNil(), float("db", 4).orNil(), float("dy", 6, 4), float("x", 6, 4).blame("dy"), float("w", 4), float("saveMean", 4), float("saveRstd", 4)},
		func(t []Tensor) { CheckBatchNormTrainGrad(t[0], t[1], t[2], t[3], t[4], t[5], t[6], t[7]) }},
	{"LayerNorm", []operand{float("y", 6, 4), float("mean", 6), float("rstd", 6), float("x", 6, 4).blame("y"), float("w", 4), float("b", 4)},
		func(t []Tensor) { CheckLayerNorm(t[0], t[1], t[2], t[3], t[4], t[5], false) }},
	{"LayerNormGrad", []operand{float("dx", 6, 4).orNil(), float("dw", 4).orNil(), float("db", 4).orNil(), float("dy", 6, 4), float("x", 6, 4).blame("dy"), float("w", 4), float("mean", 6), float("rstd", 6)},
		func(t []Tensor) { CheckLayerNormGrad(t[0], t[1], t[2], t[3], t[4], t[5], t[6], t[7]) }},
	{"ReLU", []operand{float("y", 6, 4).blame("x"), float("x", 6, 4)}, func(t []Tensor) { CheckReLU(t[0], t[1]) }},
	{"ReLUGrad", []operand{float("dx", 6, 4), float("dy", 6, 4), float("y", 6, 4).blame("dx")}, func(t []Tensor) { CheckReLUGrad(t[0], t[1], t[2]) }},
	{"GELU", []operand{float("y", 6, 4).blame("x"), float("x", 6, 4)}, func(t []Tensor) { CheckGELU(t[0], t[1]) }},
	{"GELUGrad", []operand{float("dx", 6, 4), float("dy", 6, 4), float("x", 6, 4).blame("dx")}, func(t []Tensor) { CheckGELUGrad(t[0], t[1], t[2]) }},
	{"AddNorm", []operand{float("z", 6, 4).blame("o"), float("y", 6, 4), float("mean", 6), float("rstd", 6), float("x", 6, 4), float("o", 6, 4), float("w", 4).orNil(), float("b", 4)},
		func(t []Tensor) { CheckAddNorm(t[0], t[1], t[2], t[3], t[4], t[5], t[6], t[7], drop) }},
	{"AddNormGrad", []operand{float("dz", 6, 4), float("do", 6, 4).orNil().blame("dz"), float("dw", 4).orNil(), float("db", 4).orNil(), float("dy", 6, 4).orNil(), float("z", 6, 4), float("w", 4), float("mean", 6), float("rstd", 6)},
		func(t []Tensor) { CheckAddNormGrad(t[0], t[1], t[2], t[3], t[4], t[5], t[6], t[7], t[8], drop) }},
	{"DepthwiseGELU", []operand{float("y", 2, 5, 7, 4).blame("x"), float("before", 2, 5, 7, 4).orNil(), float("x", 2, 5, 7, 4), float("w", 3, 3, 4), float("bias", 4)},
		func(t []Tensor) { CheckDepthwiseGELU(t[0], t[1], t[2], t[3], t[4], drop) }},
	{"DepthwiseGELUGrad", []operand{float("dx", 2, 5, 7, 4).orNil(), float("dw", 3, 3, 4).orNil(), float("db", 4).orNil(), float("work", 2, 5, 7, 4), float("dy", 2, 5, 7, 4).blame("x"), float("before", 2, 5, 7, 4), float("x", 2, 5, 7, 4), float("w", 3, 3, 4)},
		func(t []Tensor) { CheckDepthwiseGELUGrad(t[0], t[1], t[2], t[3], t[4], t[5], t[6], t[7], drop) }},
	{"Softmax", []operand{float("y", 6, 4), float("x", 6, 4).blame("y")}, func(t []Tensor) { CheckSoftmax(t[0], t[1]) }},
	{"SoftmaxGrad", []operand{float("dx", 6, 4), float("dy", 6, 4), float("y", 6, 4).blame("dx")}, func(t []Tensor) { CheckSoftmaxGrad(t[0], t[1], t[2]) }},
	{"Dropout", []operand{float("y", 6, 4).blame("x"), float("x", 6, 4)}, func(t []Tensor) { CheckDropout(t[0], t[1], drop) }},
	{"DropoutGrad", []operand{float("dx", 6, 4).blame("dy"), float("dy", 6, 4)}, func(t []Tensor) { CheckDropoutGrad(t[0], t[1], drop) }},
	{"Add", []operand{float("y", 6, 4).blame("a"), float("a", 6, 4), float("b", 6, 4)}, func(t []Tensor) { CheckAdd(t[0], t[1], t[2]) }},
	{"AddScaled", []operand{float("y", 6, 4).blame("x"), float("x", 6, 4)}, func(t []Tensor) { CheckAddScaled(t[0], t[1]) }},
	{"Concat", []operand{float("y", 2, 5, 7).blame("part 0"), float("part 0", 2, 5, 3), float("part 1", 2, 4)},
		func(t []Tensor) { CheckConcat(t[0], t[1:]) }},
	{"ConcatGrad", []operand{float("dpart 0", 2, 5, 3).orNil(), float("dpart 1", 2, 4).orNil(), float("dy", 2, 5, 7).blame("dpart 0")},
		func(t []Tensor) { CheckConcatGrad(t[:2], t[2], []int{3, 4}) }},
	{"MaxPool", []operand{float("y", 2, 3, 4, 4), index("argmax", 2, 3, 4, 4).orNil(), float("x", 2, 5, 7, 4)},
		func(t []Tensor) { CheckMaxPool(t[0], t[1], t[2], pool) }},
	{"MaxPoolGrad", []operand{float("dx", 2, 5, 7, 4), float("dy", 2, 3, 4, 4), index("argmax", 2, 3, 4, 4)},
		func(t []Tensor) { CheckMaxPoolGrad(t[0], t[1], t[2]) }},
	{"AdaptiveAvgPool", []operand{float("y", 2, 3, 4, 4), float("x", 2, 5, 7, 4)}, func(t []Tensor) { CheckAdaptiveAvgPool(t[0], t[1]) }},
	{"AdaptiveAvgPoolLevels", []operand{float("a map of y", 2, 3, 3, 4), float("x", 2, 5, 7, 4)}, func(t []Tensor) { CheckAdaptiveAvgPoolLevels(t[:1], t[1]) }},
	{"AdaptiveAvgPoolGrad", []operand{float("dx", 2, 5, 7, 4), float("dy", 2, 3, 4, 4)}, func(t []Tensor) { CheckAdaptiveAvgPoolGrad(t[0], t[1]) }},
	{"PyramidSpread", []operand{float("y", 2, 5, 7, 4), float("a map of q", 2, 3, 3, 36)}, func(t []Tensor) { CheckPyramidSpread(t[0], t[1:]) }},
	{"MaskedAveragePool", []operand{float("y", 2, 4), float("x", 2, 5, 7, 4).blame("y"), float("mask", 2, 5, 7)},
		func(t []Tensor) { CheckMaskedAveragePool(t[0], t[1], t[2]) }},
	{"MaskedAveragePoolGrad", []operand{float("dx", 2, 5, 7, 4).blame("dy"), float("dy", 2, 4), float("mask", 2, 5, 7)},
		func(t []Tensor) { CheckMaskedAveragePoolGrad(t[0], t[1], t[2]) }},
	{"ResizeBilinear", []operand{float("y", 2, 3, 4, 4), float("x", 2, 5, 7, 4)}, func(t []Tensor) { CheckResizeBilinear(t[0], t[1]) }},
	{"ResizeBilinearGrad", []operand{float("dx", 2, 5, 7, 4), float("dy", 2, 3, 4, 4)}, func(t []Tensor) { CheckResizeBilinearGrad(t[0], t[1]) }},
	{"ResizeNearest", []operand{float("y", 2, 3, 4, 4), float("x", 2, 5, 7, 4)}, func(t []Tensor) { CheckResizeNearest(t[0], t[1]) }},
	{"SelfAttention", []operand{float("y", 2, 5, 6), float("lse", 2, 3, 5).orNil(), float("q", 2, 5, 6), float("k", 2, 4, 6), float("v", 2, 4, 6)},
		func(t []Tensor) { CheckSelfAttention(t[0], t[1], t[2], t[3], t[4], 3, false) }},
	{"SelfAttentionGrad", []operand{float("dq", 2, 5, 6).orNil(), float("dk", 2, 4, 6).orNil(), float("dv", 2, 4, 6).orNil(), float("dy", 2, 5, 6), float("y", 2, 5, 6), float("lse", 2, 3, 5), float("q", 2, 5, 6), float("k", 2, 4, 6), float("v", 2, 4, 6)},
		func(t []Tensor) { CheckSelfAttentionGrad(t[0], t[1], t[2], t[3], t[4], t[5], t[6], t[7], t[8], 3) }},
	{"RotaryEmbedding", []operand{float("x", 2, 5, 12), float("cos", 4, 2), float("sin", 4, 2)},
		func(t []Tensor) { CheckRotaryEmbedding(t[0], t[1], t[2], 3) }},
	{"MaskedCorrelation", []operand{float("y", 2, 5, 6), float("corr", 2, 5), float("colSum", 2, 3, 4), float("q", 2, 5, 6), float("k", 2, 4, 6), float("v", 2, 4, 6), float("mask", 2, 4)},
		func(t []Tensor) { CheckMaskedCorrelation(t[0], t[1], t[2], t[3], t[4], t[5], t[6], 3) }},
	{"MaskedCorrelationGrad", []operand{float("dq", 2, 5, 6).orNil(), float("dk", 2, 4, 6).orNil(), float("dv", 2, 4, 6).orNil(), float("dy", 2, 5, 6).orNil(), float("dcorr", 2, 5).orNil(), float("colSum", 2, 3, 4), float("q", 2, 5, 6), float("k", 2, 4, 6), float("v", 2, 4, 6), float("mask", 2, 4)},
		func(t []Tensor) {
			CheckMaskedCorrelationGrad(t[0], t[1], t[2], t[3], t[4], t[5], t[6], t[7], t[8], t[9], 3)
		}},
	{"PriorSimilarity", []operand{float("y", 2, 5, 7), float("q", 2, 5, 7, 4), float("s", 2, 3, 2, 2, 4), float("mask", 2, 3, 2, 2)},
		func(t []Tensor) { CheckPriorSimilarity(t[0], t[1], t[2], t[3]) }},
	{"Contrast", []operand{float("similarity", 6, 35).orNil(), float("difference", 6, 35), float("cosines", 6, 35, 2), float("extremes", 6, 4), float("x", 2, 5, 7, 3).bad(2, 5, 7, 4).blame("fg"), float("fg", 6, 3).bad(5, 3), float("bg", 6, 3)},
		func(t []Tensor) { CheckContrast(t[0], t[1], t[2], t[3], t[4], t[5], t[6]) }},
	{"ContrastGrad", []operand{float("dx", 2, 5, 7, 3).orNil(), float("dfg", 6, 3).orNil(), float("dbg", 6, 3).orNil(), float("ddiff", 6, 35), float("cosines", 6, 35, 2), float("extremes", 6, 4), float("x", 2, 5, 7, 3).bad(2, 5, 7, 4).blame("fg"), float("fg", 6, 3).bad(5, 3), float("bg", 6, 3)},
		func(t []Tensor) { CheckContrastGrad(t[0], t[1], t[2], t[3], t[4], t[5], t[6], t[7], t[8]) }},
	{"ContrastPrior", []operand{float("y", 2, 5, 7, 2).blame("similarityA"), float("similarityA", 6, 35).bad(5, 35), float("differenceA", 6, 35), float("extremesA", 6, 4), float("similarityB", 6, 35), float("differenceB", 6, 35), float("extremesB", 6, 4)},
		func(t []Tensor) { CheckContrastPrior(t[0], t[1], t[2], t[3], t[4], t[5], t[6]) }},
	{"Pivot", []operand{float("y", 2, 3), float("weights", 2, 35), float("region", 2, 3), float("s", 2, 35), float("v", 2, 35, 3), float("fg", 2, 3)},
		func(t []Tensor) { CheckPivot(t[0], t[1], t[2], t[3], t[4], t[5]) }},
	{"PivotGrad", []operand{float("ds", 2, 35).orNil(), float("dv", 2, 35, 3).orNil(), float("dfg", 2, 3).orNil(), float("dy", 2, 3), float("weights", 2, 35), float("region", 2, 3), float("v", 2, 35, 3), float("fg", 2, 3)},
		func(t []Tensor) { CheckPivotGrad(t[0], t[1], t[2], t[3], t[4], t[5], t[6], t[7]) }},
	{"Gram", []operand{float("g", 2, 4, 4), float("x", 2, 5, 7, 4)}, func(t []Tensor) { CheckGram(t[0], t[1]) }},
	{"GramDistance", []operand{float("d", 2, 3), float("gq", 2, 4, 4), float("gs", 2, 3, 4, 4)}, func(t []Tensor) { CheckGramDistance(t[0], t[1], t[2]) }},
	{"ShotWeights", []operand{float("psi", 2), float("d", 2, 3), float("w0", 2, 3).orNil(), float("b0", 2), float("w1", 3, 2), float("b1", 3)},
		func(t []Tensor) { CheckShotWeights(t[0], t[1], t[2], t[3], t[4], t[5]) }},
	{"ShotWeightsGrad", []operand{float("dw0", 2, 3).orNil(), float("db0", 2).orNil(), float("dw1", 3, 2).orNil(), float("db1", 3).orNil(), float("dpsi", 2), float("d", 2, 3), float("w0", 2, 3).orNil(), float("b0", 2), float("w1", 3, 2), float("b1", 3)},
		func(t []Tensor) { CheckShotWeightsGrad(t[0], t[1], t[2], t[3], t[4], t[5], t[6], t[7], t[8], t[9]) }},
	{"BaseForeground", []operand{float("y", 2, 5, 7), float("prob", 2, 5, 7, 4), index("except", 2).orNil()}, func(t []Tensor) { CheckBaseForeground(t[0], t[1], t[2]) }},
	{"Ensemble", []operand{float("y", 2, 5, 7, 2), float("meta", 2, 5, 7, 2), float("base", 2, 5, 7), float("psi", 2), float("gramMerge", 2), float("clsMerge", 2)},
		func(t []Tensor) { CheckEnsemble(t[0], t[1], t[2], t[3], t[4], t[5]) }},
	{"EnsembleGrad", []operand{float("dmeta", 2, 5, 7, 2).orNil(), float("dpsi", 2).orNil(), float("dgramMerge", 2).orNil(), float("dclsMerge", 2).orNil(), float("dy", 2, 5, 7, 2), float("meta", 2, 5, 7, 2), float("base", 2, 5, 7), float("psi", 2), float("gramMerge", 2), float("clsMerge", 2)},
		func(t []Tensor) { CheckEnsembleGrad(t[0], t[1], t[2], t[3], t[4], t[5], t[6], t[7], t[8], t[9]) }},
	{"Foreground", []operand{float("y", 2, 5).blame("label"), label("label", 2, 5)}, func(t []Tensor) { CheckForeground(t[0], t[1]) }},
	{"Background", []operand{float("y", 2, 5).blame("label"), label("label", 2, 5)}, func(t []Tensor) { CheckBackground(t[0], t[1]) }},
	{"MaskImage", []operand{float("y", 2, 5, 4), float("x", 2, 5, 4).blame("y"), float("mask", 2, 5)}, func(t []Tensor) { CheckMaskImage(t[0], t[1], t[2]) }},
	{"ShotMean", []operand{float("y", 2, 5).bad(2, 7).blame("x"), float("x", 3, 2, 5).bad(3, 7)}, func(t []Tensor) { CheckShotMean(t[0], t[1]) }},
	{"ShotMeanGrad", []operand{float("dx", 3, 2, 5).bad(3, 7), float("dy", 2, 5).bad(2, 7).blame("dx")}, func(t []Tensor) { CheckShotMeanGrad(t[0], t[1]) }},
	{"Normalize", []operand{float("y", 2, 5, 3).blame("x"), float("x", 2, 5, 3)}, func(t []Tensor) { CheckNormalize(t[0], t[1]) }},
	{"CrossEntropy", []operand{float("loss", 2), float("logits", 2, 5, 7, 4), label("label", 2, 5, 7)}, func(t []Tensor) { CheckCrossEntropy(t[0], t[1], t[2]) }},
	{"CrossEntropyGrad", []operand{float("dlogits", 2, 5, 7, 4).orNil(), float("loss", 2), float("logits", 2, 5, 7, 4), label("label", 2, 5, 7)},
		func(t []Tensor) { CheckCrossEntropyGrad(t[0], t[1], t[2], t[3]) }},
	{"DistillationTeacher", []operand{float("y", 2, 5).blame("label"), label("label", 2, 5)}, func(t []Tensor) { CheckDistillationTeacher(t[0], t[1]) }},
	{"Distillation", []operand{float("loss", 1), float("student", 2, 5).blame("teacher"), float("teacher", 2, 5)}, func(t []Tensor) { CheckDistillation(t[0], t[1], t[2]) }},
	{"DistillationGrad", []operand{float("dstudent", 2, 5).orNil(), float("student", 2, 5).blame("teacher"), float("teacher", 2, 5)}, func(t []Tensor) { CheckDistillationGrad(t[0], t[1], t[2]) }},
	{"Argmax", []operand{label("y", 2, 5), float("logits", 2, 5, 4).blame("y")}, func(t []Tensor) { CheckArgmax(t[0], t[1]) }},
	{"AdamW", []operand{float("p", 6).blame("m"), float("m", 6), float("v", 6), float("g", 6)}, func(t []Tensor) { CheckAdamW(t[0], t[1], t[2], t[3], &AdamWParams{}) }},
	{"SGD", []operand{float("p", 6).blame("m"), float("m", 6), float("g", 6)}, func(t []Tensor) { CheckSGD(t[0], t[1], t[2]) }},
	{"Upload", []operand{float("dst", 6)}, func(t []Tensor) { CheckUpload(t[0], six) }},
	{"Download", []operand{float("src", 6)}, func(t []Tensor) { CheckDownload(six, t[0]) }},
}

var six any = make([]float32, 6)

// frozen is a convolution with weights [4,3,3,3].
type frozen struct{}

func (frozen) Shape() []int       { return frozenShape }
func (frozen) Params() ConvParams { return unit }
func (frozen) ReadsHalves() bool  { return false }
func (frozen) Close() error       { return nil }

var frozenShape = []int{4, 3, 3, 3}

// TestContracts: operands that fit pass, and cost no allocation. A missing one, one of
// another type and one of another shape panic with the operator and the operand.
func TestContracts(t *testing.T) {
	for _, c := range contracts {
		t.Run(c.operator, func(t *testing.T) {
			var fit []Tensor
			for _, o := range c.operands {
				fit = append(fit, o.tensor())
			}
			if n := testing.AllocsPerRun(5, func() { c.check(fit) }); n != 0 && c.operator != "ConcatGrad" { // the slice of sizes is the test's
				t.Errorf("%v allocations", n)
			}
			for i, o := range c.operands {
				with := func(x Tensor) string {
					ts := slices.Clone(fit)
					ts[i] = x
					return panicOf(func() { c.check(ts) })
				}
				prefix := "op: " + c.operator + ": "
				if got := with(nil); o.optional && got != "" || !o.optional && got != prefix+o.name+" is nil" {
					t.Errorf("without %s: %q", o.name, got)
				}
				other := o
				if other.of = tensor.Int32; o.of == tensor.Int32 {
					other.of = tensor.Float32
				}
				if got, want := with(other.tensor()), fmt.Sprintf("%s%s holds %v, want %v", prefix, o.name, other.of, o.of); got != want {
					t.Errorf("%s of another type: %q, want %q", o.name, got, want)
				}
				other = o
				if other.shape = o.wrong; o.wrong == nil {
					other.shape = append(slices.Clone(o.shape), 3)
				}
				blamed := o.name
				if o.blames != "" {
					blamed = o.blames
				}
				if got := with(other.tensor()); !strings.HasPrefix(got, prefix+blamed+" ") {
					t.Errorf("%s with another shape: %q, want it to name %s", o.name, got, blamed)
				}
			}
		})
	}
}

// TestParameterContracts: parameters that no operator takes.
func TestParameterContracts(t *testing.T) {
	x, map4 := float("x", 2, 6).tensor(), float("x", 2, 5, 7, 4).tensor()
	none := ConvParams{Pad: 1, Dilation: 1}
	for want, f := range map[string]func(){
		"op: Conv2D: params":        func() { CheckConv2D(map4, map4, float("w", 4, 3, 3, 4).tensor(), nil, nil, none) },
		"op: FreezeConv2D: params":  func() { CheckFreezeConv2D(make([]float32, 36), nil, []int{4, 3, 3, 1}, none) },
		"op: FreezeConv2D: w has":   func() { CheckFreezeConv2D(make([]float32, 35), nil, []int{4, 3, 3, 1}, unit) },
		"op: FreezeConv2D: bias":    func() { CheckFreezeConv2D(make([]float32, 36), make([]float32, 3), []int{4, 3, 3, 1}, unit) },
		"op: MaxPool: params":       func() { CheckMaxPool(map4, nil, map4, PoolParams{Kernel: 3, Stride: 1, Pad: 2}) },
		"op: Dropout: P is 1":       func() { CheckDropout(x, x, DropoutParams{P: 1}) },
		"op: DropoutGrad: P is NaN": func() { CheckDropoutGrad(x, x, DropoutParams{P: nan()}) },
		"op: SelfAttention: q":      func() { q := float("q", 2, 5, 7).tensor(); CheckSelfAttention(q, nil, q, q, q, 2, false) },
		"op: BatchNormTrain: x (1, 4) has": func() {
			c, y := float("", 4).tensor(), float("", 1, 4).tensor()
			CheckBatchNormTrain(y, c, c, c, c, y, c, c)
		},
		"op: Normalize: x has shape":              func() { CheckNormalize(x, x) },
		"op: Argmax: logits has":                  func() { CheckArgmax(label("y", 2).tensor(), float("x", 2, 256).tensor()) },
		"op: Concat: the parts have 6":            func() { CheckConcat(float("y", 2, 7).tensor(), []Tensor{x}) },
		"op: ConcatGrad: dparts has 1":            func() { CheckConcatGrad([]Tensor{x}, x, nil) },
		"op: ConcatGrad: dpart 0":                 func() { CheckConcatGrad([]Tensor{x}, x, []int{5}) },
		"op: ConcatGrad: sizes [5]":               func() { CheckConcatGrad([]Tensor{nil}, x, []int{5}) },
		"op: AdaptiveAvgPoolLevels: y has no map": func() { CheckAdaptiveAvgPoolLevels(nil, map4) },
		"op: PyramidSpread: q has no map":         func() { CheckPyramidSpread(map4, nil) },
		"op: ShotMean: x (2, 6) and y (2, 5)":     func() { CheckShotMean(float("y", 2, 5).tensor(), x) },
		"op: Copy: dst is nil":                    func() { CheckCopy(nil, x) },
		"op: Copy: src is nil":                    func() { CheckCopy(x, nil) },
		"op: Copy: src holds uint8":               func() { CheckCopy(x, label("", 2, 6).tensor()) },
		"op: Copy: src has 8":                     func() { CheckCopy(x, float("", 2, 4).tensor()) },
		"op: Upload: src is a []int":              func() { CheckUpload(x, []int{1}) },
		"op: Upload: dst has 12":                  func() { CheckUpload(x, make([]float32, 11)) },
		"op: Upload: dst holds float32":           func() { CheckUpload(x, make([]uint8, 12)) },
		"op: Download: src holds":                 func() { CheckDownload(make([]int32, 12), x) },
	} {
		if got := panicOf(f); !strings.HasPrefix(got, want) {
			t.Errorf("%q, want %q…", got, want)
		}
	}
}

func nan() float32 { var zero float32; return zero / zero }

// panicOf returns what f panics with, "" if it does not.
func panicOf(f func()) (message string) {
	defer func() {
		if e := recover(); e != nil {
			message = fmt.Sprint(e)
		}
	}()
	f()
	return ""
}

// TestEveryCheckHasACase: no check of a contract is left out above.
func TestEveryCheckHasACase(t *testing.T) {
	text, err := os.ReadFile("check_test.go")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, f := range parse(t, ".") {
		for _, d := range f.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Check") {
				found++
				if !strings.Contains(string(text), f.Name.Name+"(") {
					t.Errorf("no case for %s", f.Name.Name)
				}
			}
		}
	}
	if found < 60 {
		t.Errorf("found only %d checks", found)
	}
}

// parse reads the files of a folder, tests aside.
func parse(t *testing.T, dir string) map[string]*ast.File {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]*ast.File{}
	for _, e := range entries {
		if name := e.Name(); strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") {
			f, err := parser.ParseFile(token.NewFileSet(), dir+"/"+name, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			files[name] = f
		}
	}
	return files
}
