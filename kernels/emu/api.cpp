// api.cpp: the driver's functions for devices, contexts, modules and memory.
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "stream.h"

namespace hdm {

std::recursive_mutex api_lock;
bool initialized;

static int primary_count;                  // references to the primary context
static thread_local bool current;          // of this thread

#define CONTEXT ((CUcontext)(uintptr_t)0x1)

CUresult api_begin(bool needs_context)
{
	if (!initialized)
		return CUDA_ERROR_NOT_INITIALIZED;
	if (needs_context && (!current || !primary_count))
		return api_error(CUDA_ERROR_INVALID_CONTEXT, "no context is current on this thread");
	if (Fault *f = context_fault(); f && needs_context)
		return f->code;
	return CUDA_SUCCESS;
}

static bool no_device()
{
	const char *v = getenv("CUDA_VISIBLE_DEVICES");
	return v && (!*v || strcmp(v, "-1") == 0);
}

} // namespace hdm

using namespace hdm;

// ---- Driver and devices

API CUresult cuInit(unsigned int)
{
	std::lock_guard<std::recursive_mutex> hold(api_lock);
	if (no_device())
		return api_error(CUDA_ERROR_NO_DEVICE, "CUDA_VISIBLE_DEVICES names none");
	memory_open();
	if (!space)
		return api_error(CUDA_ERROR_OUT_OF_MEMORY, "no address space");
	initialized = true;
	return CUDA_SUCCESS;
}

API CUresult cuDriverGetVersion(int *v)
{
	*v = (int)env_number("HDMNET_EMU_DRIVER", 12000);
	return CUDA_SUCCESS;
}

#define BEGIN_BARE                                                       \
	std::lock_guard<std::recursive_mutex> hold(hdm::api_lock);           \
	if (CUresult began = hdm::api_begin(false); began != CUDA_SUCCESS)   \
		return began;

// device_count is how many devices there are. A process uses one at a time, which they do not
// share: the numbers are there for the processes of a group.
static int device_count() { return (int)env_number("HDMNET_EMU_DEVICES", 1); }

API CUresult cuDeviceGetCount(int *n)
{
	BEGIN_BARE
	*n = device_count();
	return CUDA_SUCCESS;
}

API CUresult cuDeviceGet(CUdevice *d, int i)
{
	BEGIN_BARE
	if (i < 0 || i >= device_count())
		return api_error(CUDA_ERROR_INVALID_DEVICE, "there are devices 0 to %d", device_count() - 1);
	*d = i;
	return CUDA_SUCCESS;
}

API CUresult cuDeviceGetName(char *name, int n, CUdevice)
{
	BEGIN_BARE
	snprintf(name, (size_t)n, "emulated GPU%s", shadow ? ", every access checked" : "");
	return CUDA_SUCCESS;
}

API CUresult cuDeviceGetUuid(CUuuid *u, CUdevice d)
{
	BEGIN_BARE
	memset(u, 0, sizeof *u);
	u->bytes[15] = (char)(d + 1);
	return CUDA_SUCCESS;
}

API CUresult cuDeviceTotalMem_v2(size_t *n, CUdevice)
{
	BEGIN_BARE
	*n = memory_total();
	return CUDA_SUCCESS;
}

API CUresult cuDeviceGetAttribute(int *v, CUdevice_attribute a, CUdevice)
{
	BEGIN_BARE
	int cc = (int)env_number("HDMNET_EMU_CC", 80);
	switch ((int)a) {
	case CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK:
	case CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_X:
	case CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Y: *v = max_threads; break;
	case CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Z: *v = 64; break;
	case CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X: *v = 0x7fffffff; break;
	case CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Y:
	case CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Z: *v = 65535; break;
	case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK: *v = static_shared_limit; break;
	case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN: *v = (int)block_shared_limit(); break;
	case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR: *v = (cc == 80 || cc == 87 ? 164 : cc / 10 == 8 || cc / 10 == 12 ? 100 : 228) << 10; break;
	case CU_DEVICE_ATTRIBUTE_RESERVED_SHARED_MEMORY_PER_BLOCK: *v = 1 << 10; break;
	case CU_DEVICE_ATTRIBUTE_WARP_SIZE: *v = 32; break;
	case CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT: *v = 108; break;
	case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR: *v = cc / 10; break;
	case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR: *v = cc % 10; break;
	case CU_DEVICE_ATTRIBUTE_UNIFIED_ADDRESSING: *v = 1; break;
	case CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED: *v = 0; break;
	default: *v = 0;
	}
	return CUDA_SUCCESS;
}

// ---- Contexts: the primary one of one device

static CUdevice in_use; // the device whose context there is

API CUresult cuDevicePrimaryCtxRetain(CUcontext *c, CUdevice d)
{
	BEGIN_BARE
	if (primary_count && d != in_use)
		return api_error(CUDA_ERROR_NOT_SUPPORTED, "device %d beside device %d in one process is not emulated", d, in_use);
	in_use = d;
	if (!memory_idle())
		return api_error(CUDA_ERROR_OUT_OF_MEMORY, "other programs hold all memory");
	primary_count++;
	*c = CONTEXT;
	return CUDA_SUCCESS;
}

API CUresult cuDevicePrimaryCtxRelease_v2(CUdevice)
{
	BEGIN_BARE
	if (!primary_count)
		return api_error(CUDA_ERROR_INVALID_CONTEXT, "the primary context is not retained");
	if (--primary_count && !handles<Stream>().empty())
		return CUDA_SUCCESS; // another part of the program uses it
	std::string leaks;
	if (!context_fault()) {
		leaks = memory_leaks();
		auto count = [&](size_t n, const char *what) {
			if (n)
				leaks += format("%s%zu %s were not destroyed", leaks.empty() ? "leak: " : "; ", n, what);
		};
		count(pinned_count(), "blocks of pinned memory");
		count(handles<Stream>().size(), "streams");
		count(handles<Module>().size(), "modules");
		count(handles<Graph>().size(), "graphs");
	}
	if (!primary_count)
		context_clear();
	if (leaks.empty())
		return CUDA_SUCCESS;
	fprintf(stderr, "emulated CUDA driver: %s\n", leaks.c_str());
	return api_error(CUDA_ERROR_ILLEGAL_STATE, "%s", leaks.c_str());
}

API CUresult cuDevicePrimaryCtxGetState(CUdevice, unsigned int *flags, int *active)
{
	BEGIN_BARE
	*flags = 0;
	*active = primary_count > 0;
	return CUDA_SUCCESS;
}

API CUresult cuCtxSetCurrent(CUcontext c)
{
	BEGIN_BARE
	if (c && c != CONTEXT)
		return api_error(CUDA_ERROR_INVALID_CONTEXT, "unknown context");
	current = c != nullptr;
	return CUDA_SUCCESS;
}

API CUresult cuCtxGetCurrent(CUcontext *c)
{
	BEGIN_BARE
	*c = current ? CONTEXT : nullptr;
	return CUDA_SUCCESS;
}

API CUresult cuCtxGetDevice(CUdevice *d)
{
	BEGIN
	*d = in_use;
	return CUDA_SUCCESS;
}

API CUresult cuCtxSynchronize(void)
{
	BEGIN
	CUresult r = refuse_in_capture("cuCtxSynchronize");
	if (r == CUDA_SUCCESS)
		order_host(nullptr);
	return r;
}

// ---- Modules and functions

API CUresult cuModuleLoadDataEx(CUmodule *out, const void *image, unsigned int n, CUjit_option *options, void **values)
{
	BEGIN
	Module *m = nullptr;
	std::string log;
	CUresult r = module_load((const char *)image, &m, &log);
	char *buffer = nullptr;
	size_t room = 0;
	for (unsigned int i = 0; i < n; i++) {
		if (options[i] == CU_JIT_ERROR_LOG_BUFFER)
			buffer = (char *)values[i];
		if (options[i] == CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES)
			room = (size_t)(uintptr_t)values[i];
	}
	if (buffer && room)
		snprintf(buffer, room, "%s", log.c_str());
	if (r == CUDA_SUCCESS) {
		handles<Module>().insert(m);
		*out = (CUmodule)m;
	}
	return r;
}

API CUresult cuModuleLoadData(CUmodule *out, const void *image) { return cuModuleLoadDataEx(out, image, 0, nullptr, nullptr); }

API CUresult cuModuleUnload(CUmodule h)
{
	BEGIN
	Module *m = handle<Module>(h);
	if (!m)
		return CUDA_ERROR_INVALID_HANDLE;
	handles<Module>().erase(m);
	module_unload(m);
	return CUDA_SUCCESS;
}

API CUresult cuModuleGetFunction(CUfunction *out, CUmodule h, const char *name)
{
	BEGIN
	Module *m = handle<Module>(h);
	if (!m)
		return CUDA_ERROR_INVALID_HANDLE;
	for (auto &f : m->functions)
		if (f.first == name) {
			*out = (CUfunction)f.second;
			return CUDA_SUCCESS;
		}
	return api_error(CUDA_ERROR_NOT_FOUND, "kernel %s is not in the PTX, or the emulator was built without it (make ptx && make emu)", name);
}

API CUresult cuFuncSetAttribute(CUfunction h, CUfunction_attribute a, int v)
{
	BEGIN
	Function *f = (Function *)h;
	if (a != CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES)
		return CUDA_SUCCESS;
	if (v < 0 || (size_t)v > block_shared_limit())
		return api_error(CUDA_ERROR_INVALID_VALUE, "kernel %s: %d bytes of shared memory; this GPU has %zu", f->kernel->name, v, block_shared_limit());
	f->dynamic_limit = (size_t)v;
	return CUDA_SUCCESS;
}

API CUresult cuFuncGetAttribute(int *v, CUfunction_attribute a, CUfunction h)
{
	BEGIN
	Function *f = (Function *)h;
	*v = 0;
	if (a == CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK)
		*v = f->max_threads ? f->max_threads : max_threads;
	if (a == CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES)
		*v = (int)f->dynamic_limit;
	return CUDA_SUCCESS;
}

API CUresult cuOccupancyMaxActiveBlocksPerMultiprocessor(int *n, CUfunction, int, size_t)
{
	BEGIN
	*n = 2;
	return CUDA_SUCCESS;
}

// ---- Memory

API CUresult cuMemAlloc_v2(CUdeviceptr *p, size_t bytes)
{
	BEGIN
	if (CUresult r = refuse_in_capture("cuMemAlloc"); r != CUDA_SUCCESS)
		return r;
	uintptr_t at = 0;
	CUresult r = memory_alloc(bytes, &at);
	*p = at;
	return r;
}

API CUresult cuMemFree_v2(CUdeviceptr p)
{
	BEGIN
	if (CUresult r = refuse_in_capture("cuMemFree"); r != CUDA_SUCCESS)
		return r;
	return p ? memory_free((uintptr_t)p) : CUDA_SUCCESS;
}

API CUresult cuMemGetInfo_v2(size_t *free_bytes, size_t *total)
{
	BEGIN
	*total = memory_total();
	*free_bytes = memory_idle();
	return CUDA_SUCCESS;
}

API CUresult cuMemGetAddressRange_v2(CUdeviceptr *base, size_t *bytes, CUdeviceptr p)
{
	BEGIN
	uintptr_t b;
	if (!memory_range((uintptr_t)p, &b, bytes))
		return CUDA_ERROR_NOT_FOUND;
	*base = b;
	return CUDA_SUCCESS;
}

API CUresult cuMemHostAlloc(void **p, size_t bytes, unsigned int)
{
	BEGIN
	if (!(*p = pinned_alloc(bytes)))
		return api_error(CUDA_ERROR_OUT_OF_MEMORY, "the machine has no %zu bytes to pin", bytes);
	return CUDA_SUCCESS;
}

API CUresult cuMemFreeHost(void *p)
{
	BEGIN
	if (!pinned_free(p))
		return api_error(CUDA_ERROR_INVALID_VALUE, "free of host memory that is not pinned");
	return CUDA_SUCCESS;
}

// ---- Errors

static const struct {
	CUresult code;
	const char *name, *text;
} errors[] = {
	{CUDA_SUCCESS, "CUDA_SUCCESS", "no error"},
	{CUDA_ERROR_INVALID_VALUE, "CUDA_ERROR_INVALID_VALUE", "invalid argument"},
	{CUDA_ERROR_OUT_OF_MEMORY, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"},
	{CUDA_ERROR_NOT_INITIALIZED, "CUDA_ERROR_NOT_INITIALIZED", "initialization error"},
	{CUDA_ERROR_NO_DEVICE, "CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected"},
	{CUDA_ERROR_INVALID_DEVICE, "CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal"},
	{CUDA_ERROR_INVALID_IMAGE, "CUDA_ERROR_INVALID_IMAGE", "device kernel image is invalid"},
	{CUDA_ERROR_INVALID_CONTEXT, "CUDA_ERROR_INVALID_CONTEXT", "invalid device context"},
	{CUDA_ERROR_NO_BINARY_FOR_GPU, "CUDA_ERROR_NO_BINARY_FOR_GPU", "no kernel image is available for execution on the device"},
	{CUDA_ERROR_JIT_COMPILER_NOT_FOUND, "CUDA_ERROR_JIT_COMPILER_NOT_FOUND", "PTX JIT compiler library not found"},
	{CUDA_ERROR_INVALID_PTX, "CUDA_ERROR_INVALID_PTX", "a PTX JIT compilation failed"},
	{CUDA_ERROR_UNSUPPORTED_PTX_VERSION, "CUDA_ERROR_UNSUPPORTED_PTX_VERSION", "the provided PTX was compiled with an unsupported toolchain."},
	{CUDA_ERROR_INVALID_HANDLE, "CUDA_ERROR_INVALID_HANDLE", "invalid resource handle"},
	{CUDA_ERROR_ILLEGAL_STATE, "CUDA_ERROR_ILLEGAL_STATE", "the operation cannot be performed in the present state"},
	{CUDA_ERROR_NOT_FOUND, "CUDA_ERROR_NOT_FOUND", "named symbol not found"},
	{CUDA_ERROR_NOT_READY, "CUDA_ERROR_NOT_READY", "device not ready"},
	{CUDA_ERROR_ILLEGAL_ADDRESS, "CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered"},
	{CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES, "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES", "too many resources requested for launch"},
	{CUDA_ERROR_MISALIGNED_ADDRESS, "CUDA_ERROR_MISALIGNED_ADDRESS", "misaligned address"},
	{CUDA_ERROR_LAUNCH_FAILED, "CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure"},
	{CUDA_ERROR_NOT_SUPPORTED, "CUDA_ERROR_NOT_SUPPORTED", "operation not supported"},
	{CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED", "operation not permitted when stream is capturing"},
	{CUDA_ERROR_STREAM_CAPTURE_INVALIDATED, "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED", "operation failed due to a previous error during capture"},
};

API CUresult cuGetErrorName(CUresult code, const char **name)
{
	for (auto &e : errors)
		if (e.code == code) {
			*name = e.name;
			return CUDA_SUCCESS;
		}
	*name = nullptr;
	return CUDA_ERROR_INVALID_VALUE;
}

// cuGetErrorString tells more than a GPU's driver: what the emulator saw.
API CUresult cuGetErrorString(CUresult code, const char **text)
{
	std::lock_guard<std::recursive_mutex> hold(api_lock);
	static thread_local std::string kept;
	for (auto &e : errors) {
		if (e.code != code)
			continue;
		const char *more = api_error_text(code);
		kept = *more ? format("%s: %s", e.text, more) : e.text;
		*text = kept.c_str();
		return CUDA_SUCCESS;
	}
	*text = nullptr;
	return CUDA_ERROR_INVALID_VALUE;
}
