#!/bin/sh
# A C compiler whose programs run on Linux with glibc 2.28 (RHEL 8, Debian 10, Ubuntu 20.04) or newer, whatever this
# machine has: zig's. ZIG names it: pip install ziglang, then "python3 -m ziglang", or zig.
set -eu
# gorgonia.org/cu names the folder of this machine's own headers, which go with its own C library.
for argument; do
	shift
	[ "$argument" = -I/usr/include ] || set -- "$@" "$argument"
done
exec ${ZIG:-python3 -m ziglang} cc -target "$(uname -m)-linux-gnu.2.28" "$@"
