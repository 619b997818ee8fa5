package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// asProgram makes the test's program the one under test, for tests of several processes.
const asProgram = "HDMNET_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	os.Exit(m.Run())
}

// kills is how many processes a test kills: HDMNET_TEST_KILLS, or some.
func kills(t *testing.T, some int) int {
	t.Helper()
	text := os.Getenv("HDMNET_TEST_KILLS")
	if text == "" {
		return some
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("HDMNET_TEST_KILLS: %v", err)
	}
	return n
}

// sameResults fails unless the files that two runs leave are the same.
func sameResults(t *testing.T, got, want string, more ...string) {
	t.Helper()
	for _, file := range append([]string{"best.safetensors", "checkpoints/last.safetensors"}, more...) {
		if !bytes.Equal(read(t, filepath.Join(got, file)), read(t, filepath.Join(want, file))) {
			t.Errorf("%s of a run whose process was killed differs from that of an undisturbed one", file)
		}
	}
}

// TestKilledOverTCP: two processes as torchrun starts them, on emulated GPUs. When one is
// killed the other ends before long and names it, and the run goes on to the same bits.
func TestKilledOverTCP(t *testing.T) {
	folder := os.Getenv("HDMNET_EMU_LIBRARY")
	if folder == "" || os.Getenv("HDMNET_CUDA_DRIVER") == "" {
		t.Skip("needs the emulated driver and libraries (make test-parity)")
	}
	dir := t.TempDir()
	var output [2]bytes.Buffer
	start := func(out string, more ...string) (both [2]*exec.Cmd) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		port := l.Addr().(*net.TCPAddr).Port
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		for rank := range both {
			args := slices.Concat([]string{"train", "--fold", "0", "--device", "cuda", "--stage", "meta", "--out", filepath.Join(dir, out)}, more)
			for _, set := range []string{"model.size=33", "dataset.synth_size=64", "dataset.synth_train=12", "dataset.synth_val=24", "dataset.min_area=20",
				"train.meta.batch=1", "train.meta.epochs=2", "train.meta.validate_episodes=4", "train.meta.max_steps=6"} {
				args = append(args, "--set", set)
			}
			cmd := exec.Command(os.Args[0], args...)
			cmd.Env = append(os.Environ(), asProgram+"=1", "GOMAXPROCS=1", "HDMNET_EMU_DEVICES=2", "HDMNET_EMU_MEMORY=2048", "HDMNET_CUDA_LIBRARIES="+folder,
				"MASTER_ADDR=127.0.0.1", fmt.Sprint("MASTER_PORT=", port-1), "WORLD_SIZE=2", fmt.Sprint("RANK=", rank))
			output[rank].Reset()
			cmd.Stdout, cmd.Stderr = &output[rank], &output[rank]
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			both[rank] = cmd
		}
		return both
	}
	complete := func(out string, more ...string) {
		for rank, cmd := range start(out, more...) {
			if err := cmd.Wait(); err != nil {
				t.Fatalf("process %d: %v\n%s", rank, err, output[rank].String())
			}
		}
	}
	begun := time.Now()
	complete("whole")
	whole := time.Since(begun)
	for i := range kills(t, 1) {
		// Not before they have met: for one that never came the other waits minutes, and rightly.
		out, after := fmt.Sprint("killed", i), whole/4+rand.N(whole/2)
		both := start(out)
		victim, other := i%2, 1-i%2
		time.Sleep(after)
		if err := both[victim].Process.Kill(); err != nil {
			t.Fatal(err)
		}
		killed := time.Now()
		stuck := time.AfterFunc(time.Minute, func() { _ = both[other].Process.Kill() })
		err := both[other].Wait()
		stuck.Stop()
		took := time.Since(killed)
		_ = both[victim].Wait() // it was killed
		t.Logf("process %d was killed after %v, the other ended after %v", victim, after, took)
		if err == nil || took > 10*time.Second || !strings.Contains(output[other].String(), fmt.Sprintf("process %d on ", victim)) {
			t.Errorf("process %d was killed after %v: %v after %v\n%s", victim, after, err, took, output[other].String())
		}
		complete(out, "--resume")
		sameResults(t, filepath.Join(dir, out), filepath.Join(dir, "whole"))
	}
}
