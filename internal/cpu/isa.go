package cpu

import (
	"fmt"
	"math"
	"os"
	"strings"
	"sync"

	"hdmnet/internal/op"
)

//go:generate go run asm/gen.go asm/bf16.go asm/softmax.go asm/gelu.go -out gemm_amd64.s -stubs gemm_amd64.go -pkg cpu

// instructionSet is one way to compute a tile of a matrix product, to pack its
// operands and to run the loops of the other operators.
type instructionSet struct {
	name       string
	mr, nr     int // rows and columns of a tile; at most maxMR and maxNR
	tile       tileFunc
	halfTile   tileFunc   // the first nr/2 columns of a tile, or nil
	column     columnFunc // in the place of tile, of a set whose products are by AMX, else nil
	copyRows   copyRowsFunc
	copyMax    int // the most columns that copyRows takes
	transpose8 transpose8Func
	loops      vectorLoops
	// The transforms of Winograd's algorithm; see winograd_transform.go for the arguments.
	winogradInput  func(v *float32, size int, in *[winogradSize]*float32, n int, work *float32)
	winogradOutput func(out *[winogradTile * winogradTile]*float32, m *float32, size int, bias *float32,
		add *[winogradTile * winogradTile]*float32, n int, floor float32, work *float32)
	prefetch prefetchFunc
	step     int // of the inner dimension that the tile takes at a time; packed operands fill it with zeros
	// Products of pairs of bf16; see gemm_bf16.go. An array of functions has one for each term.
	pairs      map[op.Precision]*instructionSet // those whose elements are pairs, by precision
	terms      *bf16Terms                       // of one of those, else nil
	alongRows  [2]pairingFunc
	acrossRows [2]pairingFunc
	gelu       pairingFunc // along rows: pairs of x·Φ(x), rounded, with Φ off by at most 6e-6
	softmax    softmaxFunc
	usable     bool   // this processor and operating system have it
	requires   string // what usable asks for
}

const (
	maxMR = 32
	maxNR = 32
)

// instructionSets lists what the program knows on this architecture, best
// first; the last one runs everywhere.
var instructionSets = append(assemblySets(),
	&instructionSet{name: "go", mr: 4, nr: 4, step: 1, tile: tileGo, copyRows: copyRowsGo, copyMax: math.MaxInt, transpose8: transpose8Go,
		winogradInput: winogradInputGo, winogradOutput: winogradOutputGo, prefetch: prefetchNone, usable: true})

// activeISA is the instruction set of all matrix products. It is chosen once.
var activeISA = sync.OnceValues(func() (*instructionSet, error) {
	return chooseISA(os.Getenv("HDMNET_CPU"))
})

// ISA returns the name of the instruction set that the matrix products use:
// "amx" (AVX-512, and AMX for products of bf16), "avx512", "avx2" or "go". It is the best one this processor has, or the one
// that the environment variable HDMNET_CPU names; a name that is unknown, or
// that this processor lacks, is an error.
func ISA() (string, error) {
	isa, err := activeISA()
	if err != nil {
		return "", err
	}
	return isa.name, nil
}

// chooseISA returns the instruction set called name, or the best one if name
// is empty.
func chooseISA(name string) (*instructionSet, error) {
	var names []string
	for _, isa := range instructionSets {
		if isa.usable && (name == "" || name == isa.name) {
			return isa, nil
		}
		if isa.name == name {
			return nil, fmt.Errorf("HDMNET_CPU=%s: this processor lacks %s; unset HDMNET_CPU to use the best it has", name, isa.requires)
		}
		names = append(names, isa.name)
	}
	return nil, fmt.Errorf("HDMNET_CPU=%s: unknown instruction set; want one of %s, or leave it unset", name, strings.Join(names, ", "))
}

// currentISA returns the instruction set in use and panics where ISA errs:
// device open has reported that error before.
func currentISA() *instructionSet {
	isa, err := activeISA()
	if err != nil {
		panic(err)
	}
	return isa
}
