//go:build mpi

#include <mpi.h>
#include <signal.h>
#include <string.h>

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

int hdmnet_mpi_lengths(int mine, int *lengths) { return MPI_Allgather(&mine, 1, MPI_INT, lengths, 1, MPI_INT, MPI_COMM_WORLD); }

// offsets fills starts with where the parts of some lengths begin.
static void offsets(const int *lengths, int *starts, int size)
{
	for (int i = 0, at = 0; i < size; at += lengths[i++])
		starts[i] = at;
}

int hdmnet_mpi_gather(const void *mine, int n, void *all, const int *lengths, int size)
{
	int starts[size];

	offsets(lengths, starts, size);
	return MPI_Allgatherv(mine, n, MPI_BYTE, all, lengths, starts, MPI_BYTE, MPI_COMM_WORLD);
}

int hdmnet_mpi_all_reduce(float *v, float *room, int n, int max, int rank, int size)
{
	int parts[size], starts[size], mine[size], places[size];

	for (int i = 0; i < size; i++)
		parts[i] = n / size + (i < n % size);
	offsets(parts, starts, size);
	int count = parts[rank];
	for (int i = 0; i < size; i++) {
		mine[i] = count;
		places[i] = i * count;
	}
	// Everybody's share of the part of this process, by rank: at most n + size floats.
	TRY(MPI_Alltoallv(v, parts, starts, MPI_FLOAT, room, mine, places, MPI_FLOAT, MPI_COMM_WORLD));
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
	return MPI_Allgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, v, parts, starts, MPI_FLOAT, MPI_COMM_WORLD);
}

int hdmnet_mpi_broadcast(float *v, int n, int root) { return MPI_Bcast(v, n, MPI_FLOAT, root, MPI_COMM_WORLD); }
