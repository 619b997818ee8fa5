package cpu

import "syscall"

// allowTiles asks Linux for the permission to use tiles, which a process needs once, and tells
// whether it was given. It is refused by kernels before 5.16, and where a thread's signal stack
// is too small for the 8 KiB of tiles in a signal's frame of about 11 KiB; Go's have 32 KiB.
func allowTiles() bool {
	const (
		reqXCompPerm = 0x1023 // ARCH_REQ_XCOMP_PERM
		tileData     = 18     // the component of XSAVE's state
	)
	_, _, failed := syscall.RawSyscall(syscall.SYS_ARCH_PRCTL, reqXCompPerm, tileData, 0)
	return failed == 0
}
