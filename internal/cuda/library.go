//go:build cuda

package cuda

/*
#include "library.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"unsafe"

	"gorgonia.org/cu"

	"hdmnet/internal/op"
)

// NVIDIA's libraries compute products and convolutions faster than kernels/*.cu on some
// GPUs. They are opened by their names when a device is opened; none of them has to be
// there, and what a library does not support is left to the kernels.
//
// All compute with the device's precision, and every gradient in fp32, as the kernels do.
//
//	cuBLASLt  Linear, 1×1 convolutions, their gradients: library_product.go
//	cuDNN     the other convolutions and their gradients: library_conv.go
//
// Algorithms are deterministic ones, and which is taken depends on the library's version,
// the GPU and the shape alone: one seed gives the same bits again. library_plan.go.

const (
	librariesVariable = "HDMNET_CUDA_LIBRARIES"
	librariesOff      = "off"
)

// Library tells what was found of one of NVIDIA's libraries.
type Library struct {
	Name    string   // "cuBLASLt" or "cuDNN"
	Use     string   // what it computes
	Path    string   // the file or name that was opened; "" when the library is not used
	Version string   // "9.1.0"
	Reason  string   // why the library is not used
	Left    []string // what it did not support, so that hdmnet's kernels compute it, and why
}

// Libraries tells which of NVIDIA's libraries the device uses.
func (d *Device) Libraries() []Library {
	all := []Library{d.libraries.product, d.libraries.conv}
	for _, p := range d.libraries.plans {
		if p.settled && p.chosen == nil {
			all[p.vendor].Left = append(all[p.vendor].Left, p.name+": "+p.why)
		}
	}
	for _, l := range all {
		slices.Sort(l.Left)
	}
	return all
}

// The order of Libraries.
const (
	productLibrary = iota
	convLibrary
)

// libraries is what a device has of them.
type libraries struct {
	product, conv Library
	blas          *C.hdm_blas // nil: not used
	dnn           *C.hdm_dnn
	plans         map[any]*plan
	choices       *choiceFile // nil: no file of measured choices
	failed        error       // the first choice that could not be saved
}

// sonames are the versions that are known to work, the newest first. The one for a newer
// driver than the machine's does not start, so the next is tried.
var (
	productSonames = []string{"libcublasLt.so.13", "libcublasLt.so.12", "libcublasLt.so.11"}
	convSonames    = []string{"libcudnn.so.9", "libcudnn.so.8"}
)

// systemFolders are where libraries are looked for without being told; "": wherever the
// system looks.
var systemFolders = []string{"", "/usr/local/cuda/lib64"}

// openLibraries looks for the libraries: in the folders that HDMNET_CUDA_LIBRARIES names,
// or where the system looks. Only a variable that is set to nonsense is an error.
func (d *Device) openLibraries() error {
	l := &d.libraries
	l.plans = map[any]*plan{}
	l.product = Library{Name: "cuBLASLt", Use: "Linear, 1×1 convolutions and their gradients"}
	l.conv = Library{Name: "cuDNN", Use: "convolutions and their gradients"}
	set := os.Getenv(librariesVariable)
	folders := filepath.SplitList(set)
	switch {
	case set == librariesOff:
		l.product.Reason, l.conv.Reason = librariesVariable+"=off", librariesVariable+"=off"
		return nil
	case set == "" && os.Getenv("HDMNET_CUDA_DRIVER") != "":
		// They would use the system's driver beside the other one.
		why := "HDMNET_CUDA_DRIVER is set: name the folder of libraries for that driver in " + librariesVariable
		l.product.Reason, l.conv.Reason = why, why
		return nil
	case set == "":
		folders = systemFolders
	}
	for _, folder := range folders {
		if info, err := os.Stat(folder); set != "" && (err != nil || !info.IsDir()) {
			return fmt.Errorf("%s: %q is no folder: name folders with %s or %s, separated by %q, or %q", librariesVariable, folder,
				productSonames[0], convSonames[0], string(filepath.ListSeparator), librariesOff)
		}
	}
	var why [256]byte
	text, room := (*C.char)(unsafe.Pointer(&why[0])), C.size_t(len(why))
	l.product.open(folders, productSonames, func(path *C.char) (string, string) {
		if l.blas = C.hdm_blas_open(path, text, room); l.blas == nil {
			return "", C.GoString(text)
		}
		v := int(C.hdm_blas_version(l.blas))
		return fmt.Sprintf("%d.%d.%d", v/10000, v/100%100, v%100), ""
	})
	l.conv.open(folders, convSonames, func(path *C.char) (string, string) {
		if l.dnn = C.hdm_dnn_open(path, cStream(d.stream), text, room); l.dnn == nil {
			return "", C.GoString(text)
		}
		v, unit := int(C.hdm_dnn_version(l.dnn)), 10000
		if v < 10000 { // before version 9
			unit = 1000
		}
		return fmt.Sprintf("%d.%d.%d", v/unit, v%unit/100, v%100), ""
	})
	if err := l.fullGPU(); err != nil {
		return err
	}
	if set != "" && l.blas == nil && l.dnn == nil && !holds(folders, ncclSoname) {
		return fmt.Errorf("%s=%s: no library there can be used: %s; %s; name other folders, or %q to do without", librariesVariable, set,
			l.product.Reason, l.conv.Reason, librariesOff)
	}
	if l.blas == nil && l.dnn == nil {
		return nil
	}
	if err := keepContext(d.index, d.gpu); err != nil {
		return err
	}
	return d.openChoices()
}

// A library that does not start is passed over as one that does not suit the driver, which is the
// same in every run. That other programs have left it no memory is not: startMemory is about what
// a library takes for itself.
const (
	notStarted  = "it does not start" // of the reasons, as library_blas.c and library_dnn.c say it
	startMemory = 512 << 20
)

// fullGPU is an error where a library may not have started for want of memory; on the queue's thread.
func (l *libraries) fullGPU() error {
	for _, x := range []Library{l.product, l.conv} {
		if !strings.Contains(x.Reason, notStarted) {
			continue
		}
		free, total, err := cu.MemInfo()
		if err != nil {
			return driverError(err, "ask for the free memory")
		}
		if free < startMemory {
			return fmt.Errorf("no %s: %s; of the GPU's %s only %s are free, and results would be those of other kernels: wait for the other programs on it (nvidia-smi shows them), or %s=%s does without",
				x.Name, x.Reason, op.FormatBytes(total), op.FormatBytes(free), librariesVariable, librariesOff)
		}
	}
	return nil
}

// holds tells whether one of the folders has a file of that name.
func holds(folders []string, name string) bool {
	return slices.ContainsFunc(folders, func(folder string) bool {
		_, err := os.Stat(filepath.Join(folder, name))
		return err == nil
	})
}

// kept are the numbers of the GPUs whose contexts stay.
var kept struct {
	sync.Mutex
	gpus map[int]bool
}

// keepContext makes a GPU's context stay until the process ends: once in use, the libraries hold
// modules and memory in it that they give back with none of their functions.
func keepContext(index int, gpu cu.Device) error {
	kept.Lock()
	defer kept.Unlock()
	if kept.gpus[index] {
		return nil
	}
	if _, err := gpu.RetainPrimaryCtx(); err != nil {
		return driverError(err, "keep the context")
	}
	if kept.gpus == nil {
		kept.gpus = map[int]bool{}
	}
	kept.gpus[index] = true
	return nil
}

// open tries names in folders; try returns the version, or why not.
func (l *Library) open(folders, names []string, try func(path *C.char) (version, why string)) {
	var reasons []string
	for _, name := range names {
		for _, folder := range folders {
			path := filepath.Join(folder, name)
			if _, err := os.Stat(path); folder != "" && err != nil {
				reasons = append(reasons, path+" does not exist")
				continue
			}
			c := C.CString(path)
			version, why := try(c)
			C.free(unsafe.Pointer(c))
			if why == "" {
				l.Path, l.Version = path, version
				return
			}
			if !strings.Contains(why, name) {
				why = path + ": " + why
			}
			reasons = append(reasons, why)
		}
	}
	l.Reason = strings.Join(reasons, "; ")
}

// describe is what the device's name says of the libraries.
func (l *libraries) describe() string {
	var s string
	for _, x := range []Library{l.product, l.conv} {
		if x.Path == "" {
			s += ", no " + x.Name
		} else {
			s += ", " + x.Name + " " + x.Version
		}
	}
	return s
}

// use makes s the stream of what follows; on the queue's thread. cuBLASLt is told with every product.
func (l *libraries) use(s cu.Stream) error {
	if l.dnn == nil {
		return nil
	}
	return l.dnnError(C.hdm_dnn_use(l.dnn, cStream(s)), "change the stream")
}

// close gives back what the libraries hold; on the queue's thread.
func (l *libraries) close() error {
	errs := []error{l.failed}
	for _, p := range l.plans {
		p.free()
	}
	l.plans = nil
	if l.blas != nil {
		if status := C.hdm_blas_close(l.blas); status != 0 {
			errs = append(errs, fmt.Errorf("cuBLASLt does not end: status %d", int(status)))
		}
	}
	if l.dnn != nil {
		if status := C.hdm_dnn_close(l.dnn); status != 0 {
			errs = append(errs, fmt.Errorf("cuDNN does not end: status %d", int(status)))
		}
	}
	l.blas, l.dnn = nil, nil
	return errors.Join(errs...)
}

// unsupported is a library's answer that it does not do a shape on this GPU. That is the same in
// every run; whatever else goes wrong may not be, and must not change which kernels compute.
type unsupported struct{ error }

func (l *libraries) blasError(status C.int, doing string) error {
	if status == C.CUBLAS_STATUS_SUCCESS {
		return nil
	}
	err := fmt.Errorf("%s: cuBLASLt: %s (%d)", doing, C.GoString(C.hdm_blas_status(l.blas, status)), int(status))
	if status == C.CUBLAS_STATUS_NOT_SUPPORTED || status == C.CUBLAS_STATUS_ARCH_MISMATCH {
		return &unsupported{err}
	}
	return err
}

func (l *libraries) dnnError(status C.int, doing string) error {
	if status == C.CUDNN_STATUS_SUCCESS {
		return nil
	}
	err := fmt.Errorf("%s: cuDNN: %s (%d)", doing, C.GoString(C.hdm_dnn_status(l.dnn, status)), int(status))
	if status == C.CUDNN8_STATUS_NOT_SUPPORTED || status == C.CUDNN8_STATUS_ARCH_MISMATCH ||
		status >= C.CUDNN_STATUS_NOT_SUPPORTED && status < C.CUDNN_STATUS_INTERNAL_ERROR {
		return &unsupported{err}
	}
	return err
}
