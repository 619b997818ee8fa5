// Package device opens the place where a network runs, by the name a person gives it.
package device

import (
	"errors"
	"fmt"
	"sort"
	"strconv"
	"strings"

	"hdmnet/internal/cpu"
	"hdmnet/internal/op"
)

// ErrName is what errors.Is finds in the error of a name that means no device at all.
var ErrName = errors.New("expected auto, cpu, cuda or cuda:N (N = 0, 1, …)")

// opener opens device number index of one kind in a precision.
type opener func(index int, p op.Precision) (op.Device, error)

// kinds are the accelerators of this build by the part of their name before the colon.
// The file that brings one, and its build tag with it, adds it here.
var kinds = map[string]opener{}

// howToGet says for a kind that this build lacks how to build one that has it.
var howToGet = map[string]string{
	"cuda": "this hdmnet was built without CUDA: build with -tags cuda (needs a C compiler), or choose cpu or auto",
}

// Names are the names worth offering: those that Open may succeed with.
func Names() []string {
	names := []string{"auto", "cpu"}
	for _, kind := range sortedKinds() {
		names = append(names, kind+":0")
	}
	return names
}

// Open opens a device to compute in precision p and says in one line why it is this one.
//
//	auto     the first accelerator that opens, otherwise the CPU
//	cpu      the CPU, with GOMAXPROCS threads
//	cuda:N   NVIDIA GPU number N; cuda is cuda:0
//
// A device asked for by name is never replaced by another one: when it cannot be
// opened, that is an error. So is a precision that the device lacks, also for auto.
// errors.Is(err, ErrName) tells a name that means nothing.
func Open(name string, p op.Precision) (op.Device, string, error) {
	switch name {
	case "auto":
		return openAuto(p)
	case "cpu":
		dev, err := openCPU(p)
		return dev, "asked for", err
	}
	kind, number, numbered := strings.Cut(name, ":")
	if !numbered {
		number = "0"
	}
	index, err := strconv.Atoi(number)
	if err != nil || index < 0 || kinds[kind] == nil && howToGet[kind] == "" {
		return nil, "", fmt.Errorf("device %q: %w", name, ErrName)
	}
	open := kinds[kind]
	if open == nil {
		return nil, "", fmt.Errorf("device %s: %s", name, howToGet[kind])
	}
	dev, err := open(index, p)
	if err != nil {
		return nil, "", fmt.Errorf("device %s: %w", name, err)
	}
	return dev, "asked for", nil
}

func openAuto(p op.Precision) (op.Device, string, error) {
	var failed []string
	for _, kind := range sortedKinds() {
		dev, err := kinds[kind](0, p)
		if err == nil {
			return dev, "the first " + kind + " device", nil
		}
		failed = append(failed, fmt.Sprintf("%s:0: %v", kind, err))
	}
	why := "this hdmnet was built for the CPU alone"
	if len(failed) > 0 {
		why = strings.Join(failed, "; ")
	}
	dev, err := openCPU(p)
	if err != nil {
		err = fmt.Errorf("%w (device auto found no accelerator: %s)", err, why)
	}
	return dev, why, err
}

func openCPU(p op.Precision) (op.Device, error) {
	dev, err := cpu.Open(p)
	if err != nil {
		return nil, fmt.Errorf("device cpu: %w", err)
	}
	return dev, nil
}

func sortedKinds() []string {
	var names []string
	for kind := range kinds {
		names = append(names, kind)
	}
	sort.Strings(names)
	return names
}
