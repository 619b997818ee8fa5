//go:build amd64 && !linux

package cpu

// allowTiles says that this system is not known to let a program use tiles.
func allowTiles() bool { return false }
