// Ptxtable asks NVIDIA's assembler what the kernels in kernels/ptx need of a GPU, and prints
// it as a Markdown table. Run it from the root of the repository:
//
//	go run ./kernels/ptxtable [MODULE…]
//
// No modules: all. PTXAS names the assembler, which is part of the CUDA toolkit and of
// PyPI's nvidia-cuda-nvcc packages. Nothing else needs it: the driver assembles the PTX.
//
// The table ends with sums of the PTX that it tells of, so that a test finds one that is older.
package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"log"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"hdmnet/kernels"
)

// architectures are those that the table has columns for: A100; RTX 30; RTX 40; H100, H200; B200;
// RTX 50. Only sm_90a may have a text of its own, the others get that of sm_80, as from the driver.
var architectures = []string{"sm_80", "sm_86", "sm_89", "sm_90a", "sm_100", "sm_120"}

// need is what a kernel takes on one architecture.
type need struct {
	registers int // of a thread
	stack     int // bytes of a thread in memory
	shared    int // static, bytes of a block
	spilled   int // bytes that a thread stores and loads for want of registers
}

func main() {
	log.SetFlags(0)
	ptxas := os.Getenv("PTXAS")
	if ptxas == "" {
		ptxas = "ptxas"
	}
	if err := run(os.Stdout, ptxas, os.Args[1:]); err != nil {
		log.Fatal("ptxtable: ", err)
	}
}

// run prints the table of the modules named, or of all.
func run(out io.Writer, ptxas string, modules []string) error {
	if len(modules) == 0 {
		modules = kernels.Modules(kernels.SM90a)
	}
	dir, err := os.MkdirTemp("", "ptxtable")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	version, err := versionOf(ptxas)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "# Registers, shared memory, stack and spills\n\nWritten by `make ptxas` with ptxas %s: [README.md](README.md).\n\n", version)
	fmt.Fprintf(&b, "| kernel | registers, %s | shared bytes | stack bytes | spilled bytes |\n|---|---|---|---|---|\n", strings.Join(architectures, " / "))
	for _, module := range modules {
		rows, err := table(ptxas, dir, module)
		if err != nil {
			return err
		}
		b.WriteString(rows)
	}
	b.WriteByte('\n')
	for _, module := range modules {
		s, err := sum(module)
		if err != nil {
			return err
		}
		b.WriteString(s)
	}
	_, err = out.Write(b.Bytes())
	return err
}

// versionOf asks the assembler for its version.
func versionOf(ptxas string) (string, error) {
	text, err := exec.Command(ptxas, "--version").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s --version: %w\n%s(PTXAS names the assembler; docs: kernels/README.md)", ptxas, err, text)
	}
	m := versionPattern.FindSubmatch(text)
	if m == nil {
		return "", fmt.Errorf("%s --version names no release: PTXAS=%s is no ptxas\n%s", ptxas, ptxas, text)
	}
	return string(m[1]), nil
}

// targets are those that a module has a text for; kernels.PTX tells of one that has none.
func targets(module string) []kernels.Target {
	if slices.Contains(kernels.Modules(kernels.SM80), module) {
		return []kernels.Target{kernels.SM80, kernels.SM90a}
	}
	return []kernels.Target{kernels.SM90a}
}

// sum is a line that differs when the PTX of a module does, but for the first line, which
// compiling it again may change alone.
func sum(module string) (string, error) {
	h := sha256.New()
	for _, target := range targets(module) {
		ptx, err := kernels.PTX(module, target)
		if err != nil {
			return "", err
		}
		_, text, _ := strings.Cut(ptx, "\n")
		_, _ = io.WriteString(h, text)
	}
	return fmt.Sprintf("<!-- %s %x -->\n", module, h.Sum(nil)[:8]), nil
}

// table is the rows of a module's kernels, sorted by name.
func table(ptxas, dir, module string) (string, error) {
	needs := map[string]map[string]need{} // by kernel and architecture
	compiled := 0
	file := filepath.Join(dir, module+".ptx")
	for _, arch := range architectures {
		target := kernels.SM80
		if arch == string(kernels.SM90a) {
			target = kernels.SM90a
		}
		if !slices.Contains(targets(module), target) {
			continue
		}
		ptx, err := kernels.PTX(module, target)
		if err != nil {
			return "", err
		}
		if err := os.WriteFile(file, []byte(ptx), 0o644); err != nil {
			return "", err
		}
		text, err := exec.Command(ptxas, "-v", "-arch="+arch, "-o", os.DevNull, file).CombinedOutput()
		if err != nil {
			return "", fmt.Errorf("%s -arch=%s %s.ptx: %w\n%s(PTXAS names the assembler; docs: kernels/README.md)", ptxas, arch, module, err, text)
		}
		if bytes.Contains(text, []byte("Performance Loss")) { // wgmma made to wait for each other
			return "", fmt.Errorf("%s -arch=%s %s.ptx: the assembler warns of slow code\n%s", ptxas, arch, module, text)
		}
		compiled++
		for name, n := range parse(string(text)) {
			if needs[name] == nil {
				needs[name] = map[string]need{}
			}
			needs[name][arch] = n
		}
	}
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(needs)) {
		n := needs[name]
		if len(n) != compiled {
			return "", fmt.Errorf("%s: kernel %s has lines for %d of %d architectures", module, name, len(n), compiled)
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", name, cell(n, func(n need) int { return n.registers }, false),
			cell(n, func(n need) int { return n.shared }, true), cell(n, func(n need) int { return n.stack }, true), cell(n, func(n need) int { return n.spilled }, true))
	}
	return b.String(), nil
}

// cell is a value of every architecture, – where the kernel is not for it, or the one that all have.
func cell(needs map[string]need, value func(need) int, join bool) string {
	var parts, values []string
	for _, arch := range architectures {
		n, ok := needs[arch]
		if !ok {
			parts = append(parts, "–")
			continue
		}
		parts = append(parts, strconv.Itoa(value(n)))
		values = append(values, strconv.Itoa(value(n)))
	}
	if join && len(slices.Compact(values)) == 1 {
		return values[0]
	}
	return strings.Join(parts, " / ")
}

var (
	versionPattern   = regexp.MustCompile(`release (\d+\.\d+)`)
	entryPattern     = regexp.MustCompile(`Compiling entry function '([^']+)'`)
	spillPattern     = regexp.MustCompile(`(\d+) bytes spill stores, (\d+) bytes spill loads`)
	registersPattern = regexp.MustCompile(`Used (\d+) registers`)
	stackPattern     = regexp.MustCompile(`(\d+) bytes cumulative stack size`)
	sharedPattern    = regexp.MustCompile(`(\d+) bytes smem`)
)

// parse reads the lines of ptxas -v.
func parse(text string) map[string]need {
	needs := map[string]need{}
	name := ""
	number := func(s string) int {
		v, _ := strconv.Atoi(s) // the patterns match digits alone
		return v
	}
	for line := range strings.Lines(text) {
		if m := entryPattern.FindStringSubmatch(line); m != nil {
			name = m[1]
		}
		n := needs[name]
		if m := spillPattern.FindStringSubmatch(line); m != nil {
			n.spilled = number(m[1]) + number(m[2])
		}
		if m := registersPattern.FindStringSubmatch(line); m != nil {
			n.registers = number(m[1])
		}
		if m := stackPattern.FindStringSubmatch(line); m != nil {
			n.stack = number(m[1])
		}
		if m := sharedPattern.FindStringSubmatch(line); m != nil {
			n.shared = number(m[1])
		}
		if name != "" {
			needs[name] = n
		}
	}
	return needs
}
