// Package config holds the settings of a run as plain structs and reads them from,
// in rising precedence, the defaults (the embedded pascal5i_resnet50), a YAML file,
// HDMNET_* environment variables, and --set and command-line flags.
//
// A key is a field's path in the YAML file, such as train.meta.lr. Its environment
// variable is the key in capitals with underscores, HDMNET_TRAIN_META_LR. Unknown
// keys, values of the wrong type and values out of range are errors that name the
// key, where it was given, and what is expected.
//
// The package knows no device, no network and no data set beyond their names.
package config

import (
	"bytes"
	"io"

	"gopkg.in/yaml.v3"

	"hdmnet/internal/atomicfile"
)

// Config is everything that a run depends on but its fold.
//
// The valid tags give the accepted values: an interval for numbers (for every number
// of a list), alternatives separated by | for text.
type Config struct {
	Dataset   Dataset  `yaml:"dataset"`
	Model     Model    `yaml:"model"`
	Backbone  Backbone `yaml:"backbone"`
	Base      Base     `yaml:"base"`
	Train     Train    `yaml:"train"`
	Eval      Eval     `yaml:"eval"`
	Device    string   `yaml:"device"`                           // auto, cpu, cuda or cuda:N
	Precision string   `yaml:"precision" valid:"fp32|tf32|bf16"` // what the inputs of products are rounded to
}

// Dataset says where the pictures come from and which of them count.
type Dataset struct {
	Name               string `yaml:"name" valid:"shapes5i|pascal5i|coco20i|custom"`
	Root               string `yaml:"root"`                         // directory that the paths of the lists start from
	TrainList          string `yaml:"train_list"`                   // file of `image mask` pairs to train on
	ValList            string `yaml:"val_list"`                     // likewise, to validate and evaluate on
	Classes            string `yaml:"classes"`                      // custom: file of class names, line 1 is mask value 1
	Folds              int    `yaml:"folds" valid:"[2,254]"`        // custom: the number of folds, blocks of classes in order
	FoldList           string `yaml:"fold_list"`                    // custom: file with the novel classes of each fold, instead of blocks
	Split              string `yaml:"split" valid:"fwb|panet"`      // COCO-20i: how classes are split into folds
	MinArea            int    `yaml:"min_area" valid:"[1,inf)"`     // pixels a class must cover for an (image, class) pair to count
	FilterIntersection bool   `yaml:"filter_intersection"`          // drop training images that show any novel class
	Annotation         string `yaml:"annotation" valid:"mask|bbox"` // how supports are marked: bbox fills the boxes of their masks' components
	SynthSeed          int    `yaml:"synth_seed" valid:"[0,inf)"`   // shapes5i: which scenes
	SynthSize          int    `yaml:"synth_size" valid:"[64,1024]"` // shapes5i: side of a scene in pixels
	SynthTrain         int    `yaml:"synth_train" valid:"[1,inf)"`  // shapes5i: scenes to train on
	SynthVal           int    `yaml:"synth_val" valid:"[1,inf)"`    // shapes5i: scenes to validate and evaluate on
}

// Model is the network.
type Model struct {
	Backbone string `yaml:"backbone" valid:"resnet50|resnet101|vgg16|tiny"`
	Size     int    `yaml:"size" valid:"[33,4097]"` // side of the square input of the meta stage, 8n + 1
	Shots    int    `yaml:"shots" valid:"[1,100]"`  // K, support images per episode
}

// Backbone is where the base stage starts.
type Backbone struct {
	Weights string `yaml:"weights"` // ImageNet weights; empty: random
}

// Base is where the meta stage starts.
type Base struct {
	Weights string `yaml:"weights"` // a trained base learner; empty: the run's own base stage
}

// Train are the settings of training.
type Train struct {
	Seed     int       `yaml:"seed" valid:"[0,inf)"`
	Workers  int       `yaml:"workers" valid:"[1,256]"` // goroutines that prepare batches; results do not depend on it
	Prefetch int       `yaml:"prefetch" valid:"[1,64]"` // batches kept ready
	Stage    string    `yaml:"stage" valid:"base|meta|all"`
	Base     BaseStage `yaml:"base"`
	Meta     MetaStage `yaml:"meta"`
}

// Schedule is how long a stage runs and when it validates.
type Schedule struct {
	Epochs        int `yaml:"epochs" valid:"[1,inf)"`
	Batch         int `yaml:"batch" valid:"[1,inf)"`          // samples of one forward pass
	Accumulate    int `yaml:"accumulate" valid:"[1,inf)"`     // batches per optimizer step
	MaxSteps      int `yaml:"max_steps" valid:"[0,inf)"`      // optimizer steps to stop after; 0: all epochs; fewer than an epoch are not validated
	ValidateEvery int `yaml:"validate_every" valid:"[0,inf)"` // epochs; 0: never
	EarlyStop     int `yaml:"early_stop" valid:"[0,inf)"`     // epochs without a better score to stop after; 0: off
}

// Augment are the training augmentations; validation has none.
type Augment struct {
	Scale             [2]float64 `yaml:"scale,flow" valid:"(0,16]"` // least and greatest factor on both sides
	Rotate            float64    `yaml:"rotate" valid:"[0,180]"`    // greatest angle in degrees, either way
	RotateProbability float64    `yaml:"rotate_probability" valid:"[0,1]"`
	BlurProbability   float64    `yaml:"blur_probability" valid:"[0,1]"`
	FlipProbability   float64    `yaml:"flip_probability" valid:"[0,1]"`
}

// BaseStage trains PSPNet on the fold's base classes with SGD. The learning rate of
// step i of n is lr · (1 − i/n)^power times the group's multiplier.
type BaseStage struct {
	Schedule            `yaml:",inline"`
	Size                int     `yaml:"size" valid:"[33,4097]"` // side of the random crop, 8n + 1
	LR                  float64 `yaml:"lr" valid:"(0,inf)"`
	Power               float64 `yaml:"power" valid:"[0,inf)"`
	Momentum            float64 `yaml:"momentum" valid:"[0,1)"`
	WeightDecay         float64 `yaml:"weight_decay" valid:"[0,inf)"`
	HeadLRMultiplier    float64 `yaml:"head_lr_multiplier" valid:"[0,inf)"`    // pyramid pooling and classifier
	EncoderLRMultiplier float64 `yaml:"encoder_lr_multiplier" valid:"[0,inf)"` // backbone
	Augment             `yaml:",inline"`
}

// MetaStage trains HDMNet on episodes with AdamW, backbone and base learner frozen.
// The learning rate is scheduled as in BaseStage.
type MetaStage struct {
	Schedule         `yaml:",inline"`
	LR               float64 `yaml:"lr" valid:"(0,inf)"` // of the transformer
	Power            float64 `yaml:"power" valid:"[0,inf)"`
	HeadLRMultiplier float64 `yaml:"head_lr_multiplier" valid:"[0,inf)"` // down_query, down_supp and the merge layers
	Beta1            float64 `yaml:"beta1" valid:"[0,1)"`
	Beta2            float64 `yaml:"beta2" valid:"[0,1)"`
	Eps              float64 `yaml:"eps" valid:"(0,inf)"`
	WeightDecay      float64 `yaml:"weight_decay" valid:"[0,inf)"`
	DistillWeight    float64 `yaml:"distill_weight" valid:"[0,inf)"` // factor of the correlation map distillation
	Dropout          bool    `yaml:"dropout"`
	KShotReweight    bool    `yaml:"kshot_reweight"` // train kshot_rw, which the release leaves untrained
	ValidateEpisodes int     `yaml:"validate_episodes" valid:"[1,inf)"`
	ValidateSeed     int     `yaml:"validate_seed" valid:"[0,inf)"`
	Augment          `yaml:",inline"`
}

// Eval is the evaluation protocol.
type Eval struct {
	Episodes int   `yaml:"episodes" valid:"[1,inf)"` // per seed and fold
	Seeds    []int `yaml:"seeds,flow" valid:"[0,inf)"`
	Batch    int   `yaml:"batch" valid:"[1,inf)"` // episodes of one forward pass
	// DrawWorkers is the number of workers of the PyTorch DataLoader whose draws are reproduced; other
	// numbers give other episodes. It is no number of threads.
	DrawWorkers int `yaml:"draw_workers" valid:"[0,256]"`
	// FeatureCache is the memory in MiB for the frozen features of pictures that come back.
	FeatureCache int `yaml:"feature_cache" valid:"[0,inf)"`
}

// YAML is the configuration as a YAML file that Load reads back to the same values.
// Keys come in the order of the struct fields; equal configurations give equal bytes.
func (c *Config) YAML() ([]byte, error) {
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(c); err != nil {
		return nil, err
	}
	return b.Bytes(), enc.Close()
}

// WriteFile writes YAML to path, complete or not at all.
func (c *Config) WriteFile(path string) error {
	text, err := c.YAML()
	if err != nil {
		return err
	}
	return atomicfile.Write(path, func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
}
