// stream.cpp: streams, events, launches, copies. A stream is synchronous: its work
// is done when the function that submits it returns.
#include "stream.h"

#include <cstring>

namespace hdm {

Stream *stream_of(CUstream s)
{
	static Stream *legacy = nullptr;
	if (!legacy) {
		legacy = new Stream();
		legacy->timeline = timeline_new(false);
	}
	return s ? handle<Stream>(s) : legacy;
}

CUresult submit(CUstream h, Work w)
{
	Stream *s = stream_of(h);
	if (!s)
		return api_error(CUDA_ERROR_INVALID_HANDLE, "unknown stream");
	if (!s->capture) {
		order_enter(s->timeline);
		CUresult r = w();
		order_enter(nullptr);
		return r;
	}
	if (s->capture->invalidated)
		return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
	auto &nodes = s->capture->graph.nodes;
	nodes.push_back({std::move(w), std::move(s->tail)});
	s->tail = {nodes.size() - 1};
	return CUDA_SUCCESS;
}

CUresult refuse_in_capture(const char *what)
{
	for (Stream *s : handles<Stream>())
		if (s->capture && s->capture->mode != CU_STREAM_CAPTURE_MODE_RELAXED) {
			s->capture->invalidated = true;
			return api_error(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, "%s while a stream is captured", what);
		}
	return CUDA_SUCCESS;
}

} // namespace hdm

using namespace hdm;

// ---- Streams

API CUresult cuStreamCreate(CUstream *out, unsigned int flags)
{
	BEGIN
	stream_of(nullptr); // has number 0
	Stream *s = new Stream();
	s->flags = flags;
	s->timeline = timeline_new(flags & CU_STREAM_NON_BLOCKING);
	handles<Stream>().insert(s);
	*out = (CUstream)s;
	return CUDA_SUCCESS;
}

API CUresult cuStreamCreateWithPriority(CUstream *out, unsigned int flags, int) { return cuStreamCreate(out, flags); }

API CUresult cuCtxGetStreamPriorityRange(int *least, int *greatest)
{
	BEGIN
	*least = 0;
	*greatest = -5;
	return CUDA_SUCCESS;
}

API CUresult cuStreamDestroy_v2(CUstream h)
{
	BEGIN
	Stream *s = handle<Stream>(h);
	if (!s)
		return CUDA_ERROR_INVALID_HANDLE;
	handles<Stream>().erase(s);
	timeline_end(s->timeline);
	delete s;
	return CUDA_SUCCESS;
}

API CUresult cuStreamSynchronize(CUstream h)
{
	BEGIN
	Stream *s = stream_of(h);
	if (!s)
		return CUDA_ERROR_INVALID_HANDLE;
	if (s->capture) {
		s->capture->invalidated = true;
		return api_error(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, "cuStreamSynchronize of a stream that is captured");
	}
	order_host(&s->timeline->clock);
	return CUDA_SUCCESS;
}

API CUresult cuStreamQuery(CUstream h) { return cuStreamSynchronize(h); }

API CUresult cuStreamWaitEvent(CUstream h, CUevent e, unsigned int)
{
	BEGIN
	Event *event = handle<Event>(e);
	Stream *s = stream_of(h);
	if (!s || !event)
		return CUDA_ERROR_INVALID_HANDLE;
	if (s->capture || event->captured)
		return capture_wait(s, event);
	return submit(h, [event] {
		order_stream()->clock.join(event->clock);
		return CUDA_SUCCESS;
	});
}

API CUresult cuLaunchHostFunc(CUstream h, CUhostFn f, void *data)
{
	BEGIN
	return submit(h, [=] {
		f(data);
		return CUDA_SUCCESS;
	});
}

// ---- Events

API CUresult cuEventCreate(CUevent *out, unsigned int)
{
	BEGIN
	Event *e = new Event();
	handles<Event>().insert(e);
	*out = (CUevent)e;
	return CUDA_SUCCESS;
}

API CUresult cuEventDestroy_v2(CUevent h)
{
	BEGIN
	Event *e = handle<Event>(h);
	if (!e)
		return CUDA_ERROR_INVALID_HANDLE;
	handles<Event>().erase(e);
	delete e;
	return CUDA_SUCCESS;
}

// An event that a capture records orders its streams; outside it can be waited for, and has a
// time, only where it is external.
API CUresult cuEventRecordWithFlags(CUevent h, CUstream s, unsigned int flags)
{
	BEGIN
	Event *e = handle<Event>(h);
	Stream *stream = stream_of(s);
	if (!e || !stream)
		return CUDA_ERROR_INVALID_HANDLE;
	if (stream->capture && !(flags & CU_EVENT_RECORD_EXTERNAL)) {
		e->recorded = false;
		e->captured = true;
		e->capture = stream->capture;
		e->tail = stream->tail;
		return CUDA_SUCCESS;
	}
	e->captured = false;
	return submit(s, [=] {
		e->recorded = true;
		e->asked = false;
		e->clock = order_stream()->clock;
		e->at = std::chrono::steady_clock::now();
		return CUDA_SUCCESS;
	});
}

API CUresult cuEventRecord(CUevent h, CUstream s) { return cuEventRecordWithFlags(h, s, CU_EVENT_RECORD_DEFAULT); }

API CUresult cuEventSynchronize(CUevent h)
{
	BEGIN
	Event *e = handle<Event>(h);
	if (!e)
		return CUDA_ERROR_INVALID_HANDLE;
	if (e->captured)
		return api_error(CUDA_ERROR_CAPTURED_EVENT, "a wait of the host for an event that a capture has recorded");
	order_host(&e->clock);
	return CUDA_SUCCESS;
}

// The checked build answers the first time that the GPU is not ready: a program that counts on
// the emulator's haste is found.
API CUresult cuEventQuery(CUevent h)
{
	BEGIN
	Event *e = handle<Event>(h);
	if (e && shadow && e->recorded && !e->asked) {
		e->asked = true;
		return CUDA_ERROR_NOT_READY;
	}
	return cuEventSynchronize(h);
}

API CUresult cuEventElapsedTime(float *ms, CUevent from, CUevent to)
{
	BEGIN
	Event *a = handle<Event>(from), *b = handle<Event>(to);
	if (!a || !b || !a->recorded || !b->recorded)
		return CUDA_ERROR_INVALID_HANDLE;
	*ms = std::chrono::duration<float, std::milli>(b->at - a->at).count();
	return CUDA_SUCCESS;
}

// ---- Launches

API CUresult cuLaunchKernel(CUfunction h, unsigned int gx, unsigned int gy, unsigned int gz, unsigned int bx, unsigned int by,
                            unsigned int bz, unsigned int dynamic, CUstream s, void **params, void **extra)
{
	BEGIN
	if (extra)
		return api_error(CUDA_ERROR_NOT_SUPPORTED, "a launch with its parameters in extra");
	u32 grid[3] = {gx, gy, gz}, block[3] = {bx, by, bz};
	Launch l;
	if (CUresult r = launch_check((Function *)h, grid, block, dynamic, params, &l); r != CUDA_SUCCESS)
		return r;
	return submit(s, [l] {
		launch_run(l);
		return CUDA_SUCCESS;
	});
}

// ---- Copies and fills

static CUresult copy_to_device(CUdeviceptr to, const void *from, size_t n, CUstream s)
{
	return submit(s, [=] {
		CUresult r = host_access("a copy from the host", (uintptr_t)to, n, true);
		if (r == CUDA_SUCCESS)
			r = pinned_open(from, n, false);
		if (r == CUDA_SUCCESS) {
			memcpy((void *)(uintptr_t)to, from, n);
			pinned_use(from, n, false);
		}
		return r;
	});
}

static CUresult copy_to_host(void *to, CUdeviceptr from, size_t n, CUstream s)
{
	return submit(s, [=] {
		CUresult r = host_access("a copy to the host", (uintptr_t)from, n, false);
		if (r == CUDA_SUCCESS)
			r = pinned_open(to, n, true);
		if (r == CUDA_SUCCESS) {
			memcpy(to, (const void *)(uintptr_t)from, n);
			pinned_use(to, n, true);
		}
		return r;
	});
}

static CUresult copy_on_device(CUdeviceptr to, CUdeviceptr from, size_t n, CUstream s)
{
	return submit(s, [=] {
		CUresult r = host_access("a copy on the device", (uintptr_t)from, n, false);
		if (r == CUDA_SUCCESS)
			r = host_access("a copy on the device", (uintptr_t)to, n, true);
		if (r == CUDA_SUCCESS && !dry_run())
			memmove((void *)(uintptr_t)to, (const void *)(uintptr_t)from, n);
		return r;
	});
}

template <class T> static CUresult fill(CUdeviceptr to, T v, size_t n, CUstream s)
{
	if (to % sizeof(T))
		return api_error(CUDA_ERROR_INVALID_VALUE, "a memset of %zu-byte values at 0x%llx, which is not aligned", sizeof(T), to);
	return submit(s, [=] {
		CUresult r = host_access("a memset", (uintptr_t)to, n * sizeof(T), true);
		T *p = (T *)(uintptr_t)to;
		for (size_t i = 0; r == CUDA_SUCCESS && i < n && !dry_run(); i++)
			p[i] = v;
		return r;
	});
}

// waited: the host waits for a copy of its own memory.
static CUresult waited(CUresult r)
{
	order_host(&stream_of(nullptr)->timeline->clock);
	return r;
}

API CUresult cuMemcpyHtoD_v2(CUdeviceptr to, const void *from, size_t n) { BEGIN return waited(copy_to_device(to, from, n, nullptr)); }
API CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr to, const void *from, size_t n, CUstream s) { BEGIN return copy_to_device(to, from, n, s); }
API CUresult cuMemcpyDtoH_v2(void *to, CUdeviceptr from, size_t n) { BEGIN return waited(copy_to_host(to, from, n, nullptr)); }
API CUresult cuMemcpyDtoHAsync_v2(void *to, CUdeviceptr from, size_t n, CUstream s) { BEGIN return copy_to_host(to, from, n, s); }
API CUresult cuMemcpyDtoD_v2(CUdeviceptr to, CUdeviceptr from, size_t n) { BEGIN return copy_on_device(to, from, n, nullptr); }
API CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr to, CUdeviceptr from, size_t n, CUstream s) { BEGIN return copy_on_device(to, from, n, s); }
API CUresult cuMemsetD8_v2(CUdeviceptr to, unsigned char v, size_t n) { BEGIN return fill<u8>(to, v, n, nullptr); }
API CUresult cuMemsetD8Async(CUdeviceptr to, unsigned char v, size_t n, CUstream s) { BEGIN return fill<u8>(to, v, n, s); }
API CUresult cuMemsetD16_v2(CUdeviceptr to, unsigned short v, size_t n) { BEGIN return fill<u16>(to, v, n, nullptr); }
API CUresult cuMemsetD16Async(CUdeviceptr to, unsigned short v, size_t n, CUstream s) { BEGIN return fill<u16>(to, v, n, s); }
API CUresult cuMemsetD32_v2(CUdeviceptr to, unsigned int v, size_t n) { BEGIN return fill<u32>(to, v, n, nullptr); }
API CUresult cuMemsetD32Async(CUdeviceptr to, unsigned int v, size_t n, CUstream s) { BEGIN return fill<u32>(to, v, n, s); }
