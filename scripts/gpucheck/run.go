package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// step is one thing to do.
type step struct {
	name string        // words joined by -
	most time.Duration // it is cut off after so long
	do   func(ctx context.Context) (any, error)
}

// is tells whether a name, or its first word, means this step.
func (s step) is(name string) bool {
	word, _, _ := strings.Cut(s.name, "-")
	return s.name == name || word == name
}

// outcome is what became of a step.
type outcome struct {
	Status  string          `json:"status"` // ok, skipped, failed, timeout, no time
	Reason  string          `json:"reason,omitempty"`
	Seconds float64         `json:"seconds"`
	Data    json.RawMessage `json:"data,omitempty"`
}

// skipped is the error of a step that cannot be done on this machine.
type skipped string

func (s skipped) Error() string { return string(s) }

// least is the time under which no step is begun.
const least = 3 * time.Second

// step runs one step in the time that is left.
func (c *check) step(ctx context.Context, s step) outcome {
	begun := time.Now()
	most := min(s.most, time.Until(c.deadline))
	if most < least {
		return outcome{Status: "no time", Reason: "call again to go on"}
	}
	_, _ = fmt.Fprintf(c.log, "\n==== %s\n", s.name)
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	data, err := s.do(ctx)
	o := outcome{Status: "ok", Seconds: time.Since(begun).Seconds()}
	var not skipped
	switch {
	case err == nil:
	case ctx.Err() != nil:
		o.Status, o.Reason = "timeout", fmt.Sprintf("cut off after %.0f s", o.Seconds)
	case errors.As(err, &not):
		o.Status, o.Reason = "skipped", err.Error()
	default:
		o.Status, o.Reason = "failed", err.Error()
	}
	if data != nil && err == nil {
		if o.Data, err = json.Marshal(data); err != nil {
			o.Status, o.Reason = "failed", err.Error()
		}
	}
	_, _ = fmt.Fprintf(c.log, "==== %s: %s %s\n", s.name, o.Status, o.Reason)
	return o
}

// command runs a program of the bundle or the system and returns what it wrote to its
// standard output. Both streams go to the log. The error has the last line.
func (c *check) command(ctx context.Context, dir string, env []string, name string, args ...string) ([]byte, error) {
	_, _ = fmt.Fprintf(c.log, "$ %s %s %s\n", strings.Join(env, " "), name, strings.Join(args, " "))
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.WaitDelay = 5 * time.Second
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	if os.Getenv("CUDA_CACHE_PATH") == "" { // what the driver makes of the PTX, for all steps
		cmd.Env = append(cmd.Env, "CUDA_CACHE_PATH="+filepath.Join(c.bundle, "cache"), "CUDA_CACHE_MAXSIZE=1073741824")
	}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	_, _ = c.log.Write(out.Bytes())
	_, _ = c.log.Write(errs.Bytes())
	if err != nil {
		last := strings.TrimSpace(errs.String())
		if last == "" {
			last = strings.TrimSpace(out.String())
		}
		last = last[strings.LastIndexByte(last, '\n')+1:]
		return out.Bytes(), fmt.Errorf("%s: %w: %.300s", filepath.Base(name), err, last)
	}
	return out.Bytes(), nil
}

// hdmnet runs the program; its standard output is JSON where the arguments ask for it.
func (c *check) hdmnet(ctx context.Context, env []string, args ...string) ([]byte, error) {
	return c.command(ctx, c.work, env, filepath.Join(c.bundle, "bin", "hdmnet"), args...)
}

// tests runs compiled tests in their package's folder, on the GPU.
func (c *check) tests(ctx context.Context, env []string, pkg, pattern string) ([]byte, error) {
	dir := filepath.Join(c.bundle, "internal", pkg)
	if err := os.MkdirAll(dir, 0o755); err != nil { // an empty folder may have been left behind
		return nil, err
	}
	env = append([]string{"HDMNET_TEST_DEVICE=" + c.device}, env...)
	return c.command(ctx, dir, env, filepath.Join(c.bundle, "bin", pkg+".test"), "-test.v", "-test.run", pattern)
}

// build tells one build of the program from another.
func (c *check) build() string {
	h := sha256.New()
	text, err := os.ReadFile(filepath.Join(c.bundle, "bin", "hdmnet"))
	if err != nil {
		return "none"
	}
	h.Write(text)
	return fmt.Sprintf("%x", h.Sum(nil)[:8])
}
