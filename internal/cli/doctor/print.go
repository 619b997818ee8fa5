package doctor

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"hdmnet/internal/cli/ui"
	"hdmnet/internal/device"
	"hdmnet/internal/op"
	"hdmnet/internal/selftest"
)

// libraryOrigin says where a library comes from.
var libraryOrigin = map[string]string{
	"cuBLASLt": "it comes with the CUDA toolkit, or with pip install nvidia-cublas-cu12 (nvidia-cublas for a driver of CUDA 13)",
	"cuDNN":    "it comes from developer.nvidia.com/cudnn, or with pip install nvidia-cudnn-cu12 (nvidia-cudnn-cu13)",
}

// print writes the report for people.
func (r *report) print(out io.Writer) error {
	var b bytes.Buffer
	line := func(what, format string, args ...any) {
		fmt.Fprintf(&b, "%-10s %s\n", what, fmt.Sprintf(format, args...))
	}
	line("platform", "%s", r.Platform)
	if r.CPU.InstructionSet != "" {
		line("CPU", "%s, %d threads on %d cores", r.CPU.InstructionSet, r.CPU.Threads, r.CPU.Cores)
	}
	cudaLines(line, &r.CUDA)
	if d := r.Device; d != nil {
		line("device", "%s: %s", d.Name, d.Why)
		line("precision", "%s", d.precision())
		for _, l := range d.Libraries {
			libraryLines(line, l)
		}
		if d.Python != nil {
			line("Python", "%s has some of them; to use these:", d.Python.Python)
			line("", "export HDMNET_CUDA_LIBRARIES='%s'", d.Python.Value())
		}
	}
	if r.SelfTest != nil {
		r.SelfTest.print(&b)
	}
	fmt.Fprintln(&b)
	if r.Problem == "" {
		line("verdict", "nothing is wrong")
	} else {
		line("verdict", "%s", r.Problem)
	}
	_, err := out.Write(b.Bytes())
	return err
}

// precision tells of the precision in use, and which one to choose for speed.
func (d *deviceReport) precision() string {
	switch {
	case d.Fastest == "":
		return d.Precision
	case len(d.Measured) == 0:
		return d.Precision + ", the only one here"
	}
	var each []string
	for _, t := range d.Measured {
		each = append(each, fmt.Sprintf("%s %.3g ms", t.Precision, 1000*t.Seconds))
	}
	measured := "; measured now for a part of the network: " + strings.Join(each, ", ")
	if d.Fastest == d.Precision {
		return d.Precision + ", the fastest here" + measured
	}
	what := "rounds the inputs of products"
	if d.Fastest == op.FP32.String() {
		what = "does not round"
	}
	return fmt.Sprintf("%s; the fastest here is %s (--precision %[2]s), which %s%s", d.Precision, d.Fastest, what, measured)
}

// cudaLines tells of driver and GPUs.
func cudaLines(line func(what, format string, args ...any), c *device.CUDA) {
	if c.DriverFile != "" {
		version := c.Driver
		if version == "" {
			version = "of unknown version"
		}
		line("driver", "%s, up to CUDA %s (%s)", version, c.Version, c.DriverFile)
	}
	for _, g := range c.GPUs {
		line(fmt.Sprintf("GPU %d", g.Index), "%s, %.1f GiB, compute capability %s, %d multiprocessors", g.Name, float64(g.Memory)/(1<<30), g.Capability, g.Multiprocessors)
		if g.Problem != "" {
			line("", "%s", g.Problem)
		}
	}
	if c.Problem != "" {
		line("CUDA", "%s", c.Problem)
	}
}

// libraryLines tells of a library, or what to do about one that is missing.
func libraryLines(line func(what, format string, args ...any), l device.SharedLibrary) {
	if l.Path == "" {
		line(l.Name, "not used: %s", l.Reason)
		line("", "without it hdmnet's own kernels compute %s: correct, but slower on some GPUs;", l.Use)
		line("", "%s, and HDMNET_CUDA_LIBRARIES=DIR names its folder", libraryOrigin[l.Name])
		return
	}
	line(l.Name, "%s (%s): %s", l.Version, l.Path, l.Use)
	for _, left := range l.Left {
		line("", "not supported, computed by hdmnet's own kernels: %s", left)
	}
}

// print writes the tables of the self-test.
func (t *selfTest) print(b *bytes.Buffer) {
	w := ui.TextTable(b)
	if len(t.Operators) > 0 {
		fmt.Fprintf(b, "\nself-test: operators beside the CPU's in float32; relative differences up to %g are rounding", t.Tolerance)
		if t.Products != t.Tolerance {
			fmt.Fprintf(b, ", in Conv2D, FrozenConv2D, Linear and PriorSimilarity up to %g", t.Products)
		}
		fmt.Fprint(b, "\n\n")
		fmt.Fprintf(w, "operator\tcalls\tdifference\tat shape\t\n")
		for _, o := range t.Operators {
			shape := strings.ReplaceAll(strings.Trim(fmt.Sprint(o.Shape), "[]"), " ", "×")
			fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\n", o.Name, o.Calls, differenceText(o.Difference), shape, verdict(o.OK, o.Error))
		}
		w.Flush() // into memory: it cannot fail
	}
	fmt.Fprintf(b, "\nself-test: networks with known results\n\n")
	fmt.Fprintf(w, "result\tvalue\texpected\tdifference\t\n")
	for _, q := range t.Results {
		fmt.Fprintf(w, "%s\t%.7g\t%.7g\t%s\t%s\n", q.Name, q.Value, q.Want, differenceText(q.Difference), verdict(q.OK, ""))
	}
	w.Flush()
}

func differenceText(d selftest.Number) string {
	switch {
	case d == 0:
		return "none"
	case !d.Finite():
		return "not a number"
	}
	return fmt.Sprintf("%.1e", d)
}

func verdict(ok bool, why string) string {
	switch {
	case ok:
		return "ok"
	case why == "":
		return "FAIL"
	}
	return "FAIL: " + why
}
