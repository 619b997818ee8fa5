#!/bin/sh
# Builds with every MPI library that is here, Open MPI and MPICH, and runs two and four
# processes of it on this machine. Where there is none, and apt may install packages, it does.
# HDMNET_TEST_KILLS=10 kills a process at ten random moments, not two.
set -eu
cd "$(dirname "$0")/.."
GO=${GO:-go}

if ! command -v mpicc >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	{ apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
		openmpi-bin libopenmpi-dev mpich libmpich-dev; } >/dev/null || true
fi
if ! command -v mpicc >/dev/null; then
	echo "no mpicc: skipped"
	exit
fi

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# check NAME COMPILER LAUNCHER...
check() {
	name=$1 compiler=$2
	shift 2
	echo "$name: $("$compiler" --version | head -n 1)"
	CC=$compiler CGO_ENABLED=1 $GO vet -tags mpi ./internal/dist/... ./cmd/hdmnet
	CC=$compiler CGO_ENABLED=1 $GO build -tags mpi -trimpath -o "$dir/hdmnet-$name" ./cmd/hdmnet
	HDMNET_TEST_MPI_BINARY=$dir/hdmnet-$name HDMNET_TEST_MPIRUN="$*" $GO test -vet=off -count=1 -run '^TestMPI' ./cmd/hdmnet
}

# Open MPI wants to be told that root and more processes than processors are meant.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
found=
if command -v mpicc.openmpi >/dev/null; then
	check openmpi mpicc.openmpi mpirun.openmpi --oversubscribe --bind-to none
	found=1
fi
if command -v mpicc.mpich >/dev/null; then
	check mpich mpicc.mpich mpirun.mpich
	found=1
fi
if [ -z "$found" ]; then
	check mpi mpicc mpirun
fi
