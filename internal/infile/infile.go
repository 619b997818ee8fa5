// Package infile opens files that somebody else wrote. A pipe without a writer
// would be waited for without end, a device read without end, and a file of a
// damaged disk may claim any size: all of them are refused before a byte is read,
// with what to do in the message.
package infile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"syscall"
)

// firstBlock is the most that is taken before anything is read: a sparse file
// claims any size and costs nothing.
const firstBlock = 1 << 24

// Open opens the regular file at path, links followed, of at most limit bytes.
// Anything else (folder, pipe, device, socket, larger file) is an error, at once,
// that names the path and the remedy. Errors of the system keep their kind for
// errors.Is; control characters of the path are quoted in all of them.
func Open(path string, limit int64) (*os.File, error) {
	// Looked at before it is opened, for opening some devices does something;
	// and after, for it may have been exchanged in between.
	info, err := os.Stat(path)
	if err != nil {
		return nil, plain(err)
	}
	if err := check(path, info, limit); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, plain(err)
	}
	info, err = f.Stat()
	if err == nil {
		err = check(path, info, limit)
	}
	if err != nil {
		_ = f.Close()
		return nil, plain(err)
	}
	return f, nil
}

// ReadFile is the content of the file that Open opens.
func ReadFile(path string, limit int64) ([]byte, error) {
	return ReadInto(nil, path, limit)
}

// ReadInto is ReadFile into the memory of memory where that suffices.
func ReadInto(memory []byte, path string, limit int64) ([]byte, error) {
	f, err := Open(path, limit)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, plain(err)
	}
	b := memory[:0]
	if want := int(min(info.Size(), limit, firstBlock)) + 1; cap(b) < want { // one more: the end is seen without growing
		b = make([]byte, 0, want)
	}
	for {
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
		n, err := f.Read(b[len(b):min(int64(cap(b)), limit+1)])
		b = b[:len(b)+n]
		switch {
		case int64(len(b)) > limit: // it grew, or is one of those of /proc that tell no size
			return nil, tooLarge(path, int64(len(b)), limit)
		case err == io.EOF:
			return b, nil
		case err != nil:
			return nil, plain(err)
		}
	}
}

// check refuses what is not a regular file of at most limit bytes.
func check(path string, info fs.FileInfo, limit int64) error {
	var kind string
	way := "name a regular file"
	switch mode := info.Mode(); {
	case mode.IsRegular():
		if info.Size() > limit {
			return tooLarge(path, info.Size(), limit)
		}
		return nil
	case mode.IsDir():
		kind, way = "a folder", "name a file in it"
	case mode&fs.ModeNamedPipe != 0:
		kind, way = "a pipe (FIFO)", "write its content to a regular file first"
	case mode&fs.ModeSocket != 0:
		kind = "a socket"
	case mode&fs.ModeDevice != 0:
		kind = "a device"
	default:
		kind = "a special file"
	}
	return fmt.Errorf("%s is %s, not a regular file; %s", Shown(path), kind, way)
}

func tooLarge(path string, size, limit int64) error {
	return fmt.Errorf("%s: %d bytes, expected at most %d (%s); is it the right file?", Shown(path), size, limit, unit(limit))
}

// unit is a number of bytes in the largest unit that it is a multiple of.
func unit(n int64) string {
	for _, u := range []struct {
		shift int
		name  string
	}{{30, "GiB"}, {20, "MiB"}, {10, "KiB"}} {
		if n >= 1<<u.shift && n%(1<<u.shift) == 0 {
			return fmt.Sprintf("%d %s", n>>u.shift, u.name)
		}
	}
	return fmt.Sprintf("%d B", n)
}

// plain gives a system error with its path as Shown gives it.
func plain(err error) error {
	if e := (*fs.PathError)(nil); errors.As(err, &e) {
		return &fs.PathError{Op: e.Op, Path: Shown(e.Path), Err: e.Err}
	}
	return err
}

// Shown is a path as messages hold it: itself, or quoted as Go text where it has
// characters that a terminal would obey instead of show, or that would forge a line.
func Shown(path string) string {
	for _, r := range path {
		if !strconv.IsPrint(r) || r == '�' {
			return strconv.Quote(path)
		}
	}
	return path
}
