/*
 * library_nccl.h: the part of NCCL (2.13 and later) that internal/cuda uses, with its binary
 * interface, and what library_nccl.c makes of it. The library is opened at run time; its
 * header is not needed.
 */
#ifndef HDMNET_LIBRARY_NCCL_H
#define HDMNET_LIBRARY_NCCL_H

#include <stddef.h>
#include <stdint.h>

#include "cuda.h"

enum { NCCL_SUCCESS = 0, NCCL_INVALID_ARGUMENT = 4, NCCL_INVALID_USAGE = 5, NCCL_IN_PROGRESS = 7 };
enum { NCCL_FLOAT32 = 7 };
enum { NCCL_SUM = 0, NCCL_MAX = 2 };

typedef struct ncclComm *ncclComm_t;
typedef struct {
	char internal[128];
} ncclUniqueId;

/* X(result, name, parameters) for every function. */
#define NCCL_FUNCTIONS(X)                                                                                            \
	X(int, ncclGetVersion, (int *version))                                                                           \
	X(const char *, ncclGetErrorString, (int status))                                                                \
	X(const char *, ncclGetLastError, (ncclComm_t comm))                                                             \
	X(int, ncclGetUniqueId, (ncclUniqueId * id))                                                                     \
	X(int, ncclCommInitRank, (ncclComm_t * comm, int ranks, ncclUniqueId id, int rank))                              \
	X(int, ncclCommGetAsyncError, (ncclComm_t comm, int *status))                                                    \
	X(int, ncclCommAbort, (ncclComm_t comm))                                                                         \
	X(int, ncclCommDestroy, (ncclComm_t comm))                                                                       \
	X(int, ncclAllReduce,                                                                                            \
	  (const void *from, void *to, size_t count, int type, int op, ncclComm_t comm, CUstream stream))                \
	X(int, ncclBroadcast, (const void *from, void *to, size_t count, int type, int root, ncclComm_t comm, CUstream stream))

/* ---- What internal/cuda calls. Every int that is returned is a status of the library. */

typedef struct {
	void *library;
#define HDM_POINTER(result, name, parameters) result(*name) parameters;
	NCCL_FUNCTIONS(HDM_POINTER)
#undef HDM_POINTER
} hdm_nccl;

/* NULL, with the reason in why, when the library does not do. It is never closed: it has
 * threads. */
hdm_nccl *hdm_nccl_open(const char *path, char *why, size_t room);
int hdm_nccl_version(hdm_nccl *l);
int hdm_nccl_id(hdm_nccl *l, void *id); /* 128 bytes */
int hdm_nccl_init(hdm_nccl *l, ncclComm_t *comm, int ranks, const void *id, int rank);
/* The reason of a status of a communicator, or of the library (comm NULL). */
void hdm_nccl_reason(hdm_nccl *l, ncclComm_t comm, int status, char *why, size_t room);
int hdm_nccl_async_error(hdm_nccl *l, ncclComm_t comm);
int hdm_nccl_abort(hdm_nccl *l, ncclComm_t comm);
int hdm_nccl_destroy(hdm_nccl *l, ncclComm_t comm);
/* Both in place, float32. */
int hdm_nccl_all_reduce(hdm_nccl *l, ncclComm_t comm, CUdeviceptr at, size_t count, int op, CUstream s);
int hdm_nccl_broadcast(hdm_nccl *l, ncclComm_t comm, CUdeviceptr at, size_t count, int root, CUstream s);

#endif
