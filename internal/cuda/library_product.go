//go:build cuda

package cuda

/*
#include "library.h"
*/
import "C"

import (
	"fmt"
	"math"
)

// productKey is everything that cuBLASLt's candidates for a product depend on.
type productKey struct {
	layout              string
	m, n, k             int
	lda, ldb, ldc       int
	precision           precision
	bias, relu          bool
	adds                bool // C or a residual is added
	a, b, c, d, biasPtr int  // alignments
}

// alignment is the largest power of two that divides an address, at most 256.
func alignment(p pointer) int {
	if p == 0 {
		return 256
	}
	return min(256, int(p&-p))
}

// productByLibrary queues a product of float32 in fp32 or tf32 by cuBLASLt, or returns
// false. own computes it instead, into another C.
func (d *Device) productByLibrary(layout string, g gemmArgs, p precision, own func(gemmArgs)) bool {
	l := &d.libraries
	if l.blas == nil || g.accumulate != 0 && g.residual != 0 || max(g.m, g.n, g.k, g.lda, g.ldb, g.ldc) > math.MaxInt32 {
		return false
	}
	added := g.residual
	if g.accumulate != 0 {
		added = g.c
	}
	var beta float32
	if added != 0 {
		beta = 1
	}
	key := productKey{layout: layout, m: g.m, n: g.n, k: g.k, lda: g.lda, ldb: g.ldb, ldc: g.ldc, precision: p,
		bias: g.bias != 0, relu: g.relu != 0, adds: added != 0,
		a: alignment(g.a), b: alignment(g.b), c: alignment(added), d: alignment(g.c), biasPtr: alignment(g.bias)}
	return d.byLibrary(job{
		key:    key,
		build:  func() (*plan, error) { return d.productPlan(key, g.bias, beta) },
		floats: (g.m-1)*g.ldc + g.n,
		out:    g.c,
		at: func(out pointer) [5]pointer {
			from := added
			if from == 0 {
				from = out
			}
			return [5]pointer{g.b, g.a, from, out, g.bias} // transposed: see productPlan
		},
		own: func(out pointer) {
			other := g
			other.c = out
			own(other)
		},
	})
}

func (k productKey) name() string {
	s := fmt.Sprintf("%s product %s %d×%d×%d ld %d,%d,%d", k.precision, k.layout, k.m, k.n, k.k, k.lda, k.ldb, k.ldc)
	for _, x := range []struct {
		is   bool
		word string
	}{{k.bias, " bias"}, {k.relu, " relu"}, {k.adds, " added"}} {
		if x.is {
			s += x.word
		}
	}
	return s + fmt.Sprintf(" aligned %d,%d,%d,%d,%d", k.a, k.b, k.c, k.d, k.biasPtr)
}

// productPlan asks cuBLASLt for candidates; on the queue's thread. cuBLASLt's matrices lie
// by columns, so that our rows are its columns and it computes Cᵀ = Bᵀ·Aᵀ: its A is our B.
func (d *Device) productPlan(k productKey, bias pointer, beta float32) (*plan, error) {
	l := &d.libraries
	p := C.hdm_product{m: C.int64_t(k.n), n: C.int64_t(k.m), k: C.int64_t(k.k), lda: C.int64_t(k.ldb), ldb: C.int64_t(k.lda), ldd: C.int64_t(k.ldc),
		input: C.CUDA_R_32F, compute: C.CUBLAS_COMPUTE_32F, workspace: productWorkspace}
	switch k.layout {
	case "nt":
		p.transa = C.CUBLAS_OP_T
	case "tn":
		p.transb = C.CUBLAS_OP_T
	}
	if k.precision == tf32 {
		p.compute = C.CUBLAS_COMPUTE_32F_FAST_TF32
	}
	if k.bias {
		p.bias = 1
	}
	if k.relu {
		p.relu = 1
	}
	for i, a := range []int{k.b, k.a, k.c, k.d} {
		p.align[i] = C.uint32_t(a)
	}
	if !k.adds {
		p.align[2] = p.align[3] // C stands for D
	}
	made := &plan{name: k.name(), vendor: productLibrary}
	held := new(C.hdm_product_plan)
	made.free = func() { C.hdm_product_free(l.blas, held) }
	if err := l.blasError(C.hdm_product_new(l.blas, &p, C.CUdeviceptr(bias), held), "choose an algorithm"); err != nil {
		return made, made.leave(err)
	}
	for i := range int(held.count) {
		made.candidates = append(made.candidates, candidate{
			workspace: int64(held.result[i].workspaceSize),
			run: func(at [5]pointer, workspace pointer) error {
				operands := [6]C.CUdeviceptr{5: C.CUdeviceptr(workspace)}
				for j, p := range at {
					operands[j] = C.CUdeviceptr(p)
				}
				status := C.hdm_product_run(l.blas, held, C.int(i), &operands[0], C.float(beta), cStream(d.stream))
				return l.blasError(status, made.name)
			},
		})
	}
	return made, nil
}
