// graph.cpp: capture and graphs. A graph is the work that the streams of a capture got; a piece
// of it waits for the one before it in its stream, and for those before the events that its
// stream has waited for.
#include "stream.h"

#include <algorithm>

namespace hdm {

namespace {

// Exec is a graph that runs. Its nodes are cut into chains, of which each waits for its last one.
// What chains have between them has no order but by what they wait for: each has a timeline,
// the first one that of the stream.
struct Exec {
	std::vector<Node> nodes;
	std::vector<size_t> chain; // of a node
	std::vector<size_t> order; // in which they run here
	std::vector<Timeline *> beside;
};

// set_chains finds the chains. The order is the one of the capture, or with an odd
// HDMNET_EMU_SEED one in which what was captured last comes first, where it can.
void set_chains(Exec *e)
{
	size_t n = e->nodes.size(), chains = 0;
	std::vector<size_t> last, missing(n); // node of a chain; nodes to wait for
	std::vector<std::vector<size_t>> before(n);
	std::set<size_t> ready;
	for (size_t i = 0; i < n; i++) {
		size_t own = chains;
		for (size_t a : e->nodes[i].after) {
			if (last[e->chain[a]] == a)
				own = std::min(own, e->chain[a]);
			before[a].push_back(i);
		}
		if (own == chains) {
			chains++;
			last.push_back(i);
		}
		last[own] = i;
		e->chain.push_back(own);
		missing[i] = e->nodes[i].after.size();
		if (missing[i] == 0)
			ready.insert(i);
	}
	bool latest = env_number("HDMNET_EMU_SEED", 0) % 2 != 0;
	while (!ready.empty()) {
		size_t i = latest ? *ready.rbegin() : *ready.begin();
		ready.erase(i);
		e->order.push_back(i);
		for (size_t next : before[i])
			if (--missing[next] == 0)
				ready.insert(next);
	}
	for (size_t c = 1; c < chains; c++)
		e->beside.push_back(timeline_new(true));
}

CUresult run(Exec *e)
{
	Timeline *stream = order_stream();
	std::vector<Clock> done(e->nodes.size());
	for (Timeline *t : e->beside)
		t->clock.join(stream->clock);
	CUresult r = CUDA_SUCCESS;
	for (size_t i : e->order) {
		Timeline *t = e->chain[i] ? e->beside[e->chain[i] - 1] : stream;
		for (size_t a : e->nodes[i].after)
			t->clock.join(done[a]);
		order_enter(t);
		if (r = e->nodes[i].work(); r != CUDA_SUCCESS)
			break;
		done[i] = t->clock;
	}
	order_enter(stream);
	for (Timeline *t : e->beside)
		stream->clock.join(t->clock);
	return r;
}

bool alike(const std::vector<Node> &a, const std::vector<Node> &b)
{
	return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Node &x, const Node &y) { return x.after == y.after; });
}

} // namespace

CUresult capture_wait(Stream *s, Event *e)
{
	auto of = e->capture.lock();
	auto refuse = [&](CUresult code, const char *why) {
		for (auto &c : {s->capture, of})
			if (c)
				c->invalidated = true;
		return api_error(code, "%s", why);
	};
	if (!e->captured)
		return refuse(CUDA_ERROR_STREAM_CAPTURE_ISOLATION, "a stream that is captured waits for an event that was recorded outside of the capture");
	if (!of)
		return refuse(CUDA_ERROR_CAPTURED_EVENT, "a stream waits for an event of a capture that is over");
	if (s->capture && s->capture != of)
		return refuse(CUDA_ERROR_STREAM_CAPTURE_MERGE, "a stream that is captured waits for an event of another capture");
	if (s == stream_of(nullptr))
		return refuse(CUDA_ERROR_STREAM_CAPTURE_IMPLICIT, "the default stream waits for an event of a capture");
	if (of->invalidated)
		return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
	s->capture = of;
	for (size_t i : e->tail)
		if (std::find(s->tail.begin(), s->tail.end(), i) == s->tail.end())
			s->tail.push_back(i);
	return CUDA_SUCCESS;
}

} // namespace hdm

using namespace hdm;

API CUresult cuStreamBeginCapture_v2(CUstream h, CUstreamCaptureMode mode)
{
	BEGIN
	Stream *s = handle<Stream>(h);
	if (!s)
		return api_error(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, "capture of the default stream");
	if (s->capture)
		return api_error(CUDA_ERROR_ILLEGAL_STATE, "the stream is being captured");
	s->capture = std::make_shared<Capture>();
	s->capture->first = s;
	s->capture->mode = mode;
	return CUDA_SUCCESS;
}

API CUresult cuStreamEndCapture(CUstream h, CUgraph *out)
{
	BEGIN
	Stream *s = handle<Stream>(h);
	*out = nullptr;
	if (!s || !s->capture)
		return api_error(CUDA_ERROR_ILLEGAL_STATE, "the stream is not being captured");
	auto c = s->capture;
	if (c->first != s) {
		c->invalidated = true;
		return api_error(CUDA_ERROR_STREAM_CAPTURE_UNMATCHED, "the capture began in another stream");
	}
	std::vector<bool> before(c->graph.nodes.size()); // the end of the first stream
	for (size_t i : s->tail)
		before[i] = true;
	for (size_t i = before.size(); i-- > 0;)
		for (size_t a : c->graph.nodes[i].after)
			before[a] = before[a] || before[i];
	bool joined = true;
	for (Stream *other : handles<Stream>())
		if (other->capture == c) {
			for (size_t i : other->tail)
				joined = joined && before[i];
			other->capture = nullptr;
			other->tail.clear();
		}
	if (c->invalidated)
		return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
	if (!joined)
		return api_error(CUDA_ERROR_STREAM_CAPTURE_UNJOINED, "the first stream of the capture has not waited for all work of the others");
	Graph *g = new Graph(std::move(c->graph));
	handles<Graph>().insert(g);
	*out = (CUgraph)g;
	return CUDA_SUCCESS;
}

API CUresult cuStreamIsCapturing(CUstream h, CUstreamCaptureStatus *status)
{
	BEGIN
	Stream *s = stream_of(h);
	if (!s)
		return CUDA_ERROR_INVALID_HANDLE;
	*status = !s->capture               ? CU_STREAM_CAPTURE_STATUS_NONE
	          : s->capture->invalidated ? CU_STREAM_CAPTURE_STATUS_INVALIDATED
	                                    : CU_STREAM_CAPTURE_STATUS_ACTIVE;
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

API CUresult cuGraphGetEdges(CUgraph h, CUgraphNode *from, CUgraphNode *to, size_t *count)
{
	BEGIN
	Graph *g = handle<Graph>(h);
	if (!g || !count || !from != !to)
		return CUDA_ERROR_INVALID_VALUE;
	size_t n = 0;
	for (Node &node : g->nodes)
		for (size_t a : node.after) {
			if (from && n < *count) {
				from[n] = (CUgraphNode)&g->nodes[a];
				to[n] = (CUgraphNode)&node;
			}
			n++;
		}
	for (size_t i = n; from && i < *count; i++)
		from[i] = to[i] = nullptr;
	*count = from ? std::min(n, *count) : n;
	return CUDA_SUCCESS;
}

API CUresult cuGraphInstantiateWithFlags(CUgraphExec *out, CUgraph h, unsigned long long flags)
{
	BEGIN
	Graph *g = handle<Graph>(h);
	if (!g)
		return CUDA_ERROR_INVALID_HANDLE;
	if (flags & ~(unsigned long long)CUDA_GRAPH_INSTANTIATE_FLAG_USE_NODE_PRIORITY)
		return api_error(CUDA_ERROR_INVALID_VALUE, "a graph with flags 0x%llx", flags);
	Exec *e = new Exec();
	e->nodes = g->nodes;
	set_chains(e);
	handles<Exec>().insert(e);
	*out = (CUgraphExec)e;
	return CUDA_SUCCESS;
}

// Nodes here are work of any kind: only what they wait for can differ in a way that the update fails.
API CUresult cuGraphExecUpdate(CUgraphExec h, CUgraph from, CUgraphNode *node, CUgraphExecUpdateResult *result)
{
	BEGIN
	Exec *e = handle<Exec>(h);
	Graph *g = handle<Graph>(from);
	*node = nullptr;
	*result = CU_GRAPH_EXEC_UPDATE_ERROR;
	if (!e || !g)
		return CUDA_ERROR_INVALID_HANDLE;
	if (!alike(e->nodes, g->nodes)) {
		*result = CU_GRAPH_EXEC_UPDATE_ERROR_TOPOLOGY_CHANGED;
		return CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE;
	}
	e->nodes = g->nodes;
	*result = CU_GRAPH_EXEC_UPDATE_SUCCESS;
	return CUDA_SUCCESS;
}

API CUresult cuGraphLaunch(CUgraphExec h, CUstream s)
{
	BEGIN
	Exec *e = handle<Exec>(h);
	if (!e)
		return CUDA_ERROR_INVALID_HANDLE;
	return submit(s, [e] { return run(e); });
}

API CUresult cuGraphExecDestroy(CUgraphExec h)
{
	BEGIN
	Exec *e = handle<Exec>(h);
	if (!e)
		return CUDA_ERROR_INVALID_HANDLE;
	handles<Exec>().erase(e);
	for (Timeline *t : e->beside)
		timeline_end(t);
	delete e;
	return CUDA_SUCCESS;
}
