//go:build cuda

package cuda

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"gorgonia.org/cu"

	"hdmnet/internal/op"
	"hdmnet/kernels"
)

// What the program needs. Graphs are instantiated with a function of CUDA 11.4; the PTX is
// older.
const (
	leastVersion    = 11040
	leastDriver     = "470"
	leastCapability = 80
)

// Open opens GPU number index of those that the driver shows, to compute in precision p.
// The error of a machine where it cannot run says what to do.
func Open(index int, p op.Precision) (*Device, error) {
	if p == op.BF16X3 {
		return nil, fmt.Errorf("GPUs have no %v, which CPUs have: choose %v, %v or %v", p, op.FP32, op.TF32, op.BF16)
	}
	count, err := gpus()
	if err != nil {
		return nil, err
	}
	if index >= count {
		return nil, fmt.Errorf("no GPU number %d: the driver shows %d%s", index, count, visible())
	}
	gpu, err := cu.GetDevice(index)
	if err != nil {
		return nil, driverError(err, fmt.Sprintf("find GPU number %d", index))
	}
	d := &Device{
		index:     index,
		precision: precision(p),
		gpu:       gpu,
		kernels:   map[string]*kernel{},
		modules:   map[string]cu.Module{},
		memory:    allocator{idle: newIdle(), live: map[uintptr]int64{}, direct: os.Getenv("HDMNET_CUDA_CACHE") == "off"},
		sync:      environment("HDMNET_CUDA_SYNC"),
		axes:      map[resizeKey]pointer{},
		staging:   newStaging(),
		capture:   newCapture(),
	}
	if err := d.describe(); err != nil {
		return nil, err
	}
	for name, k := range kernels.All() {
		d.kernels[name] = &kernel{Kernel: k}
	}
	d.queue, d.watch = newQueue(), newQueue()
	err = d.queue.call(d.start)
	if err == nil {
		err = d.watch.call(func() error { return driverError(cu.SetCurrentContext(d.context), "use the context") })
	}
	if err == nil {
		err = d.queue.call(d.openLibraries)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", d.name, err), d.abandon())
	}
	end := strings.LastIndexByte(d.name, ')')
	d.name = d.name[:end] + d.libraries.describe() + d.name[end:]
	return d, nil
}

// gpus counts the GPUs that the driver shows. The error of a machine that has none, or a
// driver that does not do, says what to do.
func gpus() (int, error) {
	state := driver()
	if state.path == "" {
		return 0, fmt.Errorf("no NVIDIA driver: %s; install the driver (%s or newer), in a container make it visible (--gpus all), or choose cpu", state.reason, leastDriver)
	}
	if state.err != nil {
		return 0, initError(state)
	}
	if v := cu.Version(); v < leastVersion {
		return 0, fmt.Errorf("the NVIDIA driver supports CUDA %d.%d, hdmnet needs %d.%d: install driver %s or newer",
			v/1000, v%1000/10, leastVersion/1000, leastVersion%1000/10, leastDriver)
	}
	count, err := cu.NumDevices()
	if err != nil {
		return 0, driverError(err, "count the GPUs")
	}
	return count, nil
}

func initError(state driverState) error {
	v, set := os.LookupEnv("CUDA_VISIBLE_DEVICES")
	var e *Error
	if errors.As(state.err, &e) && e.Name == "CUDA_ERROR_NO_DEVICE" {
		if set {
			return fmt.Errorf("CUDA_VISIBLE_DEVICES=%q hides every GPU: unset it, or name one", v)
		}
		return fmt.Errorf("the NVIDIA driver (%s) finds no GPU: does nvidia-smi show one? In a container, start it with --gpus all", state.path)
	}
	return fmt.Errorf("the NVIDIA driver (%s) does not start: %w; does nvidia-smi work? After an update of the driver the machine must be restarted", state.path, state.err)
}

func visible() string {
	if v, set := os.LookupEnv("CUDA_VISIBLE_DEVICES"); set {
		return fmt.Sprintf(" (CUDA_VISIBLE_DEVICES=%q)", v)
	}
	return ""
}

// describe asks what GPU this is.
func (d *Device) describe() error {
	name, err := d.gpu.Name()
	if err != nil {
		return driverError(err, "ask for the GPU's name")
	}
	total, err := d.gpu.TotalMem()
	if err != nil {
		return driverError(err, "ask for the GPU's memory")
	}
	var values [5]int
	for i, a := range []cu.DeviceAttribute{cu.ComputeCapabilityMajor, cu.ComputeCapabilityMinor, cu.MultiprocessorCount, cu.MaxSharedMemoryPerMultiprocessor, reservedSharedMemory} {
		if values[i], err = d.gpu.Attribute(a); err != nil {
			return driverError(err, "ask for the GPU's attributes")
		}
	}
	d.sms, d.sharedMemory, d.sharedReserved = values[2], values[3], values[4]
	v := cu.Version()
	d.target = kernels.TargetOf(values[0], values[1], v)
	d.name = fmt.Sprintf("cuda:%d (%s, %.1f GiB, CUDA %d.%d)", d.index, name, float64(total)/(1<<30), v/1000, v%1000/10)
	if d.precision != fp32 {
		d.name += " in " + d.precision.String()
	}
	if values[0]*10+values[1] < leastCapability {
		return fmt.Errorf("GPU number %d, %s, has compute capability %d.%d; hdmnet needs %d.%d (Ampere) or more: choose another GPU or cpu",
			d.index, name, values[0], values[1], leastCapability/10, leastCapability%10)
	}
	return nil
}

// start makes the context and the streams, and loads one module: a driver that cannot
// compile the PTX shows here and not in the middle of a training. On the queue's thread.
func (d *Device) start() error {
	context, err := d.gpu.RetainPrimaryCtx()
	if err != nil {
		return fmt.Errorf("%w; is the GPU full, or reserved for another process (nvidia-smi)?", driverError(err, "make a context"))
	}
	d.context = context
	if err := d.check(cu.SetCurrentContext(context), "use the context"); err != nil {
		return err
	}
	if err := d.branches.start(); err != nil {
		return err
	}
	d.stream = d.branches.main
	if d.staging.stream, err = cu.MakeStream(cu.NonBlocking); err != nil {
		return driverError(err, "make a stream for uploads")
	}
	modules := kernels.Modules(d.target)
	slices.Sort(modules)
	_, err = d.module(modules[0])
	return err
}

// abandon gives back what start got before it failed.
func (d *Device) abandon() error {
	_ = d.watch.final(func() error { return nil })
	return d.queue.final(func() error {
		errs := []error{d.libraries.close(), d.branches.close()}
		for _, m := range d.modules {
			errs = append(errs, driverError(m.Unload(), "unload kernels"))
		}
		if s := &d.staging.stream; *s != cu.NoStream {
			errs = append(errs, driverError(s.Destroy(), "destroy a stream"))
		}
		if d.context != (cu.CUContext{}) {
			errs = append(errs, driverError(d.gpu.ReleasePrimaryCtx(), "release the context"))
		}
		return errors.Join(errs...)
	})
}
