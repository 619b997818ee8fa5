// What of MPI the program uses. Every function returns an MPI error code, MPI_SUCCESS (0)
// for none.

int hdmnet_mpi_init(int *rank, int *size, int *local_rank, int *local_size, int *threads);
int hdmnet_mpi_finalize(void);
void hdmnet_mpi_abort(void);

// Text of an error code, cut to n bytes with the terminating 0.
void hdmnet_mpi_error(int code, char *text, int n);

// lengths[i] is what process i brings, in bytes.
int hdmnet_mpi_lengths(int mine, int *lengths);
// all is what the processes bring, one after the other.
int hdmnet_mpi_gather(const void *mine, int n, void *all, const int *lengths, int size);

// Replaces v[0..n) by its sums, or maxima, over the processes. Each process computes one
// part of them, in the order of ranks; room is one float a process longer than v.
int hdmnet_mpi_all_reduce(float *v, float *room, int n, int max, int rank, int size);
int hdmnet_mpi_broadcast(float *v, int n, int root);
