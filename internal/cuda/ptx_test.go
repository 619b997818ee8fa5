//go:build cuda

package cuda

import (
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"hdmnet/internal/op"
	"hdmnet/kernels"
)

// What single PTX instructions do, by the PTX manual: on the interpreter (make test-ptx), and on
// a GPU, so that the one is held against the other.

// snippet is a kernel around a few instructions. Each lane has %A, %B, %C of 64 bits, their
// lower halves %a, %b, %c, and the same as floats %x, %y, %z and %X, %Y, %Z; %t is its number.
// The result is %d, %D, the float %r or %R, or the predicate %p.
type snippet struct {
	name, body, result string
	lanes              [][4]uint64 // a, b, c, what is wanted
	mask               uint64      // of the bits that are defined; 0: all
}

const snippetRegisters = `
	.reg .b64 %A, %B, %C, %D, %at, %out, %in, %m<10>;
	.reg .b32 %a, %b, %c, %d, %t, %n<10>;
	.reg .b16 %h, %k;
	.reg .f32 %x, %y, %z, %r, %f<10>;
	.reg .f64 %X, %Y, %Z, %R;
	.reg .pred %p, %q;
`

func (s snippet) kernel() string {
	finish := map[string]string{
		"%d": "cvt.u64.u32 %D, %d;", "%D": "", "%r": "mov.b32 %d, %r; cvt.u64.u32 %D, %d;", "%R": "mov.b64 %D, %R;", "%p": "selp.b64 %D, 1, 0, %p;",
	}[s.result]
	return fmt.Sprintf(`
.visible .entry %s(.param .u64 %[1]s_param_0, .param .u64 %[1]s_param_1)
.maxntid 128, 1, 1
{%s
	ld.param.u64 %%out, [%[1]s_param_0];
	ld.param.u64 %%in, [%[1]s_param_1];
	mov.u32 %%t, %%tid.x;
	mul.wide.u32 %%at, %%t, 24;
	add.s64 %%in, %%in, %%at;
	ld.global.u64 %%A, [%%in];
	ld.global.u64 %%B, [%%in+8];
	ld.global.u64 %%C, [%%in+16];
	cvt.u32.u64 %%a, %%A;
	cvt.u32.u64 %%b, %%B;
	cvt.u32.u64 %%c, %%C;
	mov.b32 %%x, %%a;
	mov.b32 %%y, %%b;
	mov.b32 %%z, %%c;
	mov.b64 %%X, %%A;
	mov.b64 %%Y, %%B;
	mov.b64 %%Z, %%C;
	%[3]s
	%[4]s
	mul.wide.u32 %%at, %%t, 8;
	add.s64 %%out, %%out, %%at;
	st.global.u64 [%%out], %%D;
	ret;
}
`, s.name, snippetRegisters, s.body, finish)
}

const ptxHead = ".version 7.0\n.target sm_80\n.address_size 64\n"

// openPTX opens the device with kernels of PTX text, where that is what runs.
func openPTX(t testing.TB, text string) *Device {
	t.Helper()
	if driver := os.Getenv("HDMNET_CUDA_DRIVER"); driver != "" && !strings.Contains(driver, "/emu/ptx/") {
		t.Skip("the driver runs kernels as C++ (make test-ptx)")
	}
	d := open(t)
	useSnippets(d, text)
	return d
}

func useSnippets(d *Device, text string) {
	for _, k := range kernels.Parse("snippets", text) {
		d.kernels[k.Name] = &kernel{Kernel: k}
	}
	d.wait(func() error {
		m, err := loadModule(text, "load the snippets")
		d.modules["snippets"] = m
		return err
	})
}

// words makes a tensor of numbers of 64 bits.
func words(d *Device, a *op.Arena, v []uint64) op.Tensor {
	t, f := a.Float32(2*len(v)), make([]float32, 2*len(v))
	for i, x := range v {
		f[2*i], f[2*i+1] = math.Float32frombits(uint32(x)), math.Float32frombits(uint32(x>>32))
	}
	d.Upload(t, f)
	return t
}

func readWords(d *Device, t op.Tensor) []uint64 {
	f := make([]float32, op.Len(t))
	d.Download(f, t)
	v := make([]uint64, len(f)/2)
	for i := range v {
		v[i] = uint64(math.Float32bits(f[2*i])) | uint64(math.Float32bits(f[2*i+1]))<<32
	}
	return v
}

// f and g are the bits of a float and of a double.
func f(v float64) uint64 { return uint64(math.Float32bits(float32(v))) }
func g(v float64) uint64 { return math.Float64bits(v) }
func w(v int32) uint64   { return uint64(uint32(v)) }
func l(v int64) uint64   { return uint64(v) }

const (
	nan32 = 0x7fffffff // what arithmetic gives
	quiet = 0x7fc00000 // another
	minus = 0x80000000 // -0
	inf32 = 0x7f800000
)

var snippets = []snippet{
	{"add_s32", "add.s32 %d, %a, %b;", "%d", [][4]uint64{{1, 2, 0, 3}, {w(math.MaxInt32), 1, 0, w(math.MinInt32)}}, 0},
	{"sub_s64", "sub.s64 %D, %A, %B;", "%D", [][4]uint64{{1, 2, 0, l(-1)}, {1 << 63, 1, 0, 1<<63 - 1}}, 0},
	{"mul_lo", "mul.lo.s64 %D, %A, %B;", "%D", [][4]uint64{{l(-3), 1 << 40, 0, l(-3 << 40)}}, 0},
	{"mul_hi_s32", "mul.hi.s32 %d, %a, %b;", "%d", [][4]uint64{{w(-1), 2, 0, w(-1)}, {1 << 30, 8, 0, 2}}, 0},
	{"mul_hi_u64", "mul.hi.u64 %D, %A, %B;", "%D", [][4]uint64{{1 << 63, 6, 0, 3}, {l(-1), l(-1), 0, l(-2)}}, 0},
	{"mul_hi_s64", "mul.hi.s64 %D, %A, %B;", "%D", [][4]uint64{{l(-1), l(-1), 0, 0}, {l(-1), 5, 0, l(-1)}}, 0},
	{"mul_wide_s32", "mul.wide.s32 %D, %a, %b;", "%D", [][4]uint64{{w(-2), 1 << 30, 0, l(-1 << 31)}}, 0},
	{"mul_wide_u32", "mul.wide.u32 %D, %a, %b;", "%D", [][4]uint64{{w(-1), 2, 0, 0x1fffffffe}}, 0},
	{"mad_lo", "mad.lo.s32 %d, %a, %b, %c;", "%d", [][4]uint64{{w(-2), 3, 10, 4}}, 0},
	{"mad_wide", "mad.wide.s32 %D, %a, %b, %C;", "%D", [][4]uint64{{w(-2), 3, 10, 4}}, 0},
	{"div_s32", "div.s32 %d, %a, %b;", "%d", [][4]uint64{{w(-7), 2, 0, w(-3)}, {w(math.MinInt32), w(-1), 0, w(math.MinInt32)}}, 0},
	{"rem_s32", "rem.s32 %d, %a, %b;", "%d", [][4]uint64{{w(-7), 2, 0, w(-1)}, {w(math.MinInt32), w(-1), 0, 0}}, 0},
	{"div_u32", "div.u32 %d, %a, %b;", "%d", [][4]uint64{{w(-1), 2, 0, math.MaxInt32}}, 0},
	{"rem_s64", "rem.s64 %D, %A, %B;", "%D", [][4]uint64{{l(-7), l(4), 0, l(-3)}}, 0},
	{"div_u64", "div.u64 %D, %A, %B;", "%D", [][4]uint64{{l(-1), 10, 0, math.MaxUint64 / 10}}, 0},
	{"min_s32", "min.s32 %d, %a, %b;", "%d", [][4]uint64{{w(-1), 2, 0, w(-1)}}, 0},
	{"max_u32", "max.u32 %d, %a, %b;", "%d", [][4]uint64{{w(-1), 2, 0, w(-1)}}, 0},
	{"neg_s32", "neg.s32 %d, %a;", "%d", [][4]uint64{{5, 0, 0, w(-5)}, {w(math.MinInt32), 0, 0, w(math.MinInt32)}}, 0},
	{"abs_s64", "abs.s64 %D, %A;", "%D", [][4]uint64{{l(-5), 0, 0, 5}}, 0},
	{"add_s16", "cvt.u16.u32 %h, %a; add.s16 %h, %h, 1; cvt.s32.s16 %d, %h;", "%d", [][4]uint64{{0x7fff, 0, 0, w(-32768)}}, 0},

	{"and_b32", "and.b32 %d, %a, %b;", "%d", [][4]uint64{{0xff00ff00, 0xf0f0f0f0, 0, 0xf000f000}}, 0},
	{"or_b64", "or.b64 %D, %A, %B;", "%D", [][4]uint64{{1 << 60, 1, 0, 1<<60 | 1}}, 0},
	{"xor_b32", "xor.b32 %d, %a, -1;", "%d", [][4]uint64{{0x0f0f0f0f, 0, 0, 0xf0f0f0f0}}, 0},
	{"not_b32", "not.b32 %d, %a;", "%d", [][4]uint64{{1, 0, 0, 0xfffffffe}}, 0},
	{"shl_b32", "shl.b32 %d, %a, %b;", "%d", [][4]uint64{{1, 31, 0, 1 << 31}, {1, 32, 0, 0}, {1, w(-1), 0, 0}}, 0},
	{"shl_b64", "shl.b64 %D, %A, %b;", "%D", [][4]uint64{{1, 63, 0, 1 << 63}, {1, 64, 0, 0}, {3, 32, 0, 3 << 32}}, 0},
	{"shr_u32", "shr.u32 %d, %a, %b;", "%d", [][4]uint64{{1 << 31, 31, 0, 1}, {w(-1), 32, 0, 0}, {w(-1), 200, 0, 0}}, 0},
	{"shr_s32", "shr.s32 %d, %a, %b;", "%d", [][4]uint64{{w(-8), 1, 0, w(-4)}, {w(-8), 32, 0, w(-1)}, {8, 99, 0, 0}}, 0},
	{"shr_s64", "shr.s64 %D, %A, %b;", "%D", [][4]uint64{{l(-8), 1, 0, l(-4)}, {l(-8), 64, 0, l(-1)}}, 0},
	{"shf_l_wrap", "shf.l.wrap.b32 %d, %a, %b, %c;", "%d", [][4]uint64{{0x80000000, 1, 1, 3}, {5, 7, 32, 7}}, 0},
	{"shf_r_clamp", "shf.r.clamp.b32 %d, %a, %b, %c;", "%d", [][4]uint64{{2, 1, 1, 0x80000001}, {5, 7, 40, 7}}, 0},
	{"popc_b32", "popc.b32 %d, %a;", "%d", [][4]uint64{{0xf0f1, 0, 0, 9}}, 0},
	{"clz_b32", "clz.b32 %d, %a;", "%d", [][4]uint64{{1, 0, 0, 31}, {0, 0, 0, 32}}, 0},
	{"bfe_u32", "bfe.u32 %d, %a, %b, %c;", "%d", [][4]uint64{{0xabcd, 4, 8, 0xbc}, {0xabcd, 4, 0, 0}, {w(-1), 28, 8, 15}, {w(-1), 32, 4, 0}}, 0},
	{"bfe_s32", "bfe.s32 %d, %a, %b, %c;", "%d", [][4]uint64{{0xf0, 4, 4, w(-1)}, {0x70, 4, 4, 7}, {1 << 31, 28, 8, w(-8)}}, 0},
	{"bfi_b32", "bfi.b32 %d, %a, %b, 8, %c;", "%d", [][4]uint64{{0xff, 0, 4, 0xf00}, {0, w(-1), 8, 0xffff00ff}}, 0},
	{"prmt_b32", "prmt.b32 %d, %a, %b, %c;", "%d", [][4]uint64{{0x33221100, 0x77665544, 0x7410, 0x77441100}, {0x00008000, 0, 0x9999, 0xffffffff}}, 0},

	{"add_f32", "add.f32 %r, %x, %y;", "%r", [][4]uint64{{f(1), f(0x1p-24), 0, f(1)}, {f(1), f(0x1.8p-23), 0, f(1 + 0x1p-22)}, {inf32, inf32 | minus, 0, nan32}}, 0},
	{"sub_f64", "sub.f64 %R, %X, %Y;", "%R", [][4]uint64{{g(1), g(0x1p-60), 0, g(1)}, {g(3), g(5), 0, g(-2)}}, 0},
	{"mul_f32", "mul.f32 %r, %x, %y;", "%r", [][4]uint64{{f(1 + 0x1p-23), f(1 + 0x1p-23), 0, f(1 + 0x1p-22)}, {f(0x1p-100), f(0x1p-40), 0, f(0x1p-140)}, {0, inf32, 0, nan32}}, 0},
	{"fma_f32", "fma.rn.f32 %r, %x, %y, %z;", "%r", [][4]uint64{{f(1 + 0x1p-23), f(1 - 0x1p-23), f(-1), f(-0x1p-46)}, {f(2), f(3), f(4), f(10)}}, 0},
	{"fma_f64", "fma.rn.f64 %R, %X, %Y, %Z;", "%R", [][4]uint64{{g(1 + 0x1p-52), g(1 - 0x1p-52), g(-1), g(-0x1p-104)}}, 0},
	{"div_f32", "div.rn.f32 %r, %x, %y;", "%r", [][4]uint64{{f(1), f(3), 0, f(1.0 / 3)}, {f(1), minus, 0, inf32 | minus}, {0, 0, 0, nan32}}, 0},
	{"rcp_f32", "rcp.rn.f32 %r, %x;", "%r", [][4]uint64{{f(3), 0, 0, f(1.0 / 3)}, {0, 0, 0, inf32}}, 0},
	{"sqrt_f32", "sqrt.rn.f32 %r, %x;", "%r", [][4]uint64{{f(2), 0, 0, f(math.Sqrt2)}, {f(-1), 0, 0, nan32}, {minus, 0, 0, minus}}, 0},
	{"neg_f32", "neg.f32 %r, %x;", "%r", [][4]uint64{{0, 0, 0, minus}, {f(2), 0, 0, f(-2)}}, 0},
	{"abs_f32", "abs.f32 %r, %x;", "%r", [][4]uint64{{minus, 0, 0, 0}, {f(-2), 0, 0, f(2)}}, 0},
	{"min_f32", "min.f32 %r, %x, %y;", "%r", [][4]uint64{{f(1), f(2), 0, f(1)}, {quiet, f(2), 0, f(2)}, {f(2), quiet, 0, f(2)}, {quiet, quiet, 0, nan32}, {0, minus, 0, minus}, {minus, 0, 0, minus}}, 0},
	{"max_f32", "max.f32 %r, %x, %y;", "%r", [][4]uint64{{f(1), f(2), 0, f(2)}, {quiet, f(-2), 0, f(-2)}, {quiet, quiet, 0, nan32}, {0, minus, 0, 0}, {minus, 0, 0, 0}}, 0},
	{"ex2_zero", "ex2.approx.ftz.f32 %r, %x;", "%r", [][4]uint64{{0, 0, 0, f(1)}, {f(-140), 0, 0, 0}, {f(200), 0, 0, inf32}, {inf32 | minus, 0, 0, 0}}, 0},

	{"cvt_rni", "cvt.rni.f32.f32 %r, %x;", "%r", [][4]uint64{{f(2.5), 0, 0, f(2)}, {f(3.5), 0, 0, f(4)}, {f(-0.5), 0, 0, minus}}, 0},
	{"cvt_rmi", "cvt.rmi.f32.f32 %r, %x;", "%r", [][4]uint64{{f(-2.5), 0, 0, f(-3)}, {f(2.9), 0, 0, f(2)}}, 0},
	{"cvt_rpi", "cvt.rpi.f32.f32 %r, %x;", "%r", [][4]uint64{{f(-2.5), 0, 0, f(-2)}, {f(2.1), 0, 0, f(3)}}, 0},
	{"cvt_rzi_s32", "cvt.rzi.s32.f32 %d, %x;", "%d", [][4]uint64{{f(-2.9), 0, 0, w(-2)}, {f(1e20), 0, 0, math.MaxInt32}, {f(-1e20), 0, 0, w(math.MinInt32)}, {quiet, 0, 0, 0}}, 0},
	{"cvt_rzi_u32", "cvt.rzi.u32.f32 %d, %x;", "%d", [][4]uint64{{f(-2.9), 0, 0, 0}, {f(3e9), 0, 0, 3e9}, {f(1e20), 0, 0, math.MaxUint32}}, 0},
	{"cvt_rni_s32", "cvt.rni.s32.f32 %d, %x;", "%d", [][4]uint64{{f(2.5), 0, 0, 2}, {f(-3.5), 0, 0, w(-4)}}, 0},
	{"cvt_rzi_s64", "cvt.rzi.s64.f32 %D, %x;", "%D", [][4]uint64{{f(-3 * 0x1p40), 0, 0, l(-3 << 40)}, {f(1e30), 0, 0, math.MaxInt64}}, 0},
	{"cvt_f32_s32", "cvt.rn.f32.s32 %r, %a;", "%r", [][4]uint64{{w(-3), 0, 0, f(-3)}, {1<<24 + 1, 0, 0, f(1 << 24)}, {1<<24 + 3, 0, 0, f(1<<24 + 4)}}, 0},
	{"cvt_f32_u32", "cvt.rn.f32.u32 %r, %a;", "%r", [][4]uint64{{w(-1), 0, 0, f(1 << 32)}}, 0},
	{"cvt_f32_u64", "cvt.rn.f32.u64 %r, %A;", "%r", [][4]uint64{{l(-1), 0, 0, f(0x1p64)}}, 0},
	{"cvt_f64_f32", "cvt.f64.f32 %R, %x;", "%R", [][4]uint64{{f(0.1), 0, 0, g(float64(float32(0.1)))}}, 0},
	{"cvt_f32_f64", "cvt.rn.f32.f64 %r, %X;", "%r", [][4]uint64{{g(1 + 0x1p-24), 0, 0, f(1)}, {g(1 + 0x1.8p-23), 0, 0, f(1 + 0x1p-22)}, {g(1e300), 0, 0, inf32}}, 0},
	{"cvt_s64_s32", "cvt.s64.s32 %D, %a;", "%D", [][4]uint64{{w(-5), 0, 0, l(-5)}}, 0},
	{"cvt_u64_u32", "cvt.u64.u32 %D, %a;", "%D", [][4]uint64{{w(-5), 0, 0, 1<<32 - 5}}, 0},
	{"cvt_s32_s8", "cvt.s32.s8 %d, %a;", "%d", [][4]uint64{{0x180, 0, 0, w(-128)}}, 0},
	{"cvt_s64_in_place", "cvt.s64.s32 %D, %A;", "%D", [][4]uint64{{0x1_ffffffff, 0, 0, l(-1)}}, 0},
	{"cvt_bf16", "cvt.rn.bf16.f32 %h, %x; cvt.u32.u16 %d, %h;", "%d", [][4]uint64{{0x3f808000, 0, 0, 0x3f80}, {0x3f818000, 0, 0, 0x3f82}, {0x3f808001, 0, 0, 0x3f81}, {0x7f7fffff, 0, 0, 0x7f80}, {quiet, 0, 0, 0x7fff}}, 0},
	{"cvt_bf16x2", "cvt.rn.bf16x2.f32 %d, %x, %y;", "%d", [][4]uint64{{f(1), f(-2), 0, 0x3f80c000}}, 0},
	{"cvt_f16", "cvt.rn.f16.f32 %h, %x; cvt.u32.u16 %d, %h;", "%d", [][4]uint64{{f(1 + 0x1p-11), 0, 0, 0x3c00}, {f(1 + 0x3p-11), 0, 0, 0x3c02}, {f(65520), 0, 0, 0x7c00}, {f(0x1p-24), 0, 0, 1}, {quiet, 0, 0, 0x7fff}}, 0},
	{"cvt_f16x2", "cvt.rn.f16x2.f32 %d, %x, %y;", "%d", [][4]uint64{{f(1), f(-2), 0, 0x3c00c000}}, 0},
	{"cvt_f32_f16", "cvt.u16.u32 %h, %a; cvt.f32.f16 %r, %h;", "%r", [][4]uint64{{0x3c01, 0, 0, f(1 + 0x1p-10)}, {1, 0, 0, f(0x1p-24)}, {0xfc00, 0, 0, inf32 | minus}}, 0},
	{"cvt_tf32", "cvt.rna.tf32.f32 %d, %x;", "%d", [][4]uint64{{0x3f801000, 0, 0, 0x3f802000}, {0x3f800fff, 0, 0, 0x3f800000}, {0xbf803000, 0, 0, 0xbf804000}, {inf32, 0, 0, inf32}}, 0xffffe000},

	{"setp_s32", "setp.lt.s32 %p, %a, %b;", "%p", [][4]uint64{{w(-1), 0, 0, 1}, {0, 0, 0, 0}, {1, w(-1), 0, 0}}, 0},
	{"setp_u32", "setp.lt.u32 %p, %a, %b;", "%p", [][4]uint64{{w(-1), 0, 0, 0}, {1, w(-1), 0, 1}}, 0},
	{"setp_f32", "setp.le.f32 %p, %x, %y;", "%p", [][4]uint64{{f(1), f(1), 0, 1}, {quiet, f(1), 0, 0}, {minus, 0, 0, 1}}, 0},
	{"setp_leu", "setp.leu.f32 %p, %x, %y;", "%p", [][4]uint64{{f(2), f(1), 0, 0}, {quiet, f(1), 0, 1}, {f(1), quiet, 0, 1}}, 0},
	{"setp_ne", "setp.ne.f32 %p, %x, %y;", "%p", [][4]uint64{{f(2), f(1), 0, 1}, {quiet, f(1), 0, 0}}, 0},
	{"setp_neu", "setp.neu.f32 %p, %x, %y;", "%p", [][4]uint64{{f(2), f(2), 0, 0}, {quiet, quiet, 0, 1}}, 0},
	{"setp_nan", "setp.nan.f32 %p, %x, %y;", "%p", [][4]uint64{{f(2), quiet, 0, 1}, {f(2), inf32, 0, 0}}, 0},
	{"logic", "setp.eq.s32 %p, %a, 1; setp.eq.s32 %q, %b, 1; xor.pred %p, %p, %q; not.pred %p, %p;", "%p", [][4]uint64{{0, 0, 0, 1}, {1, 0, 0, 0}, {0, 1, 0, 0}, {1, 1, 0, 1}}, 0},
	{"selp_b32", "setp.gt.s32 %p, %c, 0; selp.b32 %d, %a, %b, %p;", "%d", [][4]uint64{{7, 8, 1, 7}, {7, 8, 0, 8}}, 0},
	{"guards", "setp.gt.s32 %p, %c, 0; mov.u32 %d, 1; @%p add.s32 %d, %d, %a; @!%p add.s32 %d, %d, %b;", "%d", [][4]uint64{{10, 20, 1, 11}, {10, 20, 0, 21}}, 0},
	{"halves", "mov.b64 {%n0, %n1}, %A; mov.b64 %D, {%n1, %n0};", "%D", [][4]uint64{{0x1122334455667788, 0, 0, 0x5566778811223344}}, 0},
	{"scope", "{ .reg .b16 tmp; mov.b32 {tmp, %h}, %a; } { .reg .b16 tmp; mov.b32 {%k, tmp}, %a; } cvt.u32.u16 %d, %h; cvt.u32.u16 %n0, %k; shl.b32 %n0, %n0, 16; or.b32 %d, %d, %n0;", "%d", [][4]uint64{{0x11223344, 0, 0, 0x33441122}}, 0},
	// Lanes part, loop as often as %a says, and meet again.
	{"loops", "mov.u32 %d, 0; mov.u32 %n0, %a; bra.uni $test; $more: add.s32 %d, %d, %b; sub.s32 %n0, %n0, 1; $test: setp.gt.s32 %p, %n0, 0; @%p bra $more; vote.sync.ballot.b32 %n1, %p, -1; add.s32 %d, %d, %n1;", "%d", [][4]uint64{{0, 3, 0, 0}, {1, 3, 0, 3}, {7, 3, 0, 21}}, 0},
}

// TestPTXInstructions runs every snippet in 32 lanes, with their inputs in turn.
func TestPTXInstructions(t *testing.T) {
	text := ptxHead
	for _, s := range snippets {
		text += strings.ReplaceAll(s.kernel(), "$", "$"+s.name+"_")
	}
	d := openPTX(t, text)
	for _, s := range snippets {
		t.Run(s.name, func(t *testing.T) {
			a := op.NewArena(d)
			defer a.Close()
			in := make([]uint64, 0, 96)
			for i := range 32 {
				in = append(in, s.lanes[i%len(s.lanes)][:3]...)
			}
			out := a.Float32(64)
			d.launch(s.name, grid1(1, 32), out, words(d, a, in))
			for i, got := range readWords(d, out) {
				c := s.lanes[i%len(s.lanes)]
				differ := got ^ c[3]
				if s.mask != 0 {
					differ &= s.mask
				}
				if differ != 0 {
					t.Fatalf("%s of %#x, %#x, %#x in lane %d is %#x, want %#x", s.body, c[0], c[1], c[2], i, got, c[3])
				}
			}
		})
	}
}
