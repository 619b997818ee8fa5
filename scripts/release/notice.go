package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// module is a Go module as `go list` tells of it.
type module struct {
	Path, Version, Dir string
	Main               bool
	Replace            *module
}

// licenses are the names of files with the terms of a module.
var licenses = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|patents|authors)([-._].*)?$`)

// writeNotice writes NOTICE: the repository's own, and the terms of Go and of every module that is
// part of any of the binaries. A module without terms is an error.
func writeNotice(ctx context.Context, path string) error {
	text, err := os.ReadFile("NOTICE")
	if err != nil {
		return err
	}
	b := bytes.NewBuffer(text)
	b.WriteString("\n\nTerms of what the binaries contain\n")
	root, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if err != nil {
		return err
	}
	if err := terms(b, "Go", strings.TrimSpace(string(root))); err != nil {
		return err
	}
	modules, err := linked(ctx)
	if err != nil {
		return err
	}
	for _, m := range modules {
		if err := terms(b, m.Path+" "+m.Version, m.Dir); err != nil {
			return err
		}
	}
	return os.WriteFile(path, b.Bytes(), 0o644)
}

// linked are the modules of the packages of all binaries, in order.
func linked(ctx context.Context) ([]module, error) {
	all := map[string]module{}
	for _, t := range targets {
		args := []string{"list", "-deps", "-json=Module"}
		cgo := "0"
		if t.cuda {
			args, cgo = append(args, "-tags", "cuda"), "1"
		}
		cmd := exec.CommandContext(ctx, "go", append(args, "./cmd/hdmnet")...)
		cmd.Env = append(os.Environ(), "GOOS="+t.os, "GOARCH="+t.arch, "CGO_ENABLED="+cgo)
		out, err := cmd.Output()
		if err != nil {
			return nil, fmt.Errorf("list the packages of %s: %w", t.name(), err)
		}
		for d := json.NewDecoder(bytes.NewReader(out)); ; {
			var p struct{ Module *module }
			if err := d.Decode(&p); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				return nil, err
			}
			if m := p.Module; m != nil && !m.Main {
				if m.Replace != nil {
					m.Dir = m.Replace.Dir
				}
				all[m.Path] = *m
			}
		}
	}
	var list []module
	for _, m := range all {
		list = append(list, m)
	}
	slices.SortFunc(list, func(a, b module) int { return strings.Compare(a.Path, b.Path) })
	return list, nil
}

// terms writes the files with terms of a folder.
func terms(b *bytes.Buffer, name, dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	found := false
	for _, e := range entries {
		if e.IsDir() || !licenses.MatchString(e.Name()) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return err
		}
		found = true
		fmt.Fprintf(b, "\n%s\n%s: %s\n\n%s\n", strings.Repeat("-", 78), name, e.Name(), bytes.TrimSpace(text))
	}
	if !found {
		return fmt.Errorf("%s has no file with its license in %s: a binary with it must not be passed on", name, dir)
	}
	return nil
}
