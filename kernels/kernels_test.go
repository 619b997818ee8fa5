package kernels

import (
	"slices"
	"strings"
	"testing"
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
	equal := func(a, b Kernel) bool {
		return a.Name == b.Name && a.Module == b.Module && a.Threads == b.Threads && slices.Equal(a.Params, b.Params)
	}
	if !slices.EqualFunc(got, want, equal) {
		t.Errorf("parsed %v, want %v", got, want)
	}
}

// TestEveryModule: a driver of CUDA 11 loads it, a GPU of compute capability 8.0 runs it,
// and every kernel has launch bounds, without which a block may not get its registers.
func TestEveryModule(t *testing.T) {
	if len(Modules()) == 0 {
		t.Fatal("no modules")
	}
	for _, module := range Modules() {
		text, err := PTX(module)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(text, "\n.version 7.0\n") || !strings.Contains(text, "\n.target sm_80\n") {
			t.Errorf("%s: not PTX 7.0 for sm_80", module)
		}
		kernels := Parse(module, text)
		if len(kernels) == 0 {
			t.Errorf("%s: no kernels", module)
		}
		for _, k := range kernels {
			if k.Threads == 0 || k.Threads > 1024 {
				t.Errorf("%s: kernel %s has launch bounds of %d threads, want 1 to 1024: __launch_bounds__", module, k.Name, k.Threads)
			}
			if got, ok := Lookup(k.Name); !ok || got.Module != module {
				t.Errorf("Lookup(%s) = %v, %t", k.Name, got, ok)
			}
		}
	}
}

func TestUnknown(t *testing.T) {
	if _, ok := Lookup("no_such_kernel"); ok {
		t.Error("found a kernel that is none")
	}
	if _, err := PTX("no_such_module"); err == nil || !strings.Contains(err.Error(), "no_such_module") {
		t.Errorf("PTX of no module: %v", err)
	}
}
