// Ptxgen compiles kernels/*.cu to kernels/ptx/*.ptx with clang (19 or later; no CUDA
// toolkit). Run it from the root of the repository: go run ./kernels/ptxgen. CLANG names
// another compiler than clang-19.
//
// The first line of each PTX file holds the sum of its sources and of the compiler's
// flags, so that a test finds PTX that is older than its source.
package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// flags give PTX of version 7.0 for compute capability 8.0: what drivers from 450 on load.
var flags = []string{
	"-x", "cuda", "--cuda-device-only", "-nocudainc", "-nocudalib", "--cuda-gpu-arch=sm_80",
	"--cuda-feature=+ptx70", "-std=c++17", "-O3", "-Wall", "-Wextra", "-Werror", "-S",
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
		target := filepath.Join(dir, "ptx", name+".ptx")
		head, err := header(dir, name)
		if err != nil {
			return err
		}
		old, _ := os.ReadFile(target)
		if wanted[name] || len(names) == 0 && !bytes.HasPrefix(old, []byte(head)) {
			if err := compile(dir, name, target, head); err != nil {
				return err
			}
		}
	}
	return nil
}

func compile(dir, name, target, head string) error {
	clang := os.Getenv("CLANG")
	if clang == "" {
		clang = "clang-19"
	}
	fmt.Println(target)
	cmd := exec.Command(clang, append(append([]string{}, flags...), "-o", "-", name+".cu")...)
	cmd.Dir = dir
	cmd.Stderr = os.Stderr
	ptx, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("%s %s: %w", clang, filepath.Join(dir, name+".cu"), err)
	}
	return os.WriteFile(target, append([]byte(head), ptx...), 0o644)
}

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
