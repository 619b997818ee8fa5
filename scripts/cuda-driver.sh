#!/bin/sh
# Prints the NVIDIA driver's library when this machine has one, and nothing otherwise.
for lib in $(ldconfig -p 2>/dev/null | sed -n 's/.*libcuda\.so\.1 .*=> //p') /usr/lib/wsl/lib/libcuda.so.1; do
	if [ -e "$lib" ]; then
		echo "$lib"
		exit
	fi
done
