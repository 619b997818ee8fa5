// stream.h: what the driver's functions share: the lock, handles, work in streams.
#pragma once
#include <chrono>
#include <memory>
#include <mutex>
#include <set>

#include "race_stream.h"

#define API extern "C" __attribute__((visibility("default")))

namespace hdm {

// api_lock is held during every function of the driver.
extern std::recursive_mutex api_lock;
extern bool initialized;

typedef std::function<CUresult()> Work;

// Node is one piece of a graph's work; `after` are the numbers of those that it waits for.
struct Node {
	Work work;
	std::vector<size_t> after;
};

struct Graph {
	std::vector<Node> nodes; // as they were captured: what a node waits for comes before it
};

struct Stream;

// Capture is what its first stream, and those that have waited for an event of it since, record.
struct Capture {
	Stream *first;
	CUstreamCaptureMode mode;
	bool invalidated = false;
	Graph graph;
};

struct Stream {
	unsigned flags = 0;
	std::shared_ptr<Capture> capture; // null: work is done at once
	std::vector<size_t> tail;         // nodes that the stream's next one waits for
	Timeline *timeline = nullptr;
};

struct Event {
	bool recorded = false, asked = false;
	std::chrono::steady_clock::time_point at;
	Clock clock; // what comes before it
	std::weak_ptr<Capture> capture; // where it was recorded
	bool captured = false;          // by a capture, maybe one that is over
	std::vector<size_t> tail;       // nodes of the capture that come before it
};

// capture_wait makes a stream that is captured, or joins the capture, wait for an event of it.
CUresult capture_wait(Stream *s, Event *e);

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
