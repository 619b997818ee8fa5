package op

import (
	"cmp"
	"go/ast"
	"go/parser"
	"go/token"
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
	file, err := parser.ParseFile(token.NewFileSet(), "device.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var operators []string
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok || spec.Name.Name != "Device" {
			return true
		}
		for _, m := range spec.Type.(*ast.InterfaceType).Methods.List {
			if id, ok := m.Type.(*ast.Ident); ok {
				operators = append(operators, id.Name)
			}
		}
		return false
	})
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
		"locate":     {"op", "cpu", "device", "nn", "model", "train", "eval", "data", "metric", "weights", "config"},
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
