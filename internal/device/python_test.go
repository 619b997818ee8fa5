package device

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestFindPythonLibraries: where pip puts them for CUDA 12 and 13, and nothing else.
func TestFindPythonLibraries(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("no python3")
	}
	site := t.TempDir()
	var want []string
	for _, file := range []string{"cu13/lib/libcublasLt.so.13", "cublas/lib/libcublasLt.so.12", "cudnn/lib/libcudnn.so.9", "nccl/lib/libnccl.so.2", "nvjitlink/lib/libnvJitLink.so.12", "cudnn/include/libcudnn.so.9", "../torch/lib/libcudnn.so.8"} {
		path := filepath.Join(site, "nvidia", filepath.FromSlash(file))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if folder := filepath.Dir(path); !strings.HasPrefix(filepath.Base(path), "libnvJit") && filepath.Base(folder) == "lib" {
			want = append(want, folder)
		}
	}
	slices.Sort(want)
	t.Setenv("PYTHONPATH", site)
	found, err := FindPythonLibraries(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range found.Folders {
		if strings.HasPrefix(f, site) { // the machine may have others
			got = append(got, f)
		}
	}
	if !slices.Equal(got, want) || found.Python == "" {
		t.Errorf("%q has %q, want %q", found.Python, got, want)
	}
	if v := (&PythonLibraries{Folders: []string{"/a", "/b"}}).Value(); v != "/a:/b" {
		t.Errorf("the value for the environment is %q", v)
	}
}

// TestPythonThatDoesNotAnswer: none, one that fails, one that says something else.
func TestPythonThatDoesNotAnswer(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	for script, want := range map[string]string{"": "no python3", "#!/bin/sh\nexit 3\n": "exit status 3", "#!/bin/sh\necho hello\n": `"hello\n"`} {
		if script != "" {
			if err := os.WriteFile(filepath.Join(dir, "python3"), []byte(script), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if script == "" {
			_ = os.Remove(filepath.Join(dir, "python3"))
		}
		if _, err := FindPythonLibraries(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", script, err, want)
		}
	}
}
