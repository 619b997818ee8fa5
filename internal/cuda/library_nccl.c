//go:build cuda

/* library_nccl.c: NCCL, opened at run time. */
#include "library_nccl.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "library.h"

#define NAME(result, name, parameters) #name,
#define TAKE(result, name, parameters) memcpy(&l->name, &found[at++], sizeof found[0]);

hdm_nccl *hdm_nccl_open(const char *path, char *why, size_t room)
{
	static const char *const names[] = {NCCL_FUNCTIONS(NAME)};
	enum { n = sizeof names / sizeof *names };
	void *found[n];
	void *library = hdm_symbols(path, names, found, n, why, room);
	if (!library)
		return NULL;
	hdm_nccl *l = calloc(1, sizeof *l);
	if (!l) {
		snprintf(why, room, "no memory");
		dlclose(library);
		return NULL;
	}
	int at = 0;
	NCCL_FUNCTIONS(TAKE)
	l->library = library;
	return l;
}

int hdm_nccl_version(hdm_nccl *l)
{
	int version = 0;
	return l->ncclGetVersion(&version) == NCCL_SUCCESS ? version : 0;
}

int hdm_nccl_id(hdm_nccl *l, void *id)
{
	ncclUniqueId made;
	int status = l->ncclGetUniqueId(&made);
	if (status == NCCL_SUCCESS)
		memcpy(id, &made, sizeof made);
	return status;
}

int hdm_nccl_init(hdm_nccl *l, ncclComm_t *comm, int ranks, const void *id, int rank)
{
	ncclUniqueId by_value;
	memcpy(&by_value, id, sizeof by_value);
	return l->ncclCommInitRank(comm, ranks, by_value, rank);
}

void hdm_nccl_reason(hdm_nccl *l, ncclComm_t comm, int status, char *why, size_t room)
{
	const char *last = l->ncclGetLastError(comm);
	snprintf(why, room, "%s (%d)%s%s", l->ncclGetErrorString(status), status, last && *last ? ": " : "", last ? last : "");
}

int hdm_nccl_async_error(hdm_nccl *l, ncclComm_t comm)
{
	int asynchronous = NCCL_SUCCESS;
	int status = l->ncclCommGetAsyncError(comm, &asynchronous);
	return status != NCCL_SUCCESS ? status : asynchronous;
}

int hdm_nccl_abort(hdm_nccl *l, ncclComm_t comm) { return l->ncclCommAbort(comm); }
int hdm_nccl_destroy(hdm_nccl *l, ncclComm_t comm) { return l->ncclCommDestroy(comm); }

int hdm_nccl_all_reduce(hdm_nccl *l, ncclComm_t comm, CUdeviceptr at, size_t count, int op, CUstream s)
{
	void *p = (void *)(uintptr_t)at;
	return l->ncclAllReduce(p, p, count, NCCL_FLOAT32, op, comm, s);
}

int hdm_nccl_broadcast(hdm_nccl *l, ncclComm_t comm, CUdeviceptr at, size_t count, int root, CUstream s)
{
	void *p = (void *)(uintptr_t)at;
	return l->ncclBroadcast(p, p, count, NCCL_FLOAT32, root, comm, s);
}
