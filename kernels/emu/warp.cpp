// warp.cpp: operations of a warp, by their definition in the PTX manual.
#include "race.h"

namespace hdm {

namespace {

struct ShuffleOp : WarpOp {
	Shuffle mode;
	u32 in, out;
	int x;
};

void run_shuffle(WarpOp *const (&lanes)[32])
{
	for (int i = 0; i < 32; i++) {
		ShuffleOp *op = (ShuffleOp *)lanes[i];
		if (!op)
			continue;
		int from = i;
		switch (op->mode) {
		case Shuffle::idx: from = op->x & 31; break;
		case Shuffle::bfly: from = (i ^ op->x) & 31; break;
		case Shuffle::up: from = i - op->x; break;
		case Shuffle::down: from = i + op->x; break;
		}
		if (from < 0 || from > 31)
			from = i;
		if (!lanes[from])
			worker_fault(CUDA_ERROR_LAUNCH_FAILED, format("%s: lane %d reads lane %d, which takes no part", op->name, i, from));
		op->out = ((ShuffleOp *)lanes[from])->in;
	}
}

struct BallotOp : WarpOp {
	bool in;
	u32 out;
};

void run_ballot(WarpOp *const (&lanes)[32])
{
	u32 votes = 0;
	for (int i = 0; i < 32; i++)
		if (lanes[i] && ((BallotOp *)lanes[i])->in)
			votes |= 1u << i;
	for (WarpOp *op : lanes)
		if (op)
			((BallotOp *)op)->out = votes;
}

void run_nothing(WarpOp *const (&)[32]) {}

enum class Format { bf16, f16, tf32 };

// Mma is a lane's part in a product: 4 numbers of D and its registers of A and B.
struct Mma {
	Format format;
	float *d;
	const u32 *a, *b;
};

// MmaOp is products that a warp makes when it meets: one, or those of a mma_together.
struct MmaOp : WarpOp {
	static constexpr int most = 16;
	int n = 0;
	Mma mma[most];
};

void whole_warp(WarpOp *const (&lanes)[32])
{
	for (int i = 0; i < 32; i++)
		if (!lanes[i])
			worker_fault(CUDA_ERROR_LAUNCH_FAILED, "an operation of the tensor cores in a warp of fewer than 32 threads");
}

float bf16_half(u32 v, int half)
{
	return __builtin_bit_cast(float, (half ? v >> 16 : v & 0xffff) << 16);
}

// multiply adds A[16×K]·B[K×8] to the fragments of the k-th products.
template <int K> void multiply(WarpOp *const (&lanes)[32], int at, const float (&a)[16][K], const float (&b)[K][8])
{
	for (int i = 0; i < 16; i++) {
		float sum[8] = {};
		for (int k = 0; k < K; k++)
			for (int j = 0; j < 8; j++)
				sum[j] += a[i][k] * b[k][j];
		for (int j = 0; j < 8; j++)
			((MmaOp *)lanes[i % 8 * 4 + j / 2])->mma[at].d[i / 8 * 2 + j % 2] += sum[j];
	}
}

float f16_half(u32 v, int half) { return (float)__builtin_bit_cast(_Float16, (u16)(half ? v >> 16 : v)); }

// halves is m16n8k16 of two numbers a register, which value takes out.
template <float value(u32 v, int half)> void halves(WarpOp *const (&lanes)[32], int at)
{
	float a[16][16], b[16][8];
	for (int l = 0; l < 32; l++) {
		const Mma &m = ((MmaOp *)lanes[l])->mma[at];
		int g = l / 4, t = l % 4;
		for (int r = 0; r < 4; r++)
			for (int h = 0; h < 2; h++)
				a[g + r % 2 * 8][2 * t + h + r / 2 * 8] = value(m.a[r], h);
		for (int r = 0; r < 2; r++)
			for (int h = 0; h < 2; h++)
				b[2 * t + h + r * 8][g] = value(m.b[r], h);
	}
	multiply<16>(lanes, at, a, b);
}

void tf32(WarpOp *const (&lanes)[32], int at)
{
	float a[16][8], b[8][8];
	for (int l = 0; l < 32; l++) {
		const Mma &m = ((MmaOp *)lanes[l])->mma[at];
		int g = l / 4, t = l % 4;
		for (int r = 0; r < 4; r++) // the hardware reads the upper 19 bits
			a[g + r % 2 * 8][t + r / 2 * 4] = __builtin_bit_cast(float, m.a[r] & ~0x1fffu);
		for (int r = 0; r < 2; r++)
			b[t + r * 4][g] = __builtin_bit_cast(float, m.b[r] & ~0x1fffu);
	}
	multiply<8>(lanes, at, a, b);
}

void run_mma(WarpOp *const (&lanes)[32])
{
	whole_warp(lanes);
	int n = ((MmaOp *)lanes[0])->n;
	for (int l = 1; l < 32; l++)
		if (((MmaOp *)lanes[l])->n != n)
			worker_fault(CUDA_ERROR_LAUNCH_FAILED, format("%s: lane 0 has %d products, lane %d has %d", lanes[0]->name, n, l, ((MmaOp *)lanes[l])->n));
	for (int at = 0; at < n; at++)
		switch (((MmaOp *)lanes[0])->mma[at].format) {
		case Format::bf16: halves<bf16_half>(lanes, at); break;
		case Format::f16: halves<f16_half>(lanes, at); break;
		case Format::tf32: tf32(lanes, at); break;
		}
}

void meet(MmaOp *op, const char *name, Where where)
{
	op->run = run_mma;
	op->name = name;
	warp_op(op, 0xffffffffu, where);
}

// add makes a product now, or with others.
void add(Format format, const char *name, float *d, const u32 *a, const u32 *b, Where where)
{
	if (MmaOp *together = (MmaOp *)this_thread()->together) {
		if (together->n == MmaOp::most)
			worker_fault(CUDA_ERROR_LAUNCH_FAILED, "more products in one mma_together than the emulator takes");
		together->mma[together->n++] = {format, d, a, b};
		return;
	}
	MmaOp op;
	op.mma[op.n++] = {format, d, a, b};
	meet(&op, name, where);
}

struct LdmatrixOp : WarpOp {
	u32 *r;
	const u16 *row;
};

template <bool trans> void run_ldmatrix(WarpOp *const (&lanes)[32])
{
	whole_warp(lanes);
	Thread *me = this_thread();
	for (int l = 0; l < 32; l++) {
		const u16 *row = ((LdmatrixOp *)lanes[l])->row;
		if ((uintptr_t)row % 16)
			worker_fault(CUDA_ERROR_MISALIGNED_ADDRESS, format("ldmatrix: lane %d's row at %p is not aligned to 16", l, (const void *)row));
		self = &worker->thread[(me->number & ~31) + l]; // who reads
		if (shadow)
			check_access((uintptr_t)row, 16, reading, nullptr);
	}
	self = me;
	for (int l = 0; l < 32; l++) {
		int g = l / 4, t = l % 4;
		for (int m = 0; m < 4; m++) {
			u32 lo, hi;
			if (trans) {
				lo = ((LdmatrixOp *)lanes[m * 8 + 2 * t])->row[g];
				hi = ((LdmatrixOp *)lanes[m * 8 + 2 * t + 1])->row[g];
			} else {
				lo = ((LdmatrixOp *)lanes[m * 8 + g])->row[2 * t];
				hi = ((LdmatrixOp *)lanes[m * 8 + g])->row[2 * t + 1];
			}
			((LdmatrixOp *)lanes[l])->r[m] = lo | hi << 16;
		}
	}
}

} // namespace

u32 shuffle(Shuffle mode, u32 mask, u32 v, int x, Where where)
{
	ShuffleOp op;
	op.run = run_shuffle;
	op.name = "__shfl_sync";
	op.mode = mode;
	op.in = v;
	op.x = x;
	warp_op(&op, mask, where);
	return op.out;
}

u32 ballot(u32 mask, bool p, Where where)
{
	BallotOp op;
	op.run = run_ballot;
	op.name = "__ballot_sync";
	op.in = p;
	warp_op(&op, mask, where);
	return op.out;
}

// sync_warp alone orders memory: shuffles and votes do not (CUDA C++ Programming Guide).
void sync_warp(u32 mask, Where where)
{
	WarpOp op;
	op.run = run_nothing;
	op.name = "__syncwarp";
	op.orders = true;
	warp_op(&op, mask, where);
}

void mma_bf16(float *d, const u32 *a, const u32 *b, Where where) { add(Format::bf16, "mma_bf16", d, a, b, where); }
void mma_f16(float *d, const u32 *a, const u32 *b, Where where) { add(Format::f16, "mma_f16", d, a, b, where); }
void mma_tf32(float *d, const u32 *a, const u32 *b, Where where) { add(Format::tf32, "mma_tf32", d, a, b, where); }

void mma_together(void (*body)(void *), void *arguments, Where where)
{
	MmaOp op;
	Thread *me = this_thread();
	me->together = &op;
	body(arguments);
	me->together = nullptr;
	meet(&op, "mma_together", where);
}

void ldmatrix(u32 *r, const void *row, bool trans, Where where)
{
	LdmatrixOp op;
	op.run = trans ? run_ldmatrix<true> : run_ldmatrix<false>;
	op.name = "ldmatrix_x4";
	op.r = r;
	op.row = (const u16 *)row;
	warp_op(&op, 0xffffffffu, where);
}

} // namespace hdm
