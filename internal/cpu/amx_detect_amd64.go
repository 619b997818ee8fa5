package cpu

//go:generate go run asm/amx.go -out amx_amd64.s -stubs amx_amd64.go -pkg cpu

// tilesUsable tells whether the processor has the tiles that columnAMX uses, and whether the
// operating system saves them and lets this process use them; or whether they are emulated.
func tilesUsable() bool { return emulateTiles() || hasTiles(cpuLeaf, xcr0) && allowTiles() }

// hasTiles reads what the processor and the operating system say of tiles from the instruction
// CPUID and the register XCR0.
func hasTiles(id func(leaf, sub uint32) (a, b, c, d uint32), xcr0 func() uint64) bool {
	const (
		osxsave = 1 << 27       // leaf 1, ECX
		bf16    = 1 << 22       // leaf 7, EDX
		tile    = 1 << 24       // leaf 7, EDX
		state   = 1<<17 | 1<<18 // XCR0: the tiles' configuration and data
		palette = 1
	)
	if leaves, _, _, _ := id(0, 0); leaves < 0x1e {
		return false
	}
	if _, _, c, _ := id(1, 0); c&osxsave == 0 || xcr0()&state != state {
		return false
	}
	if _, _, _, d := id(7, 0); d&bf16 == 0 || d&tile == 0 {
		return false
	}
	if palettes, _, _, _ := id(0x1d, 0); palettes < palette {
		return false
	}
	_, b, rows, _ := id(0x1d, palette)
	rowBytes, tiles := b&0xffff, b>>16
	if tiles < 8 || rowBytes < 64 || rows&0xffff < 16 {
		return false
	}
	_, b, _, _ = id(0x1e, 0)
	return b&0xff >= tileStep && b>>8&0xffff >= 64 // rows of B, and bytes of one, in a product
}
