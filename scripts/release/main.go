// Command release makes the files of a release: binaries in archives and packages, with
// manual pages, completions, licenses, a list of components and checksums.
//
//	go run ./scripts/release -version 0.2.0 -out dist
//
// The same commit gives the same bytes, in whatever folder: times are the commit's, paths
// are cut off, files are in order.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"hdmnet/internal/cli/manual"
	"hdmnet/internal/cli/root"
)

// target is a system that is built for.
type target struct {
	os, arch string
	cuda     bool
}

var targets = []target{
	{"linux", "amd64", false}, {"linux", "arm64", false}, {"darwin", "arm64", false}, {"windows", "amd64", false}, {"linux", "amd64", true},
}

// name is what the files of a target have in their names.
func (t target) name() string {
	s := t.os + "_" + t.arch
	if t.cuda {
		s += "_cuda"
	}
	return s
}

// binary is the name of the program.
func (t target) binary() string {
	if t.os == "windows" {
		return "hdmnet.exe"
	}
	return "hdmnet"
}

// release is one release being made.
type release struct {
	version string
	out     string    // folder of the results
	work    string    // folder of what goes into them
	date    time.Time // of the commit
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	r := &release{}
	flag.StringVar(&r.version, "version", root.Number, "version, as in internal/cli/root/version.go")
	flag.StringVar(&r.out, "out", "dist", "folder for the files, which must be empty or missing")
	cuda := flag.Bool("cuda", true, "also the build with CUDA, which needs zig (pip install ziglang)")
	notice := flag.String("notice", "", "only write NOTICE, with the licenses of all modules, to this file")
	flag.Parse()
	work := func() error { return r.make(ctx, *cuda) }
	if *notice != "" {
		work = func() error { return writeNotice(ctx, *notice) }
	}
	if err := work(); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func (r *release) make(ctx context.Context, cuda bool) (err error) {
	if r.version != root.Number {
		return fmt.Errorf("version %s, but internal/cli/root/version.go says %s: set it there, and name the release in CHANGELOG.md", r.version, root.Number)
	}
	if there, _ := os.ReadDir(r.out); len(there) > 0 {
		return fmt.Errorf("%s is not empty; remove it, or choose another folder with -out", r.out)
	}
	if r.work, err = os.MkdirTemp("", "hdmnet-release-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(r.work)) }()
	if r.date, err = commitTime(ctx); err != nil {
		return err
	}
	if err := os.MkdirAll(r.out, 0o755); err != nil {
		return err
	}
	if err := manual.Write(r.work, r.date); err != nil {
		return err
	}
	if err := writeNotice(ctx, filepath.Join(r.work, "NOTICE")); err != nil {
		return err
	}
	for _, t := range targets {
		if t.cuda && !cuda {
			continue
		}
		if err := r.target(ctx, t); err != nil {
			return fmt.Errorf("%s: %w", t.name(), err)
		}
	}
	return r.sums()
}

// target makes the files of one system.
func (r *release) target(ctx context.Context, t target) error {
	binary := filepath.Join(r.work, t.name(), t.binary())
	if err := r.build(ctx, t, binary); err != nil {
		return err
	}
	files := []file{
		{t.binary(), binary, 0o755}, {"LICENSE", "LICENSE", 0o644}, {"NOTICE", filepath.Join(r.work, "NOTICE"), 0o644},
		{"README.md", "README.md", 0o644}, {"CHANGELOG.md", "CHANGELOG.md", 0o644},
	}
	for _, dir := range []string{manual.Man, manual.Completions} {
		more, err := below(r.work, dir)
		if err != nil {
			return err
		}
		files = append(files, more...)
	}
	top := "hdmnet_" + r.version + "_" + t.name()
	write, ext := r.tar, ".tar.gz"
	if t.os == "windows" {
		write, ext = r.zip, ".zip"
	}
	if err := write(filepath.Join(r.out, top+ext), top, files); err != nil {
		return err
	}
	fmt.Println(top + ext)
	if err := r.components(ctx, t); err != nil {
		return err
	}
	if t.os != "linux" {
		return nil
	}
	return r.packages(ctx, t, binary)
}

// build compiles the program.
func (r *release) build(ctx context.Context, t target, binary string) error {
	args := []string{"build", "-trimpath", "-buildvcs=true", "-ldflags", "-s -w -buildid=", "-o", binary}
	env := []string{"GOOS=" + t.os, "GOARCH=" + t.arch, "CGO_ENABLED=0", "GOAMD64=v1", "GOARM64=v8.0"}
	if t.cuda {
		stub, err := cudaStub(ctx)
		if err != nil {
			return err
		}
		here, err := os.Getwd()
		if err != nil {
			return err
		}
		env[2] = "CGO_ENABLED=1"
		env = append(env, "CC=sh "+filepath.Join(here, "scripts/portable-cc.sh"), "CGO_CFLAGS=-O2 -ffile-prefix-map="+here+"=. -I"+filepath.Join(here, "internal/cuda/include"), "CGO_LDFLAGS=-L"+stub+" -Wl,--build-id=none")
		args = append(args, "-tags", "cuda")
	}
	if err := run(ctx, env, "go", append(args, "./cmd/hdmnet")...); err != nil || !t.cuda {
		return err
	}
	return run(ctx, nil, "go", "run", "./scripts/glibc", "-at-most", oldestLibrary, binary)
}

// oldestLibrary is the C library that the build with CUDA must run with, that of RHEL 8; Ubuntu
// 20.04's is newer.
const oldestLibrary = "2.28"

// cudaStub makes the library that stands for the driver's when the program is linked, and
// returns its folder.
func cudaStub(ctx context.Context) (string, error) {
	if err := run(ctx, nil, "make", "-s", "PORTABLE=1", "build/cuda-portable/libcuda.a"); err != nil {
		return "", fmt.Errorf("%w; it is built by zig, for older systems than this one: pip install ziglang, or name it with ZIG; -cuda=false leaves the build with CUDA out", err)
	}
	return filepath.Abs("build/cuda-portable")
}

// commitTime is the time of the commit, which all files of the release get.
func commitTime(ctx context.Context) (time.Time, error) {
	out, err := exec.CommandContext(ctx, "git", "log", "-1", "--format=%ct").Output()
	if err != nil {
		return time.Time{}, fmt.Errorf("ask git for the time of the commit: %w; run it in a clone", err)
	}
	seconds, err := strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64)
	return time.Unix(seconds, 0).UTC(), err
}

// run runs a program whose messages are shown.
func run(ctx context.Context, env []string, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err)
	}
	return nil
}
