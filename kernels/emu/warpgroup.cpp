// warpgroup.cpp: what fibres call of wgmma.cpp. Each warp meets by itself and has its own 16 rows.
#include "../hdm_wgmma.cuh"
#include "wgmma.h"

namespace hdm {

namespace {

int this_warp() { return this_thread()->number / 32; }

// meet calls run, which is the same for all lanes, when the whole warp has come.
void meet(WarpOp &op, void (*run)(WarpOp *const (&lanes)[32]), const char *name, Where where)
{
	op.run = run;
	op.name = name;
	warp_op(&op, 0xffffffffu, where);
}

struct ProductOp : WarpOp {
	float *d;
	int n;
	u64 a, b;
};

// add_product adds up the products before D.
void add_product(float *d, const float (&a)[16][16], const float *b, int n)
{
	for (int i = 0; i < 16; i++)
		for (int j = 0; j < n; j++) {
			float sum = 0;
			for (int k = 0; k < 16; k++)
				sum += a[i][k] * b[k * n + j];
			d[i * n + j] += sum;
		}
}

float *at(const void *lanes, int r, int lane) { return ((ProductOp *const *)lanes)[lane]->d + r; }

void run_product(WarpOp *const (&lanes)[32])
{
	Thread *me = this_thread();
	ProductOp *const *ops = (ProductOp *const *)lanes;
	for (int l = 0; l < 32; l++)
		if (!ops[l] || ops[l]->a != ops[0]->a || ops[l]->b != ops[0]->b || ops[l]->n != ops[0]->n)
			worker_fault(CUDA_ERROR_LAUNCH_FAILED, "wgmma_f16: a matrix that differs from the first lane's, or fewer than 32 threads");
	wgmma_start(this_warp(), {ops[0]->a, ops[0]->b, ops[0]->n, true, ops, &at, &add_product});
	self = me;
}

void run_fence(WarpOp *const (&)[32]) { wgmma_fence(this_warp()); }

void run_commit(WarpOp *const (&)[32]) { wgmma_commit(this_warp()); }

struct WaitOp : WarpOp {
	int groups;
};

void run_wait(WarpOp *const (&lanes)[32])
{
	Thread *me = this_thread();
	wgmma_wait(this_warp(), ((WaitOp *)lanes[0])->groups);
	self = me;
}

} // namespace

void warpgroup_fence(Where where)
{
	WarpOp op;
	meet(op, run_fence, "wgmma_fence", where);
}

void warpgroup_product(float *d, int n, u64 a, u64 b, Where where)
{
	ProductOp op;
	op.d = d;
	op.n = n;
	op.a = a;
	op.b = b;
	meet(op, run_product, "wgmma_f16", where);
}

void warpgroup_commit(Where where)
{
	WarpOp op;
	meet(op, run_commit, "wgmma_commit", where);
}

void warpgroup_wait(int groups, Where where)
{
	WaitOp op;
	op.groups = groups;
	meet(op, run_wait, "wgmma_wait", where);
}

void proxy_fence() { race_proxy_fence(this_thread()); }

u32 shared_offset(const void *p) { return (u32)((const char *)p - worker->shared_base); }

} // namespace hdm
