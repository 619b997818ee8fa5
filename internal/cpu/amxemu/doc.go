// Package amxemu executes the tile instructions of AMX-BF16 on processors that lack them, so
// that tests run the very bytes that package cpu gives to those that have them. It needs Linux
// on x86-64, cgo and AVX-512F. Tests import it, and programs in builds with the tag amxemu.
package amxemu
