// stream.h: what the driver's functions share: the lock, handles, work in streams.
#pragma once
#include <mutex>
#include <set>

#include "race_stream.h"

#define API extern "C" __attribute__((visibility("default")))

namespace hdm {

// api_lock is held during every function of the driver.
extern std::recursive_mutex api_lock;
extern bool initialized;

typedef std::function<CUresult()> Work;

struct Graph {
	std::vector<Work> work;
};

struct Stream {
	unsigned flags = 0;
	bool capturing = false, invalidated = false;
	CUstreamCaptureMode mode = CU_STREAM_CAPTURE_MODE_GLOBAL;
	Graph *graph = nullptr;
	Timeline *timeline = nullptr;
};

// handles counts what was created and not destroyed, for the report of leaks.
template <class T> std::set<T *> &handles()
{
	static std::set<T *> all;
	return all;
}
template <class T, class H> T *handle(H h)
{
	T *p = (T *)h;
	return handles<T>().count(p) ? p : nullptr;
}

// api_begin checks that the driver is initialized, that a context is current, and that no
// kernel has failed.
CUresult api_begin(bool needs_context = true);
// submit runs work, or records it when the stream is captured. Work is done when submit
// returns; the failure of a kernel shows in the next call, as on a GPU.
CUresult submit(CUstream s, Work w);
// stream_of knows the stream with handle 0 too; null when there is none.
Stream *stream_of(CUstream s);
// refuse_in_capture is the error of functions that wait, or allocate, during a capture.
CUresult refuse_in_capture(const char *what);

} // namespace hdm

#define BEGIN                                                            \
	std::lock_guard<std::recursive_mutex> hold(hdm::api_lock);           \
	if (CUresult began = hdm::api_begin(); began != CUDA_SUCCESS)        \
		return began;
