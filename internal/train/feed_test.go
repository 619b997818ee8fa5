package train

import (
	"context"
	"errors"
	"io"
	"testing"

	"hdmnet/internal/data"
	"hdmnet/internal/dist"
)

// TestValidationDraws: a validation scores the release's episodes, the same ones every time.
func TestValidationDraws(t *testing.T) {
	o := trial(t, "", "train.meta.validate_seed=17", "train.meta.validate_episodes=30", "eval.emulated_dataloader_workers=3")
	o.Group = dist.Solo{}
	f, err := (&trainer{Options: o}).feed(Meta)
	if err != nil {
		t.Fatal(err)
	}
	defer f.close()
	draws := data.NewReleaseDrawer(o.Val.Index, o.Config.Model.Shots, 17, 3)
	for again := range 2 {
		if err := f.val.Seek(again, 0); err != nil {
			t.Fatal(err)
		}
		for p := 0; ; p++ {
			b, err := f.val.Next(context.Background())
			if errors.Is(err, io.EOF) && p == 30 {
				break
			}
			if err != nil {
				t.Fatalf("episode %d: %v", p, err)
			}
			e, want := b.Episodes[0], draws.Draw(0, p)
			query, support := o.Val.Source.Name(want.Query), o.Val.Source.Name(want.Supports[0])
			if e.QueryName != query || e.Class != want.Class || e.SupportNames[0] != support {
				t.Fatalf("validation %d, episode %d: %s, class %d, by %s; want %s, class %d, by %s",
					again, p, e.QueryName, e.Class, e.SupportNames[0], query, want.Class, support)
			}
			f.val.Release(b)
		}
	}
}

// TestSettingsThatCount: another evaluation is no other training, but other validation draws are.
func TestSettingsThatCount(t *testing.T) {
	o := trial(t, "")
	before := settings(o.Config, o.Fold, 1)
	o.Config.Eval.Episodes++
	o.Config.Eval.EmulatedDataLoaderWorkers++
	after := settings(o.Config, o.Fold, 1)
	for key := range before {
		if (before[key] != after[key]) != (key == "eval.emulated_dataloader_workers") {
			t.Errorf("%s: %s, then %s", key, before[key], after[key])
		}
	}
	if _, ok := after["eval.emulated_dataloader_workers"]; !ok {
		t.Error("eval.emulated_dataloader_workers is not among the settings of a training")
	}
}
