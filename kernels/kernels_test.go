package kernels

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func TestParse(t *testing.T) {
	got := Parse("m", `
.visible .entry first(
	.param .u64 first_param_0,
	.param .f32 first_param_1,
	.param .u8 first_param_2
)
.maxntid 128, 2, 1
.minnctapersm 2
{
	ret;
}
.visible .func helper()
{
}
.visible .entry second(
	.param .align 8 .b8 second_param_0[88]
)
{
}
.entry third()
{
}`)
	want := []Kernel{
		{Name: "first", Module: "m", Threads: 256, Params: []int{8, 4, 1}},
		{Name: "second", Module: "m", Params: []int{88}},
		{Name: "third", Module: "m"},
	}
	if !slices.EqualFunc(got, want, equal) {
		t.Errorf("parsed %v, want %v", got, want)
	}
}

func equal(a, b Kernel) bool {
	return a.Name == b.Name && a.Module == b.Module && a.Threads == b.Threads && slices.Equal(a.Params, b.Params)
}

// TestTargets: what a GPU gets, and that a target without a text of its own has that of all.
func TestTargets(t *testing.T) {
	for _, c := range []struct {
		major, minor, cuda int
		want               Target
	}{
		{8, 0, 12080, SM80}, {8, 6, 12080, SM80}, {8, 9, 11080, SM80}, {9, 0, 11080, SM80}, {9, 0, 12000, SM90a}, {10, 0, 13000, SM80}, {12, 0, 13000, SM80},
	} {
		if got := TargetOf(c.major, c.minor, c.cuda); got != c.want {
			t.Errorf("compute capability %d.%d, CUDA %d: %s, want %s", c.major, c.minor, c.cuda, got, c.want)
		}
	}
	files := fstest.MapFS{"ptx/a.ptx": {Data: []byte("a")}, "ptx/b.ptx": {Data: []byte("b")}, "ptx/sm_90a/b.ptx": {Data: []byte("b of 9.0")}}
	for _, c := range []struct {
		module string
		target Target
		want   string
	}{{"a", SM80, "a"}, {"a", SM90a, "a"}, {"b", SM80, "b"}, {"b", SM90a, "b of 9.0"}} {
		if got, err := text(files, c.module, c.target); err != nil || got != c.want {
			t.Errorf("%s for %s: %q, %v", c.module, c.target, got, err)
		}
	}
}

// TestEveryModule: a driver of CUDA 11 loads it, a GPU of compute capability 8.0 runs it, unless it
// is for 9.0 alone, and every kernel has launch bounds, without which a block may not get its registers.
func TestEveryModule(t *testing.T) {
	everywhere := Modules(SM80)
	if len(everywhere) == 0 {
		t.Fatal("no modules")
	}
	for _, module := range Modules(SM90a) {
		text, err := PTX(module, SM90a)
		if err != nil {
			t.Fatal(err)
		}
		if slices.Contains(everywhere, module) {
			base, err := PTX(module, SM80)
			if err != nil || !slices.EqualFunc(Parse(module, base), Parse(module, text), equal) {
				t.Errorf("%s: other kernels for sm_90a; %v", module, err)
			}
			if !strings.Contains(base, "\n.version 7.0\n") || !strings.Contains(base, "\n.target sm_80\n") {
				t.Errorf("%s: not PTX 7.0 for sm_80", module)
			}
		} else if !strings.Contains(text, "\n.version 8.0\n") || !strings.Contains(text, "\n.target sm_90a\n") {
			t.Errorf("%s: not PTX 8.0 for sm_90a", module)
		}
		kernels := Parse(module, text)
		if len(kernels) == 0 {
			t.Errorf("%s: no kernels", module)
		}
		for _, k := range kernels {
			if k.Threads == 0 || k.Threads > 1024 {
				t.Errorf("%s: kernel %s has launch bounds of %d threads, want 1 to 1024: __launch_bounds__", module, k.Name, k.Threads)
			}
			if got := All()[k.Name]; got.Module != module {
				t.Errorf("kernel %s is in module %q, want %q", k.Name, got.Module, module)
			}
		}
	}
}

func TestUnknown(t *testing.T) {
	if _, err := PTX("no_such_module", SM90a); err == nil || !strings.Contains(err.Error(), "no_such_module") {
		t.Errorf("PTX of no module: %v", err)
	}
}
