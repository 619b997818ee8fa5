/* Written by internal/cuda/stub from functions.txt; do not edit. */
/* loader.c: how libcuda.c finds the driver. HDMNET_CUDA_DRIVER names another library than
 * the system's libcuda.so.1. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "cuda.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static void *driver;                 /* the open library, or NULL */
static char driver_path[4096];       /* what was opened */
static char driver_error[4096];      /* why nothing was */
static CUresult init_result = CUDA_ERROR_NOT_INITIALIZED;

static void open_driver(void)
{
	const char *named = getenv("HDMNET_CUDA_DRIVER");
	const char *paths[] = {"libcuda.so.1", "libcuda.so", "/usr/lib/wsl/lib/libcuda.so.1"};
	size_t n = sizeof paths / sizeof *paths;
	if (named && *named) {
		paths[0] = named;
		n = 1;
	}
	for (size_t i = 0; i < n && !driver; i++) {
		driver = dlopen(paths[i], RTLD_NOW | RTLD_LOCAL);
		if (driver) {
			snprintf(driver_path, sizeof driver_path, "%s", paths[i]);
		} else if (i == 0) {
			const char *why = dlerror();
			snprintf(driver_error, sizeof driver_error, "%s", why ? why : paths[i]);
		}
	}
	if (driver)
		driver_error[0] = 0;
}

static CUresult resolve(void **f, const char *symbol)
{
	if (__atomic_load_n(f, __ATOMIC_ACQUIRE))
		return CUDA_SUCCESS;
	pthread_once(&once, open_driver);
	if (!driver)
		return CUDA_ERROR_NOT_INITIALIZED;
	void *found = dlsym(driver, symbol);
	if (!found)
		return CUDA_ERROR_NOT_SUPPORTED;
	__atomic_store_n(f, found, __ATOMIC_RELEASE);
	return CUDA_SUCCESS;
}

/* cuInit always succeeds: gorgonia.org/cu calls it when the program starts and ends the
 * process when it fails. hdmnet_cuda_driver tells what the driver answered. */
CUresult cuInit(unsigned int flags)
{
	static CUresult (*f)(unsigned int);
	if (resolve((void **)&f, "cuInit") == CUDA_SUCCESS)
		init_result = f(flags);
	return CUDA_SUCCESS;
}

/* hdmnet_cuda_driver returns what cuInit of the driver answered, and the library that was
 * opened (path) or why none was (error); both are "" where they do not apply. */
CUresult hdmnet_cuda_driver(const char **path, const char **error);
CUresult hdmnet_cuda_driver(const char **path, const char **error)
{
	pthread_once(&once, open_driver);
	*path = driver_path;
	*error = driver_error;
	return init_result;
}

/* hdmnet_cuda_symbol finds a symbol that only some drivers have, or NULL. */
void *hdmnet_cuda_symbol(const char *name);
void *hdmnet_cuda_symbol(const char *name)
{
	pthread_once(&once, open_driver);
	return driver ? dlsym(driver, name) : NULL;
}

CUresult cuArray3DCreate_v2(CUarray * a0, const CUDA_ARRAY3D_DESCRIPTOR * a1)
{
	static CUresult (*f)(CUarray *, const CUDA_ARRAY3D_DESCRIPTOR *);
	CUresult r = resolve((void **)&f, "cuArray3DCreate_v2");
	return r ? r : f(a0, a1);
}

CUresult cuArray3DGetDescriptor_v2(CUDA_ARRAY3D_DESCRIPTOR * a0, CUarray a1)
{
	static CUresult (*f)(CUDA_ARRAY3D_DESCRIPTOR *, CUarray);
	CUresult r = resolve((void **)&f, "cuArray3DGetDescriptor_v2");
	return r ? r : f(a0, a1);
}

CUresult cuArrayCreate_v2(CUarray * a0, const CUDA_ARRAY_DESCRIPTOR * a1)
{
	static CUresult (*f)(CUarray *, const CUDA_ARRAY_DESCRIPTOR *);
	CUresult r = resolve((void **)&f, "cuArrayCreate_v2");
	return r ? r : f(a0, a1);
}

CUresult cuArrayDestroy(CUarray a0)
{
	static CUresult (*f)(CUarray);
	CUresult r = resolve((void **)&f, "cuArrayDestroy");
	return r ? r : f(a0);
}

CUresult cuArrayGetDescriptor_v2(CUDA_ARRAY_DESCRIPTOR * a0, CUarray a1)
{
	static CUresult (*f)(CUDA_ARRAY_DESCRIPTOR *, CUarray);
	CUresult r = resolve((void **)&f, "cuArrayGetDescriptor_v2");
	return r ? r : f(a0, a1);
}

CUresult cuCtxCreate_v2(CUcontext * a0, unsigned int a1, CUdevice a2)
{
	static CUresult (*f)(CUcontext *, unsigned int, CUdevice);
	CUresult r = resolve((void **)&f, "cuCtxCreate_v2");
	return r ? r : f(a0, a1, a2);
}

CUresult cuCtxDestroy_v2(CUcontext a0)
{
	static CUresult (*f)(CUcontext);
	CUresult r = resolve((void **)&f, "cuCtxDestroy_v2");
	return r ? r : f(a0);
}

CUresult cuCtxDisablePeerAccess(CUcontext a0)
{
	static CUresult (*f)(CUcontext);
	CUresult r = resolve((void **)&f, "cuCtxDisablePeerAccess");
	return r ? r : f(a0);
}

CUresult cuCtxEnablePeerAccess(CUcontext a0, unsigned int a1)
{
	static CUresult (*f)(CUcontext, unsigned int);
	CUresult r = resolve((void **)&f, "cuCtxEnablePeerAccess");
	return r ? r : f(a0, a1);
}

CUresult cuCtxGetApiVersion(CUcontext a0, unsigned int * a1)
{
	static CUresult (*f)(CUcontext, unsigned int *);
	CUresult r = resolve((void **)&f, "cuCtxGetApiVersion");
	return r ? r : f(a0, a1);
}

CUresult cuCtxGetCacheConfig(CUfunc_cache * a0)
{
	static CUresult (*f)(CUfunc_cache *);
	CUresult r = resolve((void **)&f, "cuCtxGetCacheConfig");
	return r ? r : f(a0);
}

CUresult cuCtxGetCurrent(CUcontext * a0)
{
	static CUresult (*f)(CUcontext *);
	CUresult r = resolve((void **)&f, "cuCtxGetCurrent");
	return r ? r : f(a0);
}

CUresult cuCtxGetDevice(CUdevice * a0)
{
	static CUresult (*f)(CUdevice *);
	CUresult r = resolve((void **)&f, "cuCtxGetDevice");
	return r ? r : f(a0);
}

CUresult cuCtxGetFlags(unsigned int * a0)
{
	static CUresult (*f)(unsigned int *);
	CUresult r = resolve((void **)&f, "cuCtxGetFlags");
	return r ? r : f(a0);
}

CUresult cuCtxGetLimit(size_t * a0, CUlimit a1)
{
	static CUresult (*f)(size_t *, CUlimit);
	CUresult r = resolve((void **)&f, "cuCtxGetLimit");
	return r ? r : f(a0, a1);
}

CUresult cuCtxGetSharedMemConfig(CUsharedconfig * a0)
{
	static CUresult (*f)(CUsharedconfig *);
	CUresult r = resolve((void **)&f, "cuCtxGetSharedMemConfig");
	return r ? r : f(a0);
}

CUresult cuCtxGetStreamPriorityRange(int * a0, int * a1)
{
	static CUresult (*f)(int *, int *);
	CUresult r = resolve((void **)&f, "cuCtxGetStreamPriorityRange");
	return r ? r : f(a0, a1);
}

CUresult cuCtxPopCurrent_v2(CUcontext * a0)
{
	static CUresult (*f)(CUcontext *);
	CUresult r = resolve((void **)&f, "cuCtxPopCurrent_v2");
	return r ? r : f(a0);
}

CUresult cuCtxPushCurrent_v2(CUcontext a0)
{
	static CUresult (*f)(CUcontext);
	CUresult r = resolve((void **)&f, "cuCtxPushCurrent_v2");
	return r ? r : f(a0);
}

CUresult cuCtxResetPersistingL2Cache(void)
{
	static CUresult (*f)(void);
	CUresult r = resolve((void **)&f, "cuCtxResetPersistingL2Cache");
	return r ? r : f();
}

CUresult cuCtxSetCacheConfig(CUfunc_cache a0)
{
	static CUresult (*f)(CUfunc_cache);
	CUresult r = resolve((void **)&f, "cuCtxSetCacheConfig");
	return r ? r : f(a0);
}

CUresult cuCtxSetCurrent(CUcontext a0)
{
	static CUresult (*f)(CUcontext);
	CUresult r = resolve((void **)&f, "cuCtxSetCurrent");
	return r ? r : f(a0);
}

CUresult cuCtxSetLimit(CUlimit a0, size_t a1)
{
	static CUresult (*f)(CUlimit, size_t);
	CUresult r = resolve((void **)&f, "cuCtxSetLimit");
	return r ? r : f(a0, a1);
}

CUresult cuCtxSetSharedMemConfig(CUsharedconfig a0)
{
	static CUresult (*f)(CUsharedconfig);
	CUresult r = resolve((void **)&f, "cuCtxSetSharedMemConfig");
	return r ? r : f(a0);
}

CUresult cuCtxSynchronize(void)
{
	static CUresult (*f)(void);
	CUresult r = resolve((void **)&f, "cuCtxSynchronize");
	return r ? r : f();
}

CUresult cuDeviceCanAccessPeer(int * a0, CUdevice a1, CUdevice a2)
{
	static CUresult (*f)(int *, CUdevice, CUdevice);
	CUresult r = resolve((void **)&f, "cuDeviceCanAccessPeer");
	return r ? r : f(a0, a1, a2);
}

CUresult cuDeviceGet(CUdevice * a0, int a1)
{
	static CUresult (*f)(CUdevice *, int);
	CUresult r = resolve((void **)&f, "cuDeviceGet");
	return r ? r : f(a0, a1);
}

CUresult cuDeviceGetAttribute(int * a0, CUdevice_attribute a1, CUdevice a2)
{
	static CUresult (*f)(int *, CUdevice_attribute, CUdevice);
	CUresult r = resolve((void **)&f, "cuDeviceGetAttribute");
	return r ? r : f(a0, a1, a2);
}

CUresult cuDeviceGetCount(int * a0)
{
	static CUresult (*f)(int *);
	CUresult r = resolve((void **)&f, "cuDeviceGetCount");
	return r ? r : f(a0);
}

CUresult cuDeviceGetDefaultMemPool(CUmemoryPool * a0, CUdevice a1)
{
	static CUresult (*f)(CUmemoryPool *, CUdevice);
	CUresult r = resolve((void **)&f, "cuDeviceGetDefaultMemPool");
	return r ? r : f(a0, a1);
}

CUresult cuDeviceGetName(char * a0, int a1, CUdevice a2)
{
	static CUresult (*f)(char *, int, CUdevice);
	CUresult r = resolve((void **)&f, "cuDeviceGetName");
	return r ? r : f(a0, a1, a2);
}

CUresult cuDeviceGetP2PAttribute(int * a0, CUdevice_P2PAttribute a1, CUdevice a2, CUdevice a3)
{
	static CUresult (*f)(int *, CUdevice_P2PAttribute, CUdevice, CUdevice);
	CUresult r = resolve((void **)&f, "cuDeviceGetP2PAttribute");
	return r ? r : f(a0, a1, a2, a3);
}

CUresult cuDeviceGetUuid(CUuuid * a0, CUdevice a1)
{
	static CUresult (*f)(CUuuid *, CUdevice);
	CUresult r = resolve((void **)&f, "cuDeviceGetUuid");
	return r ? r : f(a0, a1);
}

CUresult cuDevicePrimaryCtxGetState(CUdevice a0, unsigned int * a1, int * a2)
{
	static CUresult (*f)(CUdevice, unsigned int *, int *);
	CUresult r = resolve((void **)&f, "cuDevicePrimaryCtxGetState");
	return r ? r : f(a0, a1, a2);
}

CUresult cuDevicePrimaryCtxRelease_v2(CUdevice a0)
{
	static CUresult (*f)(CUdevice);
	CUresult r = resolve((void **)&f, "cuDevicePrimaryCtxRelease_v2");
	return r ? r : f(a0);
}

CUresult cuDevicePrimaryCtxReset_v2(CUdevice a0)
{
	static CUresult (*f)(CUdevice);
	CUresult r = resolve((void **)&f, "cuDevicePrimaryCtxReset_v2");
	return r ? r : f(a0);
}

CUresult cuDevicePrimaryCtxRetain(CUcontext * a0, CUdevice a1)
{
	static CUresult (*f)(CUcontext *, CUdevice);
	CUresult r = resolve((void **)&f, "cuDevicePrimaryCtxRetain");
	return r ? r : f(a0, a1);
}

CUresult cuDevicePrimaryCtxSetFlags_v2(CUdevice a0, unsigned int a1)
{
	static CUresult (*f)(CUdevice, unsigned int);
	CUresult r = resolve((void **)&f, "cuDevicePrimaryCtxSetFlags_v2");
	return r ? r : f(a0, a1);
}

CUresult cuDeviceTotalMem_v2(size_t * a0, CUdevice a1)
{
	static CUresult (*f)(size_t *, CUdevice);
	CUresult r = resolve((void **)&f, "cuDeviceTotalMem_v2");
	return r ? r : f(a0, a1);
}

CUresult cuDriverGetVersion(int * a0)
{
	static CUresult (*f)(int *);
	CUresult r = resolve((void **)&f, "cuDriverGetVersion");
	return r ? r : f(a0);
}

CUresult cuEventCreate(CUevent * a0, unsigned int a1)
{
	static CUresult (*f)(CUevent *, unsigned int);
	CUresult r = resolve((void **)&f, "cuEventCreate");
	return r ? r : f(a0, a1);
}

CUresult cuEventDestroy_v2(CUevent a0)
{
	static CUresult (*f)(CUevent);
	CUresult r = resolve((void **)&f, "cuEventDestroy_v2");
	return r ? r : f(a0);
}

CUresult cuEventElapsedTime(float * a0, CUevent a1, CUevent a2)
{
	static CUresult (*f)(float *, CUevent, CUevent);
	CUresult r = resolve((void **)&f, "cuEventElapsedTime");
	return r ? r : f(a0, a1, a2);
}

CUresult cuEventQuery(CUevent a0)
{
	static CUresult (*f)(CUevent);
	CUresult r = resolve((void **)&f, "cuEventQuery");
	return r ? r : f(a0);
}

CUresult cuEventRecord(CUevent a0, CUstream a1)
{
	static CUresult (*f)(CUevent, CUstream);
	CUresult r = resolve((void **)&f, "cuEventRecord");
	return r ? r : f(a0, a1);
}

CUresult cuEventRecordWithFlags(CUevent a0, CUstream a1, unsigned int a2)
{
	static CUresult (*f)(CUevent, CUstream, unsigned int);
	CUresult r = resolve((void **)&f, "cuEventRecordWithFlags");
	return r ? r : f(a0, a1, a2);
}

CUresult cuEventSynchronize(CUevent a0)
{
	static CUresult (*f)(CUevent);
	CUresult r = resolve((void **)&f, "cuEventSynchronize");
	return r ? r : f(a0);
}

CUresult cuFuncGetAttribute(int * a0, CUfunction_attribute a1, CUfunction a2)
{
	static CUresult (*f)(int *, CUfunction_attribute, CUfunction);
	CUresult r = resolve((void **)&f, "cuFuncGetAttribute");
	return r ? r : f(a0, a1, a2);
}

CUresult cuFuncSetAttribute(CUfunction a0, CUfunction_attribute a1, int a2)
{
	static CUresult (*f)(CUfunction, CUfunction_attribute, int);
	CUresult r = resolve((void **)&f, "cuFuncSetAttribute");
	return r ? r : f(a0, a1, a2);
}

CUresult cuFuncSetCacheConfig(CUfunction a0, CUfunc_cache a1)
{
	static CUresult (*f)(CUfunction, CUfunc_cache);
	CUresult r = resolve((void **)&f, "cuFuncSetCacheConfig");
	return r ? r : f(a0, a1);
}

CUresult cuFuncSetSharedMemConfig(CUfunction a0, CUsharedconfig a1)
{
	static CUresult (*f)(CUfunction, CUsharedconfig);
	CUresult r = resolve((void **)&f, "cuFuncSetSharedMemConfig");
	return r ? r : f(a0, a1);
}

CUresult cuGetErrorName(CUresult a0, const char ** a1)
{
	static CUresult (*f)(CUresult, const char **);
	CUresult r = resolve((void **)&f, "cuGetErrorName");
	return r ? r : f(a0, a1);
}

CUresult cuGetErrorString(CUresult a0, const char ** a1)
{
	static CUresult (*f)(CUresult, const char **);
	CUresult r = resolve((void **)&f, "cuGetErrorString");
	return r ? r : f(a0, a1);
}

CUresult cuGraphAddChildGraphNode(CUgraphNode * a0, CUgraph a1, const CUgraphNode * a2, size_t a3, CUgraph a4)
{
	static CUresult (*f)(CUgraphNode *, CUgraph, const CUgraphNode *, size_t, CUgraph);
	CUresult r = resolve((void **)&f, "cuGraphAddChildGraphNode");
	return r ? r : f(a0, a1, a2, a3, a4);
}

CUresult cuGraphAddDependencies(CUgraph a0, const CUgraphNode * a1, const CUgraphNode * a2, size_t a3)
{
	static CUresult (*f)(CUgraph, const CUgraphNode *, const CUgraphNode *, size_t);
	CUresult r = resolve((void **)&f, "cuGraphAddDependencies");
	return r ? r : f(a0, a1, a2, a3);
}

CUresult cuGraphAddEmptyNode(CUgraphNode * a0, CUgraph a1, const CUgraphNode * a2, size_t a3)
{
	static CUresult (*f)(CUgraphNode *, CUgraph, const CUgraphNode *, size_t);
	CUresult r = resolve((void **)&f, "cuGraphAddEmptyNode");
	return r ? r : f(a0, a1, a2, a3);
}

CUresult cuGraphAddHostNode(CUgraphNode * a0, CUgraph a1, const CUgraphNode * a2, size_t a3, const CUDA_HOST_NODE_PARAMS * a4)
{
	static CUresult (*f)(CUgraphNode *, CUgraph, const CUgraphNode *, size_t, const CUDA_HOST_NODE_PARAMS *);
	CUresult r = resolve((void **)&f, "cuGraphAddHostNode");
	return r ? r : f(a0, a1, a2, a3, a4);
}

CUresult cuGraphAddKernelNode(CUgraphNode * a0, CUgraph a1, const CUgraphNode * a2, size_t a3, const CUDA_KERNEL_NODE_PARAMS * a4)
{
	static CUresult (*f)(CUgraphNode *, CUgraph, const CUgraphNode *, size_t, const CUDA_KERNEL_NODE_PARAMS *);
	CUresult r = resolve((void **)&f, "cuGraphAddKernelNode");
	return r ? r : f(a0, a1, a2, a3, a4);
}

CUresult cuGraphAddMemcpyNode(CUgraphNode * a0, CUgraph a1, const CUgraphNode * a2, size_t a3, const CUDA_MEMCPY3D * a4, CUcontext a5)
{
	static CUresult (*f)(CUgraphNode *, CUgraph, const CUgraphNode *, size_t, const CUDA_MEMCPY3D *, CUcontext);
	CUresult r = resolve((void **)&f, "cuGraphAddMemcpyNode");
	return r ? r : f(a0, a1, a2, a3, a4, a5);
}

CUresult cuGraphAddMemsetNode(CUgraphNode * a0, CUgraph a1, const CUgraphNode * a2, size_t a3, const CUDA_MEMSET_NODE_PARAMS * a4, CUcontext a5)
{
	static CUresult (*f)(CUgraphNode *, CUgraph, const CUgraphNode *, size_t, const CUDA_MEMSET_NODE_PARAMS *, CUcontext);
	CUresult r = resolve((void **)&f, "cuGraphAddMemsetNode");
	return r ? r : f(a0, a1, a2, a3, a4, a5);
}

CUresult cuGraphClone(CUgraph * a0, CUgraph a1)
{
	static CUresult (*f)(CUgraph *, CUgraph);
	CUresult r = resolve((void **)&f, "cuGraphClone");
	return r ? r : f(a0, a1);
}

CUresult cuGraphCreate(CUgraph * a0, unsigned int a1)
{
	static CUresult (*f)(CUgraph *, unsigned int);
	CUresult r = resolve((void **)&f, "cuGraphCreate");
	return r ? r : f(a0, a1);
}

CUresult cuGraphDestroy(CUgraph a0)
{
	static CUresult (*f)(CUgraph);
	CUresult r = resolve((void **)&f, "cuGraphDestroy");
	return r ? r : f(a0);
}

CUresult cuGraphDestroyNode(CUgraphNode a0)
{
	static CUresult (*f)(CUgraphNode);
	CUresult r = resolve((void **)&f, "cuGraphDestroyNode");
	return r ? r : f(a0);
}

CUresult cuGraphExecDestroy(CUgraphExec a0)
{
	static CUresult (*f)(CUgraphExec);
	CUresult r = resolve((void **)&f, "cuGraphExecDestroy");
	return r ? r : f(a0);
}

CUresult cuGraphExecUpdate(CUgraphExec a0, CUgraph a1, CUgraphNode * a2, CUgraphExecUpdateResult * a3)
{
	static CUresult (*f)(CUgraphExec, CUgraph, CUgraphNode *, CUgraphExecUpdateResult *);
	CUresult r = resolve((void **)&f, "cuGraphExecUpdate");
	return r ? r : f(a0, a1, a2, a3);
}

CUresult cuGraphGetEdges(CUgraph a0, CUgraphNode * a1, CUgraphNode * a2, size_t * a3)
{
	static CUresult (*f)(CUgraph, CUgraphNode *, CUgraphNode *, size_t *);
	CUresult r = resolve((void **)&f, "cuGraphGetEdges");
	return r ? r : f(a0, a1, a2, a3);
}

CUresult cuGraphInstantiateWithFlags(CUgraphExec * a0, CUgraph a1, unsigned long long a2)
{
	static CUresult (*f)(CUgraphExec *, CUgraph, unsigned long long);
	CUresult r = resolve((void **)&f, "cuGraphInstantiateWithFlags");
	return r ? r : f(a0, a1, a2);
}

CUresult cuGraphLaunch(CUgraphExec a0, CUstream a1)
{
	static CUresult (*f)(CUgraphExec, CUstream);
	CUresult r = resolve((void **)&f, "cuGraphLaunch");
	return r ? r : f(a0, a1);
}

CUresult cuLaunchHostFunc(CUstream a0, CUhostFn a1, void * a2)
{
	static CUresult (*f)(CUstream, CUhostFn, void *);
	CUresult r = resolve((void **)&f, "cuLaunchHostFunc");
	return r ? r : f(a0, a1, a2);
}

CUresult cuLaunchKernel(CUfunction a0, unsigned int a1, unsigned int a2, unsigned int a3, unsigned int a4, unsigned int a5, unsigned int a6, unsigned int a7, CUstream a8, void ** a9, void ** a10)
{
	static CUresult (*f)(CUfunction, unsigned int, unsigned int, unsigned int, unsigned int, unsigned int, unsigned int, unsigned int, CUstream, void **, void **);
	CUresult r = resolve((void **)&f, "cuLaunchKernel");
	return r ? r : f(a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10);
}

CUresult cuLinkAddData_v2(CUlinkState a0, CUjitInputType a1, void * a2, size_t a3, const char * a4, unsigned int a5, CUjit_option * a6, void ** a7)
{
	static CUresult (*f)(CUlinkState, CUjitInputType, void *, size_t, const char *, unsigned int, CUjit_option *, void **);
	CUresult r = resolve((void **)&f, "cuLinkAddData_v2");
	return r ? r : f(a0, a1, a2, a3, a4, a5, a6, a7);
}

CUresult cuLinkAddFile_v2(CUlinkState a0, CUjitInputType a1, const char * a2, unsigned int a3, CUjit_option * a4, void ** a5)
{
	static CUresult (*f)(CUlinkState, CUjitInputType, const char *, unsigned int, CUjit_option *, void **);
	CUresult r = resolve((void **)&f, "cuLinkAddFile_v2");
	return r ? r : f(a0, a1, a2, a3, a4, a5);
}

CUresult cuLinkComplete(CUlinkState a0, void ** a1, size_t * a2)
{
	static CUresult (*f)(CUlinkState, void **, size_t *);
	CUresult r = resolve((void **)&f, "cuLinkComplete");
	return r ? r : f(a0, a1, a2);
}

CUresult cuLinkCreate_v2(unsigned int a0, CUjit_option * a1, void ** a2, CUlinkState * a3)
{
	static CUresult (*f)(unsigned int, CUjit_option *, void **, CUlinkState *);
	CUresult r = resolve((void **)&f, "cuLinkCreate_v2");
	return r ? r : f(a0, a1, a2, a3);
}

CUresult cuLinkDestroy(CUlinkState a0)
{
	static CUresult (*f)(CUlinkState);
	CUresult r = resolve((void **)&f, "cuLinkDestroy");
	return r ? r : f(a0);
}

CUresult cuMemAdvise(CUdeviceptr a0, size_t a1, CUmem_advise a2, CUdevice a3)
{
	static CUresult (*f)(CUdeviceptr, size_t, CUmem_advise, CUdevice);
	CUresult r = resolve((void **)&f, "cuMemAdvise");
	return r ? r : f(a0, a1, a2, a3);
}

CUresult cuMemAllocAsync(CUdeviceptr * a0, size_t a1, CUstream a2)
{
	static CUresult (*f)(CUdeviceptr *, size_t, CUstream);
	CUresult r = resolve((void **)&f, "cuMemAllocAsync");
	return r ? r : f(a0, a1, a2);
}

CUresult cuMemAllocManaged(CUdeviceptr * a0, size_t a1, unsigned int a2)
{
	static CUresult (*f)(CUdeviceptr *, size_t, unsigned int);
	CUresult r = resolve((void **)&f, "cuMemAllocManaged");
	return r ? r : f(a0, a1, a2);
}

CUresult cuMemAllocPitch_v2(CUdeviceptr * a0, size_t * a1, size_t a2, size_t a3, unsigned int a4)
{
	static CUresult (*f)(CUdeviceptr *, size_t *, size_t, size_t, unsigned int);
	CUresult r = resolve((void **)&f, "cuMemAllocPitch_v2");
	return r ? r : f(a0, a1, a2, a3, a4);
}

CUresult cuMemAlloc_v2(CUdeviceptr * a0, size_t a1)
{
	static CUresult (*f)(CUdeviceptr *, size_t);
	CUresult r = resolve((void **)&f, "cuMemAlloc_v2");
	return r ? r : f(a0, a1);
}

CUresult cuMemFreeAsync(CUdeviceptr a0, CUstream a1)
{
	static CUresult (*f)(CUdeviceptr, CUstream);
	CUresult r = resolve((void **)&f, "cuMemFreeAsync");
	return r ? r : f(a0, a1);
}

CUresult cuMemFreeHost(void * a0)
{
	static CUresult (*f)(void *);
	CUresult r = resolve((void **)&f, "cuMemFreeHost");
	return r ? r : f(a0);
}

CUresult cuMemFree_v2(CUdeviceptr a0)
{
	static CUresult (*f)(CUdeviceptr);
	CUresult r = resolve((void **)&f, "cuMemFree_v2");
	return r ? r : f(a0);
}

CUresult cuMemGetAddressRange_v2(CUdeviceptr * a0, size_t * a1, CUdeviceptr a2)
{
	static CUresult (*f)(CUdeviceptr *, size_t *, CUdeviceptr);
	CUresult r = resolve((void **)&f, "cuMemGetAddressRange_v2");
	return r ? r : f(a0, a1, a2);
}

CUresult cuMemGetInfo_v2(size_t * a0, size_t * a1)
{
	static CUresult (*f)(size_t *, size_t *);
	CUresult r = resolve((void **)&f, "cuMemGetInfo_v2");
	return r ? r : f(a0, a1);
}

CUresult cuMemHostAlloc(void ** a0, size_t a1, unsigned int a2)
{
	static CUresult (*f)(void **, size_t, unsigned int);
	CUresult r = resolve((void **)&f, "cuMemHostAlloc");
	return r ? r : f(a0, a1, a2);
}

CUresult cuMemPoolSetAttribute(CUmemoryPool a0, CUmemPool_attribute a1, void * a2)
{
	static CUresult (*f)(CUmemoryPool, CUmemPool_attribute, void *);
	CUresult r = resolve((void **)&f, "cuMemPoolSetAttribute");
	return r ? r : f(a0, a1, a2);
}

CUresult cuMemPoolTrimTo(CUmemoryPool a0, size_t a1)
{
	static CUresult (*f)(CUmemoryPool, size_t);
	CUresult r = resolve((void **)&f, "cuMemPoolTrimTo");
	return r ? r : f(a0, a1);
}

CUresult cuMemPrefetchAsync(CUdeviceptr a0, size_t a1, CUdevice a2, CUstream a3)
{
	static CUresult (*f)(CUdeviceptr, size_t, CUdevice, CUstream);
	CUresult r = resolve((void **)&f, "cuMemPrefetchAsync");
	return r ? r : f(a0, a1, a2, a3);
}

CUresult cuMemcpy(CUdeviceptr a0, CUdeviceptr a1, size_t a2)
{
	static CUresult (*f)(CUdeviceptr, CUdeviceptr, size_t);
	CUresult r = resolve((void **)&f, "cuMemcpy");
	return r ? r : f(a0, a1, a2);
}

CUresult cuMemcpy2DAsync_v2(const CUDA_MEMCPY2D * a0, CUstream a1)
{
	static CUresult (*f)(const CUDA_MEMCPY2D *, CUstream);
	CUresult r = resolve((void **)&f, "cuMemcpy2DAsync_v2");
	return r ? r : f(a0, a1);
}

CUresult cuMemcpy2DUnaligned_v2(const CUDA_MEMCPY2D * a0)
{
	static CUresult (*f)(const CUDA_MEMCPY2D *);
	CUresult r = resolve((void **)&f, "cuMemcpy2DUnaligned_v2");
	return r ? r : f(a0);
}

CUresult cuMemcpy2D_v2(const CUDA_MEMCPY2D * a0)
{
	static CUresult (*f)(const CUDA_MEMCPY2D *);
	CUresult r = resolve((void **)&f, "cuMemcpy2D_v2");
	return r ? r : f(a0);
}

CUresult cuMemcpy3DAsync_v2(const CUDA_MEMCPY3D * a0, CUstream a1)
{
	static CUresult (*f)(const CUDA_MEMCPY3D *, CUstream);
	CUresult r = resolve((void **)&f, "cuMemcpy3DAsync_v2");
	return r ? r : f(a0, a1);
}

CUresult cuMemcpy3DPeer(const CUDA_MEMCPY3D_PEER * a0)
{
	static CUresult (*f)(const CUDA_MEMCPY3D_PEER *);
	CUresult r = resolve((void **)&f, "cuMemcpy3DPeer");
	return r ? r : f(a0);
}

CUresult cuMemcpy3DPeerAsync(const CUDA_MEMCPY3D_PEER * a0, CUstream a1)
{
	static CUresult (*f)(const CUDA_MEMCPY3D_PEER *, CUstream);
	CUresult r = resolve((void **)&f, "cuMemcpy3DPeerAsync");
	return r ? r : f(a0, a1);
}

CUresult cuMemcpy3D_v2(const CUDA_MEMCPY3D * a0)
{
	static CUresult (*f)(const CUDA_MEMCPY3D *);
	CUresult r = resolve((void **)&f, "cuMemcpy3D_v2");
	return r ? r : f(a0);
}

CUresult cuMemcpyAsync(CUdeviceptr a0, CUdeviceptr a1, size_t a2, CUstream a3)
{
	static CUresult (*f)(CUdeviceptr, CUdeviceptr, size_t, CUstream);
	CUresult r = resolve((void **)&f, "cuMemcpyAsync");
	return r ? r : f(a0, a1, a2, a3);
}

CUresult cuMemcpyAtoA_v2(CUarray a0, size_t a1, CUarray a2, size_t a3, size_t a4)
{
	static CUresult (*f)(CUarray, size_t, CUarray, size_t, size_t);
	CUresult r = resolve((void **)&f, "cuMemcpyAtoA_v2");
	return r ? r : f(a0, a1, a2, a3, a4);
}

CUresult cuMemcpyAtoD_v2(CUdeviceptr a0, CUarray a1, size_t a2, size_t a3)
{
	static CUresult (*f)(CUdeviceptr, CUarray, size_t, size_t);
	CUresult r = resolve((void **)&f, "cuMemcpyAtoD_v2");
	return r ? r : f(a0, a1, a2, a3);
}

CUresult cuMemcpyAtoHAsync_v2(void * a0, CUarray a1, size_t a2, size_t a3, CUstream a4)
{
	static CUresult (*f)(void *, CUarray, size_t, size_t, CUstream);
	CUresult r = resolve((void **)&f, "cuMemcpyAtoHAsync_v2");
	return r ? r : f(a0, a1, a2, a3, a4);
}

CUresult cuMemcpyAtoH_v2(void * a0, CUarray a1, size_t a2, size_t a3)
{
	static CUresult (*f)(void *, CUarray, size_t, size_t);
	CUresult r = resolve((void **)&f, "cuMemcpyAtoH_v2");
	return r ? r : f(a0, a1, a2, a3);
}

CUresult cuMemcpyDtoA_v2(CUarray a0, size_t a1, CUdeviceptr a2, size_t a3)
{
	static CUresult (*f)(CUarray, size_t, CUdeviceptr, size_t);
	CUresult r = resolve((void **)&f, "cuMemcpyDtoA_v2");
	return r ? r : f(a0, a1, a2, a3);
}

CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr a0, CUdeviceptr a1, size_t a2, CUstream a3)
{
	static CUresult (*f)(CUdeviceptr, CUdeviceptr, size_t, CUstream);
	CUresult r = resolve((void **)&f, "cuMemcpyDtoDAsync_v2");
	return r ? r : f(a0, a1, a2, a3);
}

CUresult cuMemcpyDtoD_v2(CUdeviceptr a0, CUdeviceptr a1, size_t a2)
{
	static CUresult (*f)(CUdeviceptr, CUdeviceptr, size_t);
	CUresult r = resolve((void **)&f, "cuMemcpyDtoD_v2");
	return r ? r : f(a0, a1, a2);
}

CUresult cuMemcpyDtoHAsync_v2(void * a0, CUdeviceptr a1, size_t a2, CUstream a3)
{
	static CUresult (*f)(void *, CUdeviceptr, size_t, CUstream);
	CUresult r = resolve((void **)&f, "cuMemcpyDtoHAsync_v2");
	return r ? r : f(a0, a1, a2, a3);
}

CUresult cuMemcpyDtoH_v2(void * a0, CUdeviceptr a1, size_t a2)
{
	static CUresult (*f)(void *, CUdeviceptr, size_t);
	CUresult r = resolve((void **)&f, "cuMemcpyDtoH_v2");
	return r ? r : f(a0, a1, a2);
}

CUresult cuMemcpyHtoAAsync_v2(CUarray a0, size_t a1, const void * a2, size_t a3, CUstream a4)
{
	static CUresult (*f)(CUarray, size_t, const void *, size_t, CUstream);
	CUresult r = resolve((void **)&f, "cuMemcpyHtoAAsync_v2");
	return r ? r : f(a0, a1, a2, a3, a4);
}

CUresult cuMemcpyHtoA_v2(CUarray a0, size_t a1, const void * a2, size_t a3)
{
	static CUresult (*f)(CUarray, size_t, const void *, size_t);
	CUresult r = resolve((void **)&f, "cuMemcpyHtoA_v2");
	return r ? r : f(a0, a1, a2, a3);
}

CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr a0, const void * a1, size_t a2, CUstream a3)
{
	static CUresult (*f)(CUdeviceptr, const void *, size_t, CUstream);
	CUresult r = resolve((void **)&f, "cuMemcpyHtoDAsync_v2");
	return r ? r : f(a0, a1, a2, a3);
}

CUresult cuMemcpyHtoD_v2(CUdeviceptr a0, const void * a1, size_t a2)
{
	static CUresult (*f)(CUdeviceptr, const void *, size_t);
	CUresult r = resolve((void **)&f, "cuMemcpyHtoD_v2");
	return r ? r : f(a0, a1, a2);
}

CUresult cuMemcpyPeer(CUdeviceptr a0, CUcontext a1, CUdeviceptr a2, CUcontext a3, size_t a4)
{
	static CUresult (*f)(CUdeviceptr, CUcontext, CUdeviceptr, CUcontext, size_t);
	CUresult r = resolve((void **)&f, "cuMemcpyPeer");
	return r ? r : f(a0, a1, a2, a3, a4);
}

CUresult cuMemcpyPeerAsync(CUdeviceptr a0, CUcontext a1, CUdeviceptr a2, CUcontext a3, size_t a4, CUstream a5)
{
	static CUresult (*f)(CUdeviceptr, CUcontext, CUdeviceptr, CUcontext, size_t, CUstream);
	CUresult r = resolve((void **)&f, "cuMemcpyPeerAsync");
	return r ? r : f(a0, a1, a2, a3, a4, a5);
}

CUresult cuMemsetD16Async(CUdeviceptr a0, unsigned short a1, size_t a2, CUstream a3)
{
	static CUresult (*f)(CUdeviceptr, unsigned short, size_t, CUstream);
	CUresult r = resolve((void **)&f, "cuMemsetD16Async");
	return r ? r : f(a0, a1, a2, a3);
}

CUresult cuMemsetD16_v2(CUdeviceptr a0, unsigned short a1, size_t a2)
{
	static CUresult (*f)(CUdeviceptr, unsigned short, size_t);
	CUresult r = resolve((void **)&f, "cuMemsetD16_v2");
	return r ? r : f(a0, a1, a2);
}

CUresult cuMemsetD2D16Async(CUdeviceptr a0, size_t a1, unsigned short a2, size_t a3, size_t a4, CUstream a5)
{
	static CUresult (*f)(CUdeviceptr, size_t, unsigned short, size_t, size_t, CUstream);
	CUresult r = resolve((void **)&f, "cuMemsetD2D16Async");
	return r ? r : f(a0, a1, a2, a3, a4, a5);
}

CUresult cuMemsetD2D16_v2(CUdeviceptr a0, size_t a1, unsigned short a2, size_t a3, size_t a4)
{
	static CUresult (*f)(CUdeviceptr, size_t, unsigned short, size_t, size_t);
	CUresult r = resolve((void **)&f, "cuMemsetD2D16_v2");
	return r ? r : f(a0, a1, a2, a3, a4);
}

CUresult cuMemsetD2D32Async(CUdeviceptr a0, size_t a1, unsigned int a2, size_t a3, size_t a4, CUstream a5)
{
	static CUresult (*f)(CUdeviceptr, size_t, unsigned int, size_t, size_t, CUstream);
	CUresult r = resolve((void **)&f, "cuMemsetD2D32Async");
	return r ? r : f(a0, a1, a2, a3, a4, a5);
}

CUresult cuMemsetD2D32_v2(CUdeviceptr a0, size_t a1, unsigned int a2, size_t a3, size_t a4)
{
	static CUresult (*f)(CUdeviceptr, size_t, unsigned int, size_t, size_t);
	CUresult r = resolve((void **)&f, "cuMemsetD2D32_v2");
	return r ? r : f(a0, a1, a2, a3, a4);
}

CUresult cuMemsetD2D8Async(CUdeviceptr a0, size_t a1, unsigned char a2, size_t a3, size_t a4, CUstream a5)
{
	static CUresult (*f)(CUdeviceptr, size_t, unsigned char, size_t, size_t, CUstream);
	CUresult r = resolve((void **)&f, "cuMemsetD2D8Async");
	return r ? r : f(a0, a1, a2, a3, a4, a5);
}

CUresult cuMemsetD2D8_v2(CUdeviceptr a0, size_t a1, unsigned char a2, size_t a3, size_t a4)
{
	static CUresult (*f)(CUdeviceptr, size_t, unsigned char, size_t, size_t);
	CUresult r = resolve((void **)&f, "cuMemsetD2D8_v2");
	return r ? r : f(a0, a1, a2, a3, a4);
}

CUresult cuMemsetD32Async(CUdeviceptr a0, unsigned int a1, size_t a2, CUstream a3)
{
	static CUresult (*f)(CUdeviceptr, unsigned int, size_t, CUstream);
	CUresult r = resolve((void **)&f, "cuMemsetD32Async");
	return r ? r : f(a0, a1, a2, a3);
}

CUresult cuMemsetD32_v2(CUdeviceptr a0, unsigned int a1, size_t a2)
{
	static CUresult (*f)(CUdeviceptr, unsigned int, size_t);
	CUresult r = resolve((void **)&f, "cuMemsetD32_v2");
	return r ? r : f(a0, a1, a2);
}

CUresult cuMemsetD8Async(CUdeviceptr a0, unsigned char a1, size_t a2, CUstream a3)
{
	static CUresult (*f)(CUdeviceptr, unsigned char, size_t, CUstream);
	CUresult r = resolve((void **)&f, "cuMemsetD8Async");
	return r ? r : f(a0, a1, a2, a3);
}

CUresult cuMemsetD8_v2(CUdeviceptr a0, unsigned char a1, size_t a2)
{
	static CUresult (*f)(CUdeviceptr, unsigned char, size_t);
	CUresult r = resolve((void **)&f, "cuMemsetD8_v2");
	return r ? r : f(a0, a1, a2);
}

CUresult cuModuleGetFunction(CUfunction * a0, CUmodule a1, const char * a2)
{
	static CUresult (*f)(CUfunction *, CUmodule, const char *);
	CUresult r = resolve((void **)&f, "cuModuleGetFunction");
	return r ? r : f(a0, a1, a2);
}

CUresult cuModuleGetGlobal_v2(CUdeviceptr * a0, size_t * a1, CUmodule a2, const char * a3)
{
	static CUresult (*f)(CUdeviceptr *, size_t *, CUmodule, const char *);
	CUresult r = resolve((void **)&f, "cuModuleGetGlobal_v2");
	return r ? r : f(a0, a1, a2, a3);
}

CUresult cuModuleGetSurfRef(CUsurfref * a0, CUmodule a1, const char * a2)
{
	static CUresult (*f)(CUsurfref *, CUmodule, const char *);
	CUresult r = resolve((void **)&f, "cuModuleGetSurfRef");
	return r ? r : f(a0, a1, a2);
}

CUresult cuModuleGetTexRef(CUtexref * a0, CUmodule a1, const char * a2)
{
	static CUresult (*f)(CUtexref *, CUmodule, const char *);
	CUresult r = resolve((void **)&f, "cuModuleGetTexRef");
	return r ? r : f(a0, a1, a2);
}

CUresult cuModuleLoad(CUmodule * a0, const char * a1)
{
	static CUresult (*f)(CUmodule *, const char *);
	CUresult r = resolve((void **)&f, "cuModuleLoad");
	return r ? r : f(a0, a1);
}

CUresult cuModuleLoadData(CUmodule * a0, const void * a1)
{
	static CUresult (*f)(CUmodule *, const void *);
	CUresult r = resolve((void **)&f, "cuModuleLoadData");
	return r ? r : f(a0, a1);
}

CUresult cuModuleLoadDataEx(CUmodule * a0, const void * a1, unsigned int a2, CUjit_option * a3, void ** a4)
{
	static CUresult (*f)(CUmodule *, const void *, unsigned int, CUjit_option *, void **);
	CUresult r = resolve((void **)&f, "cuModuleLoadDataEx");
	return r ? r : f(a0, a1, a2, a3, a4);
}

CUresult cuModuleLoadFatBinary(CUmodule * a0, const void * a1)
{
	static CUresult (*f)(CUmodule *, const void *);
	CUresult r = resolve((void **)&f, "cuModuleLoadFatBinary");
	return r ? r : f(a0, a1);
}

CUresult cuModuleUnload(CUmodule a0)
{
	static CUresult (*f)(CUmodule);
	CUresult r = resolve((void **)&f, "cuModuleUnload");
	return r ? r : f(a0);
}

CUresult cuOccupancyMaxActiveBlocksPerMultiprocessor(int * a0, CUfunction a1, int a2, size_t a3)
{
	static CUresult (*f)(int *, CUfunction, int, size_t);
	CUresult r = resolve((void **)&f, "cuOccupancyMaxActiveBlocksPerMultiprocessor");
	return r ? r : f(a0, a1, a2, a3);
}

CUresult cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int * a0, CUfunction a1, int a2, size_t a3, unsigned int a4)
{
	static CUresult (*f)(int *, CUfunction, int, size_t, unsigned int);
	CUresult r = resolve((void **)&f, "cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags");
	return r ? r : f(a0, a1, a2, a3, a4);
}

CUresult cuOccupancyMaxPotentialBlockSize(int * a0, int * a1, CUfunction a2, CUoccupancyB2DSize a3, size_t a4, int a5)
{
	static CUresult (*f)(int *, int *, CUfunction, CUoccupancyB2DSize, size_t, int);
	CUresult r = resolve((void **)&f, "cuOccupancyMaxPotentialBlockSize");
	return r ? r : f(a0, a1, a2, a3, a4, a5);
}

CUresult cuPointerGetAttribute(void * a0, CUpointer_attribute a1, CUdeviceptr a2)
{
	static CUresult (*f)(void *, CUpointer_attribute, CUdeviceptr);
	CUresult r = resolve((void **)&f, "cuPointerGetAttribute");
	return r ? r : f(a0, a1, a2);
}

CUresult cuPointerSetAttribute(const void * a0, CUpointer_attribute a1, CUdeviceptr a2)
{
	static CUresult (*f)(const void *, CUpointer_attribute, CUdeviceptr);
	CUresult r = resolve((void **)&f, "cuPointerSetAttribute");
	return r ? r : f(a0, a1, a2);
}

CUresult cuStreamAttachMemAsync(CUstream a0, CUdeviceptr a1, size_t a2, unsigned int a3)
{
	static CUresult (*f)(CUstream, CUdeviceptr, size_t, unsigned int);
	CUresult r = resolve((void **)&f, "cuStreamAttachMemAsync");
	return r ? r : f(a0, a1, a2, a3);
}

CUresult cuStreamBeginCapture_v2(CUstream a0, CUstreamCaptureMode a1)
{
	static CUresult (*f)(CUstream, CUstreamCaptureMode);
	CUresult r = resolve((void **)&f, "cuStreamBeginCapture_v2");
	return r ? r : f(a0, a1);
}

CUresult cuStreamCreate(CUstream * a0, unsigned int a1)
{
	static CUresult (*f)(CUstream *, unsigned int);
	CUresult r = resolve((void **)&f, "cuStreamCreate");
	return r ? r : f(a0, a1);
}

CUresult cuStreamCreateWithPriority(CUstream * a0, unsigned int a1, int a2)
{
	static CUresult (*f)(CUstream *, unsigned int, int);
	CUresult r = resolve((void **)&f, "cuStreamCreateWithPriority");
	return r ? r : f(a0, a1, a2);
}

CUresult cuStreamDestroy_v2(CUstream a0)
{
	static CUresult (*f)(CUstream);
	CUresult r = resolve((void **)&f, "cuStreamDestroy_v2");
	return r ? r : f(a0);
}

CUresult cuStreamEndCapture(CUstream a0, CUgraph * a1)
{
	static CUresult (*f)(CUstream, CUgraph *);
	CUresult r = resolve((void **)&f, "cuStreamEndCapture");
	return r ? r : f(a0, a1);
}

CUresult cuStreamGetFlags(CUstream a0, unsigned int * a1)
{
	static CUresult (*f)(CUstream, unsigned int *);
	CUresult r = resolve((void **)&f, "cuStreamGetFlags");
	return r ? r : f(a0, a1);
}

CUresult cuStreamGetPriority(CUstream a0, int * a1)
{
	static CUresult (*f)(CUstream, int *);
	CUresult r = resolve((void **)&f, "cuStreamGetPriority");
	return r ? r : f(a0, a1);
}

CUresult cuStreamIsCapturing(CUstream a0, CUstreamCaptureStatus * a1)
{
	static CUresult (*f)(CUstream, CUstreamCaptureStatus *);
	CUresult r = resolve((void **)&f, "cuStreamIsCapturing");
	return r ? r : f(a0, a1);
}

CUresult cuStreamQuery(CUstream a0)
{
	static CUresult (*f)(CUstream);
	CUresult r = resolve((void **)&f, "cuStreamQuery");
	return r ? r : f(a0);
}

CUresult cuStreamSynchronize(CUstream a0)
{
	static CUresult (*f)(CUstream);
	CUresult r = resolve((void **)&f, "cuStreamSynchronize");
	return r ? r : f(a0);
}

CUresult cuStreamWaitEvent(CUstream a0, CUevent a1, unsigned int a2)
{
	static CUresult (*f)(CUstream, CUevent, unsigned int);
	CUresult r = resolve((void **)&f, "cuStreamWaitEvent");
	return r ? r : f(a0, a1, a2);
}

CUresult cuStreamWaitValue32_v2(CUstream a0, CUdeviceptr a1, cuuint32_t a2, unsigned int a3)
{
	static CUresult (*f)(CUstream, CUdeviceptr, cuuint32_t, unsigned int);
	CUresult r = resolve((void **)&f, "cuStreamWaitValue32_v2");
	return r ? r : f(a0, a1, a2, a3);
}

CUresult cuStreamWriteValue32_v2(CUstream a0, CUdeviceptr a1, cuuint32_t a2, unsigned int a3)
{
	static CUresult (*f)(CUstream, CUdeviceptr, cuuint32_t, unsigned int);
	CUresult r = resolve((void **)&f, "cuStreamWriteValue32_v2");
	return r ? r : f(a0, a1, a2, a3);
}

CUresult cuSurfRefGetArray(CUarray * a0, CUsurfref a1)
{
	static CUresult (*f)(CUarray *, CUsurfref);
	CUresult r = resolve((void **)&f, "cuSurfRefGetArray");
	return r ? r : f(a0, a1);
}

CUresult cuSurfRefSetArray(CUsurfref a0, CUarray a1, unsigned int a2)
{
	static CUresult (*f)(CUsurfref, CUarray, unsigned int);
	CUresult r = resolve((void **)&f, "cuSurfRefSetArray");
	return r ? r : f(a0, a1, a2);
}

CUresult cuTexRefGetAddressMode(CUaddress_mode * a0, CUtexref a1, int a2)
{
	static CUresult (*f)(CUaddress_mode *, CUtexref, int);
	CUresult r = resolve((void **)&f, "cuTexRefGetAddressMode");
	return r ? r : f(a0, a1, a2);
}

CUresult cuTexRefGetAddress_v2(CUdeviceptr * a0, CUtexref a1)
{
	static CUresult (*f)(CUdeviceptr *, CUtexref);
	CUresult r = resolve((void **)&f, "cuTexRefGetAddress_v2");
	return r ? r : f(a0, a1);
}

CUresult cuTexRefGetArray(CUarray * a0, CUtexref a1)
{
	static CUresult (*f)(CUarray *, CUtexref);
	CUresult r = resolve((void **)&f, "cuTexRefGetArray");
	return r ? r : f(a0, a1);
}

CUresult cuTexRefGetBorderColor(float * a0, CUtexref a1)
{
	static CUresult (*f)(float *, CUtexref);
	CUresult r = resolve((void **)&f, "cuTexRefGetBorderColor");
	return r ? r : f(a0, a1);
}

CUresult cuTexRefGetFilterMode(CUfilter_mode * a0, CUtexref a1)
{
	static CUresult (*f)(CUfilter_mode *, CUtexref);
	CUresult r = resolve((void **)&f, "cuTexRefGetFilterMode");
	return r ? r : f(a0, a1);
}

CUresult cuTexRefGetFlags(unsigned int * a0, CUtexref a1)
{
	static CUresult (*f)(unsigned int *, CUtexref);
	CUresult r = resolve((void **)&f, "cuTexRefGetFlags");
	return r ? r : f(a0, a1);
}

CUresult cuTexRefGetFormat(CUarray_format * a0, int * a1, CUtexref a2)
{
	static CUresult (*f)(CUarray_format *, int *, CUtexref);
	CUresult r = resolve((void **)&f, "cuTexRefGetFormat");
	return r ? r : f(a0, a1, a2);
}

CUresult cuTexRefGetMaxAnisotropy(int * a0, CUtexref a1)
{
	static CUresult (*f)(int *, CUtexref);
	CUresult r = resolve((void **)&f, "cuTexRefGetMaxAnisotropy");
	return r ? r : f(a0, a1);
}

CUresult cuTexRefSetAddress2D_v3(CUtexref a0, const CUDA_ARRAY_DESCRIPTOR * a1, CUdeviceptr a2, size_t a3)
{
	static CUresult (*f)(CUtexref, const CUDA_ARRAY_DESCRIPTOR *, CUdeviceptr, size_t);
	CUresult r = resolve((void **)&f, "cuTexRefSetAddress2D_v3");
	return r ? r : f(a0, a1, a2, a3);
}

CUresult cuTexRefSetAddressMode(CUtexref a0, int a1, CUaddress_mode a2)
{
	static CUresult (*f)(CUtexref, int, CUaddress_mode);
	CUresult r = resolve((void **)&f, "cuTexRefSetAddressMode");
	return r ? r : f(a0, a1, a2);
}

CUresult cuTexRefSetAddress_v2(size_t * a0, CUtexref a1, CUdeviceptr a2, size_t a3)
{
	static CUresult (*f)(size_t *, CUtexref, CUdeviceptr, size_t);
	CUresult r = resolve((void **)&f, "cuTexRefSetAddress_v2");
	return r ? r : f(a0, a1, a2, a3);
}

CUresult cuTexRefSetArray(CUtexref a0, CUarray a1, unsigned int a2)
{
	static CUresult (*f)(CUtexref, CUarray, unsigned int);
	CUresult r = resolve((void **)&f, "cuTexRefSetArray");
	return r ? r : f(a0, a1, a2);
}

CUresult cuTexRefSetBorderColor(CUtexref a0, float * a1)
{
	static CUresult (*f)(CUtexref, float *);
	CUresult r = resolve((void **)&f, "cuTexRefSetBorderColor");
	return r ? r : f(a0, a1);
}

CUresult cuTexRefSetFilterMode(CUtexref a0, CUfilter_mode a1)
{
	static CUresult (*f)(CUtexref, CUfilter_mode);
	CUresult r = resolve((void **)&f, "cuTexRefSetFilterMode");
	return r ? r : f(a0, a1);
}

CUresult cuTexRefSetFlags(CUtexref a0, unsigned int a1)
{
	static CUresult (*f)(CUtexref, unsigned int);
	CUresult r = resolve((void **)&f, "cuTexRefSetFlags");
	return r ? r : f(a0, a1);
}

CUresult cuTexRefSetFormat(CUtexref a0, CUarray_format a1, int a2)
{
	static CUresult (*f)(CUtexref, CUarray_format, int);
	CUresult r = resolve((void **)&f, "cuTexRefSetFormat");
	return r ? r : f(a0, a1, a2);
}

CUresult cuTexRefSetMaxAnisotropy(CUtexref a0, unsigned int a1)
{
	static CUresult (*f)(CUtexref, unsigned int);
	CUresult r = resolve((void **)&f, "cuTexRefSetMaxAnisotropy");
	return r ? r : f(a0, a1);
}

CUresult cuTexRefSetMipmapFilterMode(CUtexref a0, CUfilter_mode a1)
{
	static CUresult (*f)(CUtexref, CUfilter_mode);
	CUresult r = resolve((void **)&f, "cuTexRefSetMipmapFilterMode");
	return r ? r : f(a0, a1);
}

CUresult cuTexRefSetMipmapLevelBias(CUtexref a0, float a1)
{
	static CUresult (*f)(CUtexref, float);
	CUresult r = resolve((void **)&f, "cuTexRefSetMipmapLevelBias");
	return r ? r : f(a0, a1);
}

CUresult cuTexRefSetMipmapLevelClamp(CUtexref a0, float a1, float a2)
{
	static CUresult (*f)(CUtexref, float, float);
	CUresult r = resolve((void **)&f, "cuTexRefSetMipmapLevelClamp");
	return r ? r : f(a0, a1, a2);
}
