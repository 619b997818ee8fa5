package model

import (
	"fmt"
	"slices"
	"testing"

	"hdmnet/internal/golden"
	"hdmnet/internal/nn"
)

// TestStateDict: names, shapes and roles are those of the release.
func TestStateDict(t *testing.T) {
	for file, o := range map[string]Options{
		"state_dict_pascal_resnet50_5shot.tsv": {Backbone: "resnet50", BaseClasses: 16, Shots: 5, KShotReweight: true},
		"state_dict_coco_resnet50_5shot.tsv":   {Backbone: "resnet50", BaseClasses: 61, Shots: 5, KShotReweight: true},
		"state_dict_pascal_vgg16_5shot.tsv":    {Backbone: "vgg16", BaseClasses: 16, Shots: 5, KShotReweight: true},
		"state_dict_coco_vgg16_5shot.tsv":      {Backbone: "vgg16", BaseClasses: 61, Shots: 5, KShotReweight: true},
	} {
		if testing.Short() && o.BaseClasses != 16 {
			continue // COCO's differ in the number of classes
		}
		net, err := NewHDMNet(o)
		if err != nil {
			t.Fatal(err)
		}
		set := nn.NewSet(open(t), net, 1)
		defer set.Close()
		var got, want []string
		for _, x := range set.Tensors() {
			role := "counter"
			if p := set.Param(x.Name); p != nil {
				role = map[nn.Role]string{nn.Trainable: "trainable", nn.Frozen: "frozen", nn.Buffer: "frozen"}[p.Role]
			}
			got = append(got, fmt.Sprintf("%s %v %s", x.Name, x.Shape, role))
		}
		for _, p := range golden.StateDict(t, file) {
			want = append(want, fmt.Sprintf("%s %v %s", p.Name, p.Shape, p.Role))
		}
		slices.Sort(got)
		slices.Sort(want)
		for i := 0; i < max(len(got), len(want)); i++ {
			if i >= len(got) || i >= len(want) || got[i] != want[i] {
				t.Errorf("%s: at %d: got %v, want %v", file, i, got[min(i, len(got)-1)], want[min(i, len(want)-1)])
				break
			}
		}
	}
}

func TestOptionsRejected(t *testing.T) {
	for _, o := range []Options{
		{Backbone: "resnet18", BaseClasses: 16, Shots: 1},
		{Backbone: "tiny", BaseClasses: 1, Shots: 1},
		{Backbone: "tiny", BaseClasses: 16, Shots: 0},
	} {
		if _, err := NewHDMNet(o); err == nil {
			t.Errorf("%+v: no error", o)
		}
	}
}
