package op

import (
	"cmp"
	"fmt"
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// kernelsOf names the file of kernels of operators that have none of their own, with the
// reason.
var kernelsOf = map[string]string{
	"FrozenConv2D":  "conv2d",       // the same convolution; only its weights are prepared before, on the host
	"DepthwiseGELU": "depthwise3x3", // the same convolution; GELU and dropout follow in its registers
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
	case "DepthwiseGELU":
		return "depthwise_gelu"
	}
	return strings.ToLower(strings.Join(words.FindAllString(name, -1), "_"))
}
