package weights

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestKeys(t *testing.T) {
	path := filepath.Join("testdata", "torch", "ema_beside.pth")
	names := []string{"layer0.0.weight", "layer0.0.bias", "transformer.mix_transformer.cls.0.weight"}
	for _, c := range []struct{ key, within, prefix, skipped string }{
		{"state_dict", "state_dict", "", "state_dict_ema (collections.OrderedDict)"},
		{"state_dict_ema.module", "state_dict_ema", "module.", "state_dict (collections.OrderedDict), n_averaged (a tensor)"},
		{"state_dict_ema.module.", "state_dict_ema", "module.", "state_dict (collections.OrderedDict), n_averaged (a tensor)"},
	} {
		f, err := Open(path + "#" + c.key)
		if err != nil {
			t.Fatal(err)
		}
		if f.Within() != c.within || f.Prefix() != c.prefix || strings.Join(f.Skipped(), ", ") != c.skipped || !slices.Equal(f.Names(), names) || !f.Chosen() {
			t.Errorf("%s: within %q, prefix %q, skipped %q, %v", c.key, f.Within(), f.Prefix(), f.Skipped(), f.Names())
		}
		if f.Metadata()["epoch"] != "3" {
			t.Errorf("%s: metadata %v", c.key, f.Metadata())
		}
		f.Close()
	}
	for key, want := range map[string]string{
		"ema": "there are state_dict, state_dict_ema", "state_dict.module": "there are layer0, transformer", ".": "there are state_dict, state_dict_ema",
	} {
		if f, err := Open(path + "#" + key); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v (%v) should say %q", key, err, f, want)
		}
	}
	if keys := openTorch(t, "ema.pth").Keys(); !slices.Equal(keys, []string{"optimizer", "model_ema.module"}) {
		t.Errorf("keys of ema.pth are %q", keys)
	}
}

// TestSplitKey: a file whose own name has a # is a file.
func TestSplitKey(t *testing.T) {
	own := filepath.Join(t.TempDir(), "a#b.pth")
	if err := os.WriteFile(own, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string][2]string{
		"a.pth": {"a.pth", ""}, "a.pth#ema": {"a.pth", "ema"}, "a.pth#.": {"a.pth", "."}, own: {own, ""}, own + "#x.y": {own, "x.y"},
	} {
		if file, key := SplitKey(path); file != want[0] || key != want[1] {
			t.Errorf("%s: %q, %q", path, file, key)
		}
	}
}
