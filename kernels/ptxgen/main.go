// Ptxgen compiles kernels/*.cu to kernels/ptx/*.ptx with clang (19 or later; no CUDA
// toolkit). Run it from the root of the repository: go run ./kernels/ptxgen. CLANG names
// another compiler than clang-19.
//
// ptx/sm_90a holds those whose text for compute capability 9.0 differs from that for all: a kernel
// whose source uses what only that has (__CUDA_ARCH_FEAT_SM90_ALL). Where all kernels of a source are
// for 9.0 alone, that is its only text.
//
// The first line of each PTX file holds the sum of its sources and of the compiler's
// flags, so that a test finds PTX that is older than its source.
package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// flags are those for every GPU: PTX of version 7.0 for compute capability 8.0, which drivers from
// 450 on load.
var flags = flagsFor("sm_80", "ptx70")

// hopper are the flags for compute capability 9.0: version 8.0, which drivers from 525 on load.
var hopper = flagsFor("sm_90a", "ptx80")

func flagsFor(arch, version string) []string {
	return []string{
		"-x", "cuda", "--cuda-device-only", "-nocudainc", "-nocudalib", "--cuda-gpu-arch=" + arch,
		"--cuda-feature=+" + version, "-std=c++17", "-O3", "-Wall", "-Wextra", "-Werror", "-S",
	}
}

func main() {
	log.SetFlags(0)
	if err := run("kernels", os.Args[1:]); err != nil {
		log.Fatal("ptxgen: ", err)
	}
}

// run compiles the operators named, or all whose PTX is not current, in dir.
func run(dir string, names []string) error {
	sources, err := filepath.Glob(filepath.Join(dir, "*.cu"))
	if err != nil {
		return err
	}
	wanted := map[string]bool{}
	for _, n := range names {
		wanted[n] = true
	}
	for _, source := range sources {
		name := strings.TrimSuffix(filepath.Base(source), ".cu")
		head, err := header(dir, name)
		if err != nil {
			return err
		}
		if wanted[name] || len(names) == 0 && !bytes.HasPrefix(compiled(dir, name), []byte(head)) {
			if err := compile(dir, name, head); err != nil {
				return err
			}
		}
	}
	return nil
}

// texts are where an operator's PTX lies: for every GPU, and for compute capability 9.0.
func texts(dir, name string) (everywhere, only90 string) {
	return filepath.Join(dir, "ptx", name+".ptx"), filepath.Join(dir, "ptx", "sm_90a", name+".ptx")
}

// compiled is what there is of an operator's PTX, or empty.
func compiled(dir, name string) []byte {
	everywhere, only90 := texts(dir, name)
	ptx, err := os.ReadFile(everywhere)
	if err != nil {
		ptx, _ = os.ReadFile(only90)
	}
	return ptx
}

func compile(dir, name, head string) error {
	ptx, err := clang(dir, name, flags)
	if err != nil {
		return err
	}
	other, err := clang(dir, name, hopper)
	if err != nil {
		return err
	}
	everywhere, only90 := texts(dir, name)
	none := !bytes.Contains(ptx, []byte(".entry "))
	if err := keep(everywhere, head, ptx, !none); err != nil {
		return err
	}
	return keep(only90, head, other, none || !bytes.Equal(withoutTarget(other), withoutTarget(ptx)))
}

// keep writes a text, or removes it where it is not needed.
func keep(path, head string, ptx []byte, needed bool) error {
	if !needed {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	fmt.Println(path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, append([]byte(head), ptx...), 0o644)
}

// clang returns the PTX of a source.
func clang(dir, name string, flags []string) ([]byte, error) {
	clang := os.Getenv("CLANG")
	if clang == "" {
		clang = "clang-19"
	}
	cmd := exec.Command(clang, append(slices.Clone(flags), "-o", "-", name+".cu")...)
	cmd.Dir = dir
	cmd.Stderr = os.Stderr
	ptx, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", clang, filepath.Join(dir, name+".cu"), err)
	}
	return ptx, nil
}

var targetLines = regexp.MustCompile(`(?m)^\.(version|target) .*\n`)

func withoutTarget(ptx []byte) []byte { return targetLines.ReplaceAll(ptx, nil) }

// header is the first line of the PTX of an operator.
func header(dir, name string) (string, error) {
	h := sha256.New()
	_, _ = fmt.Fprintln(h, strings.Join(flags, " "))
	if err := addSource(h, dir, name+".cu", map[string]bool{}); err != nil {
		return "", err
	}
	return fmt.Sprintf("// From %s.cu; sources %x\n", name, h.Sum(nil)[:16]), nil
}

var include = regexp.MustCompile(`(?m)^#include "([^"]+)"`)

// addSource writes a file and, after it, what it includes; the emulator's headers are not
// part of the PTX.
func addSource(h interface{ Write([]byte) (int, error) }, dir, name string, seen map[string]bool) error {
	if seen[name] || strings.HasPrefix(name, "emu/") {
		return nil
	}
	seen[name] = true
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(h, "%s %d\n%s", name, len(text), text); err != nil {
		return err
	}
	for _, m := range include.FindAllSubmatch(text, -1) {
		if err := addSource(h, dir, string(m[1]), seen); err != nil {
			return err
		}
	}
	return nil
}
