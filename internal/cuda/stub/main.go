// Stub writes the declarations of the CUDA driver's functions and the library that the
// program links in the driver's place. Both come from functions.txt:
//
//	../include/cuda_functions.h   prototypes, and #defines from names to versioned symbols
//	src/libcuda.c                 one function a symbol, which finds the driver's at its first call
//
// So a program built with -tags cuda starts on a machine without a driver, and the build
// needs no CUDA toolkit. Run it in this directory: go run .
package main

import (
	_ "embed"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

//go:embed functions.txt
var table string

//go:embed src/loader.c
var loader string

const notice = "/* Written by internal/cuda/stub from functions.txt; do not edit. */\n"

func main() {
	files, err := generate()
	if err != nil {
		log.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			log.Fatal(err)
		}
	}
}

// generate returns the generated files by their path from this directory.
func generate() (map[string]string, error) {
	var header, library strings.Builder
	header.WriteString(notice)
	fmt.Fprintf(&library, "%s%s", notice, loader)
	line := regexp.MustCompile(`^(cu\w+?)(_v\d+)?\((.*)\)$`)
	for i, l := range strings.Split(strings.TrimSpace(table), "\n") {
		if strings.HasPrefix(l, "#") {
			continue
		}
		m := line.FindStringSubmatch(l)
		if m == nil {
			return nil, fmt.Errorf("functions.txt, line %d: %q is not symbol(arguments)", i+1, l)
		}
		name, symbol := m[1], m[1]+m[2]
		if name != symbol {
			fmt.Fprintf(&header, "#define %s %s\n", name, symbol)
		}
		var types, declared, passed []string
		for j, t := range strings.Split(m[3], ",") {
			t = strings.TrimSpace(t)
			if t == "" {
				continue
			}
			arg := fmt.Sprintf("a%d", j)
			types = append(types, t)
			declared = append(declared, strings.TrimSuffix(t+" "+arg, " "))
			passed = append(passed, arg)
		}
		if types == nil {
			types, declared = []string{"void"}, []string{"void"}
		}
		fmt.Fprintf(&header, "CUresult %s(%s);\n", symbol, strings.Join(types, ", "))
		if symbol == "cuInit" { // written out in loader.c
			continue
		}
		fmt.Fprintf(&library, `
CUresult %[1]s(%[2]s)
{
	static CUresult (*f)(%[3]s);
	CUresult r = resolve((void **)&f, "%[1]s");
	return r ? r : f(%[4]s);
}
`, symbol, strings.Join(declared, ", "), strings.Join(types, ", "), strings.Join(passed, ", "))
	}
	return map[string]string{
		filepath.Join("..", "include", "cuda_functions.h"): header.String(),
		filepath.Join("src", "libcuda.c"):                  library.String(),
	}, nil
}
