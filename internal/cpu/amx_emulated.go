//go:build amxemu && linux && amd64 && cgo

package cpu

import "hdmnet/internal/cpu/amxemu"

// emulateTiles makes tiles usable on every processor with AVX512_BF16, for tests of whole
// networks (make test-amx).
func emulateTiles() bool { return amxemu.Install() == nil }
