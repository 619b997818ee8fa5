package golden

import (
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hdmnet/internal/synth"
)

// TestStoredInputs: the generator makes, bit for bit, the inputs that the reference
// network was given.
func TestStoredInputs(t *testing.T) {
	paths, err := filepath.Glob(Path(t, "*shot.safetensors"))
	paths = slices.DeleteFunc(paths, func(p string) bool { return strings.HasPrefix(filepath.Base(p), "ambiguity") }) // they hold no inputs
	if err != nil || len(paths) != 7 {
		t.Fatalf("%d golden cases, want 7: %v %v", len(paths), paths, err)
	}
	for _, path := range paths {
		f := Load(t, filepath.Base(path))
		tag := f.Meta("case")
		train := strings.HasPrefix(tag, "train")
		if train {
			tag += "/step1"
		}
		e := synth.MakeEpisodes(tag, f.MetaInt("batch"), f.MetaInt("shot"), f.MetaInt("size"), f.Classes())
		floats(t, f, "in.query", e.Query)
		floats(t, f, "in.support", e.Support)
		bytes(t, f, "in.support_mask", e.SupportMask)
		if train {
			bytes(t, f, "in.query_mask", e.QueryMask)
			bytes(t, f, "in.base_label", e.BaseLabel)
			if want, _ := f.Int64("in.cat"); !slices.Equal(e.Class, want) {
				t.Errorf("%s in.cat: got %v, want %v", tag, e.Class, want)
			}
		}
	}
}

func TestStoredBaseInputs(t *testing.T) {
	f := Load(t, "train_base_pascal_resnet50.safetensors")
	images, labels := synth.MakeBaseBatch(f.Meta("case")+"/step1", f.MetaInt("batch"), f.MetaInt("size"), f.Classes())
	floats(t, f, "in.image", images)
	bytes(t, f, "in.label", labels)
	if lr := f.MetaFloat("base_lr"); lr != 0.0025 {
		t.Errorf("base_lr = %v", lr)
	}
}

func floats(t *testing.T, f *File, name string, got []float32) {
	t.Helper()
	want, _ := f.Float32(name)
	if len(got) != len(want) {
		t.Fatalf("%s %s: %d values, want %d", f.Meta("case"), name, len(got), len(want))
	}
	for i := range want {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			t.Fatalf("%s %s[%d] = %v, want %v", f.Meta("case"), name, i, got[i], want[i])
		}
	}
}

func bytes(t *testing.T, f *File, name string, got []uint8) {
	t.Helper()
	if want, _ := f.Uint8(name); !slices.Equal(got, want) {
		t.Fatalf("%s %s differs", f.Meta("case"), name)
	}
}

// TestParam compares with values of the generator that made the golden files.
func TestParam(t *testing.T) {
	for _, c := range []struct {
		name  string
		shape []int
		want  []float32 // the first and the last two
	}{
		{"layer0.0.weight", []int{64, 3, 3, 3}, []float32{-0.08405971, 0.42840114, -0.44503382, -0.16440906}},
		{"layer0.1.weight", []int{64}, []float32{0.7480494, 0.53631365, 0.91015655, 0.63397694}},
		{"layer0.1.bias", []int{64}, []float32{0.018295528, -0.0046213823, -0.046844937, 0.02161553}},
		{"layer0.1.running_var", []int{64}, []float32{0.9329335, 1.2427835, 1.2302568, 1.1316826}},
		{"layer0.1.running_mean", []int{64}, []float32{-0.041869342, 0.0472446, -0.048560895, -0.022461904}},
		{"transformer.mix_transformer.match_layers.0.0.attn.attn.linear_q.weight", []int{64, 64}, []float32{-0.25017247, -0.18083353, 0.044925403, 0.08916135}},
	} {
		got := synth.Param(c.name, c.shape)
		n := len(got)
		if have := []float32{got[0], got[1], got[n-2], got[n-1]}; !slices.Equal(have, c.want) {
			t.Errorf("Param(%s, %v) = %v, want %v", c.name, c.shape, have, c.want)
		}
	}
	if got := synth.Param("layer0.1.num_batches_tracked", nil); !slices.Equal(got, []float32{0}) {
		t.Errorf("a counter is %v, want [0]", got)
	}
	want := []float64{0.41084121697558595, 0.954388015855124, 0.2365001068718663}
	if got := synth.Uniform("layer0.0.weight", 3); !slices.Equal(got, want) {
		t.Errorf("Uniform = %v, want %v", got, want)
	}
}

func TestSamplePositions(t *testing.T) {
	got := SamplePositions("cls_merge.weight", 2)
	want := []int{1, 0, 1, 0, 0, 1, 1, 1, 1, 1, 0, 1, 0, 1, 0, 1, 1, 1, 1, 0, 1, 1, 0, 0, 1, 0, 1, 0, 1, 0, 1, 0}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestStateDict(t *testing.T) {
	list := StateDict(t, "state_dict_pascal_resnet50_5shot.tsv")
	if p := list[0]; p.Name != "layer0.0.weight" || !slices.Equal(p.Shape, []int{64, 3, 3, 3}) || p.Role != "frozen" {
		t.Errorf("first parameter %+v", p)
	}
	roles := map[string]int{}
	for _, p := range list {
		roles[p.Role]++
		if p.Role == "counter" && len(p.Shape) != 0 {
			t.Errorf("counter %s has shape %v", p.Name, p.Shape)
		}
	}
	if len(roles) != 3 {
		t.Errorf("roles %v", roles)
	}
	// Every trainable parameter but kshot_rw, which the release forgets, has a golden gradient.
	f := Load(t, "train_coco_resnet50_5shot.safetensors")
	for _, p := range StateDict(t, "state_dict_coco_resnet50_5shot.tsv") {
		if p.Role == "trainable" && !strings.HasPrefix(p.Name, "kshot_rw") && !f.Has("grad."+p.Name) {
			t.Errorf("no golden gradient for %s", p.Name)
		}
	}
}

func TestRelL2(t *testing.T) {
	nan := float32(math.NaN())
	for _, c := range []struct {
		got, want []float32
		rel       float64
	}{
		{[]float32{3, 4}, []float32{3, 4}, 0},
		{[]float32{3, 4.5}, []float32{3, 4}, 0.1},
		{[]float32{0}, []float32{0}, 0},
		{[]float32{1}, []float32{0}, math.Inf(1)},
		{[]float32{nan}, []float32{1}, math.Inf(1)},
		{[]float32{1}, []float32{nan}, math.Inf(1)},
		{[]float32{1, 2}, []float32{1}, math.Inf(1)},
	} {
		if got := RelL2(c.got, c.want); got != c.rel {
			t.Errorf("RelL2(%v, %v) = %v, want %v", c.got, c.want, got, c.rel)
		}
	}
}

func TestLayouts(t *testing.T) {
	// [2 images, 3 channels, 1 row, 2 columns]; value = 100·image + 10·channel + column.
	x := []int{0, 1, 10, 11, 20, 21, 100, 101, 110, 111, 120, 121}
	y, shape := ToNHWC(x, []int{2, 3, 1, 2})
	if !slices.Equal(shape, []int{2, 1, 2, 3}) || !slices.Equal(y, []int{0, 10, 20, 1, 11, 21, 100, 110, 120, 101, 111, 121}) {
		t.Errorf("ToNHWC = %v %v", y, shape)
	}
	back, shape := ToNCHW(y, shape)
	if !slices.Equal(shape, []int{2, 3, 1, 2}) || !slices.Equal(back, x) {
		t.Errorf("ToNCHW = %v %v", back, shape)
	}
}
