// cublaslt.cpp: cuBLASLt's product of matrices, by definition.
#include "library.h"

#include <algorithm>
#include <cstring>

using namespace emu;

namespace {

struct Handle {};
struct Desc {
	int compute, scale;
	int32_t transa = CUBLAS_OP_N, transb = CUBLAS_OP_N;
	uint32_t epilogue = CUBLASLT_EPILOGUE_DEFAULT;
	const void *bias = nullptr;
};
struct Layout {
	int type;
	uint64_t rows, cols;
	int64_t ld;
	size_t bytes() const { return ((cols - 1) * (uint64_t)ld + rows) * (type == CUDA_R_32F ? 4 : 2); }
};
struct Preference {
	uint64_t workspace = 0;
	uint32_t reduction = 7;
	uint32_t align[4] = {256, 256, 256, 256};
};

uint32_t alignment(const void *p)
{
	uint64_t a = (uint64_t)address(p);
	return p ? (uint32_t)std::min<uint64_t>(256, a & -a) : 256;
}

// Choice is what an algorithm was chosen for; it lies in cublasLtMatmulAlgo_t.
struct Choice {
	uint32_t magic, number;
	uint64_t workspace;
	uint64_t problem; // all that the algorithm depends on
	uint32_t align[5];
};
static_assert(sizeof(Choice) <= sizeof(cublasLtMatmulAlgo_t));
constexpr uint32_t magic = 0x4c74416c;
constexpr int internal_error = 14;

uint64_t problem(const Desc &o, const Layout &a, const Layout &b, const Layout &c, const Layout &d)
{
	uint64_t h = 1469598103934665603u;
	auto add = [&](uint64_t v) { h = (h ^ v) * 1099511628211u; };
	for (uint64_t v : {(uint64_t)o.compute, (uint64_t)o.scale, (uint64_t)o.transa, (uint64_t)o.transb, (uint64_t)o.epilogue})
		add(v);
	for (const Layout *l : {&a, &b, &c, &d})
		for (uint64_t v : {(uint64_t)l->type, l->rows, l->cols, (uint64_t)l->ld})
			add(v);
	return h;
}

// consistent checks what the documentation of cublasLtMatmul asks of types and shapes.
bool consistent(const char *f, const Desc &o, const Layout &a, const Layout &b, const Layout &c, const Layout &d)
{
	auto rows = [](const Layout &l, int32_t t) { return t == CUBLAS_OP_T ? l.cols : l.rows; };
	auto cols = [](const Layout &l, int32_t t) { return t == CUBLAS_OP_T ? l.rows : l.cols; };
	if (!check(rows(a, o.transa) == d.rows && cols(b, o.transb) == d.cols && cols(a, o.transa) == rows(b, o.transb), f,
	           "op(A) is %zu×%zu, op(B) %zu×%zu, D %zu×%zu", (size_t)rows(a, o.transa), (size_t)cols(a, o.transa),
	           (size_t)rows(b, o.transb), (size_t)cols(b, o.transb), (size_t)d.rows, (size_t)d.cols))
		return false;
	if (!check(c.rows == d.rows && c.cols == d.cols && c.type == d.type, f, "C and D differ in shape or type"))
		return false;
	bool floats = a.type == CUDA_R_32F && b.type == CUDA_R_32F && d.type == CUDA_R_32F;
	bool halves = a.type == CUDA_R_16BF && b.type == CUDA_R_16BF && (d.type == CUDA_R_32F || d.type == CUDA_R_16BF) && o.compute == CUBLAS_COMPUTE_32F;
	if (!check(floats || halves, f, "types A %d, B %d, D %d with compute type %d are not in the table of cublasLtMatmul", a.type, b.type, d.type, o.compute))
		return false;
	bool biased = o.epilogue & CUBLASLT_EPILOGUE_BIAS;
	return check(!biased || o.bias, f, "the epilogue has a bias, and there is no bias pointer");
}

float value(const Layout &l, const void *p, uint64_t row, uint64_t col)
{
	uint64_t at = col * (uint64_t)l.ld + row;
	return l.type == CUDA_R_32F ? ((const float *)p)[at] : bf16_value(((const uint16_t *)p)[at]);
}

// touch checks every column on its own: what lies between them belongs to others.
bool touch(const char *f, const char *what, const Layout &l, const void *p, bool write)
{
	size_t size = l.type == CUDA_R_32F ? 4 : 2;
	if ((uint64_t)l.ld == l.rows)
		return access(f, what, address(p), l.bytes(), write);
	for (uint64_t i = 0; i < l.cols; i++)
		if (!access(f, what, address(p) + i * (uint64_t)l.ld * size, l.rows * size, write))
			return false;
	return true;
}

void multiply(const Desc &o, const Layout &a, const Layout &b, const Layout &c, const Layout &d, const void *A, const void *B,
              const void *C, void *D, float alpha, float beta)
{
	const char *f = "cublasLtMatmul";
	if (!touch(f, "A", a, A, false) || !touch(f, "B", b, B, false) || (beta != 0 && !touch(f, "C", c, C, false)))
		return;
	if ((o.epilogue & CUBLASLT_EPILOGUE_BIAS) && !access(f, "bias", address(o.bias), d.rows * 4, false))
		return;
	if (!touch(f, "D", d, D, true))
		return;
	bool ta = o.transa == CUBLAS_OP_T, tb = o.transb == CUBLAS_OP_T;
	uint64_t k = ta ? a.rows : a.cols;
	auto rounded = [&](float v) { return o.compute == CUBLAS_COMPUTE_32F_FAST_TF32 ? to_tf32(v) : v; };
	std::vector<float> rows(d.rows * k), column(k);
	for (uint64_t i = 0; i < d.rows; i++)
		for (uint64_t p = 0; p < k; p++)
			rows[i * k + p] = rounded(ta ? value(a, A, p, i) : value(a, A, i, p));
	for (uint64_t j = 0; j < d.cols; j++) {
		for (uint64_t p = 0; p < k; p++)
			column[p] = rounded(tb ? value(b, B, j, p) : value(b, B, p, j));
		for (uint64_t i = 0; i < d.rows; i++) {
			float sum = 0;
			for (uint64_t p = 0; p < k; p++)
				sum = std::fma(rows[i * k + p], column[p], sum);
			float v = alpha * sum;
			if (beta != 0)
				v += beta * value(c, C, i, j);
			if (o.epilogue & CUBLASLT_EPILOGUE_BIAS)
				v += ((const float *)o.bias)[i];
			if (o.epilogue & CUBLASLT_EPILOGUE_RELU)
				v = v < 0 ? 0 : v;
			((float *)D)[j * (uint64_t)d.ld + i] = v;
		}
	}
}

} // namespace

EXPORT size_t cublasLtGetVersion(void) { return 130401; }
EXPORT const char *cublasLtGetStatusString(int status) { return status == CUBLAS_STATUS_NOT_SUPPORTED ? "not supported (emulated)" : "emulated error"; }

EXPORT int cublasLtCreate(cublasLtHandle_t *out)
{
	made<Handle>(out);
	return CUBLAS_STATUS_SUCCESS;
}

EXPORT int cublasLtDestroy(cublasLtHandle_t h)
{
	const char *f = "cublasLtDestroy";
	check(handles<Handle>().size() > 1 || (handles<Desc>().empty() && handles<Layout>().empty() && handles<Preference>().empty()), f,
	      "leak: %zu operations, %zu layouts, %zu preferences", handles<Desc>().size(), handles<Layout>().size(), handles<Preference>().size());
	return destroy<Handle>(h, f) ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_INVALID_VALUE;
}

EXPORT int cublasLtMatmulDescCreate(cublasLtMatmulDesc_t *out, int compute, int scale)
{
	bool known = compute == CUBLAS_COMPUTE_32F || compute == CUBLAS_COMPUTE_32F_FAST_TF32;
	if (!check(known && scale == CUDA_R_32F, "cublasLtMatmulDescCreate", "compute type %d with scale type %d", compute, scale))
		return CUBLAS_STATUS_INVALID_VALUE;
	Desc *d = made<Desc>(out);
	d->compute = compute;
	d->scale = scale;
	return CUBLAS_STATUS_SUCCESS;
}

EXPORT int cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t h)
{
	return destroy<Desc>(h, "cublasLtMatmulDescDestroy") ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_INVALID_VALUE;
}

template <class T> static int set(const char *f, T *to, const void *buf, size_t bytes)
{
	if (!check(buf && bytes == sizeof(T), f, "the attribute has %zu bytes, not %zu", sizeof(T), bytes))
		return CUBLAS_STATUS_INVALID_VALUE;
	memcpy(to, buf, bytes);
	return CUBLAS_STATUS_SUCCESS;
}

EXPORT int cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t h, int attr, const void *buf, size_t bytes)
{
	const char *f = "cublasLtMatmulDescSetAttribute";
	Desc *d = live<Desc>(h, f, "the operation");
	if (!d)
		return CUBLAS_STATUS_INVALID_VALUE;
	int status = CUBLAS_STATUS_INVALID_VALUE;
	switch (attr) {
	case CUBLASLT_MATMUL_DESC_TRANSA: status = set(f, &d->transa, buf, bytes); break;
	case CUBLASLT_MATMUL_DESC_TRANSB: status = set(f, &d->transb, buf, bytes); break;
	case CUBLASLT_MATMUL_DESC_EPILOGUE: status = set(f, &d->epilogue, buf, bytes); break;
	case CUBLASLT_MATMUL_DESC_BIAS_POINTER: status = set(f, &d->bias, buf, bytes); break;
	default: check(false, f, "attribute %d is none that is emulated", attr);
	}
	bool transposes = d->transa >= CUBLAS_OP_N && d->transa <= CUBLAS_OP_T && d->transb >= CUBLAS_OP_N && d->transb <= CUBLAS_OP_T;
	bool epilogue = d->epilogue == 1 || d->epilogue == 2 || d->epilogue == 4 || d->epilogue == 6;
	return check(transposes && epilogue, f, "transposes %d, %d, epilogue %u", d->transa, d->transb, d->epilogue) ? status : CUBLAS_STATUS_INVALID_VALUE;
}

EXPORT int cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t *out, int type, uint64_t rows, uint64_t cols, int64_t ld)
{
	const char *f = "cublasLtMatrixLayoutCreate";
	if (!check((type == CUDA_R_32F || type == CUDA_R_16BF) && rows && cols, f, "type %d, %zu×%zu", type, (size_t)rows, (size_t)cols) ||
	    !check(ld >= (int64_t)rows, f, "columns of %zu rows lie %lld apart", (size_t)rows, (long long)ld))
		return CUBLAS_STATUS_INVALID_VALUE;
	*made<Layout>(out) = Layout{type, rows, cols, ld};
	return CUBLAS_STATUS_SUCCESS;
}

EXPORT int cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t h)
{
	return destroy<Layout>(h, "cublasLtMatrixLayoutDestroy") ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_INVALID_VALUE;
}

EXPORT int cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t *out)
{
	made<Preference>(out);
	return CUBLAS_STATUS_SUCCESS;
}

EXPORT int cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t h)
{
	return destroy<Preference>(h, "cublasLtMatmulPreferenceDestroy") ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_INVALID_VALUE;
}

EXPORT int cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t h, int attr, const void *buf, size_t bytes)
{
	const char *f = "cublasLtMatmulPreferenceSetAttribute";
	Preference *p = live<Preference>(h, f, "the preference");
	if (!p)
		return CUBLAS_STATUS_INVALID_VALUE;
	if (attr == CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES)
		return set(f, &p->workspace, buf, bytes);
	if (attr == CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK)
		return set(f, &p->reduction, buf, bytes);
	if (attr >= CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES && attr <= CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES)
		return set(f, &p->align[attr - CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES], buf, bytes);
	check(false, f, "attribute %d is none that is emulated", attr);
	return CUBLAS_STATUS_INVALID_VALUE;
}

// The emulated algorithms: one that needs a workspace, one without, and one that the
// heuristics list though it does not work, as NVIDIA's sometimes do.
EXPORT int cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t handle, cublasLtMatmulDesc_t desc, cublasLtMatrixLayout_t ha, cublasLtMatrixLayout_t hb,
                                          cublasLtMatrixLayout_t hc, cublasLtMatrixLayout_t hd, cublasLtMatmulPreference_t hp, int requested,
                                          cublasLtMatmulHeuristicResult_t *results, int *returned)
{
	const char *f = "cublasLtMatmulAlgoGetHeuristic";
	Desc *o = live<Desc>(desc, f, "the operation");
	Layout *a = live<Layout>(ha, f, "A's layout"), *b = live<Layout>(hb, f, "B's layout");
	Layout *c = live<Layout>(hc, f, "C's layout"), *d = live<Layout>(hd, f, "D's layout");
	Preference *p = live<Preference>(hp, f, "the preference");
	if (!live<Handle>(handle, f, "the library's handle") || !o || !a || !b || !c || !d || !p || !consistent(f, *o, *a, *b, *c, *d))
		return CUBLAS_STATUS_INVALID_VALUE;
	if (!check(requested > 0 && results && returned && p->reduction <= 7, f, "%d results, reduction mask %u", requested, p->reduction))
		return CUBLAS_STATUS_INVALID_VALUE;
	*returned = 0;
	if (fails("choose"))
		return internal_error;
	if (refuses("product"))
		return CUBLAS_STATUS_NOT_SUPPORTED;
	auto offer = [&](uint32_t number, uint64_t workspace) {
		if (*returned == requested || workspace > p->workspace)
			return;
		Choice choice = {magic, number, workspace, problem(*o, *a, *b, *c, *d), {p->align[0], p->align[1], p->align[2], p->align[3], alignment(o->bias)}};
		cublasLtMatmulHeuristicResult_t *r = &results[(*returned)++];
		memset(r, 0, sizeof *r);
		memcpy(&r->algo, &choice, sizeof choice);
		r->workspaceSize = workspace;
		r->state = CUBLAS_STATUS_SUCCESS;
		r->wavesCount = 1;
	};
	if (d->rows % 2) // listed first, and does not work
		offer(2, 0);
	if (d->cols > 2)
		offer(1, d->rows * d->cols * 4);
	offer(0, 0);
	return *returned ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_NOT_SUPPORTED;
}

EXPORT int cublasLtMatmul(cublasLtHandle_t handle, cublasLtMatmulDesc_t desc, const void *alpha, const void *A, cublasLtMatrixLayout_t ha,
                          const void *B, cublasLtMatrixLayout_t hb, const void *beta, const void *C, cublasLtMatrixLayout_t hc, void *D,
                          cublasLtMatrixLayout_t hd, const cublasLtMatmulAlgo_t *algo, void *workspace, size_t bytes, CUstream stream)
{
	const char *f = "cublasLtMatmul";
	Desc *o = live<Desc>(desc, f, "the operation");
	Layout *a = live<Layout>(ha, f, "A's layout"), *b = live<Layout>(hb, f, "B's layout");
	Layout *c = live<Layout>(hc, f, "C's layout"), *d = live<Layout>(hd, f, "D's layout");
	if (!live<Handle>(handle, f, "the library's handle") || !o || !a || !b || !c || !d || !consistent(f, *o, *a, *b, *c, *d))
		return CUBLAS_STATUS_INVALID_VALUE;
	if (!check(alpha && beta && A && B && C && D && algo, f, "a null pointer"))
		return CUBLAS_STATUS_INVALID_VALUE;
	Choice choice;
	memcpy(&choice, algo, sizeof choice);
	if (!check(choice.magic == magic && choice.problem == problem(*o, *a, *b, *c, *d), f, "the algorithm was chosen for another product"))
		return CUBLAS_STATUS_INVALID_VALUE;
	const void *pointers[5] = {A, B, C, D, o->bias};
	for (int i = 0; i < 5; i++)
		if (!check(pointers[i] == nullptr || alignment(pointers[i]) >= choice.align[i], f, "%c is aligned to %u bytes, the algorithm was chosen for %u",
		           "ABCD+"[i], alignment(pointers[i]), choice.align[i]))
			return CUBLAS_STATUS_INVALID_VALUE;
	if (!check(bytes >= choice.workspace && (!bytes || (workspace && address(workspace) % 256 == 0)), f,
	           "a workspace of %zu bytes at %p; %zu are needed, at a multiple of 256", bytes, workspace, (size_t)choice.workspace))
		return CUBLAS_STATUS_INVALID_VALUE;
	if (!check(!overlap(D, d->bytes(), A, a->bytes()) && !overlap(D, d->bytes(), B, b->bytes()), f, "D overlaps A or B") ||
	    !check(C == D ? hc == hd || c->ld == d->ld : !overlap(C, c->bytes(), D, d->bytes()), f, "C overlaps D and is not D"))
		return CUBLAS_STATUS_INVALID_VALUE;
	if (fails("multiply"))
		return internal_error;
	if (choice.number == 2)
		return CUBLAS_STATUS_NOT_SUPPORTED;
	Desc od = *o;
	Layout la = *a, lb = *b, lc = *c, ld = *d;
	float al = *(const float *)alpha, be = *(const float *)beta;
	CUdeviceptr w = address(workspace);
	size_t need = choice.workspace;
	bool queued = submit(f, stream, [=] {
		if (need && access(f, "workspace", w, need, true))
			scratch(w, need);
		multiply(od, la, lb, lc, ld, A, B, C, D, al, be);
	});
	return queued ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_INVALID_VALUE;
}
