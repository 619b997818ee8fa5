//go:build cuda

/* library_blas.c: cuBLASLt, opened at run time. */
#include "library.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *hdm_symbols(const char *path, const char *const *names, void **found, int n, char *why, size_t room)
{
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!library) {
		const char *reason = dlerror();
		snprintf(why, room, "%s", reason ? reason : "it cannot be opened");
		return NULL;
	}
	for (int i = 0; i < n; i++) {
		found[i] = dlsym(library, names[i]);
		if (!found[i]) {
			snprintf(why, room, "it has no %s", names[i]);
			dlclose(library);
			return NULL;
		}
	}
	return library;
}

#define NAME(result, name, parameters) #name,
#define TAKE(result, name, parameters) memcpy(&l->name, &found[at++], sizeof found[0]);

hdm_blas *hdm_blas_open(const char *path, char *why, size_t room)
{
	static const char *const names[] = {CUBLASLT_FUNCTIONS(NAME)};
	enum { n = sizeof names / sizeof *names };
	void *found[n];
	void *library = hdm_symbols(path, names, found, n, why, room);
	if (!library)
		return NULL;
	hdm_blas *l = calloc(1, sizeof *l);
	if (!l) {
		snprintf(why, room, "no memory");
		dlclose(library);
		return NULL;
	}
	int at = 0;
	CUBLASLT_FUNCTIONS(TAKE)
	l->library = library;
	int status = l->cublasLtCreate(&l->handle);
	if (status != CUBLAS_STATUS_SUCCESS) {
		snprintf(why, room, "it does not start: %s (%d); is the driver too old for it?", l->cublasLtGetStatusString(status), status);
		free(l);
		dlclose(library);
		return NULL;
	}
	return l;
}

/* The library stays open: it may have threads. */
int hdm_blas_close(hdm_blas *l)
{
	int status = l->cublasLtDestroy(l->handle);
	free(l);
	return status;
}

size_t hdm_blas_version(hdm_blas *l) { return l->cublasLtGetVersion(); }
const char *hdm_blas_status(hdm_blas *l, int status) { return l->cublasLtGetStatusString(status); }

#define TRY(call)                              \
	do {                                       \
		int status_ = (call);                  \
		if (status_ != CUBLAS_STATUS_SUCCESS)  \
			return status_;                    \
	} while (0)

static int product_desc(hdm_blas *l, const hdm_product *p, CUdeviceptr bias, hdm_product_plan *plan)
{
	TRY(l->cublasLtMatmulDescCreate(&plan->desc, p->compute, CUDA_R_32F));
	TRY(l->cublasLtMatmulDescSetAttribute(plan->desc, CUBLASLT_MATMUL_DESC_TRANSA, &p->transa, sizeof p->transa));
	TRY(l->cublasLtMatmulDescSetAttribute(plan->desc, CUBLASLT_MATMUL_DESC_TRANSB, &p->transb, sizeof p->transb));
	uint32_t epilogue = (p->bias ? CUBLASLT_EPILOGUE_BIAS : 0) | (p->relu ? CUBLASLT_EPILOGUE_RELU : 0);
	if (!epilogue)
		epilogue = CUBLASLT_EPILOGUE_DEFAULT;
	TRY(l->cublasLtMatmulDescSetAttribute(plan->desc, CUBLASLT_MATMUL_DESC_EPILOGUE, &epilogue, sizeof epilogue));
	if (p->bias) { /* the candidates depend on how it is aligned */
		void *at = (void *)(uintptr_t)bias;
		TRY(l->cublasLtMatmulDescSetAttribute(plan->desc, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &at, sizeof at));
	}
	int ta = p->transa == CUBLAS_OP_T, tb = p->transb == CUBLAS_OP_T;
	TRY(l->cublasLtMatrixLayoutCreate(&plan->a, p->input, (uint64_t)(ta ? p->k : p->m), (uint64_t)(ta ? p->m : p->k), p->lda));
	TRY(l->cublasLtMatrixLayoutCreate(&plan->b, p->input, (uint64_t)(tb ? p->n : p->k), (uint64_t)(tb ? p->k : p->n), p->ldb));
	TRY(l->cublasLtMatrixLayoutCreate(&plan->d, CUDA_R_32F, (uint64_t)p->m, (uint64_t)p->n, p->ldd));
	return CUBLAS_STATUS_SUCCESS;
}

static int product_candidates(hdm_blas *l, const hdm_product *p, hdm_product_plan *plan, cublasLtMatmulPreference_t pref)
{
	TRY(l->cublasLtMatmulPreferenceSetAttribute(pref, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &p->workspace, sizeof p->workspace));
	/* Parts of a sum are added in float32 and in one order, where a sum is split at all. */
	uint32_t reduction = CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE;
	TRY(l->cublasLtMatmulPreferenceSetAttribute(pref, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, &reduction, sizeof reduction));
	for (int i = 0; i < 4; i++)
		TRY(l->cublasLtMatmulPreferenceSetAttribute(pref, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES + i, &p->align[i], sizeof p->align[i]));
	int count = 0;
	TRY(l->cublasLtMatmulAlgoGetHeuristic(l->handle, plan->desc, plan->a, plan->b, plan->d, plan->d, pref, HDM_CANDIDATES, plan->result, &count));
	for (int i = 0; i < count; i++)
		if (plan->result[i].state == CUBLAS_STATUS_SUCCESS && plan->result[i].workspaceSize <= p->workspace)
			plan->result[plan->count++] = plan->result[i];
	return plan->count ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_NOT_SUPPORTED;
}

int hdm_product_new(hdm_blas *l, const hdm_product *p, CUdeviceptr bias, hdm_product_plan *plan)
{
	cublasLtMatmulPreference_t pref;
	int status = product_desc(l, p, bias, plan);
	if (status == CUBLAS_STATUS_SUCCESS)
		status = l->cublasLtMatmulPreferenceCreate(&pref);
	if (status == CUBLAS_STATUS_SUCCESS) {
		status = product_candidates(l, p, plan, pref);
		l->cublasLtMatmulPreferenceDestroy(pref);
	}
	if (status != CUBLAS_STATUS_SUCCESS)
		hdm_product_free(l, plan);
	return status;
}

void hdm_product_free(hdm_blas *l, hdm_product_plan *plan)
{
	if (plan->desc)
		l->cublasLtMatmulDescDestroy(plan->desc);
	cublasLtMatrixLayout_t layouts[] = {plan->a, plan->b, plan->d};
	for (int i = 0; i < 3; i++)
		if (layouts[i])
			l->cublasLtMatrixLayoutDestroy(layouts[i]);
	memset(plan, 0, sizeof *plan);
}

int hdm_product_run(hdm_blas *l, hdm_product_plan *plan, int candidate, const CUdeviceptr *operands, float beta, CUstream s)
{
	void *at[6];
	for (int i = 0; i < 6; i++)
		at[i] = (void *)(uintptr_t)operands[i];
	if (at[4])
		TRY(l->cublasLtMatmulDescSetAttribute(plan->desc, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &at[4], sizeof at[4]));
	float alpha = 1;
	cublasLtMatmulHeuristicResult_t *r = &plan->result[candidate];
	return l->cublasLtMatmul(l->handle, plan->desc, &alpha, at[0], plan->a, at[1], plan->b, &beta, at[2], plan->d, at[3], plan->d,
	                         &r->algo, at[5], r->workspaceSize, s);
}
