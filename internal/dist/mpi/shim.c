//go:build mpi

#include <mpi.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "shim.h"

#define TRY(call)                    \
	do {                             \
		int code = (call);           \
		if (code != MPI_SUCCESS)     \
			return code;             \
	} while (0)

int hdmnet_mpi_init(int *rank, int *size, int *local_rank, int *local_size, int *threads)
{
	// Open MPI takes the signals of faults for itself; they are Go's.
	const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGABRT};
	struct sigaction before[4];
	MPI_Comm machine;

	for (int i = 0; i < 4; i++)
		sigaction(faults[i], NULL, &before[i]);
	int started = MPI_Init_thread(NULL, NULL, MPI_THREAD_MULTIPLE, threads);
	for (int i = 0; i < 4; i++)
		sigaction(faults[i], &before[i], NULL);
	TRY(started);
	TRY(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN));
	TRY(MPI_Comm_rank(MPI_COMM_WORLD, rank));
	TRY(MPI_Comm_size(MPI_COMM_WORLD, size));
	TRY(MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, *rank, MPI_INFO_NULL, &machine));
	TRY(MPI_Comm_rank(machine, local_rank));
	TRY(MPI_Comm_size(machine, local_size));
	return MPI_Comm_free(&machine);
}

int hdmnet_mpi_finalize(void) { return MPI_Finalize(); }

void hdmnet_mpi_abort(void) { MPI_Abort(MPI_COMM_WORLD, 1); }

void hdmnet_mpi_error(int code, char *text, int n)
{
	char full[MPI_MAX_ERROR_STRING + 1] = "";
	int length = 0;

	MPI_Error_string(code, full, &length);
	strncpy(text, full, n - 1);
	text[n - 1] = 0;
}

// end waits for a call and leaves the processor to others meanwhile: MPI's own waiting would
// keep it busy while a slower process computes on it.
static int end(MPI_Request *request)
{
	const struct timespec pause = {0, 50000};

	for (int tries = 0, done = 0;; tries++) {
		TRY(MPI_Test(request, &done, MPI_STATUS_IGNORE));
		if (done)
			return MPI_SUCCESS;
		if (tries < 200)
			sched_yield();
		else
			nanosleep(&pause, NULL);
	}
}

int hdmnet_mpi_lengths(int mine, int *lengths)
{
	MPI_Request request;

	TRY(MPI_Iallgather(&mine, 1, MPI_INT, lengths, 1, MPI_INT, MPI_COMM_WORLD, &request));
	return end(&request);
}

// offsets fills starts with where the parts of some lengths begin.
static void offsets(const int *lengths, int *starts, int size)
{
	for (int i = 0, at = 0; i < size; at += lengths[i++])
		starts[i] = at;
}

int hdmnet_mpi_gather(const void *mine, int n, void *all, const int *lengths, int size)
{
	int starts[size];
	MPI_Request request;

	offsets(lengths, starts, size);
	TRY(MPI_Iallgatherv(mine, n, MPI_BYTE, all, lengths, starts, MPI_BYTE, MPI_COMM_WORLD, &request));
	return end(&request);
}

int hdmnet_mpi_all_reduce(float *v, float *room, int n, int max, int rank, int size)
{
	int parts[size], starts[size], mine[size], places[size];
	MPI_Request request;

	for (int i = 0; i < size; i++)
		parts[i] = n / size + (i < n % size);
	offsets(parts, starts, size);
	int count = parts[rank];
	for (int i = 0; i < size; i++) {
		mine[i] = count;
		places[i] = i * count;
	}
	// Everybody's share of the part of this process, by rank: at most n + size floats.
	TRY(MPI_Ialltoallv(v, parts, starts, MPI_FLOAT, room, mine, places, MPI_FLOAT, MPI_COMM_WORLD, &request));
	TRY(end(&request));
	float *sum = v + starts[rank];
	memcpy(sum, room, count * sizeof *sum);
	for (int i = 1; i < size; i++) {
		const float *x = room + places[i];
		if (max)
			for (int k = 0; k < count; k++)
				sum[k] = x[k] > sum[k] ? x[k] : sum[k];
		else
			for (int k = 0; k < count; k++)
				sum[k] += x[k];
	}
	TRY(MPI_Iallgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, v, parts, starts, MPI_FLOAT, MPI_COMM_WORLD, &request));
	return end(&request);
}

int hdmnet_mpi_broadcast(float *v, int n, int root)
{
	MPI_Request request;

	TRY(MPI_Ibcast(v, n, MPI_FLOAT, root, MPI_COMM_WORLD, &request));
	return end(&request);
}
