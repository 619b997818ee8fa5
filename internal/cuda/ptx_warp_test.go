//go:build cuda

package cuda

import (
	"cmp"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"hdmnet/internal/op"
)

// Operations of a warp and of a block: %t is the thread, results are u32 in %d.
var ptxWarps = []struct {
	name, body string
	threads    int
	want       func(t uint32) uint32
}{
	{"shfl_idx", "shfl.sync.idx.b32 %d, %t, 5, 31, -1;", 32, func(uint32) uint32 { return 5 }},
	{"shfl_idx_segments", "shfl.sync.idx.b32 %d, %t, 3, 0x181f, -1;", 32, func(t uint32) uint32 { return t&^7 | 3 }},
	{"shfl_bfly", "shfl.sync.bfly.b32 %d, %t, 16, 31, -1;", 32, func(t uint32) uint32 { return t ^ 16 }},
	{"shfl_up", "shfl.sync.up.b32 %d|%p, %t, 3, 0, -1; selp.b32 %n0, 100, 0, %p; add.s32 %d, %d, %n0;", 32, func(t uint32) uint32 {
		if t < 3 {
			return t
		}
		return t - 3 + 100
	}},
	{"shfl_down", "shfl.sync.down.b32 %d|%p, %t, 3, 31, -1; selp.b32 %n0, 100, 0, %p; add.s32 %d, %d, %n0;", 32, func(t uint32) uint32 {
		if t > 28 {
			return t
		}
		return t + 3 + 100
	}},
	{"shfl_down_segments", "shfl.sync.down.b32 %d, %t, 1, 0x1c03, -1;", 32, func(t uint32) uint32 { return min(t+1, t|3) }},
	{"shfl_halves", "setp.lt.u32 %p, %t, 16; @!%p bra $high; shfl.sync.bfly.b32 %d, %t, 1, 31, 0xffff; bra.uni $end; $high: shfl.sync.bfly.b32 %d, %t, 2, 31, 0xffff0000; $end: mov.u32 %d, %d;", 32,
		func(t uint32) uint32 {
			if t < 16 {
				return t ^ 1
			}
			return t ^ 2
		}},
	{"vote_ballot", "setp.lt.u32 %p, %t, 3; vote.sync.ballot.b32 %d, %p, -1;", 32, func(uint32) uint32 { return 7 }},
	{"vote_any", "setp.eq.u32 %p, %t, 40; vote.sync.any.pred %q, %p, -1; selp.u32 %d, 1, 0, %q;", 64, func(t uint32) uint32 { return t / 32 }},
	{"vote_all", "setp.lt.u32 %p, %t, 32; vote.sync.all.pred %q, !%p, -1; selp.u32 %d, 1, 0, %q;", 64, func(t uint32) uint32 { return t / 32 }},
	{"special", "mov.u32 %n0, %ntid.x; mov.u32 %n1, %laneid; mad.lo.s32 %d, %n0, 100, %n1; mov.u32 %n2, %nctaid.x; mov.u32 %n3, %ctaid.y; add.s32 %d, %d, %n2; add.s32 %d, %d, %n3;", 64,
		func(t uint32) uint32 { return 6400 + t%32 + 1 }},
	// The other warp's value, through shared memory.
	{"bar_sync", ".shared .align 4 .b8 bar_sync_s[256]; mov.u64 %m0, bar_sync_s; mul.wide.u32 %m1, %t, 4; add.s64 %m0, %m0, %m1; st.shared.u32 [%m0], %t; bar.sync 0; xor.b32 %n0, %t, 32; mul.wide.u32 %m1, %n0, 4; mov.u64 %m0, bar_sync_s; add.s64 %m0, %m0, %m1; ld.shared.u32 %d, [%m0];", 64,
		func(t uint32) uint32 { return t ^ 32 }},
	// The same by an asynchronous copy of the input, %a = 3t, and generic addresses.
	{"cp_async", ".shared .align 16 .b8 cp_async_s[256]; mov.u64 %m0, cp_async_s; mul.wide.u32 %m1, %t, 4; add.s64 %m2, %m0, %m1; cvt.u32.u64 %n0, %m2; cp.async.ca.shared.global [%n0], [%in], 4, 4; cp.async.commit_group; cp.async.wait_group 0; bar.sync 0; cvta.shared.u64 %m3, %m0; sub.s64 %m3, %m3, %m1; ld.u32 %d, [%m3+252];", 64,
		func(t uint32) uint32 { return 3 * (63 - t) }},
	{"cp_async_nothing", ".shared .align 16 .b8 cp_nothing_s[256]; mov.u64 %m0, cp_nothing_s; mul.wide.u32 %m1, %t, 4; add.s64 %m2, %m0, %m1; cvt.u32.u64 %n0, %m2; cp.async.ca.shared.global [%n0], [%in], 4, 0; cp.async.wait_all; ld.shared.u32 %d, [%m2];", 64,
		func(uint32) uint32 { return 0 }},
	// All add to a word; who came when is not defined, the sum is.
	{"atom_add", ".shared .align 4 .b8 atom_s[8]; mov.u64 %m0, atom_s; mov.u32 %n0, 0; st.shared.u32 [%m0], %n0; bar.sync 0; atom.shared.add.u32 %n1, [%m0], %t; bar.sync 0; ld.shared.u32 %d, [%m0];", 1,
		func(uint32) uint32 { return 0 }},
	{"local", ".local .align 8 .b8 local_depot[16]; mov.u64 %m0, local_depot; cvta.local.u64 %m1, %m0; st.local.v2.u32 [%m0+8], {%t, %a}; ld.u32 %n0, [%m1+12]; ld.local.u32 %n1, [%m0+8]; sub.s32 %d, %n0, %n1;", 64,
		func(t uint32) uint32 { return 2 * t }},
	{"vector", "mul.wide.u32 %m0, %t, 24; sub.s64 %m1, %in, %m0; ld.global.v4.u32 {%n0, %n1, %n2, %n3}, [%m1]; ld.global.v2.u64 {%m2, %m3}, [%m1+16]; cvt.u32.u64 %n4, %m3; add.s32 %d, %n2, %n4;", 32,
		func(uint32) uint32 { return 7 + 3 }},
	{"bytes", "st.global.u8 [%out+3], %t; ld.global.s8 %n0, [%in]; ld.global.u16 %n1, [%in]; sub.s32 %d, %n1, %n0;", 1, func(uint32) uint32 { return 0 }},
	{"call", "{ .param .b32 param0; st.param.b32 [param0+0], %a; .param .b32 retval0; call.uni (retval0), twice_and_one, (param0); ld.param.b32 %d, [retval0+0]; }", 64,
		func(t uint32) uint32 { return 6*t + 1 }},
}

const ptxFunction = `
.func (.param .b32 func_retval0) twice_and_one(.param .b32 twice_param_0)
{
	.reg .b32 %r<3>;
	ld.param.u32 %r1, [twice_param_0];
	mad.lo.s32 %r2, %r1, 2, 1;
	st.param.b32 [func_retval0+0], %r2;
	ret;
}
`

// TestPTXWarps: of thread t %a is 3t, %b 7 and %c 3t.
func TestPTXWarps(t *testing.T) {
	text := ptxHead + ptxFunction
	for _, c := range ptxWarps {
		text += strings.ReplaceAll(snippet{name: c.name, body: c.body, result: "%d"}.kernel(), "$", "$"+c.name+"_")
	}
	d := openPTX(t, text)
	for _, c := range ptxWarps {
		t.Run(c.name, func(t *testing.T) {
			a := op.NewArena(d)
			defer a.Close()
			var in []uint64
			for i := range c.threads {
				in = append(in, uint64(3*i), 7, uint64(3*i))
			}
			out := a.Float32(2 * c.threads)
			d.launch(c.name, grid1(1, c.threads), out, words(d, a, in))
			for i, got := range readWords(d, out) {
				if want := c.want(uint32(i)); got != uint64(want) {
					t.Fatalf("thread %d has %d, want %d", i, got, want)
				}
			}
		})
	}
}

// ptxProducts are kernels of one warp: each lane reads 32 bytes, four registers of A and two of
// B, and writes its part of 1 + A·B; or four rows of matrices, and writes what ldmatrix gives it.
func ptxProducts() string {
	const head = `
.visible .entry %s(.param .u64 %[1]s_param_0, .param .u64 %[1]s_param_1)
.maxntid 32, 1, 1
{
	.reg .b64 %%o, %%i, %%m<4>;
	.reg .b32 %%t, %%s, %%a<4>, %%b<4>;
	.reg .f32 %%f<4>;
	.shared .align 16 .b8 %[1]s_s[512];
	ld.param.u64 %%o, [%[1]s_param_0];
	ld.param.u64 %%i, [%[1]s_param_1];
	mov.u32 %%t, %%tid.x;
	mul.wide.u32 %%m0, %%t, 32;
	add.s64 %%i, %%i, %%m0;
	mul.wide.u32 %%m0, %%t, 16;
	add.s64 %%o, %%o, %%m0;
`
	const ones = "mov.f32 %f0, 0f3F800000; mov.f32 %f1, %f0; mov.f32 %f2, %f0; mov.f32 %f3, %f0;\n"
	const end = "st.global.v4.f32 [%o], {%f0, %f1, %f2, %f3};\n ret;\n}\n"
	mma := func(shape, kind, a, b string) string {
		return ones + fmt.Sprintf("mma.sync.aligned.%s.row.col.f32.%s.%[2]s.f32 {%%f0, %%f1, %%f2, %%f3}, {%s}, {%s}, {%%f0, %%f1, %%f2, %%f3};\n", shape, kind, a, b)
	}
	const loads = "ld.global.v4.u32 {%a0, %a1, %a2, %a3}, [%i]; ld.global.v2.u32 {%b0, %b1}, [%i+16];\n"
	// matrices: the 16 bytes of a lane are a row of 8 bf16.
	const matrices = "mov.u64 %%m1, %[1]s_s; mul.wide.u32 %%m0, %%t, 16; add.s64 %%m1, %%m1, %%m0; ld.global.v4.u32 {%%a0, %%a1, %%a2, %%a3}, [%%i]; st.shared.v4.u32 [%%m1], {%%a0, %%a1, %%a2, %%a3}; bar.sync 0; cvt.u32.u64 %%s, %%m1; ldmatrix.sync.aligned.m8n8.x4%[2]s.shared.b16 {%%b0, %%b1, %%b2, %%b3}, [%%s];\n st.global.v4.u32 [%%o], {%%b0, %%b1, %%b2, %%b3};\n ret;\n}\n"
	text := ptxHead
	for _, k := range [][2]string{
		{"mma_tf32_8", loads + mma("m16n8k8", "tf32", "%a0, %a1, %a2, %a3", "%b0, %b1") + end},
		{"mma_tf32_4", loads + mma("m16n8k4", "tf32", "%a0, %a1", "%b0") + end},
		{"mma_bf16_16", loads + mma("m16n8k16", "bf16", "%a0, %a1, %a2, %a3", "%b0, %b1") + end},
		{"mma_bf16_8", loads + mma("m16n8k8", "bf16", "%a0, %a1", "%b0") + end},
		{"mma_f16_16", loads + mma("m16n8k16", "f16", "%a0, %a1, %a2, %a3", "%b0, %b1") + end},
		{"matrices", fmt.Sprintf(matrices, "matrices", "")},
		{"matrices_trans", fmt.Sprintf(matrices, "matrices_trans", ".trans")},
	} {
		text += fmt.Sprintf(head, k[0]) + k[1]
	}
	return text
}

// openProducts gives a function that runs one of ptxProducts on the words of 32 lanes.
func openProducts(t *testing.T) func(name string, in []uint32) []uint32 {
	d := openPTX(t, ptxProducts())
	return func(name string, in []uint32) []uint32 {
		a := op.NewArena(d)
		defer a.Close()
		x, v, out := a.Float32(256), make([]float32, 256), a.Float32(128)
		for i := range in {
			v[i] = math.Float32frombits(in[i])
		}
		d.Upload(x, v)
		d.launch(name, grid1(1, 32), out, x)
		got, bits := make([]float32, 128), make([]uint32, 128)
		d.Download(got, out)
		for i := range got {
			bits[i] = math.Float32bits(got[i])
		}
		return bits
	}
}

// TestPTXTensorSums: how the model of HDMNET_EMU_TENSOR adds products to 1.
func TestPTXTensorSums(t *testing.T) {
	if os.Getenv("HDMNET_CUDA_DRIVER") == "" {
		t.Skip("needs the interpreter (make test-ptx)")
	}
	run := openProducts(t)
	all := func(v float64) (p [8]float64) {
		for i := range p {
			p[i] = v
		}
		return p
	}
	model := cmp.Or(os.Getenv("HDMNET_EMU_TENSOR"), "exact")
	for _, c := range []struct {
		products [8]float64
		want     map[string]float64
	}{
		{all(0x1p-24), map[string]float64{"exact": 1, "a100": 1 + 0x1p-21, "h100": 1 + 0x1p-21}}, // one by one each is rounded away
		{all(0x1p-25), map[string]float64{"exact": 1, "a100": 1, "h100": 1 + 0x1p-22}},           // below the bit that an A100 keeps
		{[8]float64{0x1.8p-23}, map[string]float64{"exact": 1 + 0x1p-22, "a100": 1 + 0x1p-23, "h100": 1 + 0x1p-23}},
		{[8]float64{-1, 0x1p-30}, map[string]float64{"exact": 0x1p-30, "a100": 0, "h100": 0}}, // aligned to what cancels
		{all(math.Inf(1)), map[string]float64{"exact": math.Inf(1), "a100": math.Inf(1), "h100": math.Inf(1)}},
	} {
		in := make([]uint32, 256)
		for l := range 32 {
			for r := range 4 {
				in[l*8+r] = math.Float32bits(float32(c.products[l%4+r/2*4]))
			}
			in[l*8+4], in[l*8+5] = math.Float32bits(1), math.Float32bits(1)
		}
		for i, got := range run("mma_tf32_8", in) {
			if want := math.Float32bits(float32(c.want[model])); got != want {
				t.Fatalf("%s: 1 plus the products %g: element %d is %#x, want %#x", model, c.products, i, got, want)
			}
		}
	}
}

func bf16Bits(v float32) uint32 { return math.Float32bits(v) >> 16 }

// f16Bits is of numbers that halves hold exactly, none of them subnormal.
func f16Bits(v float32) uint32 {
	if v == 0 {
		return 0
	}
	b := math.Float32bits(v)
	return b>>16&0x8000 | (b>>13&0x3ffff - 112<<10)
}

// TestPTXProducts compares mma, with fragments by the tables of the PTX manual, and ldmatrix
// with a plain product.
func TestPTXProducts(t *testing.T) {
	run := openProducts(t)
	for _, c := range []struct {
		name     string
		k, parts int // numbers of a register
		bits     func(float32) uint32
	}{
		{"mma_tf32_8", 8, 1, math.Float32bits}, {"mma_tf32_4", 4, 1, math.Float32bits},
		{"mma_bf16_16", 16, 2, bf16Bits}, {"mma_bf16_8", 8, 2, bf16Bits}, {"mma_f16_16", 16, 2, f16Bits},
	} {
		a := func(i, k int) float32 { return float32((i*5+k*3)%15-7) / 4 }
		b := func(k, j int) float32 { return float32((k*7+j*11)%13-6) / 2 }
		in := make([]uint32, 256)
		put := func(at, h int, v float32) { in[at] |= c.bits(v) << (16 * h) }
		for l := range 32 {
			for r := range c.k / (2 * c.parts) {
				for h := range c.parts {
					put(l*8+r, h, a(l/4+r%2*8, l%4*c.parts+h+r/2*4*c.parts))
				}
			}
			for r := range c.k / (4 * c.parts) {
				for h := range c.parts {
					put(l*8+4+r, h, b(l%4*c.parts+h+r*4*c.parts, l/4))
				}
			}
		}
		got := run(c.name, in)
		for l := range 32 {
			for r := range 4 {
				i, j := l/4+r/2*8, l%4*2+r%2
				want := float32(1)
				for k := range c.k {
					want += a(i, k) * b(k, j)
				}
				if v := math.Float32frombits(got[l*4+r]); v != want {
					t.Fatalf("%s: [%d,%d] is %g, want %g", c.name, i, j, v, want)
				}
			}
		}
	}
	rows := make([]uint32, 256) // element c of row r of matrix m is 64m+8r+c
	for l := range 32 {
		for k := range 4 {
			rows[l*8+k] = uint32(8*l+2*k) | uint32(8*l+2*k+1)<<16
		}
	}
	plain, trans := run("matrices", rows), run("matrices_trans", rows)
	for l := range 32 {
		for m := range 4 {
			g, c := uint32(l/4), uint32(l%4*2)
			first := uint32(64 * m)
			if got, want := plain[l*4+m], first+8*g+c|(first+8*g+c+1)<<16; got != want {
				t.Fatalf("ldmatrix: lane %d, matrix %d is %#x, want %#x", l, m, got, want)
			}
			if got, want := trans[l*4+m], first+8*c+g|(first+8*(c+1)+g)<<16; got != want {
				t.Fatalf("ldmatrix.trans: lane %d, matrix %d is %#x, want %#x", l, m, got, want)
			}
		}
	}
}
