// Package doctor is `hdmnet doctor`: what a machine has, and whether its device computes rightly.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"

	"github.com/spf13/cobra"

	"hdmnet/internal/cli/flags"
	"hdmnet/internal/cli/ui"
	"hdmnet/internal/cpu"
	"hdmnet/internal/device"
	"hdmnet/internal/op"
	"hdmnet/internal/selftest"
)

type options struct {
	device    string
	precision string
	selfTest  bool
	measure   bool
	thorough  bool
	json      bool
}

// NewCmd returns the command, which writes to io.
func NewCmd(io ui.Streams) *cobra.Command {
	o := &options{}
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Report what this machine can run on, and test it",
		Long: `Report what this machine can run on, and test it: GPUs, driver and libraries, the CPU's
instruction set and threads, and what to do about what is missing.

The test runs small networks, which must give known results. On a GPU, every operator is
also compared with the CPU, at every shape that these networks use. Nothing is written.

Which precision is the fastest is measured, on work like the network's: run nothing else
meanwhile.

The exit code is 1 if the requested device cannot be opened or fails a test.`,
		Example: `  hdmnet doctor
  hdmnet doctor --device cuda:1 --thorough
  hdmnet doctor --self-test=false --json`,
		Args: flags.None,
		RunE: func(cmd *cobra.Command, _ []string) error { return run(cmd.Context(), io, o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.device, "device", "auto", "the device to test: auto, cpu or cuda:N")
	f.StringVar(&o.precision, "precision", op.FP32.String(), "the precision to test it in: fp32, bf16x3, tf32 or bf16; auto: the fastest")
	f.BoolVar(&o.selfTest, "self-test", true, "test the device")
	f.BoolVar(&o.measure, "measure", true, "measure which precision is the fastest (two seconds)")
	f.BoolVar(&o.thorough, "thorough", false, "test it with a ResNet-50 as well (a minute on a CPU)")
	f.BoolVar(&o.json, "json", false, "print one JSON object")
	flags.CompleteDevice(cmd)
	return cmd
}

// report is what `doctor` prints as JSON.
type report struct {
	Platform string        `json:"platform"` // linux/amd64
	CPU      cpuReport     `json:"cpu"`
	CUDA     device.CUDA   `json:"cuda"`
	Device   *deviceReport `json:"device"` // null when it cannot be opened
	SelfTest *selfTest     `json:"self_test,omitempty"`
	Problem  string        `json:"problem,omitempty"` // what fails of that which was asked for
	OK       bool          `json:"ok"`
}

type cpuReport struct {
	InstructionSet string `json:"instruction_set"`
	Threads        int    `json:"threads"` // GOMAXPROCS
	Cores          int    `json:"cores"`   // that the process may use
}

type deviceReport struct {
	Name string `json:"name"`
	Why  string `json:"why"` // it is this one
	device.Details
	Measured []timing `json:"measured"` // empty: not measured
	Fastest  string   `json:"fastest_precision,omitempty"`

	Python *device.PythonLibraries `json:"python_libraries,omitempty"` // has libraries that are not used
}

// timing is how long a part of the network took in a precision.
type timing struct {
	Precision string  `json:"precision"`
	Seconds   float64 `json:"seconds"`
}

type selfTest struct {
	*selftest.Report
	Tolerance float64 `json:"tolerance"` // of all operators but the forward products
	Products  float64 `json:"products"`  // tolerance of those, and of the results
}

func run(ctx context.Context, io ui.Streams, o *options) error {
	r := &report{
		Platform: runtime.GOOS + "/" + runtime.GOARCH,
		CPU:      cpuReport{Threads: runtime.GOMAXPROCS(0), Cores: runtime.NumCPU()},
		CUDA:     device.InspectCUDA(),
	}
	failure := r.examine(ctx, io, o)
	var usage *ui.UsageError
	if errors.As(failure, &usage) {
		return failure
	}
	if failure != nil {
		r.Problem = failure.Error()
	}
	r.OK = failure == nil
	var err error
	if o.json {
		err = ui.PrintJSON(io, r)
	} else {
		err = r.print(io.Out)
	}
	return errors.Join(failure, err)
}

// examine fills in what needs an open device. Its error is the first thing that fails.
func (r *report) examine(ctx context.Context, io ui.Streams, o *options) (err error) {
	if r.CPU.InstructionSet, err = cpu.ISA(); err != nil {
		return err
	}
	var timings []device.Timing
	if o.measure || o.precision == flags.AutoPrecision {
		if timings, err = flags.MeasurePrecisions(ctx, io, o.device); err != nil {
			return err
		}
	}
	precision := o.precision
	if precision == flags.AutoPrecision {
		precision = device.Fastest(timings).String()
	}
	dev, why, err := flags.OpenNamed(io, o.device, precision)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dev.Close()) }()
	r.Device = newDeviceReport(dev.Name(), why, timings)
	if o.selfTest {
		err = r.test(ctx, dev, o.thorough)
	}
	r.Device.Details = device.Describe(dev) // after the test: what libraries did not support is known then
	r.Device.askPython(ctx)
	return err
}

// askPython looks for libraries that are not used where PyTorch brings them. Nothing is opened
// from there by itself: what a search path holds must not change results.
func (r *deviceReport) askPython(ctx context.Context) {
	unused := slices.ContainsFunc(r.Libraries, func(l device.SharedLibrary) bool { return l.Path == "" })
	if !unused || os.Getenv("HDMNET_CUDA_LIBRARIES") != "" || os.Getenv("HDMNET_CUDA_DRIVER") != "" {
		return
	}
	if found, err := device.FindPythonLibraries(ctx); err == nil && len(found.Folders) > 0 {
		r.Python = found
	}
}

func newDeviceReport(name, why string, timings []device.Timing) *deviceReport {
	r := &deviceReport{Name: name, Why: why, Measured: []timing{}}
	if len(timings) > 0 {
		r.Fastest = device.Fastest(timings).String()
	}
	if len(timings) > 1 {
		for _, t := range timings {
			r.Measured = append(r.Measured, timing{t.Precision.String(), t.Seconds})
		}
	}
	return r
}

// Bounds of relative differences: of float32 and of bf16x3, and of products whose inputs are
// rounded to 11 or 8 bits.
const (
	fullTolerance    = 1e-4
	roundedTolerance = 2e-2
)

// test runs the self-test beside the CPU in float32. That is its own reference, so only
// its results are compared.
func (r *report) test(ctx context.Context, dev op.Device, thorough bool) error {
	precision := device.Describe(dev).Precision
	exact := precision == op.FP32.String()
	var reference op.Device
	if _, same := dev.(*cpu.Device); !same || !exact {
		host, err := cpu.New()
		if err != nil {
			return err
		}
		reference = host
	}
	t := &selfTest{Tolerance: fullTolerance, Products: fullTolerance}
	if !exact && precision != op.BF16X3.String() {
		t.Products = roundedTolerance
	}
	r.SelfTest = t
	var err error
	t.Report, err = selftest.Run(ctx, dev, reference, selftest.Options{Tolerance: t.Tolerance, Products: t.Products, Thorough: thorough})
	if err == nil && !t.OK {
		err = fmt.Errorf("%s fails the self-test: %s; its results cannot be trusted, please report it with this output", dev.Name(), t.failed())
	}
	return err
}

// failed lists what failed.
func (t *selfTest) failed() string {
	var names []string
	for _, o := range t.Operators {
		if !o.OK {
			names = append(names, o.Name)
		}
	}
	for _, q := range t.Results {
		if !q.OK {
			names = append(names, q.Name)
		}
	}
	return ui.FirstOf(names, 5)
}
