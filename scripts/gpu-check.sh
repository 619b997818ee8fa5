#!/bin/sh
# What only a machine with an NVIDIA GPU can show. It needs no Go and no internet: it runs
# what `make gpu-bundle` packed beside it. Every step's result is kept: when the time is up
# (--limit SECONDS), the same command goes on.
#
#   sh gpu-check.sh [--steps machine,time,…] [--limit 560] [--out DIR] [--peer DIR] [--small]
#
# scripts/gpucheck/main.go says what the steps are.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
[ -d "$here/bin" ] || tar -xzf "$here/bin.tar.gz" -C "$here"
exec "$here/bin/gpu-check" --bundle "$here" "$@"
