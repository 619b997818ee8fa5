// graph.cpp: capture and graphs. A graph is the work that its stream got, in that order.
#include "stream.h"

namespace hdm {

namespace {

struct Exec {
	std::vector<Work> work;
};

} // namespace

} // namespace hdm

using namespace hdm;

API CUresult cuStreamBeginCapture_v2(CUstream h, CUstreamCaptureMode mode)
{
	BEGIN
	Stream *s = handle<Stream>(h);
	if (!s)
		return api_error(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, "capture of the default stream");
	if (s->capturing)
		return api_error(CUDA_ERROR_ILLEGAL_STATE, "the stream is being captured");
	s->capturing = true;
	s->invalidated = false;
	s->mode = mode;
	s->graph = new Graph();
	return CUDA_SUCCESS;
}

API CUresult cuStreamEndCapture(CUstream h, CUgraph *out)
{
	BEGIN
	Stream *s = handle<Stream>(h);
	*out = nullptr;
	if (!s || !s->capturing)
		return api_error(CUDA_ERROR_ILLEGAL_STATE, "the stream is not being captured");
	s->capturing = false;
	if (s->invalidated) {
		delete s->graph;
		return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
	}
	handles<Graph>().insert(s->graph);
	*out = (CUgraph)s->graph;
	return CUDA_SUCCESS;
}

API CUresult cuStreamIsCapturing(CUstream h, CUstreamCaptureStatus *status)
{
	BEGIN
	Stream *s = stream_of(h);
	if (!s)
		return CUDA_ERROR_INVALID_HANDLE;
	*status = !s->capturing ? CU_STREAM_CAPTURE_STATUS_NONE : s->invalidated ? CU_STREAM_CAPTURE_STATUS_INVALIDATED : CU_STREAM_CAPTURE_STATUS_ACTIVE;
	return CUDA_SUCCESS;
}

API CUresult cuGraphDestroy(CUgraph h)
{
	BEGIN
	Graph *g = handle<Graph>(h);
	if (!g)
		return CUDA_ERROR_INVALID_HANDLE;
	handles<Graph>().erase(g);
	delete g;
	return CUDA_SUCCESS;
}

API CUresult cuGraphInstantiateWithFlags(CUgraphExec *out, CUgraph h, unsigned long long)
{
	BEGIN
	Graph *g = handle<Graph>(h);
	if (!g)
		return CUDA_ERROR_INVALID_HANDLE;
	Exec *e = new Exec{g->work};
	handles<Exec>().insert(e);
	*out = (CUgraphExec)e;
	return CUDA_SUCCESS;
}

// A graph here is a list of work: only its length can differ in a way that the update fails.
API CUresult cuGraphExecUpdate(CUgraphExec h, CUgraph from, CUgraphNode *node, CUgraphExecUpdateResult *result)
{
	BEGIN
	Exec *e = handle<Exec>(h);
	Graph *g = handle<Graph>(from);
	*node = nullptr;
	*result = CU_GRAPH_EXEC_UPDATE_ERROR;
	if (!e || !g)
		return CUDA_ERROR_INVALID_HANDLE;
	if (e->work.size() != g->work.size()) {
		*result = CU_GRAPH_EXEC_UPDATE_ERROR_TOPOLOGY_CHANGED;
		return CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE;
	}
	e->work = g->work;
	*result = CU_GRAPH_EXEC_UPDATE_SUCCESS;
	return CUDA_SUCCESS;
}

API CUresult cuGraphLaunch(CUgraphExec h, CUstream s)
{
	BEGIN
	Exec *e = handle<Exec>(h);
	if (!e)
		return CUDA_ERROR_INVALID_HANDLE;
	return submit(s, [e] {
		for (Work &w : e->work) {
			order_next();
			if (CUresult r = w(); r != CUDA_SUCCESS)
				return r;
		}
		return CUDA_SUCCESS;
	});
}

API CUresult cuGraphExecDestroy(CUgraphExec h)
{
	BEGIN
	Exec *e = handle<Exec>(h);
	if (!e)
		return CUDA_ERROR_INVALID_HANDLE;
	handles<Exec>().erase(e);
	delete e;
	return CUDA_SUCCESS;
}
