//go:build cuda

package cuda

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"strings"
	"testing"

	"hdmnet/internal/op"
	"hdmnet/kernels"
)

// A product of a warpgroup, A[64×64]·B[64×16], from an image of shared memory: rows of 128 bytes,
// 64 of A and 16 of B, each the 64 halves of its terms.
const (
	wgmmaRows, wgmmaColumns, wgmmaTerms = 64, 16, 64
	wgmmaImage                          = (wgmmaRows + wgmmaColumns) * 128
)

const wgmmaHead = ".version 8.0\n.target sm_90a\n.address_size 64\n"

// wgmmaSteps are the parts of the kernel, which the faults change. The accumulators are %f0 … %f7;
// %s is where the image lies in shared memory, %at where the thread copies from it.
var wgmmaSteps = map[string]string{
	"store":    "ld.global.v4.u32 {%n0, %n1, %n2, %n3}, [%from]; st.shared.v4.u32 [%at], {%n0, %n1, %n2, %n3};",
	"proxy":    "fence.proxy.async;",
	"barrier":  "bar.sync 0;",
	"fence":    "wgmma.fence.sync.aligned;",
	"changed":  "",
	"products": "",
	"before":   "wgmma.commit_group.sync.aligned;",
	"wait":     "wgmma.wait_group.sync.aligned 0;",
	"after":    "",
}

const wgmmaAccumulators = "{%f0, %f1, %f2, %f3, %f4, %f5, %f6, %f7}"

// wgmmaKernel takes k-steps of 16 terms: the descriptors move on by 32 bytes. scale is the first
// one's scale-d.
func wgmmaKernel(name, scale string, changes map[string]string) string {
	step := func(s string) string {
		if changed, ok := changes[s]; ok {
			return changed
		}
		if s != "products" {
			return wgmmaSteps[s]
		}
		var b strings.Builder
		for k := range wgmmaTerms / 16 {
			fmt.Fprintf(&b, "\t{ .reg .pred p; setp.ne.b32 p, %s, 0; wgmma.mma_async.sync.aligned.m64n16k16.f32.f16.f16 %s, %%A, %%B, p, 1, 1, 0, 0; }\n", scale, wgmmaAccumulators)
			fmt.Fprintf(&b, "\tadd.s64 %%A, %%A, 2; add.s64 %%B, %%B, 2; // step %d\n", k)
			scale = "1"
		}
		return b.String()
	}
	return fmt.Sprintf(`
.visible .entry %s(.param .u64 %[1]s_param_0, .param .u64 %[1]s_param_1)
.maxntid 128, 1, 1
{
	.reg .b64 %%out, %%in, %%from, %%m, %%s, %%at, %%A, %%B, %%C;
	.reg .b32 %%t, %%i, %%n<4>;
	.reg .f32 %%f<8>;
	.reg .pred %%p;
	.shared .align 1024 .b8 %[1]s_s[%[2]d];
	ld.param.u64 %%out, [%[1]s_param_0];
	ld.param.u64 %%in, [%[1]s_param_1];
	mov.u32 %%t, %%tid.x;
	mov.u64 %%s, %[1]s_s;
	mov.u32 %%i, %%t;
$copy:
	mul.wide.u32 %%m, %%i, 16;
	add.s64 %%from, %%in, %%m;
	add.s64 %%at, %%s, %%m;
	%[3]s
	add.s32 %%i, %%i, 128;
	setp.lt.u32 %%p, %%i, %[4]d;
	@%%p bra $copy;
	%[5]s
	%[6]s
	shr.u64 %%A, %%s, 4;
	or.b64 %%A, %%A, 0x4000004000010000;
	add.s64 %%B, %%A, %[7]d;
	mov.f32 %%f0, 0f3F800000; mov.f32 %%f1, %%f0; mov.f32 %%f2, %%f0; mov.f32 %%f3, %%f0;
	mov.f32 %%f4, %%f0; mov.f32 %%f5, %%f0; mov.f32 %%f6, %%f0; mov.f32 %%f7, %%f0;
	%[8]s
	%[9]s
%[10]s
	%[11]s
	%[12]s
	%[13]s
	mul.wide.u32 %%m, %%t, 32;
	add.s64 %%out, %%out, %%m;
	st.global.v4.f32 [%%out], {%%f0, %%f1, %%f2, %%f3};
	st.global.v4.f32 [%%out+16], {%%f4, %%f5, %%f6, %%f7};
	ret;
}
`, name, wgmmaImage, step("store"), wgmmaImage/16, step("proxy"), step("barrier"), wgmmaRows*128/16, step("fence"), step("changed"), step("products"),
		step("before"), step("wait"), step("after"))
}

func wgmmaA(i, k int) float32 { return float32((i*5+k*3)%15-7) / 4 }
func wgmmaB(k, j int) float32 { return float32((k*7+j*11)%13-6) / 2 }

// wgmmaInput is the image, by the manual: within eight rows, the 16 bytes number c of row r are
// where number c xor r would be.
func wgmmaInput(d *Device, a *op.Arena) op.Tensor {
	bits := make([]uint32, wgmmaImage/4)
	for r := range wgmmaRows + wgmmaColumns {
		for k := range wgmmaTerms {
			v := wgmmaA(r, k)
			if r >= wgmmaRows {
				v = wgmmaB(k, r-wgmmaRows)
			}
			at := r*128 + (k/8^r%8)*16 + k%8*2
			bits[at/4] |= f16Bits(v) << (at % 4 * 8)
		}
	}
	v := make([]float32, len(bits))
	for i, b := range bits {
		v[i] = math.Float32frombits(b)
	}
	x := a.Float32(len(v))
	d.Upload(x, v)
	return x
}

// openHopper skips where the device has no wgmma.
func openHopper(t *testing.T) *Device {
	t.Helper()
	if driver := os.Getenv("HDMNET_CUDA_DRIVER"); driver != "" && !strings.Contains(driver, "/emu/ptx/") {
		t.Skip("the driver runs kernels as C++ (make test-ptx)")
	}
	d := open(t)
	if d.target != kernels.SM90a {
		t.Skip("needs compute capability 9.0, on the interpreter HDMNET_EMU_CC=90")
	}
	return d
}

// TestPTXWgmma compares wgmma, with D's registers by the manual's table, with a plain product.
func TestPTXWgmma(t *testing.T) {
	d := openHopper(t)
	useSnippets(d, wgmmaHead+wgmmaKernel("added", "1", nil)+strings.ReplaceAll(wgmmaKernel("replaced", "0", nil), "$", "$again"))
	a := op.NewArena(d)
	defer a.Close()
	for name, first := range map[string]float32{"added": 1, "replaced": 0} {
		out, got := a.Float32(128*8), make([]float32, 128*8)
		d.launch(name, grid1(1, 128), out, wgmmaInput(d, a))
		d.Download(got, out)
		for at, v := range got {
			thread, r := at/8, at%8
			i, j := thread/32*16+thread%32/4+r/2%2*8, r/4*8+thread%4*2+r%2
			want := first
			for k := range wgmmaTerms {
				want += wgmmaA(i, k) * wgmmaB(k, j)
			}
			if v != want {
				t.Fatalf("%s: [%d,%d], register %d of thread %d, is %g, want %g", name, i, j, r, thread, v, want)
			}
		}
	}
}

const wgmmaNext = "wgmma.mma_async.sync.aligned.%s.f32.f16.f16 %s, %%A, %%B, %%p, 1, 1, 0, 0;"

var wgmmaFaults = []struct {
	name    string
	changes map[string]string
	want    string
}{
	{"no_proxy_fence", map[string]string{"proxy": ""}, "has executed no fence.proxy.async since it wrote it"},
	{"fence_before_write", map[string]string{"store": "fence.proxy.async;" + wgmmaSteps["store"], "proxy": ""}, "of the shared array fence_before_write_s: thread (0,0,0) has executed no fence.proxy.async"},
	{"fence_before_copy", map[string]string{"store": "cvt.u32.u64 %n0, %at; cp.async.cg.shared.global [%n0], [%from], 16; fence.proxy.async;", "proxy": "cp.async.wait_all;"}, "has executed no fence.proxy.async since it wrote it"},
	{"no_copy_wait", map[string]string{"store": "cvt.u32.u64 %n0, %at; cp.async.cg.shared.global [%n0], [%from], 16;"}, "read"},
	{"no_barrier", map[string]string{"barrier": ""}, "race: read of 16 bytes"},
	{"no_wgmma_fence", map[string]string{"fence": ""}, "no wgmma.fence comes before it"},
	{"read_before_wait", map[string]string{"before": "wgmma.commit_group.sync.aligned; add.f32 %f7, %f0, %f0;"}, "an access to a register of a wgmma that has not been waited for"},
	{"write_before_wait", map[string]string{"before": "wgmma.commit_group.sync.aligned; mov.u32 %n0, 5; mov.b32 %f3, %n0;"}, "an access to a register of a wgmma that has not been waited for"},
	{"no_commit", map[string]string{"before": ""}, "an access to a register of a wgmma that has not been waited for"},
	{"wait_for_fewer", map[string]string{"wait": "wgmma.wait_group.sync.aligned 1;"}, "an access to a register of a wgmma that has not been waited for"},
	{"no_wait", map[string]string{"wait": "", "after": "ret;"}, "the kernel ends before it was waited for"},
	{"overwritten", map[string]string{"before": "wgmma.commit_group.sync.aligned; bar.sync 0; st.shared.u32 [%at], %t;"}, "while it was under way, thread ("},
	{"copied_over", map[string]string{"before": "wgmma.commit_group.sync.aligned; bar.sync 0; cvt.u32.u64 %n0, %at; cp.async.cg.shared.global [%n0], [%from], 16;"}, "while it was under way, thread ("},
	{"written_after_wait", map[string]string{"after": "st.shared.u32 [%at], %t;"}, "race: "},
	{"other_shape", map[string]string{"before": "sub.s64 %A, %A, 8; sub.s64 %B, %B, 8; " + fmt.Sprintf(wgmmaNext, "m64n8k16", "{%f0, %f1, %f2, %f3}")}, "registers in common with a product of another shape"},
	{"lane_differs", map[string]string{"changed": "setp.eq.u32 %p, %t, 5; @%p add.s64 %A, %A, 2;"}, "differs from the first lane's"},
	{"warps_differ", map[string]string{"changed": "setp.gt.u32 %p, %t, 95; @%p add.s64 %A, %A, 2;"}, "warp 0 of its warpgroup has started another product in its place"},
	{"warp_missing", map[string]string{"changed": "setp.lt.u32 %p, %t, 32; @%p ret;"}, "the warps of a warpgroup have started"},
	{"pattern", map[string]string{"changed": "add.s64 %A, %A, 8;"}, "the swizzle's pattern begins at 0x80"},
	{"swizzle", map[string]string{"changed": "xor.b64 %A, %A, 0xc000000000000000;"}, "a swizzle other than of 128 bytes"},
	{"stride", map[string]string{"changed": "xor.b64 %A, %A, 0x4800000000;"}, "no multiple of 1024"},
	{"reserved", map[string]string{"changed": "or.b64 %A, %A, 0x8000;"}, "reserved bits"},
	{"past", map[string]string{"changed": "add.s64 %B, %B, 64;"}, "out of bounds"},
}

// TestPTXWgmmaFaults: mistakes with what runs beside the program show, each in a process of its own.
func TestPTXWgmmaFaults(t *testing.T) {
	if os.Getenv("HDMNET_CUDA_DRIVER") == "" {
		t.Skip("needs the interpreter (make test-ptx)")
	}
	openHopper(t)
	for _, c := range wgmmaFaults {
		t.Run(c.name, func(t *testing.T) {
			cmd := exec.Command(os.Args[0], "-test.run=^TestPTXWgmmaFaultChild$", "-test.v")
			cmd.Env = append(os.Environ(), "HDMNET_EMU_CASE="+c.name, "HDMNET_CUDA_CACHE=off", "HDMNET_EMU_RACES=1")
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Errorf("%v\n%s", err, out)
			}
			for _, want := range []string{c.want, "kernel " + c.name + ", block (0,0,0)", "; PTX:"} {
				if !strings.Contains(string(out), want) {
					t.Errorf("the report lacks %q:\n%s", want, out)
				}
			}
		})
	}
}

// TestPTXWgmmaFaultChild is the child of TestPTXWgmmaFaults.
func TestPTXWgmmaFaultChild(t *testing.T) {
	for _, c := range wgmmaFaults {
		if c.name != os.Getenv("HDMNET_EMU_CASE") {
			continue
		}
		d, err := Open(0, op.FP32)
		if err != nil {
			t.Fatal(err)
		}
		useSnippets(d, wgmmaHead+wgmmaKernel(c.name, "1", c.changes))
		a := op.NewArena(d)
		out, in := a.Float32(128*8), wgmmaInput(d, a)
		defer func() { fmt.Println("report:", recover()) }()
		d.launch(c.name, grid1(1, 128), out, in)
		d.Synchronize()
		return
	}
	t.Skip("only as a child of TestPTXWgmmaFaults")
}

// TestPTXWgmmaRefused: what of wgmma the interpreter does not do is an error when the module is loaded.
func TestPTXWgmmaRefused(t *testing.T) {
	if os.Getenv("HDMNET_CUDA_DRIVER") == "" {
		t.Skip("needs the interpreter (make test-ptx)")
	}
	d := openHopper(t)
	for _, c := range []struct{ head, products, want string }{
		{ptxHead, "wgmma.fence.sync.aligned;", "it needs .target sm_90a"},
		{wgmmaHead, fmt.Sprintf(wgmmaNext, "m64n12k16", wgmmaAccumulators), "its shape"},
		{wgmmaHead, fmt.Sprintf(wgmmaNext, "m64n8k16", wgmmaAccumulators), "another number of registers"},
		{wgmmaHead, strings.Replace(fmt.Sprintf(wgmmaNext, "m64n16k16", wgmmaAccumulators), ", 1, 1", ", 1, -1", 1), "-1 should be a number"},
		{wgmmaHead, strings.Replace(fmt.Sprintf(wgmmaNext, "m64n16k16", wgmmaAccumulators), "0, 0;", "0, 1;", 1), "imm-trans-b other than 0"},
		{wgmmaHead, strings.Replace(fmt.Sprintf(wgmmaNext, "m64n16k16", wgmmaAccumulators), "f32.f16.f16", "f32.bf16.bf16", 1), "without .f16"},
		{wgmmaHead, "wgmma.wait_group.sync.aligned;", "an operand is missing"},
	} {
		err := d.queue.call(func() error {
			_, err := loadModule(c.head+wgmmaKernel("refused", "1", map[string]string{"products": c.products, "fence": "", "before": "", "wait": ""}), "load it")
			return err
		})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: want %q in: %v", c.products, c.want, err)
		}
	}
}
