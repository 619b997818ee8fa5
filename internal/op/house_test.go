package op

import (
	"cmp"
	"fmt"
	"go/ast"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// kernelsOf names the file of kernels of operators that have none of their own, with the
// reason.
var kernelsOf = map[string]string{
	"FrozenConv2D": "conv2d", // the same convolution; only its weights are prepared before, on the host
}

// TestOneNameInEveryRoom: every operator of the Device interface has a file of its own
// name with the contract here, the CPU code in package cpu, the launches in package cuda,
// their kernels, and the tests in package optest.
func TestOneNameInEveryRoom(t *testing.T) {
	operators := embedded(t, interfaces(t)["Device"])
	if len(operators) < 20 {
		t.Fatalf("found only the operators %v in device.go", operators)
	}
	for _, o := range operators {
		paths := []string{filepath.Join("../../kernels", cmp.Or(kernelsOf[o], snake(o))+".cu")}
		for _, room := range []string{".", "../cpu", "../cuda", "../optest"} {
			paths = append(paths, filepath.Join(room, snake(o)+".go"))
		}
		for _, path := range paths {
			if _, err := os.Stat(path); err != nil {
				t.Errorf("operator %s: %v", o, err)
			}
		}
	}
	for o := range kernelsOf {
		if !slices.Contains(operators, o) {
			t.Errorf("kernelsOf names %s, which is no operator", o)
		}
		if _, err := os.Stat(filepath.Join("../../kernels", snake(o)+".cu")); err == nil {
			t.Errorf("kernelsOf names %s, which has a file of its own", o)
		}
	}
}

// TestContractsAreChecked: every method of an operator has a check of its contract here,
// which both devices call.
func TestContractsAreChecked(t *testing.T) {
	all := interfaces(t)
	for _, device := range []string{"../cpu", "../cuda"} {
		var calls []string
		for _, f := range parse(t, device) {
			ast.Inspect(f, func(n ast.Node) bool {
				if s, ok := n.(*ast.SelectorExpr); ok && fmt.Sprint(s.X) == "op" {
					calls = append(calls, s.Sel.Name)
				}
				return true
			})
		}
		for _, o := range embedded(t, all["Device"]) {
			for _, m := range all[o].Methods.List {
				if check := "Check" + m.Names[0].Name; !slices.Contains(calls, check) {
					t.Errorf("%s never calls op.%s", device, check)
				}
			}
		}
	}
}

// interfaces are those of this package by name.
func interfaces(t *testing.T) map[string]*ast.InterfaceType {
	t.Helper()
	all := map[string]*ast.InterfaceType{}
	for _, f := range parse(t, ".") {
		ast.Inspect(f, func(n ast.Node) bool {
			if s, ok := n.(*ast.TypeSpec); ok {
				if i, ok := s.Type.(*ast.InterfaceType); ok {
					all[s.Name.Name] = i
				}
			}
			return true
		})
	}
	return all
}

// embedded names the interfaces of this package that one consists of.
func embedded(t *testing.T, i *ast.InterfaceType) (names []string) {
	t.Helper()
	for _, m := range i.Methods.List {
		if id, ok := m.Type.(*ast.Ident); ok {
			names = append(names, id.Name)
		}
	}
	return names
}

var words = regexp.MustCompile(`[A-Z][a-z]*`)

// snake turns the operator's name into its file name: MaxPool → max_pool.
func snake(name string) string {
	switch name { // names whose parts are not words
	case "Conv2D", "GELU", "ReLU", "SGD", "AdamW", "Depthwise3x3":
		return strings.ToLower(name)
	case "FrozenConv2D":
		return "frozen_conv2d"
	}
	return strings.ToLower(strings.Join(words.FindAllString(name, -1), "_"))
}

// TestImportsPointOneWay: who may import what inside the program.
func TestImportsPointOneWay(t *testing.T) {
	forbidden := map[string][]string{
		"op":         {"cpu", "device", "nn", "model", "train", "eval", "data", "metric", "weights", "config", "optest"},
		"cpu":        {"device", "nn", "model", "train", "eval", "data", "metric", "weights", "config", "optest"},
		"cuda":       {"cpu", "device", "nn", "model", "train", "eval", "data", "metric", "weights", "config", "optest"},
		"nn":         {"cpu", "device", "model", "train", "eval", "data", "metric", "config"},
		"model":      {"cpu", "device", "train", "eval", "metric", "config", "experiment"},
		"train":      {"cpu", "device"},
		"eval":       {"cpu", "device", "train"},
		"data":       {"op", "cpu", "device", "nn", "model", "train", "eval"},
		"metric":     {"op", "cpu", "device", "nn", "model", "train", "eval"},
		"weights":    {"op", "cpu", "device", "nn", "model", "train", "eval"},
		"coco":       {"op", "cpu", "device", "nn", "model", "train", "eval", "data", "prepare"},
		"matfile":    {"op", "cpu", "device", "nn", "model", "train", "eval", "data", "prepare"},
		"jpeg":       {"op", "cpu", "device", "nn", "model", "train", "eval", "data"},
		"prepare":    {"op", "cpu", "device", "nn", "model", "train", "eval"},
		"verify":     {"op", "cpu", "device", "nn", "model", "train", "eval"},
		"stats":      {"op", "cpu", "device", "nn", "model", "train", "eval"},
		"predict":    {"cpu", "device", "train"},
		"profile":    {"cpu", "device", "nn", "model", "train", "eval", "data", "metric", "weights", "config", "optest"},
		"bench":      {"cpu", "device", "optest", "golden"},
		"synth":      {"op", "cpu", "device", "nn", "model", "train", "eval", "data"},
		"dist":       {"cpu", "device", "nn", "model", "train", "eval", "data", "metric", "weights", "config", "optest"},
		"splitmix":   {"op", "cpu", "device", "nn", "model", "train", "eval", "data", "metric", "weights", "config"},
		"locate":     {"op", "cpu", "device", "nn", "model", "train", "eval", "data", "metric", "weights", "config"},
		"tally":      {"op", "cpu", "device", "nn", "model", "train", "eval", "data", "metric", "weights", "config", "coco", "prepare"},
		"lockfile":   {"op", "cpu", "device", "nn", "model", "train", "eval", "data", "metric", "weights", "config"},
		"textfile":   {"op", "cpu", "device", "nn", "model", "train", "eval", "data", "metric", "weights", "config"},
		"atomicfile": {"op", "cpu", "device", "nn", "model", "train", "eval", "data", "metric", "weights", "config"},
		"config":     {"op", "cpu", "device", "nn", "model", "train", "eval"},
	}
	// With the tag, and with cgo, so that the files of the CUDA device count.
	cmd := exec.Command("go", "list", "-e", "-tags", "cuda", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "hdmnet/...")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=1")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	seen := 0
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		pkg := strings.TrimPrefix(fields[0], "hdmnet/internal/")
		bans, ok := forbidden[pkg]
		if !ok {
			continue
		}
		seen++
		for _, imp := range fields[1:] {
			for _, ban := range bans {
				// Who must not know the one device must not know the other.
				if imp == "hdmnet/internal/"+ban || ban == "cpu" && imp == "hdmnet/internal/cuda" {
					t.Errorf("%s imports %s", pkg, ban)
				}
			}
			if pkg == "cpu" && imp == "hdmnet/internal/cuda" {
				t.Errorf("%s imports cuda", pkg)
			}
			if strings.Contains(imp, "spf13/viper") && pkg != "config" {
				t.Errorf("%s imports viper; only config does", pkg)
			}
		}
	}
	if seen != len(forbidden) {
		t.Errorf("checked %d packages, want %d", seen, len(forbidden))
	}
}

// TestNoTraceOfCUDA: a build without the tag cuda contains nothing of it.
func TestNoTraceOfCUDA(t *testing.T) {
	deps := func(args ...string) string {
		cmd := exec.Command("go", append(append([]string{"list", "-e", "-deps"}, args...), "hdmnet/cmd/hdmnet")...)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=1")
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("go list: %v", err)
		}
		return string(out)
	}
	without, with := deps(), deps("-tags", "cuda")
	for _, pkg := range []string{"hdmnet/internal/cuda", "hdmnet/kernels", "gorgonia.org/cu"} {
		if strings.Contains(without, pkg+"\n") {
			t.Errorf("the build without the tag contains %s", pkg)
		}
		if !strings.Contains(with, pkg+"\n") {
			t.Errorf("the build with the tag lacks %s", pkg)
		}
	}
}
