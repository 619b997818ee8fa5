// nccl.cpp: NCCL between processes of one machine, over shared memory. Sums run in the order
// of ranks. As with NVIDIA's, a process whose partner is gone waits until its communicator
// is aborted. Calls of which NVIDIA's library says that their behavior is undefined (other
// counts, kinds or roots in different processes) are faults of the context here.
#include "../../../internal/cuda/library_nccl.h"
#include "library.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <random>

using namespace emu;

namespace {

constexpr int max_ranks = 16;
constexpr size_t chunk = 1 << 18; // floats that a process lays out at one time

struct Call {
	int kind, op, root;
	uint64_t count;
	bool operator==(const Call &) const = default;
};

// Shared is the memory that the processes of a group have in common; after it come the
// chunks, one for each.
struct Shared {
	std::atomic<int> ranks; // 0: nobody has joined
	std::atomic<int> joined;
	std::atomic<uint32_t> taken; // ranks, a bit each
	std::atomic<int> arrived, generation;
	char gpu[max_ranks][40];
	Call call[max_ranks];
	float data[max_ranks][chunk];
};

// A group's memory lies under a name that is made of its identity.
std::string memory_name(const ncclUniqueId &id)
{
	uint64_t n;
	memcpy(&n, id.internal, sizeof n);
	char name[64];
	snprintf(name, sizeof name, "/hdmnet-emu-nccl-%016llx", (unsigned long long)n);
	return name;
}

Shared *memory_map(const std::string &name, bool create)
{
	int file = shm_open(name.c_str(), O_RDWR | (create ? O_CREAT | O_EXCL : 0), 0600);
	if (file < 0)
		return nullptr;
	void *p = create && ftruncate(file, sizeof(Shared)) != 0 ? MAP_FAILED : mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	close(file);
	return p == MAP_FAILED ? nullptr : (Shared *)p;
}

struct Comm {
	Shared *shared;
	int rank, ranks;
	std::atomic<bool> aborted{false}, busy{false};
};

thread_local std::string last_error;

// A communicator is given up by another thread than the one that uses it.
std::mutex handles_lock;

Comm *communicator(ncclComm_t h, const char *f)
{
	std::lock_guard<std::mutex> hold(handles_lock);
	return live<Comm>(h, f, "the communicator");
}

int refuse(int status, const char *text, ...) __attribute__((format(printf, 2, 3)));
int refuse(int status, const char *text, ...)
{
	char line[256];
	va_list args;
	va_start(args, text);
	vsnprintf(line, sizeof line, text, args);
	va_end(args);
	last_error = line;
	return status;
}

template <class F> bool wait(const std::atomic<bool> &aborted, F done)
{
	while (!done()) {
		if (aborted)
			return false;
		usleep(20);
	}
	return true;
}

// meet returns once all processes have come to it, false when this one is aborted.
bool meet(Comm *c)
{
	Shared *s = c->shared;
	int generation = s->generation;
	if (++s->arrived == c->ranks) {
		s->arrived = 0;
		s->generation++;
		return true;
	}
	return wait(c->aborted, [&] { return s->generation != generation; });
}

enum { all_reduce, broadcast };

// exchange is one call, in the order of the stream. All bring what they call first.
void exchange(Comm *c, const char *f, Call call, const float *from, float *to)
{
	Shared *s = c->shared;
	s->call[c->rank] = call;
	if (c->aborted || !meet(c))
		return;
	for (int r = 0; r < c->ranks; r++)
		if (!check(s->call[r] == call, f, "rank %d: call %d of %zu values, op %d, root %d; rank %d: call %d of %zu, op %d, root %d", c->rank,
		           call.kind, (size_t)call.count, call.op, call.root, r, s->call[r].kind, (size_t)s->call[r].count, s->call[r].op, s->call[r].root))
			return;
	bool brings = call.kind == all_reduce || call.root == c->rank;
	if ((brings && !access(f, "input", address(from), call.count * 4, false)) || !access(f, "output", address(to), call.count * 4, true))
		return;
	for (size_t at = 0; at < call.count; at += chunk) {
		size_t n = std::min(chunk, (size_t)call.count - at);
		if (brings)
			memcpy(s->data[c->rank], from + at, n * 4);
		if (!meet(c))
			return;
		if (call.kind == broadcast)
			memcpy(to + at, s->data[call.root], n * 4);
		else
			for (size_t i = 0; i < n; i++) {
				float v = s->data[0][i];
				for (int r = 1; r < c->ranks; r++)
					v = call.op == NCCL_SUM ? v + s->data[r][i] : std::max(v, s->data[r][i]);
				to[at + i] = v;
			}
		if (!meet(c))
			return;
	}
}

int queue_call(ncclComm_t h, const char *f, Call call, const void *from, void *to, int type, CUstream stream)
{
	Comm *c = communicator(h, f);
	if (!c)
		return NCCL_INVALID_ARGUMENT;
	if (type != NCCL_FLOAT32 || call.count == 0 || call.root < 0 || call.root >= c->ranks || (call.op != NCCL_SUM && call.op != NCCL_MAX))
		return refuse(NCCL_INVALID_ARGUMENT, "%s: type %d, count %zu, op %d, root %d", f, type, (size_t)call.count, call.op, call.root);
	if (!check(!c->busy.exchange(true), f, "two threads use a communicator at the same time"))
		return NCCL_INVALID_USAGE;
	bool good = submit(f, stream, [=] { exchange(c, f, call, (const float *)from, (float *)to); });
	c->busy = false;
	return good ? NCCL_SUCCESS : NCCL_INVALID_ARGUMENT;
}

} // namespace

EXPORT int ncclGetVersion(int *v)
{
	const char *set = getenv("HDMNET_EMU_NCCL");
	*v = set ? atoi(set) : 22703;
	return NCCL_SUCCESS;
}

EXPORT const char *ncclGetErrorString(int status)
{
	return status == NCCL_INVALID_ARGUMENT ? "invalid argument" : status == NCCL_INVALID_USAGE ? "invalid usage" : status ? "unhandled system error" : "no error";
}

EXPORT const char *ncclGetLastError(ncclComm_t) { return last_error.c_str(); }

EXPORT int ncclGetUniqueId(ncclUniqueId *id)
{
	memset(id, 0, sizeof *id);
	for (size_t i = 0; i < sizeof *id; i += 4) {
		uint32_t r = std::random_device()();
		memcpy(id->internal + i, &r, 4);
	}
	static struct Made {
		std::vector<std::string> names;
		~Made()
		{
			for (auto &n : names)
				shm_unlink(n.c_str()); // of groups that were never complete
		}
	} made;
	made.names.push_back(memory_name(*id));
	Shared *s = memory_map(made.names.back(), true);
	if (!s)
		return refuse(2, "no shared memory %s", made.names.back().c_str());
	munmap(s, sizeof *s);
	return NCCL_SUCCESS;
}

EXPORT int ncclCommInitRank(ncclComm_t *out, int ranks, ncclUniqueId id, int rank)
{
	const char *f = "ncclCommInitRank";
	if (ranks < 1 || ranks > max_ranks || rank < 0 || rank >= ranks)
		return refuse(NCCL_INVALID_ARGUMENT, "%s: rank %d of %d", f, rank, ranks);
	std::string name = memory_name(id), gpu = current_gpu();
	if (gpu.empty())
		return refuse(1, "%s: no context is current", f);
	Shared *s = memory_map(name, false);
	if (!s)
		return refuse(2, "%s: nobody made this identity, or its group is complete", f);
	int unset = 0;
	if (!s->ranks.compare_exchange_strong(unset, ranks) && unset != ranks)
		return refuse(NCCL_INVALID_ARGUMENT, "%s: %d ranks here, %d elsewhere", f, ranks, unset);
	if (s->taken.fetch_or(1u << rank) >> rank & 1)
		return refuse(NCCL_INVALID_USAGE, "%s: there is a rank %d already", f, rank);
	snprintf(s->gpu[rank], sizeof s->gpu[rank], "%s", gpu.c_str());
	s->joined++;
	std::atomic<bool> never{false}; // an initialization that waits is not to be aborted
	wait(never, [&] { return s->joined == ranks; });
	shm_unlink(name.c_str());
	for (int r = 0; r < ranks; r++)
		for (int q = 0; q < r; q++)
			if (!strcmp(s->gpu[r], s->gpu[q]))
				return refuse(NCCL_INVALID_USAGE, "Duplicate GPU detected: rank %d and rank %d both on %s", q, r, s->gpu[r]);
	std::lock_guard<std::mutex> hold(handles_lock);
	Comm *c = made<Comm>(out);
	c->shared = s;
	c->rank = rank;
	c->ranks = ranks;
	return NCCL_SUCCESS;
}

EXPORT int ncclCommGetAsyncError(ncclComm_t h, int *status)
{
	*status = NCCL_SUCCESS;
	return communicator(h, "ncclCommGetAsyncError") ? NCCL_SUCCESS : NCCL_INVALID_ARGUMENT;
}

// leave takes a communicator away. What the stream still holds of it does nothing any more, so
// that its memory stays.
static int leave(ncclComm_t h, const char *f, bool abort)
{
	std::lock_guard<std::mutex> hold(handles_lock);
	Comm *c = live<Comm>(h, f, "the communicator");
	if (!c)
		return NCCL_INVALID_ARGUMENT;
	handles<Comm>().erase(c);
	if (abort)
		c->aborted = true;
	return NCCL_SUCCESS;
}

EXPORT int ncclCommAbort(ncclComm_t h) { return leave(h, "ncclCommAbort", true); }
EXPORT int ncclCommDestroy(ncclComm_t h) { return leave(h, "ncclCommDestroy", false); }

EXPORT int ncclAllReduce(const void *from, void *to, size_t count, int type, int op, ncclComm_t comm, CUstream stream)
{
	return queue_call(comm, "ncclAllReduce", Call{all_reduce, op, 0, count}, from, to, type, stream);
}

EXPORT int ncclBroadcast(const void *from, void *to, size_t count, int type, int root, ncclComm_t comm, CUstream stream)
{
	return queue_call(comm, "ncclBroadcast", Call{broadcast, NCCL_SUM, root, count}, from, to, type, stream);
}
