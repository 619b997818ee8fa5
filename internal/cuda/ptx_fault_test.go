//go:build cuda

package cuda

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"hdmnet/internal/op"
)

// openInterpreter skips where a real driver would have words of its own for a mistake.
func openInterpreter(t *testing.T, text string) *Device {
	t.Helper()
	if os.Getenv("HDMNET_CUDA_DRIVER") == "" {
		t.Skip("needs the interpreter (make test-ptx)")
	}
	return openPTX(t, text)
}

// TestPTXRefused: what the interpreter does not know is an error when the module is loaded.
func TestPTXRefused(t *testing.T) {
	d := openInterpreter(t, ptxHead)
	for _, c := range []struct{ body, want string }{
		{"frob.b32 %d, %a;", "the instruction frob is not supported, in: frob.b32 %d, %a"},
		{"add.sat.s32 %d, %a, %b;", "the modifier .sat is not supported"},
		{"add.f16 %h, %h, %h;", "its type is not supported"},
		{"add.s32 %d, %A, %b;", "the register %A has another width"},
		{"add.s32 %d, %a, %e;", "the register %e is not declared"},
		{"add.s32 %d, %a, 1.5;", "1.5 is no number"},
		{"add.s32 %d, %a;", "an operand is missing"},
		{"add.s32 %d, %a, %b, %c;", "more operands"},
		{"mov.u32 %d, %clock;", "%clock is not declared, or special"},
		{"mov.u32 %tid.x, %d;", "%tid.x cannot be written"},
		{"cvt.s32.f32 %d, %x;", "its rounding is missing"},
		{"setp.lo.f32 %p, %x, %y;", "its comparison"},
		{"bra $nowhere;", "the label is not there"},
		{"bar.sync 1;", "barriers other than 0"},
		{"shfl.bfly.b32 %d, %a, 1, 31;", "without .sync"},
		{"ld.global.v4.u32 {%d, %a}, [%in];", "another number of registers"},
		{"ld.param.u64 %D, [snippet_param_0+8];", "past the end of the parameter"},
		{"mma.sync.aligned.m16n8k16.row.col.f32.tf32.tf32.f32 {%x,%y,%z,%r}, {%a,%b,%c,%d}, {%a,%b}, {%x,%y,%z,%r};", "its shape"},
		{"call.uni nothing, ();", "there is no function nothing"},
		{".global .b32 v;", "the directive .global"},
	} {
		text := ptxHead + snippet{name: "snippet", body: "\n" + c.body, result: "%d"}.kernel()
		line := fmt.Sprintf("PTX:%d: ", strings.Count(text[:strings.Index(text, c.body)], "\n")+1)
		err := d.queue.call(func() error { _, err := loadModule(text, "load it"); return err })
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), line) {
			t.Errorf("%s: want %q and %q in: %v", c.body, line, c.want, err)
		}
	}
}

var ptxFaults = []struct {
	name, body string
	want       []string
}{
	{"read_past", "setp.eq.u32 %p, %t, 7; @%p ld.global.u32 %d, [%in+4096];", []string{"thread (7,0,0)", "out of bounds read of 4 bytes", "past the end of the allocation", "ld.global.u32 %d, [%in+4096]"}},
	{"write_before", "st.global.u32 [%out+-8], %t;", []string{"thread (0,0,0)", "out of bounds write of 4 bytes"}},
	{"undefined", "ld.global.u32 %d, [%out];", []string{"uninitialized read"}},
	{"misaligned", "ld.global.v2.u32 {%d, %n0}, [%in+4];", []string{"MISALIGNED", "misaligned read of 8 bytes"}},
	{"shared_past", ".shared .align 4 .b8 past_s[256]; mov.u64 %m0, past_s; mul.wide.u32 %m1, %t, 8; add.s64 %m0, %m0, %m1; st.shared.u32 [%m0], %t;", []string{"thread (32,0,0)", "out of bounds write of 4 bytes"}},
	{"shared_undefined", ".shared .align 4 .b8 undefined_s[256]; mov.u64 %m0, undefined_s; ld.shared.u32 %d, [%m0+8];", []string{"uninitialized read", "byte 8 of the shared array undefined_s"}},
	{"not_shared", "ld.shared.u32 %d, [%in];", []string{"no address of shared memory"}},
	{"not_global", ".shared .align 4 .b8 global_s[256]; mov.u64 %m0, global_s; cvta.shared.u64 %m0, %m0; st.global.u32 [%m0], %t;", []string{"no address of global memory"}},
	{"local_past", ".local .align 8 .b8 local_depot[16]; mov.u64 %m0, local_depot; st.local.u32 [%m0+16], %t;", []string{"no address of local memory"}},
	{"predicate", "setp.lt.u32 %p, %t, 9; @%p bra $on; setp.lt.u32 %q, %t, 9; $on: selp.u32 %d, 1, 0, %q;", []string{"thread (0,0,0)", "a predicate that the thread has not set", "selp.u32"}},
	{"barriers", "setp.lt.u32 %p, %t, 32; @%p bra $one; bar.sync 0; bra.uni $end; $one: bar.sync 0; $end: mov.u32 %d, %a;", []string{"thread (32,0,0)", "divergent barrier", "others wait in line"}},
	{"returned", "setp.eq.u32 %p, %t, 5; @%p ret; bar.sync 0;", []string{"thread (5,0,0)", "divergent barrier: the thread has returned", "@%p ret"}},
	{"guarded", "setp.ne.u32 %p, %t, 6; @%p bar.sync 0;", []string{"thread (6,0,0)", "the guard keeps the lane from", "@%p bar.sync 0"}},
	{"shuffle", "setp.lt.u32 %p, %t, 16; @!%p bra $end; shfl.sync.bfly.b32 %d, %a, 1, 31, -1; $end: mov.u32 %d, %a;", []string{"divergent warp: lanes 0000ffff wait", "shfl.sync.bfly.b32"}},
	{"mask", "shfl.sync.bfly.b32 %d, %a, 1, 31, 0xff;", []string{"the mask 000000ff lacks the lane"}},
	{"half_a_warp", "setp.lt.u32 %p, %t, 16; @!%p bra $end; ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%d}, [%a]; $end: mov.u32 %d, %a;", []string{"divergent warp"}},
	{"division", "sub.s32 %n0, %t, 9; div.s32 %d, %a, %n0;", []string{"thread (9,0,0)", "division by 0"}},
	{"race", ".shared .align 4 .b8 race_s[256]; mov.u64 %m0, race_s; st.shared.u32 [%m0], %t;", []string{"race: write of 4 bytes", "byte 0 of the shared array race_s", "thread (0,0,0)"}},
	{"unwaited", ".shared .align 4 .b8 copy_s[256]; mov.u64 %m0, copy_s; mul.wide.u32 %m1, %t, 4; add.s64 %m0, %m0, %m1; cvt.u32.u64 %n0, %m0; cp.async.ca.shared.global [%n0], [%in], 4; cp.async.commit_group; ld.shared.u32 %d, [%m0];", []string{"uninitialized read"}},
	{"copy_past", "cp.async.ca.shared.global [100000], [%in], 4;", []string{"out of bounds"}},
}

// TestPTXFaults: each in a process of its own, as a fault ends the context.
func TestPTXFaults(t *testing.T) {
	openInterpreter(t, ptxHead)
	for _, c := range ptxFaults {
		t.Run(c.name, func(t *testing.T) {
			cmd := exec.Command(os.Args[0], "-test.run=^TestPTXFaultChild$", "-test.v")
			cmd.Env = append(os.Environ(), "HDMNET_EMU_CASE="+c.name, "HDMNET_CUDA_CACHE=off", "HDMNET_EMU_RACES=1")
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Errorf("%v\n%s", err, out)
			}
			for _, want := range append(c.want, "kernel "+c.name+", block (0,0,0)", "; PTX:") {
				if !strings.Contains(string(out), want) {
					t.Errorf("the report lacks %q:\n%s", want, out)
				}
			}
		})
	}
}

// TestPTXFaultChild is the child of TestPTXFaults.
func TestPTXFaultChild(t *testing.T) {
	for _, c := range ptxFaults {
		if c.name != os.Getenv("HDMNET_EMU_CASE") {
			continue
		}
		d, err := Open(0, op.FP32)
		if err != nil {
			t.Fatal(err)
		}
		useSnippets(d, ptxHead+snippet{name: c.name, body: c.body, result: "%d"}.kernel())
		a := op.NewArena(d)
		in := words(d, a, make([]uint64, 3*64))
		out := a.Float32(128)
		defer func() { fmt.Println("report:", recover()) }()
		d.launch(c.name, grid1(1, 64), out, in)
		d.Synchronize()
		return
	}
	t.Skip("only as a child of TestPTXFaults")
}
