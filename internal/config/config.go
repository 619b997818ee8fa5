// Package config holds the settings of a run as plain structs and reads them from, in
// rising precedence, the defaults (the default tags here), a YAML file and what it extends,
// HDMNET_* environment variables, and --set and command-line flags.
//
// A key is a field's path in the YAML file, such as train.meta.lr. Its environment
// variable is the key in capitals with underscores, HDMNET_TRAIN_META_LR. Unknown
// keys, values of the wrong type and values out of range are errors that name the
// key, where it was given, and what is expected.
//
// A file need not give every key: the others are those of the configuration that its key
// extends names, an embedded one or another file, or else the defaults.
//
//	extends: pascal5i_resnet50
//	model: {shots: 5}
//
// The package knows no device, no network and no data set beyond their names.
package config

// Config is everything that a run depends on but its fold.
//
// A field's tags say all that there is to know of a key: its name in the YAML file, the
// default, the accepted values (valid: an interval for numbers, for every number of a
// list, or alternatives separated by | for text) and what it means (doc). The default tag
// of an embedded struct replaces defaults of its fields. The default of a new key is what
// the program did before it had the key: runs from then take it when they are resumed.
type Config struct {
	Dataset    Dataset    `yaml:"dataset" doc:"where the pictures come from and which of them count"`
	Model      Model      `yaml:"model" doc:"the network"`
	Backbone   Backbone   `yaml:"backbone" doc:"where the base stage starts"`
	Base       Base       `yaml:"base" doc:"where the meta stage starts"`
	Train      Train      `yaml:"train"`
	Eval       Eval       `yaml:"eval" doc:"the evaluation protocol"`
	INSID3     INSID3     `yaml:"insid3" doc:"segmentation without training, by an encoder's features (--method insid3)"`
	Prototypes Prototypes `yaml:"prototypes" doc:"likewise in a simpler way (--method prototypes)"`
	Device     string     `yaml:"device" default:"auto" doc:"auto, cpu, cuda or cuda:N"`
	Precision  string     `yaml:"precision" default:"fp32" valid:"auto|fp32|bf16x3|tf32|bf16" doc:"of the inputs of products; tf32 needs a GPU, bf16 a GPU or a CPU with AVX512_BF16, bf16x3 (nearly fp32) such a CPU; auto: the fastest, measured at the start, and kept with the run"`
}

// Dataset says where the pictures come from and which of them count.
type Dataset struct {
	Name               string `yaml:"name" default:"pascal5i" valid:"shapes5i|pascal5i|coco20i|custom"`
	Root               string `yaml:"root" doc:"directory that the paths of the lists start from; shapes5i needs none"`
	TrainList          string `yaml:"train_list" doc:"file of 'image mask' pairs to train on"`
	ValList            string `yaml:"val_list" doc:"likewise, to validate and evaluate on"`
	Classes            string `yaml:"classes" doc:"custom: file of class names, line 1 is mask value 1"`
	Folds              int    `yaml:"folds" default:"4" valid:"[2,254]" doc:"custom: the number of folds, blocks of classes in order"`
	FoldList           string `yaml:"fold_list" doc:"custom: file with the novel classes of each fold, instead of blocks"`
	FoldScheme         string `yaml:"fold_scheme" default:"fwb" valid:"fwb|panet" doc:"the novel classes of fold f of COCO-20i are f+1, f+5, ... or 20f+1 to 20f+20"`
	MaskColors         string `yaml:"mask_colors" doc:"which classes the colors of painted masks are: voc, cityscapes, or a file of colors; empty: masks hold indices"`
	MaxPixels          int    `yaml:"max_pixels" default:"268435456" valid:"[1,inf)" doc:"largest picture that is read; from 67108864 on at a smaller scale"`
	MinArea            int    `yaml:"min_area" default:"2048" valid:"[1,inf)" doc:"pixels a class must cover for an (image, class) pair to count"`
	FilterIntersection bool   `yaml:"filter_intersection" default:"true" doc:"drop training images that show any novel class"`
	Annotation         string `yaml:"annotation" default:"mask" valid:"mask|bbox" doc:"how supports are marked; bbox fills the boxes of their masks' components"`
	SynthSeed          int    `yaml:"synth_seed" default:"1" valid:"[0,inf)" doc:"shapes5i: which scenes"`
	SynthSize          int    `yaml:"synth_size" default:"160" valid:"[64,1024]" doc:"shapes5i: side of a scene in pixels"`
	SynthTrain         int    `yaml:"synth_train" default:"2000" valid:"[1,inf)" doc:"shapes5i: scenes to train on"`
	SynthVal           int    `yaml:"synth_val" default:"200" valid:"[1,inf)" doc:"shapes5i: scenes to validate and evaluate on"`
}

// Model is the network.
type Model struct {
	Backbone string `yaml:"backbone" default:"resnet50" valid:"resnet50|resnet101|vgg16|tiny|dinov2_vits14|dinov2_vits14_reg|dinov2_vitb14|dinov2_vitb14_reg|dinov2_vitl14|dinov2_vitl14_reg|dinov3_vits16|dinov3_vitb16|dinov3_vitl16|dinov2_tiny14|dinov2_tiny14_reg|dinov3_tiny16"`
	Size     int    `yaml:"size" default:"473" valid:"[33,4097]" doc:"side of the square input of the meta stage, 8n + 1; with DINOv2 and DINOv3 a multiple of their patch, 14 or 16"`
	Shots    int    `yaml:"shots" default:"1" valid:"[1,100]" doc:"K, support images per episode"`
	// ShotFusion is how K supports are taken by a network that was trained on R.
	ShotFusion string `yaml:"shot_fusion" default:"auto" valid:"auto|joint|scaled|vote" doc:"how K supports are taken by a network trained on R: joint (the release's sum), scaled (times R/K), vote (mean of K one-shot probabilities), auto (joint where K = R, else scaled)"`
	Ambiguity  bool   `yaml:"ambiguity" default:"false" doc:"ambiguity elimination (AENet, ECCV 2024): more parameters, which training and weights must have alike"`
}

// Backbone is where the base stage starts.
type Backbone struct {
	Weights string `yaml:"weights" doc:"ImageNet weights, or those of DINOv2 and DINOv3; empty: random"`
}

// Base is where the meta stage starts.
type Base struct {
	Weights string `yaml:"weights" doc:"a trained base learner; empty: the run's own base stage"`
}

// Train are the settings of training.
type Train struct {
	Seed     int    `yaml:"seed" default:"321" valid:"[0,inf)"`
	Workers  int    `yaml:"workers" default:"2" valid:"[1,256]" doc:"goroutines that prepare batches; results do not depend on it"`
	Prefetch int    `yaml:"prefetch" default:"4" valid:"[1,64]" doc:"batches kept ready"`
	Stage    string `yaml:"stage" default:"all" valid:"base|meta|all"`
	// TensorBoard changes no result.
	TensorBoard bool      `yaml:"tensorboard" default:"true" doc:"write events for TensorBoard into the run's folder tensorboard"`
	Base        BaseStage `yaml:"base" doc:"the base learner: PSPNet on the fold's base classes, SGD"`
	Meta        MetaStage `yaml:"meta" doc:"HDMNet on episodes, AdamW; backbone and base learner frozen"`
}

// Schedule is how long a stage runs and when it validates.
type Schedule struct {
	Epochs        int `yaml:"epochs" default:"1" valid:"[1,1e9]"`
	Batch         int `yaml:"batch" default:"1" valid:"[1,1e9]" doc:"samples of one forward pass"`
	Accumulate    int `yaml:"accumulate" default:"4" valid:"[1,1e9]" doc:"batches per optimizer step; the release runs 4 GPUs with one each"`
	MaxSteps      int `yaml:"max_steps" default:"0" valid:"[0,inf)" doc:"optimizer steps to stop after, 0 = all epochs; fewer than an epoch are not validated"`
	ValidateEvery int `yaml:"validate_every" default:"1" valid:"[0,inf)" doc:"epochs, 0 = never"`
	EarlyStop     int `yaml:"early_stop" default:"0" valid:"[0,inf)" doc:"epochs without a better score to stop after, 0 = off"`
}

// Augment are the training augmentations; validation has none.
type Augment struct {
	Scale             [2]float64 `yaml:"scale" default:"1, 1" valid:"(0,16]" doc:"least and greatest factor on both sides"`
	Rotate            float64    `yaml:"rotate" default:"10" valid:"[0,180]" doc:"greatest angle in degrees, either way"`
	RotateProbability float64    `yaml:"rotate_probability" default:"0.5" valid:"[0,1]"`
	BlurProbability   float64    `yaml:"blur_probability" default:"0.5" valid:"[0,1]"`
	FlipProbability   float64    `yaml:"flip_probability" default:"0.5" valid:"[0,1]"`
}

// BaseStage trains PSPNet on the fold's base classes with SGD. The learning rate of
// step i of n is lr · (1 − i/n)^power times the group's multiplier.
type BaseStage struct {
	Schedule    `default:"epochs=100 batch=3"`
	Size        int     `yaml:"size" default:"417" valid:"[33,4097]" doc:"side of the random crop, as model.size"`
	LR          float64 `yaml:"lr" default:"2.5e-4" valid:"(0,inf)"`
	Power       float64 `yaml:"power" default:"0.9" valid:"[0,inf)" doc:"the rate falls as lr · (1 − step/steps)^power"`
	Momentum    float64 `yaml:"momentum" default:"0.9" valid:"[0,1)"`
	WeightDecay float64 `yaml:"weight_decay" default:"1e-4" valid:"[0,inf)"`
	LRMult      struct {
		Head     float64 `yaml:"head" default:"10" valid:"[0,inf)" doc:"pyramid pooling and classifier"`
		Backbone float64 `yaml:"backbone" default:"1" valid:"[0,inf)"`
	} `yaml:"lr_mult" doc:"factors of lr"`
	Augment `default:"scale=[0.5,2]"`
}

// MetaStage trains HDMNet on episodes with AdamW, backbone and base learner frozen.
// The learning rate is scheduled as in BaseStage.
type MetaStage struct {
	Schedule `default:"epochs=200 batch=4"`
	LR       float64 `yaml:"lr" default:"1e-4" valid:"(0,inf)" doc:"of the transformer"`
	Power    float64 `yaml:"power" default:"0.9" valid:"[0,inf)"`
	LRMult   struct {
		Head float64 `yaml:"head" default:"10" valid:"[0,inf)" doc:"down_query, down_supp and the merge layers"`
	} `yaml:"lr_mult" doc:"factors of lr"`
	Beta1            float64 `yaml:"beta1" default:"0.9" valid:"[0,1)"`
	Beta2            float64 `yaml:"beta2" default:"0.999" valid:"[0,1)"`
	Eps              float64 `yaml:"eps" default:"1e-8" valid:"(0,inf)"`
	WeightDecay      float64 `yaml:"weight_decay" default:"0.01" valid:"[0,inf)"`
	DistillWeight    float64 `yaml:"distill_weight" default:"1" valid:"[0,inf)" doc:"factor of the correlation map distillation"`
	Dropout          bool    `yaml:"dropout" default:"true"`
	Shots            string  `yaml:"shots" doc:"supports per episode in training: a number, or a range such as 1-5 from which every batch draws its own; empty = model.shots"`
	KShotReweight    bool    `yaml:"kshot_reweight" default:"false" doc:"train kshot_rw, which the release leaves untrained (shots > 1)"`
	ValidateEpisodes int     `yaml:"validate_episodes" default:"1000" valid:"[1,1e9]"`
	ValidateSeed     int     `yaml:"validate_seed" default:"321" valid:"[0,inf)"`
	Augment          `default:"scale=[0.9,1.1]"`
}

// Eval is the evaluation protocol.
type Eval struct {
	Episodes int   `yaml:"episodes" default:"1000" valid:"[1,1e9]" doc:"per seed and fold"`
	Seeds    []int `yaml:"seeds" default:"510, 365, 382, 322, 988, 98, 742, 17, 595, 106" valid:"[0,inf)"`
	Batch    int   `yaml:"batch" default:"1" valid:"[1,1e9]" doc:"episodes of one forward pass"`
	// EmulatedDataLoaderWorkers is no number of threads: other numbers give other episodes.
	EmulatedDataLoaderWorkers int `yaml:"emulated_dataloader_workers" default:"8" valid:"[0,256]" doc:"episodes are drawn as a PyTorch DataLoader with as many workers draws them; 0 = none"`
	// TTA names the views of test-time augmentation; package tta reads it.
	TTA          string `yaml:"tta" doc:"test-time augmentation, for instance flip or flip,scales=0.8,1,1.2; empty = none"`
	Refine       string `yaml:"refine" doc:"guided: outlines are moved to the edges of the picture by a guided filter, at full size; guided,radius=0.25,eps=0.01 gives its radius in cells of 8 pixels of the input, and its smoothing; empty = none"`
	BoundaryIoU  bool   `yaml:"boundary_iou" default:"false" doc:"also score the IoU of boundaries, 2% of the picture's diagonal wide"`
	FeatureCache int    `yaml:"feature_cache" default:"512" valid:"[0,1e9]" doc:"MiB of memory for features of frozen layers of pictures that come back, 0 = off"`
}

// INSID3 are the numbers of package insid3.
type INSID3 struct {
	Size       int     `yaml:"size" default:"0" valid:"[0,4096]" doc:"side of the square input in pixels, a multiple of the encoder's patch; 0: 1024, or the multiple next to it"`
	Components int     `yaml:"components" default:"0" valid:"[0,1e9]" doc:"how many directions of the features that tell a patch's place are taken out; 0: 500 of the 1024 channels of a ViT-L, 20 of smaller encoders"`
	Tau        float64 `yaml:"tau" default:"0.6" valid:"(0,1)" doc:"patches form clusters down to this mean similarity"`
	Merge      float64 `yaml:"merge" default:"0.2" valid:"(0,1)" doc:"clusters with a score above this are the object"`
}

// Prototypes are the numbers of package prototypes.
type Prototypes struct {
	Size     int `yaml:"size" default:"0" valid:"[0,4096]" doc:"side of the square input in pixels, a multiple of the encoder's patch; 0: 512, or the multiple next to it"`
	Clusters int `yaml:"clusters" default:"5" valid:"[1,1000]" doc:"prototypes of the object that k-means makes of the supports' patches, and as many of the background; it begins by train.seed"`
}
