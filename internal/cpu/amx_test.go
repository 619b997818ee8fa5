//go:build linux && amd64 && cgo

package cpu

import (
	"testing"

	"hdmnet/internal/cpu/amxemu"
)

func init() {
	emulatedTiles = func(t testing.TB) *instructionSet {
		amx, avx512 := setNamed("amx"), setNamed("avx512")
		if amx.usable || !avx512.usable || avx512.pairs == nil {
			return nil
		}
		if err := amxemu.Install(); err != nil {
			t.Fatal(err)
		}
		begun := amxemu.Executed()
		t.Cleanup(func() {
			if err := amxemu.Check(); err != nil {
				t.Error(err)
			}
			if amxemu.Executed() == begun && !t.Failed() && !t.Skipped() {
				t.Error("no tile instruction was executed")
			}
		})
		return amx
	}
}

// setNamed is the instruction set of that name.
func setNamed(name string) *instructionSet {
	for _, isa := range instructionSets {
		if isa.name == name {
			return isa
		}
	}
	return nil
}
