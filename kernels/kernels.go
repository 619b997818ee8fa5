// Package kernels holds the CUDA kernels as PTX text, one module for each kernels/*.cu.
// README.md says how to write one.
package kernels

import (
	"embed"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// ptx holds modules for every GPU, and in ptx/sm_90a those of which compute capability 9.0 has
// another text, or that it alone has (kernels/ptxgen).
//
//go:embed ptx
var files embed.FS

// Target is what PTX is compiled for.
type Target string

// The targets. SM80 runs on every GPU from compute capability 8.0 on, newer ones than this program
// among them; SM90a on 9.0 alone, with a driver of CUDA 12 or newer.
const (
	SM80  Target = "sm_80"
	SM90a Target = "sm_90a"
)

// TargetOf is the target for a GPU of compute capability major.minor under a driver that supports
// CUDA cuda (1000·major + 10·minor).
func TargetOf(major, minor, cuda int) Target {
	if major == 9 && minor == 0 && cuda >= 12000 {
		return SM90a
	}
	return SM80
}

// Kernel is one entry of a module, as its PTX declares it.
type Kernel struct {
	Name    string
	Module  string // the name of its .cu file without the ending
	Threads int    // most threads of a block, from __launch_bounds__
	Params  []int  // sizes of the parameters in bytes
}

// PTX returns the text of a module for a target: that for SM80 where the target has no other. A module
// of kernels for SM90a alone has none for SM80.
func PTX(module string, target Target) (string, error) {
	return text(files, module, target)
}

func text(files fs.ReadFileFS, module string, target Target) (string, error) {
	if target != SM80 {
		if text, err := files.ReadFile("ptx/" + string(target) + "/" + module + ".ptx"); err == nil {
			return string(text), nil
		}
	}
	text, err := files.ReadFile("ptx/" + module + ".ptx")
	if err != nil {
		return "", fmt.Errorf("kernels: no module %q for %s", module, target)
	}
	return string(text), nil
}

// Modules returns the names of the modules that a target has, sorted.
func Modules(target Target) []string {
	folders := []string{"ptx"}
	if target != SM80 {
		folders = append(folders, "ptx/"+string(target))
	}
	var names []string
	for _, folder := range folders {
		entries, err := files.ReadDir(folder)
		if err != nil {
			panic(err) // the directory is part of the program
		}
		for _, e := range entries {
			if name, ok := strings.CutSuffix(e.Name(), ".ptx"); ok {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// All returns the kernels of all targets by their names, which are unique over all modules.
var All = sync.OnceValue(func() map[string]Kernel {
	found := map[string]Kernel{}
	for _, module := range Modules(SM90a) {
		text, err := PTX(module, SM90a)
		if err != nil {
			panic(err)
		}
		for _, k := range Parse(module, text) {
			if other, ok := found[k.Name]; ok {
				panic(fmt.Sprintf("kernels: %s.cu and %s.cu both have a kernel %s", other.Module, module, k.Name))
			}
			found[k.Name] = k
		}
	}
	return found
})

var (
	entryLine   = regexp.MustCompile(`(?s)\.entry\s+(\w+)\s*\((.*?)\)(.*?)\{`)
	paramLine   = regexp.MustCompile(`\.param\s+(?:\.align\s+\d+\s+)?\.([a-z])(\d+)\s+\w+(?:\[(\d+)\])?`)
	threadsLine = regexp.MustCompile(`\.maxntid\s+(\d+),\s*(\d+),\s*(\d+)`)
)

// Parse returns the kernels that PTX text declares.
func Parse(module, text string) []Kernel {
	var found []Kernel
	for _, m := range entryLine.FindAllStringSubmatch(text, -1) {
		k := Kernel{Name: m[1], Module: module}
		for _, p := range paramLine.FindAllStringSubmatch(m[2], -1) {
			size := number(p[2]) / 8
			if p[3] != "" {
				size *= number(p[3])
			}
			k.Params = append(k.Params, size)
		}
		if t := threadsLine.FindStringSubmatch(m[3]); t != nil {
			k.Threads = number(t[1]) * number(t[2]) * number(t[3])
		}
		found = append(found, k)
	}
	return found
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		panic("kernels: PTX with the number " + s)
	}
	return n
}
