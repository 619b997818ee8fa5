package config

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/viper"
)

func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "my.yaml")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func load(t *testing.T, opt Options) *Config {
	t.Helper()
	c, err := Load(opt)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestShipped: the embedded files give the values of testdata/shipped.tsv, those of the
// release and of its baseline, and survive being written and read back.
func TestShipped(t *testing.T) {
	table, err := os.ReadFile("testdata/shipped.tsv")
	if err != nil {
		t.Fatal(err)
	}
	rows := strings.Split(strings.TrimSpace(string(table)), "\n")
	names := strings.Split(rows[0], "\t")[1:]
	if !slices.Equal(Names(), names) {
		t.Fatalf("Names = %v, the table has %v", Names(), names)
	}
	for i, name := range names {
		c := load(t, Options{Config: name})
		for _, row := range rows[1:] {
			cells := strings.Split(row, "\t")
			f := fieldOf[cells[0]]
			if f == nil {
				t.Fatalf("the table has the key %s, which is none", cells[0])
			}
			got, err := text(reflect.ValueOf(c).Elem().FieldByIndex(f.index))
			if err != nil || got != cells[i+1] {
				t.Errorf("%s: %s is %s (%v), want %s", name, f.key, got, err, cells[i+1])
			}
		}
		again := filepath.Join(t.TempDir(), "config.yaml")
		if err := c.WriteFile(again); err != nil {
			t.Fatal(err)
		}
		if back := load(t, Options{Config: again}); !reflect.DeepEqual(back, c) {
			t.Errorf("%s: written and read back\ngot  %+v\nwant %+v", name, back, c)
		}
	}
}

// TestShippedStatesOnlyWhatDiffers: an embedded file gives no value that it would have
// without giving it, but for the data set and the backbone, which it is named after.
func TestShippedStatesOnlyWhatDiffers(t *testing.T) {
	for _, name := range Names() {
		l := &loader{v: viper.New(), source: map[string]string{}}
		if err := l.file(name, nil); err != nil {
			t.Fatal(err)
		}
		source, err := Source(name)
		if err != nil {
			t.Fatal(err)
		}
		if first, _, _ := strings.Cut(string(source), "\n"); !strings.HasPrefix(first, "# ") {
			t.Errorf("%s does not say in its first line what it is: %q", name, first)
		}
		without := Options{}
		if base, _ := extends(l.parse(source, name)); base != nil {
			without.Config = base.Value
		} else {
			without.Config = file(t, "")
		}
		now, base := load(t, Options{Config: name}).Values(), load(t, without).Values()
		for key, at := range l.source {
			if strings.HasPrefix(at, name+":") && now[key] == base[key] && key != "dataset.name" && key != "model.backbone" {
				t.Errorf("%s: %s is %s without saying so", at, key, now[key])
			}
		}
	}
}

func TestPrecedence(t *testing.T) {
	path := file(t, "train:\n  seed: 1\n  meta: {lr: 0.1, power: 2}\n  base: {epochs: 7}\nmodel:\n")
	env := []string{"HDMNET_TRAIN_SEED=2", "HDMNET_TRAIN_META_LR=0.2", "HDMNET_TRAIN_WORKERS=9", "HDMNET_DEVICE=",
		"HDMNET_EVAL_SEEDS=4,5", "HDMNET_CPU=avx2", "PATH=/bin"}
	set := []string{"train.meta.lr=0.3", "train.meta.lr=0.4", "dataset.root= 2012 ", "train.base.scale=[1, 3]"}
	over := map[string]any{"train.seed": int64(3), "model.shots": 5, "train.meta.kshot_reweight": true, "eval.seeds": []int{8, 9}, "train.stage": "meta"}

	c := load(t, Options{Config: path})
	if c.Train.Seed != 1 || c.Train.Meta.LR != 0.1 || c.Train.Meta.Power != 2 || c.Train.Base.Epochs != 7 {
		t.Errorf("the file does not count: %+v", c.Train)
	}
	if c.Train.Meta.Batch != 4 || c.Model.Size != 473 || c.Device != "auto" {
		t.Errorf("the defaults do not count: %+v", c)
	}
	c = load(t, Options{Config: path, Env: env})
	if c.Train.Seed != 2 || c.Train.Meta.LR != 0.2 || c.Train.Workers != 9 || c.Train.Meta.Power != 2 || c.Device != "auto" || !slices.Equal(c.Eval.Seeds, []int{4, 5}) {
		t.Errorf("the environment does not count: %+v", c)
	}
	c = load(t, Options{Config: path, Env: env, Set: set})
	if c.Train.Meta.LR != 0.4 || c.Dataset.Root != "2012" || c.Train.Base.Scale != [2]float64{1, 3} || c.Train.Seed != 2 || c.Train.Meta.Power != 2 {
		t.Errorf("--set does not count: %+v", c)
	}
	c = load(t, Options{Config: path, Env: env, Set: set, Overrides: over})
	if c.Train.Seed != 3 || c.Model.Shots != 5 || !c.Train.Meta.KShotReweight || !slices.Equal(c.Eval.Seeds, []int{8, 9}) || c.Train.Stage != "meta" || c.Train.Meta.LR != 0.4 {
		t.Errorf("flags do not count: %+v", c)
	}
	if c = load(t, Options{}); c.Dataset.Name != "shapes5i" || c.Model.Backbone != "tiny" {
		t.Errorf("without a name: %+v", c.Dataset)
	}
}

func TestYAMLIsStable(t *testing.T) {
	c := load(t, Options{})
	a, err := c.YAML()
	if err != nil {
		t.Fatal(err)
	}
	b, _ := load(t, Options{}).YAML()
	if !bytes.Equal(a, b) {
		t.Errorf("YAML:\n%s\nand then\n%s", a, b)
	}
	for _, want := range []string{
		"\n  name: shapes5i                # shapes5i, pascal5i, coco20i or custom\n",
		"\n\n  meta:                         # HDMNet on episodes, AdamW; backbone and base learner frozen\n    epochs: 2\n",
		"\n    lr_mult:                    # factors of lr\n      head: 2",
		"\n    scale: [0.9, 1.1]           # least and greatest factor on both sides\n",
		"\n\ndevice: auto ",
	} {
		if !bytes.Contains(a, []byte(want)) {
			t.Errorf("YAML lacks %q:\n%s", want, a)
		}
	}
	c.Dataset.Root, c.Dataset.Classes, c.Dataset.TrainList = "a #b: c", "2012", "two\nlines"
	path := filepath.Join(t.TempDir(), "config.yaml")
	if err := c.WriteFile(path); err != nil {
		t.Fatal(err)
	}
	if back := load(t, Options{Config: path}); back.Dataset != c.Dataset {
		t.Errorf("paths read back: %+v", back.Dataset)
	}
	if err := c.WriteFile(filepath.Join(t.TempDir(), "no", "config.yaml")); err == nil || !strings.Contains(err.Error(), "config.yaml") {
		t.Errorf("write into a missing directory: %v", err)
	}
}

func TestEmptyFileIsTheDefaults(t *testing.T) {
	want := load(t, Options{Config: "pascal5i_resnet50"})
	for _, text := range []string{"", "# nothing\n", "---\n"} {
		if got := load(t, Options{Config: file(t, text)}); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: got %+v", text, got)
		}
	}
}

func TestEveryKeyHasOneVariable(t *testing.T) {
	seen := map[string]string{}
	for _, k := range allKeys() {
		if other, twice := seen[envName(k)]; twice {
			t.Errorf("%s and %s share %s", k, other, envName(k))
		}
		seen[envName(k)] = k
		if k != strings.ToLower(k) {
			t.Errorf("key %s is not in lower case, which viper needs", k)
		}
	}
	if envName("train.meta.lr") != "HDMNET_TRAIN_META_LR" {
		t.Error(envName("train.meta.lr"))
	}
}

func TestMissingConfiguration(t *testing.T) {
	_, err := Load(Options{Config: "pascl5i_resnet50"})
	if err == nil || !strings.Contains(err.Error(), `"pascl5i_resnet50"`) || !strings.Contains(err.Error(), "did you mean pascal5i_resnet50?") || !strings.Contains(err.Error(), "coco20i_vgg16, ") {
		t.Errorf("misspelled name: %v", err)
	}
	if _, err := Load(Options{Config: t.TempDir()}); err == nil {
		t.Error("a directory loads")
	}
	if _, err := Source("nope"); err == nil || !strings.Contains(err.Error(), "shapes5i") {
		t.Errorf("Source(nope): %v", err)
	}
}

// TestProblemsInFiles: each message names file, line, key and remedy.
func TestProblemsInFiles(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"train:\n  meta:\n    lrr: 1\n", "my.yaml:3: unknown key train.meta.lrr; did you mean train.meta.lr?"},
		{"train:\n  lr: 1\n", "my.yaml:2: unknown key train.lr; did you mean train.base.lr?"},
		{"xxxxxxxxxxxxxxxxxxxxxxxx: 1\n", "`hdmnet config show` lists the keys"},
		{"DEVICE: cpu\n", "my.yaml:1: unknown key DEVICE"},
		{"train: 5\n", "my.yaml:1: train is a section; give one of its keys, such as train.seed"},
		{"device: {a: 1}\n", "my.yaml:1: device: expected text"},
		{"precision: fp16\n", `my.yaml:1: precision is "fp16", expected one of auto, fp32, bf16x3, tf32, bf16`},
		{"device: gpu\n", `my.yaml:1: device is "gpu", expected auto, cpu, cuda or cuda:N`},
		{"model:\n  size: 480\n", "my.yaml:2: model.size is 480, which is not 8n + 1; use 473 or 481"},
		{"model: {size: 9}\n", "model.size is 9, expected a whole number from 33 to 4097"},
		{"model: {size: 473.5}\n", "my.yaml:1: model.size: expected a whole number"},
		{"model: {size: '473'}\n", "model.size: expected a whole number from 33 to 4097: write it without quotes"},
		{"model: {size: 99999999999999999999}\n", "model.size: expected a whole number from 33 to 4097: 99999999999999999999 is too large"},
		{"model: {shots: }\n", "model.shots: expected a whole number"},
		{"model: {backbone: resnet18}\n", `model.backbone is "resnet18", expected one of resnet50, resnet101, vgg16, tiny`},
		{"dataset: {root: 2012}\n", "dataset.root: expected text: write it in quotes"},
		{"dataset: {filter_intersection: yes}\n", "dataset.filter_intersection: expected true or false"},
		{"train: {meta: {lr: 0}}\n", "train.meta.lr is 0, expected a number above 0"},
		{"train: {meta: {lr: .nan}}\n", "train.meta.lr: expected a number above 0"},
		{"train: {meta: {lr: .inf}}\n", "train.meta.lr: expected a number above 0"},
		{"train: {base: {batch: 1}}\n", "train.base.batch is 1, expected at least 2"},
		{"train: {base: {batch: 0}}\n", "train.base.batch is 0, expected a whole number from 1 to 1000000000"},
		{"train: {meta: {beta1: 1}}\n", "train.meta.beta1 is 1, expected a number from 0 to below 1"},
		{"train: {meta: {scale: [0.9]}}\n", "train.meta.scale: expected a list of 2 numbers above 0 to 16"},
		{"train: {meta: {scale: [1.1, 0.9]}}\n", "train.meta.scale is [1.1, 0.9]: the least factor comes first"},
		{"train: {base: {scale: [0, 1]}}\n", "train.base.scale is [0, 1], expected a list of 2 numbers"},
		{"eval: {seeds: 5}\n", "eval.seeds: expected a list of whole numbers of at least 0"},
		{"eval: {seeds: [1, x]}\n", "eval.seeds: expected a list of whole numbers"},
		{"eval: {seeds: []}\n", "eval.seeds is empty"},
		{"eval: {seeds: [1, 2, 1]}\n", "eval.seeds lists 1 twice"},
		{"device: cpu\nmodel: {}\ndevice: auto\n", "my.yaml:3: device is given twice, first in line 1"},
		{"- a\n", "my.yaml:1: expected keys and values"},
		{"a: [\n", "not valid YAML: line 1"},
		{"device: cpu\n---\ndevice: cpu\n", "more than one YAML document"},
	} {
		_, err := Load(Options{Config: file(t, c.text)})
		var all *Error
		if !errors.As(err, &all) || len(all.Problems) != 1 || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "my.yaml") {
			t.Errorf("%q\ngot  %v\nwant %s", c.text, err, c.want)
		}
	}
}

func TestProblemsElsewhere(t *testing.T) {
	for _, c := range []struct {
		opt  Options
		want string
	}{
		{Options{Env: []string{"HDMNET_TRAIN_META_LRR=1"}}, "environment variable HDMNET_TRAIN_META_LRR: sets no known key; did you mean HDMNET_TRAIN_META_LR?"},
		{Options{Env: []string{"HDMNET_MODEL_SIZE=big"}}, "environment variable HDMNET_MODEL_SIZE: model.size: expected a whole number"},
		{Options{Env: []string{"HDMNET_MODEL_SHOTS=0"}}, "environment variable HDMNET_MODEL_SHOTS: model.shots is 0"},
		{Options{Set: []string{"train.meta.lr"}}, "--set train.meta.lr: expected key=value"},
		{Options{Set: []string{"train.meta.l=1"}}, "--set train.meta.l=1: unknown key train.meta.l; did you mean train.meta.lr?"},
		{Options{Set: []string{"train.meta=1"}}, "train.meta is a section"},
		{Options{Set: []string{"model.size="}}, "--set model.size=: model.size: expected a whole number"},
		{Options{Set: []string{"model.size=[1"}}, "model.size: expected a whole number"},
		{Options{Set: []string{"eval.seeds=1,2,-3"}}, "eval.seeds is [1, 2, -3], expected a list"},
		{Options{Overrides: map[string]any{"train.seed": -1}}, "command-line flag: train.seed is -1"},
		{Options{Overrides: map[string]any{"train.sed": 1}}, "did you mean train.seed?"},
		{Options{Overrides: map[string]any{"train.seed": "x"}}, "train.seed: expected a whole number"},
		{Options{Set: []string{"train.seed=1"}, Overrides: map[string]any{"train.seed": 1}}, "given by a flag and by --set"},
	} {
		_, err := Load(c.opt)
		var all *Error
		if !errors.As(err, &all) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v\ngot  %v\nwant %s", c.opt, err, c.want)
		}
	}
}

func TestAllProblemsAtOnce(t *testing.T) {
	_, err := Load(Options{Config: file(t, "devise: cpu\nmodel: {size: x}\n"), Set: []string{"train.sed=1"}})
	var all *Error
	if !errors.As(err, &all) || len(all.Problems) != 3 {
		t.Errorf("want three problems in one error, got %v", err)
	}
	c := load(t, Options{})
	c.Model.Size, c.Train.Meta.LR, c.Device = 130, -1, "cuda:x"
	if p := c.problems(); len(p) != 3 || p[0].key != "train.meta.lr" || p[2] != (problem{"device", `is "cuda:x", expected auto, cpu, cuda or cuda:N`}) {
		t.Errorf("problems: %v", p)
	}
}

func TestEditDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "abc", 3}, {"abc", "", 3}, {"kitten", "sitting", 3}, {"lr", "lr", 0}, {"ab", "ba", 2}} {
		if got := editDistance(c.a, c.b); got != c.want {
			t.Errorf("editDistance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
