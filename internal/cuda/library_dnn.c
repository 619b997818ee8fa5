//go:build cuda

/* library_dnn.c: cuDNN's convolutions, opened at run time. Tensors are NHWC, weights KRSC. */
#include "library.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME(result, name, parameters) #name,
#define TAKE(result, name, parameters) memcpy(&l->name, &found[at++], sizeof found[0]);

hdm_dnn *hdm_dnn_open(const char *path, CUstream s, char *why, size_t room)
{
	static const char *const names[] = {CUDNN_FUNCTIONS(NAME)};
	enum { n = sizeof names / sizeof *names };
	void *found[n];
	void *library = hdm_symbols(path, names, found, n, why, room);
	if (!library)
		return NULL;
	hdm_dnn *l = calloc(1, sizeof *l);
	if (!l) {
		snprintf(why, room, "no memory");
		dlclose(library);
		return NULL;
	}
	int at = 0;
	CUDNN_FUNCTIONS(TAKE)
	l->library = library;
	int status = l->cudnnCreate(&l->handle);
	if (status == CUDNN_STATUS_SUCCESS) {
		status = l->cudnnSetStream(l->handle, s);
		if (status != CUDNN_STATUS_SUCCESS)
			l->cudnnDestroy(l->handle);
	}
	if (status != CUDNN_STATUS_SUCCESS) {
		snprintf(why, room, "it does not start: %s (%d); is the driver too old for it?", l->cudnnGetErrorString(status), status);
		free(l);
		dlclose(library);
		return NULL;
	}
	return l;
}

int hdm_dnn_use(hdm_dnn *l, CUstream s) { return l->cudnnSetStream(l->handle, s); }

int hdm_dnn_close(hdm_dnn *l)
{
	int status = l->cudnnDestroy(l->handle);
	free(l);
	return status;
}

size_t hdm_dnn_version(hdm_dnn *l) { return l->cudnnGetVersion(); }
const char *hdm_dnn_status(hdm_dnn *l, int status) { return l->cudnnGetErrorString(status); }

#define TRY(call)                             \
	do {                                      \
		int status_ = (call);                 \
		if (status_ != CUDNN_STATUS_SUCCESS)  \
			return status_;                   \
	} while (0)

static int conv_descriptors(hdm_dnn *l, const hdm_conv *c, hdm_conv_plan *plan)
{
	TRY(l->cudnnCreateTensorDescriptor(&plan->x));
	TRY(l->cudnnSetTensor4dDescriptor(plan->x, CUDNN_TENSOR_NHWC, c->type, c->batch, c->ci, c->h, c->w));
	TRY(l->cudnnCreateTensorDescriptor(&plan->y));
	TRY(l->cudnnSetTensor4dDescriptor(plan->y, CUDNN_TENSOR_NHWC, c->type, c->batch, c->co, c->ho, c->wo));
	TRY(l->cudnnCreateTensorDescriptor(&plan->bias));
	TRY(l->cudnnSetTensor4dDescriptor(plan->bias, CUDNN_TENSOR_NHWC, c->type, 1, c->co, 1, 1));
	TRY(l->cudnnCreateFilterDescriptor(&plan->w));
	TRY(l->cudnnSetFilter4dDescriptor(plan->w, c->type, CUDNN_TENSOR_NHWC, c->co, c->ci, c->kh, c->kw));
	TRY(l->cudnnCreateConvolutionDescriptor(&plan->conv));
	TRY(l->cudnnSetConvolution2dDescriptor(plan->conv, c->pad, c->pad, c->stride, c->stride, c->dilation, c->dilation,
	                                       CUDNN_CROSS_CORRELATION, CUDNN_DATA_FLOAT));
	TRY(l->cudnnSetConvolutionMathType(plan->conv, c->math));
	TRY(l->cudnnCreateActivationDescriptor(&plan->identity));
	TRY(l->cudnnSetActivationDescriptor(plan->identity, CUDNN_ACTIVATION_IDENTITY, CUDNN_PROPAGATE_NAN, 0.0));
	TRY(l->cudnnCreateActivationDescriptor(&plan->relu));
	TRY(l->cudnnSetActivationDescriptor(plan->relu, CUDNN_ACTIVATION_RELU, CUDNN_PROPAGATE_NAN, 0.0));
	return CUDNN_STATUS_SUCCESS;
}

int hdm_conv_new(hdm_dnn *l, const hdm_conv *c, hdm_conv_plan *plan)
{
	int status = conv_descriptors(l, c, plan);
	if (status != CUDNN_STATUS_SUCCESS)
		hdm_conv_free(l, plan);
	return status;
}

void hdm_conv_free(hdm_dnn *l, hdm_conv_plan *plan)
{
	cudnnTensorDescriptor_t tensors[] = {plan->x, plan->y, plan->bias};
	for (int i = 0; i < 3; i++)
		if (tensors[i])
			l->cudnnDestroyTensorDescriptor(tensors[i]);
	if (plan->w)
		l->cudnnDestroyFilterDescriptor(plan->w);
	if (plan->conv)
		l->cudnnDestroyConvolutionDescriptor(plan->conv);
	if (plan->identity)
		l->cudnnDestroyActivationDescriptor(plan->identity);
	if (plan->relu)
		l->cudnnDestroyActivationDescriptor(plan->relu);
	memset(plan, 0, sizeof *plan);
}

int hdm_conv_workspace(hdm_dnn *l, hdm_conv_plan *plan, const hdm_conv_call *call, size_t *bytes)
{
	switch (call->what) {
	case HDM_GRAD_INPUT:
		return l->cudnnGetConvolutionBackwardDataWorkspaceSize(l->handle, plan->w, plan->y, plan->conv, plan->x, call->algo, bytes);
	case HDM_GRAD_WEIGHT:
		return l->cudnnGetConvolutionBackwardFilterWorkspaceSize(l->handle, plan->x, plan->y, plan->conv, plan->w, call->algo, bytes);
	}
	return l->cudnnGetConvolutionForwardWorkspaceSize(l->handle, plan->x, plan->w, plan->conv, plan->y, call->algo, bytes);
}

int hdm_conv_run(hdm_dnn *l, hdm_conv_plan *plan, const hdm_conv_call *c)
{
	void *x = (void *)(uintptr_t)c->x, *w = (void *)(uintptr_t)c->w, *y = (void *)(uintptr_t)c->y;
	void *residual = (void *)(uintptr_t)c->residual, *bias = (void *)(uintptr_t)c->bias, *workspace = (void *)(uintptr_t)c->workspace;
	float one = 1, zero = 0, beta = c->accumulate ? 1 : 0, alpha2 = residual ? 1 : 0;
	switch (c->what) {
	case HDM_FORWARD:
		return l->cudnnConvolutionForward(l->handle, &one, plan->x, x, plan->w, w, plan->conv, c->algo, workspace, c->workspace_bytes,
		                                  &zero, plan->y, y);
	case HDM_FUSED: /* y may stand for a residual that counts nothing */
		return l->cudnnConvolutionBiasActivationForward(l->handle, &one, plan->x, x, plan->w, w, plan->conv, c->algo, workspace,
		                                                c->workspace_bytes, &alpha2, plan->y, residual ? residual : y, plan->bias, bias,
		                                                c->relu ? plan->relu : plan->identity, plan->y, y);
	case HDM_GRAD_INPUT:
		return l->cudnnConvolutionBackwardData(l->handle, &one, plan->w, w, plan->y, y, plan->conv, c->algo, workspace,
		                                       c->workspace_bytes, &beta, plan->x, x);
	}
	return l->cudnnConvolutionBackwardFilter(l->handle, &one, plan->x, x, plan->y, y, plan->conv, c->algo, workspace,
	                                         c->workspace_bytes, &beta, plan->w, w);
}
