//go:build cuda

package engine

import "hdmnet/internal/dist/nccl"

func init() { engines["nccl"] = engine{blocks: nccl.Blocks, gpu: true} }
