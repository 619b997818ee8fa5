// Package kernels holds the CUDA kernels as PTX text, one module for each kernels/*.cu.
// README.md says how to write one.
package kernels

import (
	"embed"
	"fmt"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"sync"
)

//go:embed ptx/*.ptx
var files embed.FS

// Kernel is one entry of a module, as its PTX declares it.
type Kernel struct {
	Name    string
	Module  string // the name of its .cu file without the ending
	Threads int    // most threads of a block, from __launch_bounds__
	Params  []int  // sizes of the parameters in bytes
}

// PTX returns the text of a module.
func PTX(module string) (string, error) {
	text, err := files.ReadFile("ptx/" + module + ".ptx")
	if err != nil {
		return "", fmt.Errorf("kernels: no module %q", module)
	}
	return string(text), nil
}

// Modules returns the names of all modules, sorted.
func Modules() []string {
	entries, err := files.ReadDir("ptx")
	if err != nil {
		panic(err) // the directory is part of the program
	}
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".ptx"))
	}
	sort.Strings(names)
	return names
}

// Lookup finds a kernel by its name, which is unique over all modules.
func Lookup(name string) (Kernel, bool) {
	k, ok := all()[name]
	return k, ok
}

// All returns all kernels by name.
func All() map[string]Kernel { return all() }

var all = sync.OnceValue(func() map[string]Kernel {
	found := map[string]Kernel{}
	for _, module := range Modules() {
		text, err := PTX(module)
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
