// warpgroups.cpp: wgmma, products of four warps. Each warp makes its own 16 rows of the 64.
#include "../wgmma.h"
#include "decode.h"
#include "tensor.h"

namespace hdm::ptx {

namespace {

void fence(Warp &w, const Ins &) { wgmma_fence(w.first / 32); }
void commit(Warp &w, const Ins &) { wgmma_commit(w.first / 32); }

void wait(Warp &w, const Ins &i)
{
	wgmma_wait(w.first / 32, i.count);
	w.products = wgmma_waits(w.first / 32);
}

// add_product adds in the order of tensor.cpp, 8 columns after each other.
void add_product(float *d, const float (&a)[16][16], const float *b, int n)
{
	const TensorModel &m = tensor_model();
	for (int j = 0; j < n; j += 8) {
		float to[16][8], from[16][8];
		for (int r = 0; r < 16; r++)
			for (int c = 0; c < 8; c++) {
				to[r][c] = d[r * n + j + c];
				from[r][c] = b[r * n + j + c];
			}
		tensor_product<16>(to, a, from, m.halves, m.extra);
		for (int r = 0; r < 16; r++)
			for (int c = 0; c < 8; c++)
				d[r * n + j + c] = number(to[r][c]);
	}
}

// Registers says where the warp's registers of D are: those that the statement names first.
struct Registers {
	const Warp &warp;
	const Operand *of;
};

float *at(const void *registers, int r, int lane)
{
	auto *all = (const Registers *)registers;
	return (float *)all->warp.at(all->of[r]) + lane;
}

void start(Warp &w, const Ins &i)
{
	auto *a = (const u64 *)w.at(i.s[0]), *b = (const u64 *)w.at(i.s[1]);
	u32 add = w.votes(i.s[2], all_lanes);
	for (int l = 1; l < 32; l++)
		if (a[l] != a[0] || b[l] != b[0] || (add >> l & 1) != (add & 1)) {
			here(w, l);
			worker_fault(CUDA_ERROR_LAUNCH_FAILED, "a matrix descriptor or scale-d that differs from the first lane's");
		}
	Registers d = {w, w.named + i.first_register};
	wgmma_start(w.first / 32, {a[0], b[0], i.count * 2, (add & 1) != 0, &d, &at, &add_product});
	w.products = true;
}

void make_mma_async(Decoder &d)
{
	int n = 0;
	for (int columns = 8; columns <= 256; columns += 8)
		if (d.take(format("m64n%dk16", columns)))
			n = columns;
	if (!n)
		d.fail("its shape is not supported");
	for (const char *word : {"f32", "f16", "f16"})
		d.need(word);
	if (d.accumulators(Type::f32) != n / 2)
		d.fail("it has another number of registers");
	d.source(0, Type::b64);
	d.source(1, Type::b64);
	d.source(2, Type::pred);
	for (const char *what : {"imm-scale-a", "imm-scale-b"})
		if (d.number() != 1)
			d.fail(format("%s other than 1 is not supported", what));
	for (const char *what : {"imm-trans-a", "imm-trans-b"})
		if (d.number() != 0)
			d.fail(format("%s other than 0 is not supported", what));
	d.out.run = &start;
}

void make_wgmma(Decoder &d)
{
	if (!d.is_for("sm_90a"))
		d.fail("it needs .target sm_90a");
	int what = d.choice({"fence", "commit_group", "wait_group", "mma_async"});
	d.need("sync");
	d.need("aligned");
	d.out.kind = Kind::meeting;
	d.out.whole = true;
	switch (what) {
	case 0: d.out.run = &fence; break;
	case 1: d.out.run = &commit; break;
	case 2:
		d.out.run = &wait;
		d.out.count = (int)d.number();
		break;
	case 3: make_mma_async(d); break;
	default: d.fail("it is not supported");
	}
}

} // namespace

const std::vector<Family> warpgroup_family = {{"wgmma", make_wgmma}};

} // namespace hdm::ptx
