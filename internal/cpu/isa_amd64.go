package cpu

import (
	"math"

	"golang.org/x/sys/cpu"
)

func assemblySets() []*instructionSet {
	avx512 := &instructionSet{name: "avx512", mr: 14, nr: 32, tile: tileAVX512, halfTile: halfTileAVX512, copyRows: copyRowsAVX512, copyMax: 32, transpose8: transpose8AVX2, loops: loopsAVX512,
		winogradInput: winogradInputAVX512, winogradOutput: winogradOutputAVX512, prefetch: prefetchAMD64,
		usable: cpu.X86.HasAVX512F && cpu.X86.HasAVX512DQ && cpu.X86.HasAVX512VL && cpu.X86.HasAVX2, requires: "AVX-512F, DQ or VL"}
	if cpu.X86.HasAVX512BF16 {
		avx512.bf16 = avx512.inPairs(tileBF16, halfTileBF16, roundRowsBF16)
	}
	return []*instructionSet{
		avx512,
		{name: "avx2", mr: 6, nr: 16, tile: tileAVX2, halfTile: halfTileAVX2, copyRows: copyRowsGo, copyMax: math.MaxInt, transpose8: transpose8AVX2, loops: loopsAVX2,
			winogradInput: winogradInputAVX2, winogradOutput: winogradOutputAVX2, prefetch: prefetchAMD64,
			usable: cpu.X86.HasAVX2 && cpu.X86.HasFMA, requires: "AVX2 or FMA"},
	}
}
