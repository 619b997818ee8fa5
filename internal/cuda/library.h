/*
 * library.h: the parts of cuBLASLt (11-13) and cuDNN (8, 9) that internal/cuda uses, with
 * their binary interface, and what library_blas.c and library_dnn.c make of them. The
 * libraries are opened at run time; their headers are not needed. Prototypes and values
 * below are the same in all these versions.
 */
#ifndef HDMNET_LIBRARY_H
#define HDMNET_LIBRARY_H

#include <stddef.h>
#include <stdint.h>

#include "cuda.h"

/* ---- cuBLASLt */

enum { CUBLAS_STATUS_SUCCESS = 0, CUBLAS_STATUS_INVALID_VALUE = 7, CUBLAS_STATUS_ARCH_MISMATCH = 8, CUBLAS_STATUS_NOT_SUPPORTED = 15 };
enum { CUDA_R_32F = 0, CUDA_R_16BF = 14 };
enum { CUBLAS_COMPUTE_32F = 68, CUBLAS_COMPUTE_32F_FAST_TF32 = 77 };
enum { CUBLAS_OP_N = 0, CUBLAS_OP_T = 1 };
enum { /* of cublasLtMatmulDescSetAttribute: int32, int32, uint32, pointer */
	CUBLASLT_MATMUL_DESC_TRANSA = 3,
	CUBLASLT_MATMUL_DESC_TRANSB = 4,
	CUBLASLT_MATMUL_DESC_EPILOGUE = 7,
	CUBLASLT_MATMUL_DESC_BIAS_POINTER = 8,
};
enum { CUBLASLT_EPILOGUE_DEFAULT = 1, CUBLASLT_EPILOGUE_RELU = 2, CUBLASLT_EPILOGUE_BIAS = 4 };
enum { /* of cublasLtMatmulPreferenceSetAttribute: uint64, then uint32 */
	CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES = 1,
	CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK = 3,
	CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES = 5,
	CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES = 6,
	CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES = 7,
	CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES = 8,
};
enum { CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE = 2 };

typedef struct cublasLtContext *cublasLtHandle_t;
typedef struct cublasLtDesc *cublasLtMatmulDesc_t;
typedef struct cublasLtLayout *cublasLtMatrixLayout_t;
typedef struct cublasLtPreference *cublasLtMatmulPreference_t;
typedef struct {
	uint64_t data[8];
} cublasLtMatmulAlgo_t;
typedef struct {
	cublasLtMatmulAlgo_t algo;
	size_t workspaceSize;
	int state;
	float wavesCount;
	int reserved[4];
} cublasLtMatmulHeuristicResult_t;

/* X(result, name, parameters) for every function. */
#define CUBLASLT_FUNCTIONS(X)                                                                                        \
	X(size_t, cublasLtGetVersion, (void))                                                                            \
	X(const char *, cublasLtGetStatusString, (int status))                                                           \
	X(int, cublasLtCreate, (cublasLtHandle_t * handle))                                                              \
	X(int, cublasLtDestroy, (cublasLtHandle_t handle))                                                               \
	X(int, cublasLtMatmulDescCreate, (cublasLtMatmulDesc_t * desc, int computeType, int scaleType))                  \
	X(int, cublasLtMatmulDescDestroy, (cublasLtMatmulDesc_t desc))                                                   \
	X(int, cublasLtMatmulDescSetAttribute, (cublasLtMatmulDesc_t desc, int attr, const void *buf, size_t bytes))     \
	X(int, cublasLtMatrixLayoutCreate,                                                                               \
	  (cublasLtMatrixLayout_t * layout, int type, uint64_t rows, uint64_t cols, int64_t ld))                         \
	X(int, cublasLtMatrixLayoutDestroy, (cublasLtMatrixLayout_t layout))                                             \
	X(int, cublasLtMatmulPreferenceCreate, (cublasLtMatmulPreference_t * pref))                                      \
	X(int, cublasLtMatmulPreferenceDestroy, (cublasLtMatmulPreference_t pref))                                       \
	X(int, cublasLtMatmulPreferenceSetAttribute,                                                                     \
	  (cublasLtMatmulPreference_t pref, int attr, const void *buf, size_t bytes))                                    \
	X(int, cublasLtMatmulAlgoGetHeuristic,                                                                           \
	  (cublasLtHandle_t handle, cublasLtMatmulDesc_t desc, cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,       \
	   cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d, cublasLtMatmulPreference_t pref, int requested,           \
	   cublasLtMatmulHeuristicResult_t *results, int *returned))                                                     \
	X(int, cublasLtMatmul,                                                                                           \
	  (cublasLtHandle_t handle, cublasLtMatmulDesc_t desc, const void *alpha, const void *A,                         \
	   cublasLtMatrixLayout_t a, const void *B, cublasLtMatrixLayout_t b, const void *beta, const void *C,           \
	   cublasLtMatrixLayout_t c, void *D, cublasLtMatrixLayout_t d, const cublasLtMatmulAlgo_t *algo,                \
	   void *workspace, size_t workspaceBytes, CUstream stream))

/* ---- cuDNN */

/* Since version 9 there are kinds of NOT_SUPPORTED, up to before INTERNAL_ERROR. */
enum { CUDNN_STATUS_SUCCESS = 0, CUDNN_STATUS_NOT_SUPPORTED = 3000, CUDNN_STATUS_INTERNAL_ERROR = 4000 };
enum { CUDNN8_STATUS_ARCH_MISMATCH = 6, CUDNN8_STATUS_NOT_SUPPORTED = 9 };
enum { CUDNN_DATA_FLOAT = 0, CUDNN_DATA_BFLOAT16 = 9 };
enum { CUDNN_DEFAULT_MATH = 0, CUDNN_TENSOR_OP_MATH = 1, CUDNN_FMA_MATH = 3 };
enum { CUDNN_TENSOR_NHWC = 1, CUDNN_CROSS_CORRELATION = 1 };
enum { CUDNN_ACTIVATION_RELU = 1, CUDNN_ACTIVATION_IDENTITY = 5, CUDNN_PROPAGATE_NAN = 1 };
enum { CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_GEMM = 0, CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM = 1 };
enum { CUDNN_CONVOLUTION_BWD_DATA_ALGO_1 = 1, CUDNN_CONVOLUTION_BWD_FILTER_ALGO_1 = 1 };

typedef struct cudnnContext *cudnnHandle_t;
typedef struct cudnnTensorStruct *cudnnTensorDescriptor_t;
typedef struct cudnnFilterStruct *cudnnFilterDescriptor_t;
typedef struct cudnnConvolutionStruct *cudnnConvolutionDescriptor_t;
typedef struct cudnnActivationStruct *cudnnActivationDescriptor_t;

#define CUDNN_FUNCTIONS(X)                                                                                           \
	X(size_t, cudnnGetVersion, (void))                                                                               \
	X(const char *, cudnnGetErrorString, (int status))                                                               \
	X(int, cudnnCreate, (cudnnHandle_t * handle))                                                                    \
	X(int, cudnnDestroy, (cudnnHandle_t handle))                                                                     \
	X(int, cudnnSetStream, (cudnnHandle_t handle, CUstream stream))                                                  \
	X(int, cudnnCreateTensorDescriptor, (cudnnTensorDescriptor_t * desc))                                            \
	X(int, cudnnSetTensor4dDescriptor,                                                                               \
	  (cudnnTensorDescriptor_t desc, int format, int type, int n, int c, int h, int w))                              \
	X(int, cudnnDestroyTensorDescriptor, (cudnnTensorDescriptor_t desc))                                             \
	X(int, cudnnCreateFilterDescriptor, (cudnnFilterDescriptor_t * desc))                                            \
	X(int, cudnnSetFilter4dDescriptor,                                                                               \
	  (cudnnFilterDescriptor_t desc, int type, int format, int k, int c, int h, int w))                              \
	X(int, cudnnDestroyFilterDescriptor, (cudnnFilterDescriptor_t desc))                                             \
	X(int, cudnnCreateConvolutionDescriptor, (cudnnConvolutionDescriptor_t * desc))                                  \
	X(int, cudnnSetConvolution2dDescriptor,                                                                          \
	  (cudnnConvolutionDescriptor_t desc, int padH, int padW, int strideH, int strideW, int dilationH,               \
	   int dilationW, int mode, int computeType))                                                                    \
	X(int, cudnnSetConvolutionMathType, (cudnnConvolutionDescriptor_t desc, int math))                               \
	X(int, cudnnDestroyConvolutionDescriptor, (cudnnConvolutionDescriptor_t desc))                                   \
	X(int, cudnnCreateActivationDescriptor, (cudnnActivationDescriptor_t * desc))                                    \
	X(int, cudnnSetActivationDescriptor, (cudnnActivationDescriptor_t desc, int mode, int nan, double coef))         \
	X(int, cudnnDestroyActivationDescriptor, (cudnnActivationDescriptor_t desc))                                     \
	X(int, cudnnGetConvolutionForwardWorkspaceSize,                                                                  \
	  (cudnnHandle_t handle, cudnnTensorDescriptor_t x, cudnnFilterDescriptor_t w,                                   \
	   cudnnConvolutionDescriptor_t conv, cudnnTensorDescriptor_t y, int algo, size_t *bytes))                       \
	X(int, cudnnGetConvolutionBackwardDataWorkspaceSize,                                                             \
	  (cudnnHandle_t handle, cudnnFilterDescriptor_t w, cudnnTensorDescriptor_t dy,                                  \
	   cudnnConvolutionDescriptor_t conv, cudnnTensorDescriptor_t dx, int algo, size_t *bytes))                      \
	X(int, cudnnGetConvolutionBackwardFilterWorkspaceSize,                                                           \
	  (cudnnHandle_t handle, cudnnTensorDescriptor_t x, cudnnTensorDescriptor_t dy,                                  \
	   cudnnConvolutionDescriptor_t conv, cudnnFilterDescriptor_t dw, int algo, size_t *bytes))                      \
	X(int, cudnnConvolutionForward,                                                                                  \
	  (cudnnHandle_t handle, const void *alpha, cudnnTensorDescriptor_t xDesc, const void *x,                        \
	   cudnnFilterDescriptor_t wDesc, const void *w, cudnnConvolutionDescriptor_t conv, int algo, void *workspace,   \
	   size_t bytes, const void *beta, cudnnTensorDescriptor_t yDesc, void *y))                                      \
	X(int, cudnnConvolutionBiasActivationForward,                                                                    \
	  (cudnnHandle_t handle, const void *alpha1, cudnnTensorDescriptor_t xDesc, const void *x,                       \
	   cudnnFilterDescriptor_t wDesc, const void *w, cudnnConvolutionDescriptor_t conv, int algo, void *workspace,   \
	   size_t bytes, const void *alpha2, cudnnTensorDescriptor_t zDesc, const void *z,                               \
	   cudnnTensorDescriptor_t biasDesc, const void *bias, cudnnActivationDescriptor_t activation,                   \
	   cudnnTensorDescriptor_t yDesc, void *y))                                                                      \
	X(int, cudnnConvolutionBackwardData,                                                                             \
	  (cudnnHandle_t handle, const void *alpha, cudnnFilterDescriptor_t wDesc, const void *w,                        \
	   cudnnTensorDescriptor_t dyDesc, const void *dy, cudnnConvolutionDescriptor_t conv, int algo, void *workspace, \
	   size_t bytes, const void *beta, cudnnTensorDescriptor_t dxDesc, void *dx))                                    \
	X(int, cudnnConvolutionBackwardFilter,                                                                           \
	  (cudnnHandle_t handle, const void *alpha, cudnnTensorDescriptor_t xDesc, const void *x,                        \
	   cudnnTensorDescriptor_t dyDesc, const void *dy, cudnnConvolutionDescriptor_t conv, int algo, void *workspace, \
	   size_t bytes, const void *beta, cudnnFilterDescriptor_t dwDesc, void *dw))

/* ---- What internal/cuda calls. Every int that is returned is a status of the library. */

#define HDM_POINTER(result, name, parameters) result(*name) parameters;

/* hdm_symbols opens a library and finds n symbols; NULL, with the reason in why, when one
 * of them is not there. */
void *hdm_symbols(const char *path, const char *const *names, void **found, int n, char *why, size_t room);

typedef struct {
	void *library;
	cublasLtHandle_t handle;
	CUBLASLT_FUNCTIONS(HDM_POINTER)
} hdm_blas;

/* D[m,n] = op(A)·op(B) + beta·C + bias[m], then ReLU; columns lie ld apart, C as D. */
typedef struct {
	int64_t m, n, k, lda, ldb, ldd;
	int32_t transa, transb;
	int32_t input, compute; /* CUDA_R_, CUBLAS_COMPUTE_ */
	int32_t bias, relu;
	uint32_t align[4]; /* of A, B, C, D and the bias: each address is a multiple */
	uint64_t workspace;
} hdm_product;

enum { HDM_CANDIDATES = 8 };
typedef struct {
	cublasLtMatmulDesc_t desc;
	cublasLtMatrixLayout_t a, b, d;
	cublasLtMatmulHeuristicResult_t result[HDM_CANDIDATES];
	int count;
} hdm_product_plan;

hdm_blas *hdm_blas_open(const char *path, char *why, size_t room);
int hdm_blas_close(hdm_blas *l);
size_t hdm_blas_version(hdm_blas *l);
const char *hdm_blas_status(hdm_blas *l, int status);
int hdm_product_new(hdm_blas *l, const hdm_product *p, CUdeviceptr bias, hdm_product_plan *plan);
void hdm_product_free(hdm_blas *l, hdm_product_plan *plan);
/* The operands are A, B, C, D, the bias, the workspace. */
int hdm_product_run(hdm_blas *l, hdm_product_plan *plan, int candidate, const CUdeviceptr *operands, float beta, CUstream s);

typedef struct {
	void *library;
	cudnnHandle_t handle;
	CUDNN_FUNCTIONS(HDM_POINTER)
} hdm_dnn;

typedef struct {
	int32_t batch, h, w, ci, ho, wo, co, kh, kw, stride, pad, dilation;
	int32_t type, math; /* CUDNN_DATA_, CUDNN_…_MATH */
} hdm_conv;

typedef struct {
	cudnnTensorDescriptor_t x, y, bias;
	cudnnFilterDescriptor_t w;
	cudnnConvolutionDescriptor_t conv;
	cudnnActivationDescriptor_t identity, relu;
} hdm_conv_plan;

enum { HDM_FORWARD, HDM_FUSED, HDM_GRAD_INPUT, HDM_GRAD_WEIGHT };
typedef struct {
	int32_t what, algo;
	int32_t relu;       /* HDM_FUSED */
	int32_t accumulate; /* the gradients */
	CUdeviceptr x, w, y, residual, bias, workspace; /* x, w, y are dx, dw, dy in gradients */
	uint64_t workspace_bytes;
} hdm_conv_call;

hdm_dnn *hdm_dnn_open(const char *path, CUstream s, char *why, size_t room);
int hdm_dnn_use(hdm_dnn *l, CUstream s);
int hdm_dnn_close(hdm_dnn *l);
size_t hdm_dnn_version(hdm_dnn *l);
const char *hdm_dnn_status(hdm_dnn *l, int status);
int hdm_conv_new(hdm_dnn *l, const hdm_conv *c, hdm_conv_plan *plan);
void hdm_conv_free(hdm_dnn *l, hdm_conv_plan *plan);
int hdm_conv_workspace(hdm_dnn *l, hdm_conv_plan *plan, const hdm_conv_call *call, size_t *bytes);
int hdm_conv_run(hdm_dnn *l, hdm_conv_plan *plan, const hdm_conv_call *call);

#endif
