//go:build mpi

package engine

import "hdmnet/internal/dist/mpi"

func init() {
	engines["mpi"] = engine{link: mpi.Link, blocks: mpi.Blocks}
	onMainThread = mpi.Main
}
