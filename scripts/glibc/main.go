// Glibc tells which version of the C library programs need:
//
//	go run ./scripts/glibc [-at-most 2.28] FILE…
//
// With -at-most, symbols of newer versions are named, and the exit code is 1.
package main

import (
	"debug/elf"
	"flag"
	"fmt"
	"log"
	"os"
	"strconv"
	"strings"
)

func main() {
	log.SetFlags(0)
	limit := flag.String("at-most", "", "the newest version that may be needed")
	flag.Parse()
	if flag.NArg() == 0 {
		log.Fatal("glibc: no files; expected glibc [-at-most VERSION] FILE…")
	}
	ok := true
	for _, path := range flag.Args() {
		symbols, err := imported(path)
		if err != nil {
			log.Fatal("glibc: ", err)
		}
		newest, beyond := examine(symbols, *limit)
		fmt.Printf("%s needs glibc %s\n", path, newest)
		for _, s := range beyond {
			fmt.Fprintf(os.Stderr, "%s: %s of %s is of %s, newer than %s\n", path, s.Name, s.Library, s.Version, *limit)
			ok = false
		}
	}
	if !ok {
		os.Exit(1)
	}
}

// imported is what a program takes from shared libraries; nothing for a static one.
func imported(path string) ([]elf.ImportedSymbol, error) {
	f, err := elf.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	defer func() { _ = f.Close() }()
	if f.Section(".dynsym") == nil {
		return nil, nil
	}
	symbols, err := f.ImportedSymbols()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return symbols, nil
}

const prefix = "GLIBC_"

// examine returns the newest version of glibc among symbols, "none" without any, and the symbols
// of versions newer than limit, unless that is "".
func examine(symbols []elf.ImportedSymbol, limit string) (newest string, beyond []elf.ImportedSymbol) {
	newest = "none"
	for _, s := range symbols {
		version, versioned := strings.CutPrefix(s.Version, prefix)
		if !versioned {
			continue
		}
		if newest == "none" || newer(version, newest) {
			newest = version
		}
		if limit != "" && newer(version, limit) {
			beyond = append(beyond, s)
		}
	}
	return newest, beyond
}

// newer compares versions such as 2.2.5 and 2.34. What is no number (GLIBC_PRIVATE) is newer than
// all: it belongs to one build of the library.
func newer(a, b string) bool {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	for i, s := range x {
		n, err := strconv.Atoi(s)
		if err != nil {
			return true
		}
		m := 0
		if i < len(y) {
			m, _ = strconv.Atoi(y[i])
		}
		if n != m {
			return n > m
		}
	}
	return false
}
