//go:build cuda

package cuda

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"hdmnet/internal/op"
)

// emulatedLibraries is the folder of kernels/emu/library's libraries; make test-cuda sets it.
func emulatedLibraries(t *testing.T) string {
	t.Helper()
	folder := os.Getenv("HDMNET_EMU_LIBRARY")
	if folder == "" {
		t.Skip("needs the emulated libraries (make test-cuda)")
	}
	return folder
}

// openWithLibraries opens the device with the emulated libraries, or on a GPU with those of
// the machine, if it has both.
func openWithLibraries(t *testing.T, p precision) (dev *Device, emulated bool) {
	t.Helper()
	if os.Getenv("HDMNET_CUDA_DRIVER") != "" {
		t.Setenv(librariesVariable, emulatedLibraries(t))
		return openIn(t, p), true
	}
	dev = openIn(t, p)
	for _, l := range dev.Libraries() {
		if l.Path == "" {
			t.Skipf("no %s: %s", l.Name, l.Reason)
		}
	}
	return dev, false
}

// link makes a folder with libraries under other names.
func link(t *testing.T, files map[string]string) string {
	t.Helper()
	folder := t.TempDir()
	for name, to := range files {
		if err := os.Symlink(to, filepath.Join(folder, name)); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// TestLibrariesFound: names, versions and reasons.
func TestLibrariesFound(t *testing.T) {
	emulated := emulatedLibraries(t)
	blas, dnn := filepath.Join(emulated, "libcublasLt.so.13"), filepath.Join(emulated, "libcudnn.so.9")
	old := link(t, map[string]string{"libcublasLt.so.11": blas, "libcudnn.so.8": dnn})
	broken := link(t, map[string]string{"libcublasLt.so.12": blas, "libcudnn.so.9": "/etc/passwd"})
	foreign := link(t, map[string]string{"libcublasLt.so.13": dnn, "libcudnn.so.8": dnn})
	for _, c := range []struct {
		set, cudnn, refuse string
		name               []string // in the device's name
		reason             []string // in the reasons
	}{
		{emulated, "", "", []string{"cuBLASLt 13.4.1", "cuDNN 9.10.2"}, nil},
		{old, "8907", "", []string{"cuBLASLt 13.4.1", "cuDNN 8.9.7"}, nil},
		{librariesOff, "", "", []string{"no cuBLASLt", "no cuDNN"}, []string{"HDMNET_CUDA_LIBRARIES=off", "HDMNET_CUDA_LIBRARIES=off"}},
		{"", "", "", []string{"no cuBLASLt", "no cuDNN"}, []string{"HDMNET_CUDA_DRIVER is set"}},
		{broken, "", "", []string{"cuBLASLt 13", "no cuDNN"}, []string{"libcudnn.so.9", "libcudnn.so.8 does not exist"}},
		{broken + string(filepath.ListSeparator) + emulated, "", "", []string{"cuBLASLt 13.4.1", "cuDNN 9.10.2"}, nil},
		{foreign, "8907", "", []string{"no cuBLASLt", "cuDNN 8.9.7"}, []string{"libcublasLt.so.13: it has no cublasLtGetVersion"}},
		{emulated, "", "start", []string{"cuBLASLt 13.4.1", "no cuDNN"}, []string{"it does not start: CUDNN_STATUS", "(1001)", "driver"}},
	} {
		t.Run(c.set+c.refuse, func(t *testing.T) {
			t.Setenv(librariesVariable, c.set)
			t.Setenv("HDMNET_EMU_REFUSE", c.refuse)
			if c.cudnn != "" {
				t.Setenv("HDMNET_EMU_CUDNN", c.cudnn)
			}
			dev := open(t)
			for _, want := range c.name {
				if !strings.Contains(dev.Name(), want) {
					t.Errorf("the name %q lacks %q", dev.Name(), want)
				}
			}
			var reasons string
			for _, l := range dev.Libraries() {
				if (l.Path == "") != (l.Reason != "") || (l.Path == "") != (l.Version == "") || l.Name == "" || l.Use == "" {
					t.Errorf("half a description: %+v", l)
				}
				reasons += l.Reason + "\n"
			}
			for _, want := range c.reason {
				if !strings.Contains(reasons, want) {
					t.Errorf("the reasons lack %q:\n%s", want, reasons)
				}
			}
		})
	}
}

// TestContextStays: NVIDIA's libraries keep state for the context of a GPU beyond a device's end,
// so that it stays for the process once they have been used. Without them it ends.
func TestContextStays(t *testing.T) {
	if os.Getenv("HDMNET_TEST_CONTEXT") == "" {
		emulated := emulatedLibraries(t)
		alone := link(t, map[string]string{ncclSoname: filepath.Join(emulated, ncclSoname)})
		for _, folder := range []string{emulated, alone} {
			cmd := exec.Command(os.Args[0], "-test.run=^TestContextStays$", "-test.v") // the process's own context
			cmd.Env = append(os.Environ(), "HDMNET_TEST_CONTEXT="+folder)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s", folder, err, out)
			}
		}
		return
	}
	for _, c := range []struct {
		libraries string
		active    int
	}{{librariesOff, 0}, {os.Getenv("HDMNET_TEST_CONTEXT"), 1}, {librariesOff, 1}, {os.Getenv("HDMNET_TEST_CONTEXT"), 1}} {
		t.Setenv(librariesVariable, c.libraries)
		dev, err := Open(0, op.FP32)
		if err != nil {
			t.Fatal(err)
		}
		gpu := dev.gpu
		if c.libraries != librariesOff && dev.libraries.blas == nil { // the folder with NCCL alone
			if err := joinAlone(dev).Close(); err != nil {
				t.Error(err)
			}
		}
		if err := dev.Close(); err != nil {
			t.Error(err)
		}
		if _, active, err := gpu.PrimaryCtxState(); err != nil || active != c.active {
			t.Errorf("after a device with libraries from %q: context active %d, want %d; %v", c.libraries, active, c.active, err)
		}
	}
}

// joinAlone makes a group of NCCL of this process alone.
func joinAlone(d *Device) *Communicator {
	n, err := OpenNCCL()
	if err != nil {
		panic(err)
	}
	id, err := n.NewID()
	if err != nil {
		panic(err)
	}
	c, err := d.OpenCommunicator(n, id, 1, 0, nil)
	if err != nil {
		panic(err)
	}
	return c
}

// TestLibrariesErrors: what is set to nonsense is not passed over.
func TestLibrariesErrors(t *testing.T) {
	emulated := emulatedLibraries(t)
	bad := filepath.Join(t.TempDir(), "choices.json")
	if err := os.WriteFile(bad, []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		set, tune string
		want      []string
	}{
		{"/no/such/folder", "", []string{librariesVariable, `"/no/such/folder" is no folder`, "off"}},
		{t.TempDir(), "", []string{librariesVariable, "libcublasLt.so.11 does not exist", "libcudnn.so.8 does not exist", "off"}},
		{emulated, bad, []string{tuneVariable, bad, "delete"}},
		{emulated, "/no/such/folder/choices.json", []string{tuneVariable, "/no/such/folder"}},
	} {
		t.Setenv(librariesVariable, c.set)
		t.Setenv(tuneVariable, c.tune)
		dev, err := Open(0, op.FP32)
		if err == nil {
			t.Errorf("%s, %s: no error", c.set, c.tune)
			dev.Close()
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: the error lacks %q: %v", c.set, want, err)
			}
		}
	}
}

// TestLibraryOnFullGPU: a library that does not start is passed over, but not where it may be for
// want of memory: the next run would have it, and other bits.
func TestLibraryOnFullGPU(t *testing.T) {
	t.Setenv(librariesVariable, emulatedLibraries(t))
	t.Setenv("HDMNET_EMU_REFUSE", "start")
	t.Setenv("HDMNET_EMU_MEMORY", "2048")
	for _, c := range []struct {
		taken string
		want  []string // in the error; none: there is none
	}{{"0", nil}, {"1400", nil}, {"1800", []string{"no cuDNN", "does not start", "of the GPU's 2 GiB only 248 MiB", "nvidia-smi", librariesVariable + "=off"}}} {
		t.Setenv("HDMNET_EMU_TAKEN", c.taken)
		dev, err := Open(0, op.FP32)
		if err == nil {
			err = dev.Close()
		}
		if (err != nil) != (c.want != nil) {
			t.Errorf("%s MiB taken: %v", c.taken, err)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("the error lacks %q: %v", want, err)
			}
		}
	}
}

// librarySizes are convolutions, and products, of all kinds that a library gets.
var librarySizes = []twinConv{
	{2, 9, 7, 12, 20, 1, 1, op.ConvParams{Stride: 1, Dilation: 1}},
	{1, 5, 3, 7, 5, 1, 1, op.ConvParams{Stride: 1, Dilation: 1}},
	{2, 9, 7, 16, 24, 1, 1, op.ConvParams{Stride: 2, Dilation: 1}},
	{1, 13, 11, 20, 68, 3, 3, op.ConvParams{Stride: 1, Pad: 1, Dilation: 1}},
	{1, 6, 7, 3, 5, 3, 3, op.ConvParams{Stride: 2, Pad: 1, Dilation: 1}},
	{1, 11, 13, 8, 4, 3, 3, op.ConvParams{Stride: 1, Pad: 4, Dilation: 4}},
	{1, 8, 8, 4, 8, 4, 4, op.ConvParams{Stride: 4, Dilation: 1}},
}

// computed counts the plans of a library that it computes, and that are left.
func (d *Device) computed(library int) (taken, left int) {
	for _, p := range d.libraries.plans {
		switch {
		case p.vendor != library:
		case p.chosen != nil:
			taken++
		default:
			left++
		}
	}
	return taken, left
}

func near(t *testing.T, what string, got, want [][]float32) {
	t.Helper()
	for k := range want {
		for i, v := range want[k] {
			if e := math.Abs(float64(got[k][i] - v)); !(e <= 2e-5+2e-5*math.Abs(float64(v))) {
				t.Fatalf("%s: result %d: element %d is %g, want %g", what, k, i, got[k][i], v)
			}
		}
	}
}

// TestLibraryTwin compares convolutions by the libraries with the CPU's, first and again,
// and with all that the emulated libraries may refuse.
func TestLibraryTwin(t *testing.T) {
	for _, refuse := range []string{"", "fused", "product", "forward,fused", "gradient", "product,forward,fused,gradient"} {
		t.Run("refused: "+refuse, func(t *testing.T) {
			t.Setenv("HDMNET_EMU_REFUSE", refuse)
			dev, emulated := openWithLibraries(t, fp32)
			if refuse != "" && !emulated {
				t.Skip("needs the emulated libraries")
			}
			host := openCPU(t)
			for _, c := range librarySizes {
				want := results(host, c.run)
				for range 2 {
					near(t, c.name(), results(dev, c.run), want)
				}
			}
			for library, words := range [][]string{{"product"}, {"forward", "gradient"}} {
				taken, left := dev.computed(library)
				some, all := false, true
				for _, w := range words {
					some, all = some || strings.Contains(refuse, w), all && strings.Contains(refuse, w)
				}
				if emulated && some != (left > 0) || all != (taken == 0) {
					t.Errorf("%s: %d shapes taken, %d left", dev.Libraries()[library].Name, taken, left)
				}
				if l := dev.Libraries()[library].Left; len(l) != left || emulated && left > 0 && !strings.Contains(strings.ToLower(l[0]), "not") {
					t.Errorf("%d shapes left, reasons %q", left, l)
				}
			}
		})
	}
}

// TestLibraryOperands: views at any address, results in the place of the residual, and
// convolutions without a bias.
func TestLibraryOperands(t *testing.T) {
	run := func(shift int) func(op.Device, *operands) []op.Tensor {
		return func(d op.Device, o *operands) []op.Tensor {
			o.shift = shift
			var all []op.Tensor
			for _, k := range []int{1, 3} {
				p := op.ConvParams{Stride: 1, Pad: k / 2, Dilation: 1, ReLU: true}
				x, w, bias := o.floats(1, 6, 5, 8), o.floats(12, k, k, 8), o.floats(12)
				plain, rectified, place, bare := o.floats(1, 6, 5, 12), o.floats(1, 6, 5, 12), o.floats(1, 6, 5, 12), o.floats(1, 6, 5, 12)
				d.Conv2D(plain, x, w, nil, nil, op.ConvParams{Stride: 1, Pad: k / 2, Dilation: 1})
				d.Conv2D(rectified, x, w, nil, plain, p)
				d.Conv2D(place, x, w, bias, place, p)
				d.Conv2D(bare, x, w, nil, bare, p)
				added := o.floats(1, 6, 5, 12)
				d.Conv2D(added, x, w, nil, plain, op.ConvParams{Stride: 1, Pad: k / 2, Dilation: 1})
				all = append(all, plain, rectified, place, bare, added)
				for _, odd := range []bool{false, true} { // one operand alone at another address
					y, b, r := o.floats(1, 6, 5, 12), o.floats(13), o.floats(361)
					from := 0
					if odd {
						from = 1
					}
					d.Conv2D(y, x, w, op.Span(b, from, 12), nil, p)
					z := o.floats(1, 6, 5, 12)
					d.Conv2D(z, x, w, bias, op.Span(r, from, 1, 6, 5, 12), p)
					all = append(all, y, z)
				}
			}
			return all
		}
	}
	dev, _ := openWithLibraries(t, fp32)
	host := openCPU(t)
	for shift := range 5 {
		near(t, fmt.Sprint("shift ", shift), results(dev, run(shift)), results(host, run(shift)))
	}
	for _, g := range []gemmArgs{{m: 1 << 31, n: 8, k: 8, lda: 8, ldb: 8, ldc: 8}, {m: 8, n: 8, k: 8, lda: 8, ldb: 8, ldc: 8, residual: 256, accumulate: 1}} {
		if dev.productByLibrary("nt", g, fp32, nil) {
			t.Errorf("cuBLASLt was given the product %+v", g)
		}
	}
}

// TestLibraryPrecision: in tf32 and bf16 the libraries' inputs are rounded as the kernels'
// are. cuDNN stores bf16 before bias and residual are added, which rounds once more.
func TestLibraryPrecision(t *testing.T) {
	for _, c := range []struct {
		p      precision
		stored float64
		size   twinConv
	}{
		{tf32, 0, twinConv{1, 5, 4, 20, 12, 1, 1, op.ConvParams{Stride: 1, Dilation: 1}}},
		{tf32, 0, twinConv{1, 5, 4, 20, 12, 3, 3, op.ConvParams{Stride: 1, Pad: 1, Dilation: 1}}}, // left to the kernels
		{tf32, 0, twinConv{1, 9, 8, 16, 12, 3, 3, op.ConvParams{Stride: 1, Pad: 1, Dilation: 1}}},
		{bf16, 0, twinConv{1, 5, 4, 20, 516, 1, 1, op.ConvParams{Stride: 1, Dilation: 1}}},
		{bf16, math.Ldexp(1, -8), twinConv{2, 6, 5, 140, 132, 3, 3, op.ConvParams{Stride: 1, Pad: 2, Dilation: 2}}},
		{bf16, math.Ldexp(1, -8), twinConv{1, 7, 5, 131, 133, 3, 3, op.ConvParams{Stride: 2, Pad: 1, Dilation: 1}}},
	} {
		t.Run(c.p.String()+" "+c.size.name(), func(t *testing.T) {
			host := openCPU(t)
			rounded, _ := c.size.products(host, c.p.layer(c.size.kh*c.size.kw, c.size.ci, c.size.co).rounded)
			magnitude, _ := c.size.products(host, func(v float32) float32 { return float32(math.Abs(float64(v))) })
			dev, emulated := openWithLibraries(t, c.p)
			got, names := c.size.products(dev, func(v float32) float32 { return v })
			for k := range got {
				for i, v := range got[k] {
					want := float64(rounded[k][i])
					u := 1e-6
					if !emulated { // a GPU's tensor cores may cut bits off instead of rounding
						u += math.Ldexp(1, -9)
					}
					if e := math.Abs(float64(v) - want); !(e <= u*(1+float64(magnitude[k][i]))+c.stored*math.Abs(want)) {
						t.Fatalf("%s: element %d is %g, of rounded inputs %g", names[k], i, v, want)
					}
				}
			}
			products, _ := dev.computed(productLibrary)
			convolutions, _ := dev.computed(convLibrary)
			if emulated && products+convolutions == 0 {
				t.Errorf("%d shapes by cuBLASLt, %d by cuDNN", products, convolutions)
			}
		})
	}
}

// TestLibraryRoundsItself: in tf32 no weights are rounded in memory, neither for a library nor for
// the kernels here: both round as they read.
func TestLibraryRoundsItself(t *testing.T) {
	for _, refuse := range []string{"", "product,forward,fused"} {
		t.Setenv("HDMNET_EMU_REFUSE", refuse)
		dev, emulated := openWithLibraries(t, tf32)
		if !emulated {
			t.Skip("needs the emulated libraries")
		}
		a := op.NewArena(dev)
		x, w, y := a.Zeros(1, 4, 5, 32), a.Zeros(24, 1, 1, 32), a.Float32(1, 4, 5, 24)
		wide := a.Zeros(24, 3, 3, 32)
		rounded, library := 0, 0
		dev.TraceLaunches(func(l op.Launch) {
			switch {
			case l.Kind == op.LaunchLibrary:
				library++
			case strings.HasPrefix(l.Name, "round_weights"):
				rounded++
			}
		})
		for range 2 { // the first chooses
			dev.Conv2D(y, x, w, nil, nil, op.ConvParams{Stride: 1, Dilation: 1})
			dev.Conv2D(y, x, wide, nil, nil, op.ConvParams{Stride: 1, Pad: 1, Dilation: 1})
			dev.Linear(op.Span(y, 0, 20, 24), op.Span(x, 0, 20, 32), op.Span(w, 0, 24, 32), nil)
		}
		dev.TraceLaunches(nil)
		dev.Synchronize() // the libraries ask for the variable when they compute
		if rounded > 0 || (refuse == "") != (library > 0) {
			t.Errorf("refused %q: weights rounded %d times, %d calls of libraries", refuse, rounded, library)
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestFinishConv: bias, residual and ReLU after a convolution in bf16.
func TestFinishConv(t *testing.T) {
	dev, emulated := openWithLibraries(t, bf16)
	host := openCPU(t)
	const bound = 0.7 // of inputs: 2·2⁻⁸ in a sum of 264 products, of which each is ¼ on average; of sums: 2⁻⁸ twice
	for _, co := range []int{260, 259} {
		f := func(d op.Device, o *operands) []op.Tensor {
			x, w, y := o.floats(1, 4, 5, 132), o.floats(co, 2, 1, 132), o.floats(1, 3, 5, co)
			d.Conv2D(y, x, w, o.floats(co), o.floats(1, 3, 5, co), op.ConvParams{Stride: 1, Dilation: 1, ReLU: true})
			return []op.Tensor{y}
		}
		got, want := results(dev, f), results(host, f)
		for i, v := range want[0] {
			if e := math.Abs(float64(got[0][i] - v)); !(e <= bound) {
				t.Fatalf("element %d is %g, want about %g", i, got[0][i], v)
			}
			if v == 0 && got[0][i] > bound || got[0][i] < 0 {
				t.Fatalf("element %d is %g after ReLU", i, got[0][i])
			}
		}
	}
	if taken, left := dev.computed(convLibrary); emulated && (taken != 2 || left != 0) {
		t.Errorf("%d convolutions by cuDNN, %d left, want 2 and 0", taken, left)
	}
}
