package main

import (
	"context"
	"hdmnet/internal/cli/root"
	"hdmnet/internal/cli/ui"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestFaults asks for the emulated GPU (make test-cuda) while something is wrong with it:
// the message says what to do, and the CPU never takes its place. Every case is a process
// of its own, because a process finds its driver when it starts.
func TestFaults(t *testing.T) {
	libraries := os.Getenv("HDMNET_EMU_LIBRARY")
	if os.Getenv("HDMNET_CUDA_DRIVER") == "" || libraries == "" {
		t.Skip("needs the emulated driver and its libraries (make test-cuda)")
	}
	blas := t.TempDir() // a folder without cuDNN
	copyFile(t, filepath.Join(libraries, "libcublasLt.so.13"), filepath.Join(blas, "libcublasLt.so.13"))
	train := []string{"train", "--fold", "0", "--stage", "base", "--set", "dataset.synth_size=64", "--set", "dataset.synth_train=60",
		"--set", "dataset.synth_val=40", "--set", "dataset.min_area=20", "--set", "model.size=65", "--set", "train.base.size=65",
		"--set", "train.base.validate_every=0", "--set", "train.base.max_steps=1"}
	doctor := []string{"doctor", "--self-test=false"}
	for _, c := range []struct {
		name string
		env  string // variables, in one string
		args []string
		code int
		want []string
	}{
		{"no driver", "HDMNET_CUDA_DRIVER=/no/such/libcuda.so.1", train, ui.ExitError, []string{"device cuda: no NVIDIA driver", "install the driver", "or choose cpu"}},
		{"old driver", "HDMNET_EMU_DRIVER=11020", train, ui.ExitError, []string{"supports CUDA 11.2, hdmnet needs 11.4", "install driver 470 or newer"}},
		{"hidden", "CUDA_VISIBLE_DEVICES=", train, ui.ExitError, []string{`CUDA_VISIBLE_DEVICES="" hides every GPU`, "unset it"}},
		{"old GPU", "HDMNET_EMU_CC=75", train, ui.ExitError, []string{"compute capability 7.5", "choose another GPU or cpu"}},
		{"full GPU", "HDMNET_EMU_TAKEN=1000000", train, ui.ExitError, []string{"is the GPU full", "nvidia-smi"}},
		{"no kernels", "HDMNET_EMU_REFUSE=load", train, ui.ExitError, []string{"load the kernels of", "is it up to date"}},
		{"no room for the network", "HDMNET_EMU_MEMORY=8", train, ui.ExitError,
			[]string{"no memory for 1366912 parameters", "5.21 MiB asked for", "choose a device with more memory, or a smaller backbone"}},
		{"no room for the batch", "HDMNET_EMU_MEMORY=52 HDMNET_EMU_DRY=1", train, ui.ExitError,
			[]string{"a batch of 8 does not fit the memory, the largest that does is ", "no memory for a tensor [", "set train.base.batch="}},
		{"no cuDNN", "HDMNET_CUDA_LIBRARIES=" + blas, train, ui.ExitOK,
			[]string{"no cuDNN), asked for", "no cuDNN: hdmnet's own kernels compute convolutions", "`hdmnet doctor` says why"}},
		{"no cuDNN, in detail", "HDMNET_CUDA_LIBRARIES=" + blas, doctor, ui.ExitOK,
			[]string{"libcudnn.so.9 does not exist", "pip install nvidia-cudnn-cu12", "HDMNET_CUDA_LIBRARIES=DIR"}},
		{"no libraries in a folder", "HDMNET_CUDA_LIBRARIES=" + t.TempDir(), train, ui.ExitError, []string{"no library there can be used", `"off" to do without`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			args, run := append([]string(nil), c.args...), filepath.Join(t.TempDir(), "run")
			if c.args[0] == "train" {
				args = append(args, "--out", run)
			}
			cmd := exec.Command(os.Args[0], "-test.run=^TestCommandInChild$")
			cmd.Env = append(append(os.Environ(), strings.Fields(c.env)...), "HDMNET_TEST_ARGS="+strings.Join(append(args, "--device", "cuda"), "\n"))
			out, err := cmd.CombinedOutput()
			text := string(out)
			if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != c.code {
				t.Fatalf("%v, want exit code %d:\n%s", err, c.code, text)
			}
			for _, want := range c.want {
				if !strings.Contains(text, want) {
					t.Errorf("no %q in:\n%s", want, text)
				}
			}
			if strings.Contains(text, "device: cpu") || strings.Contains(text, "goroutine ") {
				t.Errorf("on the CPU, or a crash:\n%s", text)
			}
			if _, err := os.Stat(filepath.Join(run, "base.safetensors")); c.code != ui.ExitOK && err == nil {
				t.Error("it has trained")
			}
		})
	}
}

// TestCommandInChild runs a command line of TestFaults.
func TestCommandInChild(t *testing.T) {
	args, ok := os.LookupEnv("HDMNET_TEST_ARGS")
	if !ok {
		t.Skip("only as a child of TestFaults")
	}
	os.Exit(root.Execute(context.Background(), strings.Split(args, "\n"), ui.Streams{Out: os.Stdout, Err: os.Stderr}))
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	if err := os.WriteFile(to, read(t, from), 0o777); err != nil {
		t.Fatal(err)
	}
}
