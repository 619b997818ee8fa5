package config

import (
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// TestNumbersAreDecimal: leading zeros mean nothing, in files, variables and --set alike.
func TestNumbersAreDecimal(t *testing.T) {
	for _, opt := range []Options{
		{Config: file(t, "train:\n  seed: 0123\n  meta: {lr: 010, power: 00.5}\neval: {seeds: [010, 08, +7]}\n")},
		{Env: []string{"HDMNET_TRAIN_SEED=0123", "HDMNET_TRAIN_META_LR=010", "HDMNET_TRAIN_META_POWER=00.5", "HDMNET_EVAL_SEEDS=010,08,+7"}},
		{Set: []string{"train.seed=0123", "train.meta.lr=010", "train.meta.power=00.5", "eval.seeds=[010, 08, +7]"}},
	} {
		c := load(t, opt)
		if c.Train.Seed != 123 || c.Train.Meta.LR != 10 || c.Train.Meta.Power != 0.5 || !slices.Equal(c.Eval.Seeds, []int{10, 8, 7}) {
			t.Errorf("%+v: seed %d, lr %g, power %g, seeds %v", opt, c.Train.Seed, c.Train.Meta.LR, c.Train.Meta.Power, c.Eval.Seeds)
		}
	}
	for value, want := range map[string]string{
		"train.seed=0x10":                 "0x10 is not written in decimal digits alone",
		"train.seed=0o17":                 "0o17 is not written in decimal digits alone",
		"train.seed=1_000":                "1_000 is not written in decimal digits alone",
		"train.seed=9223372036854775808":  "9223372036854775808 is too large",
		"train.seed=1e3":                  "train.seed: expected a whole number",
		"train.meta.lr=0x1p-2":            "train.meta.lr: expected a number",
		"train.meta.lr=0b1":               "0b1 is not written in decimal digits alone",
		"train.meta.lr=1e999":             "1e999 is too large for a float32",
		"train.meta.lr=1e39":              "1e39 is too large for a float32",
		"train.meta.eps=1e-50":            "1e-50 is too small for a float32",
		"train.meta.lr=inf":               "train.meta.lr: expected a number",
		"train.meta.lr=nan":               "train.meta.lr: expected a number",
		"train.meta.distill_weight=-1e99": "-1e99 is too large for a float32",
	} {
		if _, err := Load(Options{Set: []string{value}}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", value, err, want)
		}
		key, number, _ := strings.Cut(value, "=")
		text := number + "\n"
		parts := strings.Split(key, ".")
		for i := len(parts) - 1; i >= 0; i-- {
			text = parts[i] + ": " + strings.TrimSpace(text)
			if i > 0 {
				text = "{" + text + "}"
			}
		}
		if _, err := Load(Options{Config: file(t, text+"\n")}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	if c := load(t, Options{Set: []string{"train.meta.lr=1e-30", "train.meta.weight_decay=0e-99"}}); c.Train.Meta.LR != 1e-30 || c.Train.Meta.WeightDecay != 0 {
		t.Errorf("lr %g, weight_decay %g", c.Train.Meta.LR, c.Train.Meta.WeightDecay)
	}
}

func TestDecimalFlags(t *testing.T) {
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	flags.Int("fold", 3, "")
	flags.Float64("tau", 0, "")
	flags.String("name", "", "")
	DecimalFlags(flags)
	DecimalFlags(flags)
	if err := flags.Parse([]string{"--fold=010", "--tau", "-007.50", "--name=010"}); err != nil {
		t.Fatal(err)
	}
	fold, err := flags.GetInt("fold")
	if err != nil || fold != 10 {
		t.Errorf("--fold 010 is %d, %v", fold, err)
	}
	if tau, err := flags.GetFloat64("tau"); err != nil || tau != -7.5 {
		t.Errorf("--tau -007.50 is %g, %v", tau, err)
	}
	if name, _ := flags.GetString("name"); name != "010" {
		t.Errorf("--name 010 is %q", name)
	}
	for text, want := range map[string]string{"000": "", "0x10": "decimal digits", "1_0": "decimal digits", "x": "expected a decimal number", "1.5": "invalid", "99999999999999999999": "out of range"} {
		err := flags.Parse([]string{"--fold=" + text})
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("--fold=%s: %v, want %q", text, err, want)
		}
	}
	for _, text := range []string{"0x1p-2", "nan", "inf", "1e999"} {
		if err := flags.Parse([]string{"--tau=" + text}); err == nil {
			t.Errorf("--tau=%s is taken", text)
		}
	}
	if usage := flags.FlagUsages(); !strings.Contains(usage, "--fold int") || !strings.Contains(usage, "(default 3)") || strings.Contains(usage, "(default 0)") {
		t.Errorf("usage:\n%s", usage)
	}
}
