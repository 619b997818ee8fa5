package cpu

import (
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestHasTiles: a processor and a system with AMX-BF16, and each thing that may be missing.
func TestHasTiles(t *testing.T) {
	type leaf struct{ leaf, sub uint32 }
	type registers [4]uint32
	complete := func() (map[leaf]registers, *uint64) { // what Sapphire Rapids says
		state := uint64(0x602e7)
		return map[leaf]registers{
			{0, 0}:    {0x20},
			{1, 0}:    {0, 0, 1 << 27},
			{7, 0}:    {0, 0, 0, 1<<22 | 1<<24},
			{0x1d, 0}: {1},
			{0x1d, 1}: {8192 | 1024<<16, 64 | 8<<16, 16},
			{0x1e, 0}: {0, 16 | 64<<8},
		}, &state
	}
	for name, spoil := range map[string]func(leaves map[leaf]registers, state *uint64){
		"":              func(map[leaf]registers, *uint64) {},
		"leaves":        func(l map[leaf]registers, _ *uint64) { l[leaf{0, 0}] = registers{0x1c} },
		"OSXSAVE":       func(l map[leaf]registers, _ *uint64) { l[leaf{1, 0}] = registers{} },
		"AMX-BF16":      func(l map[leaf]registers, _ *uint64) { l[leaf{7, 0}] = registers{3: 1 << 24} },
		"AMX-TILE":      func(l map[leaf]registers, _ *uint64) { l[leaf{7, 0}] = registers{3: 1 << 22} },
		"configuration": func(_ map[leaf]registers, s *uint64) { *s &^= 1 << 17 },
		"data":          func(_ map[leaf]registers, s *uint64) { *s &^= 1 << 18 },
		"palette":       func(l map[leaf]registers, _ *uint64) { l[leaf{0x1d, 0}] = registers{} },
		"tiles":         func(l map[leaf]registers, _ *uint64) { l[leaf{0x1d, 1}] = registers{0, 64 | 4<<16, 16} },
		"bytes":         func(l map[leaf]registers, _ *uint64) { l[leaf{0x1d, 1}] = registers{0, 32 | 8<<16, 16} },
		"rows":          func(l map[leaf]registers, _ *uint64) { l[leaf{0x1d, 1}] = registers{0, 64 | 8<<16, 8} },
		"depth":         func(l map[leaf]registers, _ *uint64) { l[leaf{0x1e, 0}] = registers{0, 8 | 64<<8} },
		"width":         func(l map[leaf]registers, _ *uint64) { l[leaf{0x1e, 0}] = registers{0, 16 | 32<<8} },
	} {
		leaves, state := complete()
		spoil(leaves, state)
		got := hasTiles(func(l, sub uint32) (a, b, c, d uint32) {
			r := leaves[leaf{l, sub}]
			return r[0], r[1], r[2], r[3]
		}, func() uint64 { return *state })
		if got != (name == "") {
			t.Errorf("without %s: %v", name, got)
		}
	}
	if leaves, _, _, _ := cpuLeaf(0, 0); leaves == 0 {
		t.Error("CPUID has no leaves")
	}
}

// TestTileInstructions has a disassembler read the bytes of the tile instructions, which are
// in amx_amd64.s under the text of each.
func TestTileInstructions(t *testing.T) {
	objdump, err := exec.LookPath("objdump")
	if err != nil {
		t.Skip(err)
	}
	source, err := os.ReadFile("amx_amd64.s")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	var code []byte
	text := ""
	directive := regexp.MustCompile(`^\t(LONG|WORD|BYTE) +\$(0x[0-9a-f]+)$`)
	for line := range strings.Lines(string(source)) {
		line = strings.TrimRight(line, "\n")
		if comment, ok := strings.CutPrefix(line, "\t// "); ok {
			text = comment
			continue
		}
		m := directive.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		if text != "" {
			want = append(want, text)
			text = ""
		}
		v, err := strconv.ParseUint(m[2], 0, 32)
		if err != nil {
			t.Fatal(err)
		}
		size := map[string]int{"LONG": 4, "WORD": 2, "BYTE": 1}[m[1]]
		code = append(code, binary.LittleEndian.AppendUint32(nil, uint32(v))[:size]...)
	}
	if len(want) < 16 {
		t.Fatalf("only %d tile instructions in amx_amd64.s: %v", len(want), want)
	}
	file := filepath.Join(t.TempDir(), "code")
	if err := os.WriteFile(file, code, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(objdump, "-D", "-b", "binary", "-m", "i386:x86-64", "--no-show-raw-insn", file).CombinedOutput()
	if err != nil {
		t.Skipf("objdump: %v\n%s", err, out)
	}
	var got []string
	for _, m := range regexp.MustCompile(`(?m)^ +[0-9a-f]+:\t(.*?) *$`).FindAllStringSubmatch(string(out), -1) {
		got = append(got, strings.Join(strings.Fields(m[1]), " "))
	}
	if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
		t.Errorf("the bytes are\n%s\nwant\n%s", g, w)
	}
}
