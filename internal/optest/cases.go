package optest

// cases lists every operator's test, one line each.
var cases = []opCase{
	{"add", testAdd},
	{"relu", testReLU},
	{"gelu", testGELU},
	{"layer_norm", testLayerNorm},
	{"concat", testConcat},
	{"depthwise3x3", testDepthwise3x3},
	{"dropout", testDropout},
	{"masked_correlation", testMaskedCorrelation},
	{"self_attention", testSelfAttention},
	{"cross_entropy", testCrossEntropy},
	{"distillation", testDistillation},
	{"prior_similarity", testPriorSimilarity},
	{"gram", testGram},
	{"ensemble", testEnsemble},
	{"shot_weights", testShotWeights},
	{"max_pool", testMaxPool},
	{"adaptive_avg_pool", testAdaptiveAvgPool},
	{"argmax", testArgmax},
	{"adamw", testAdamW},
	{"sgd", testSGD},
}
