//go:build amd64 && !(amxemu && linux && cgo)

package cpu

// emulateTiles says that tiles are the processor's.
func emulateTiles() bool { return false }
