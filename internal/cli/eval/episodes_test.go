package eval

import (
	"io"
	"slices"
	"strings"
	"testing"

	"hdmnet/internal/cli/ui"
	"hdmnet/internal/config"
)

// asked is what the settings say about episodes when `eval` has these flags.
func asked(t *testing.T, flags ...string) (*config.Config, error) {
	t.Helper()
	o := &options{}
	cmd := newCmd(ui.Streams{}, o)
	if err := cmd.ParseFlags(flags); err != nil {
		t.Fatal(err)
	}
	settings, err := o.Options(ui.Streams{})
	if err != nil {
		t.Fatal(err)
	}
	settings.Config = o.config
	if err := o.read(ui.Streams{Err: io.Discard}, &settings, o.fold); err != nil {
		return nil, err
	}
	c, err := config.Load(settings)
	if err != nil {
		return nil, err
	}
	return c, o.apply(c)
}

func TestProtocols(t *testing.T) {
	all := []int{510, 365, 382, 322, 988, 98, 742, 17, 595, 106}
	for _, c := range []struct {
		flags    string
		episodes int
		seeds    []int
	}{
		{"--config pascal5i_resnet50", 1000, all},
		{"--config coco20i_resnet50", 10000, all},
		{"--config shapes5i", 200, all[:3]},
		{"--config pascal5i_resnet50 --protocol hdmnet", 1000, all},
		{"--config shapes5i --protocol hdmnet", 1000, all},
		{"--config coco20i_vgg16 --protocol hdmnet", 10000, all},
		{"--config coco20i_vgg16 --protocol val", 1000, []int{321}},
		{"--config coco20i_vgg16 --protocol bam", 1000, all[:5]},
		{"--config coco20i_vgg16 --protocol quick", 200, all[:1]},
		{"--config pascal5i_resnet50 --protocol bam --seeds 4,5", 1000, []int{4, 5}},
		{"--config coco20i_vgg16 --protocol hdmnet --episodes 12", 12, all},
	} {
		got, err := asked(t, strings.Fields(c.flags)...)
		if err != nil || got.Eval.Episodes != c.episodes || !slices.Equal(got.Eval.Seeds, c.seeds) {
			t.Errorf("%s: %v, %+v; want %d episodes, seeds %v", c.flags, err, got.Eval, c.episodes, c.seeds)
		}
	}
}
