package cpu

import (
	"math"

	"golang.org/x/sys/cpu"

	"hdmnet/internal/op"
)

func assemblySets() []*instructionSet {
	avx512 := &instructionSet{name: "avx512", mr: 14, nr: 32, step: 1, tile: tileAVX512, halfTile: halfTileAVX512, copyRows: copyRowsAVX512, copyMax: 32, transpose8: transpose8AVX2, loops: loopsAVX512,
		winogradInput: winogradInputAVX512, winogradOutput: winogradOutputAVX512, prefetch: prefetchAMD64,
		usable: cpu.X86.HasAVX512F && cpu.X86.HasAVX512DQ && cpu.X86.HasAVX512VL && cpu.X86.HasAVX2, requires: "AVX-512F, DQ or VL"}
	if cpu.X86.HasAVX512BF16 && cpu.X86.HasAVX512BW {
		avx512.alongRows = [2]pairingFunc{rowRoundedBF16, rowRestBF16}
		avx512.acrossRows = [2]pairingFunc{columnRoundedBF16, columnRestBF16}
		avx512.softmax, avx512.gelu = softmaxBF16, rowGELUBF16
		avx512.pairs = map[op.Precision]*instructionSet{
			op.BF16:   avx512.inPairs(op.BF16, rounded, tileBF16, halfTileBF16),
			op.BF16X3: avx512.inPairs(op.BF16X3, split, tileBF16, halfTileBF16),
		}
	}
	amx := avx512.withTiles("amx", "AMX-TILE or AMX-BF16, or its operating system the support for them",
		avx512.usable && avx512.pairs != nil && tilesUsable(), columnAMX)
	return []*instructionSet{
		amx,
		avx512,
		{name: "avx2", mr: 6, nr: 16, step: 1, tile: tileAVX2, halfTile: halfTileAVX2, copyRows: copyRowsGo, copyMax: math.MaxInt, transpose8: transpose8AVX2, loops: loopsAVX2,
			winogradInput: winogradInputAVX2, winogradOutput: winogradOutputAVX2, prefetch: prefetchAMD64,
			usable: cpu.X86.HasAVX2 && cpu.X86.HasFMA, requires: "AVX2 or FMA"},
	}
}
