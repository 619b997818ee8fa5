//go:build unix

package locate

import (
	"os"
	"strconv"
	"syscall"
)

func identify(path string, info os.FileInfo) ID {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return ID(strconv.FormatUint(uint64(s.Dev), 36) + ":" + strconv.FormatUint(uint64(s.Ino), 36))
	}
	return byPath(path)
}
