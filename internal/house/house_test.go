package house

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "hdmnet/"

// list runs go list with cgo allowed, so that the files of the CUDA device and of MPI can count.
func list(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-e"}, args...)...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=1")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list %v: %v", args, err)
	}
	return string(out)
}

// TestImportsPointOneWay: every package has a room, and imports what its room may use.
func TestImportsPointOneWay(t *testing.T) {
	home, unused := map[string]*room{}, map[string]bool{}
	for i := range rooms {
		r := &rooms[i]
		for _, p := range r.packages {
			if home[p] != nil {
				t.Errorf("%s is in the rooms %q and %q", p, home[p].name, r.name)
			}
			home[p] = r
		}
		for _, u := range r.uses {
			if !slices.ContainsFunc(rooms[:i], func(before room) bool { return before.name == u }) {
				t.Errorf("the room %q uses %q, which is no room before it", r.name, u)
			}
			unused[r.name+" → "+u] = true
		}
	}
	seen := map[string]bool{}
	for line := range strings.Lines(list(t, "-tags", "cuda,mpi", "-f", `{{.ImportPath}} {{join .Imports " "}}`, module+"...")) {
		fields := strings.Fields(line)
		p := strings.TrimPrefix(fields[0], module)
		r := home[p]
		if seen[p] = true; r == nil {
			t.Errorf("%s has no room: enter it in rooms_test.go", p)
			continue
		}
		for _, imp := range fields[1:] {
			for library, places := range libraries {
				inside := func(place string) bool {
					return p == place || strings.HasSuffix(place, "/") && strings.HasPrefix(p, place)
				}
				if (imp == library || strings.HasPrefix(imp, library+"/")) && !slices.ContainsFunc(places, inside) {
					t.Errorf("%s imports %s; only %v may", p, imp, places)
				}
			}
			to, ours := strings.CutPrefix(imp, module)
			switch target := home[to]; {
			case !ours || target == nil || target == r:
			case !slices.Contains(r.uses, target.name):
				t.Errorf("%s (%s) imports %s (%s), which its room does not use", p, r.name, to, target.name)
			default:
				delete(unused, r.name+" → "+target.name)
			}
		}
	}
	for p := range home {
		if !seen[p] {
			t.Errorf("%s, of the room %q, does not exist", p, home[p].name)
		}
	}
	for u := range unused {
		t.Errorf("no import needs %s", u)
	}
}

// TestNoTraceOfCUDA: a build without the tag cuda contains nothing of it.
func TestNoTraceOfCUDA(t *testing.T) {
	program := module + "cmd/hdmnet"
	without, with := list(t, "-deps", program), list(t, "-deps", "-tags", "cuda", program)
	for _, pkg := range []string{module + "internal/cuda", module + "kernels", "gorgonia.org/cu"} {
		if strings.Contains(without, pkg+"\n") {
			t.Errorf("the build without the tag contains %s", pkg)
		}
		if !strings.Contains(with, pkg+"\n") {
			t.Errorf("the build with the tag lacks %s", pkg)
		}
	}
}
