#!/bin/sh
# Packs what gpu-check.sh needs on a machine with a GPU that has neither Go nor internet:
# gpu-bundle.sh DIR [PEER]. PEER is a folder with bench.py, the PyTorch program to compare
# times with. The environment is that of a CUDA build (make gpu-bundle).
set -eu
cd "$(dirname "$0")/.."
dir=$1
peer=${2:-}
rm -rf "$dir"
mkdir -p "$dir/bin" "$dir/testdata/golden" "$dir/internal/cuda" "$dir/internal/model"
go=${GO:-go}

"$go" build -tags cuda -trimpath -ldflags '-s -w' -o "$dir/bin/hdmnet" ./cmd/hdmnet
for package in cuda model; do # the tests find testdata from their folder, go.mod marks the root
	"$go" test -c -tags cuda -trimpath -ldflags '-s -w' -o "$dir/bin/$package.test" "./internal/$package"
done
CGO_ENABLED=0 "$go" build -trimpath -ldflags '-s -w' -o "$dir/bin/gpu-check" ./scripts/gpucheck
cp go.mod "$dir/"
cp testdata/golden/*.safetensors "$dir/testdata/golden/"
cp scripts/gpu-check.sh "$dir/"
if [ -n "$peer" ]; then
	mkdir "$dir/peer"
	cp "$peer"/*.py "$dir/peer/"
fi
CGO_ENABLED=0 "$go" run ./scripts/glibc "$dir"/bin/hdmnet "$dir"/bin/*.test
tar -czf "$dir/bin.tar.gz" -C "$dir" bin
rm -r "$dir/bin"

size=$(du -sm "$dir" | cut -f 1)
echo "$dir: $size MiB; there: sh gpu-check.sh"
if [ "$size" -ge 60 ]; then
	echo "too large: at most 60 MiB" >&2
	exit 1
fi
