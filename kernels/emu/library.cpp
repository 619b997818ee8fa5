// library.cpp: what the emulated libraries (kernels/emu/library) need of the driver beyond
// its functions: they may touch device memory only where a kernel may, and their misuse is
// a fault of the context, so that no caller can overlook it.
#include "stream.h"

using namespace hdm;

// hdm_emu_access checks that [at, at+bytes) is one allocation's and, for reading, written.
API int hdm_emu_access(const char *what, CUdeviceptr at, size_t bytes, int write)
{
	std::lock_guard<std::recursive_mutex> hold(api_lock);
	CUresult r = host_access(what, (uintptr_t)at, bytes, write != 0);
	if (r != CUDA_SUCCESS)
		context_fail(CUDA_ERROR_ILLEGAL_ADDRESS, api_error_text(r));
	return r == CUDA_SUCCESS;
}

// hdm_emu_scratch makes memory undefined, as a workspace is after its use.
API void hdm_emu_scratch(CUdeviceptr at, size_t bytes) { shadow_set((uintptr_t)at, bytes, undefined); }

// hdm_emu_misuse makes a misuse of a library the context's fault.
API void hdm_emu_misuse(const char *text)
{
	std::lock_guard<std::recursive_mutex> hold(api_lock);
	context_fail(CUDA_ERROR_LAUNCH_FAILED, text);
}
