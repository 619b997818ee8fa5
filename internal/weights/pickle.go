package weights

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/nlpodyssey/gopickle/pickle"
)

// Bounds of the pickles in one file, which have as many bytes as the file at most. A
// checkpoint of ResNet-101 with its optimizer has half a megabyte and a hundred thousand
// opcodes, numpy arrays lie in the pickle; an empty Python object costs an opcode and some
// hundred bytes of memory.
const (
	minLimit   = 64 << 20 // bytes of all pickles, in a file that is smaller
	maxOpcodes = 1 << 20
	maxMarks   = 1 << 10 // open at a time
	maxNumber  = 1 << 12 // bytes of one number
)

func (p *pickleReader) tooBig() error {
	return fmt.Errorf("its pickle is larger than %d MiB or has more than %d opcodes", p.limit>>20, maxOpcodes)
}

// argument is what follows an opcode.
type argument uint8

const (
	unknown argument = iota
	nothing
	bytes1 // so many bytes
	bytes2
	bytes4
	bytes8
	line   // text up to a newline
	line2  // two of them
	number // a line that is a number
	count1 // a length of so many bytes, then the content
	count4
	count8
	long1 // the same, a number
	long4
	frame // an 8-byte length of opcodes that follow
)

// arguments lists every opcode of protocols 0 to 5 (Python's pickletools).
var arguments = func() (a [256]argument) {
	for what, codes := range map[argument]string{
		nothing: "(.012NQRabde}l]ost)u\x81\x85\x86\x87\x88\x89\x8f\x90\x91\x92\x93\x94\x97\x98",
		bytes1:  "Khq\x80\x82", bytes2: "M\x83", bytes4: "Jjr\x84", bytes8: "G",
		line: "PSVgp", line2: "ci", number: "FIL",
		count1: "UC\x8c", count4: "TXB", count8: "\x8d\x8e\x96",
		long1: "\x8a", long4: "\x8b", frame: "\x95",
	} {
		for i := range len(codes) {
			a[codes[i]] = what
		}
	}
	return a
}()

// pickleReader cuts pickles out of a stream and checks them before anything is built
// from them: every length is one that is really there, and what they can make Python
// objects of is bounded.
type pickleReader struct {
	r       *bufio.Reader
	buf     bytes.Buffer // the pickle so far
	read    int64        // bytes of all pickles so far
	opcodes int
	limit   int64 // of read
}

// newPickleReader reads the pickles of a file of so many bytes.
func newPickleReader(r io.Reader, size int64) *pickleReader {
	return &pickleReader{r: bufio.NewReader(r), limit: max(size, minLimit)}
}

// next returns the bytes of the next pickle, STOP included, until the next call.
func (p *pickleReader) next() ([]byte, error) {
	p.buf.Reset()
	marks, frameEnd := 0, uint64(0)
	for {
		code, err := p.r.ReadByte()
		if err != nil {
			return nil, cut(err)
		}
		p.buf.WriteByte(code)
		if p.opcodes++; p.opcodes > maxOpcodes {
			return nil, p.tooBig()
		}
		if err := p.argument(code, &frameEnd); err != nil {
			return nil, cut(err)
		}
		switch code {
		case '(':
			if marks++; marks > maxMarks {
				return nil, fmt.Errorf("its pickle nests deeper than %d", maxMarks)
			}
		case 't', 'd', 'l', 'e', 'u', 'o', 'i', '1', 0x90, 0x91:
			marks = max(marks-1, 0)
		case '.':
			p.read += int64(p.buf.Len())
			if frameEnd > uint64(p.buf.Len()) {
				return nil, errors.New("a frame of its pickle is longer than the pickle")
			}
			return p.buf.Bytes(), nil
		}
	}
}

// cut says that a stream ended inside a pickle.
func cut(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return fmt.Errorf("its pickle has no end: %w", errTruncated)
	}
	return err
}

// argument copies what follows an opcode.
func (p *pickleReader) argument(code byte, frameEnd *uint64) error {
	switch kind := arguments[code]; kind {
	case nothing:
		return nil
	case bytes1, bytes2, bytes4, bytes8:
		return p.copy(1 << (kind - bytes1))
	case line, number:
		text, err := p.line()
		if kind == number && len(text) > maxNumber {
			return fmt.Errorf("a number in its pickle has %d characters", len(text))
		}
		return err
	case line2:
		return p.class()
	case count1, count4, count8, long1, long4, frame:
		size := map[argument]int{count1: 1, long1: 1, count4: 4, long4: 4, count8: 8, frame: 8}[kind]
		n, err := p.length(size)
		switch {
		case err != nil:
			return err
		case kind == frame:
			*frameEnd = n + uint64(p.buf.Len())
			if n > uint64(p.limit) {
				return p.tooBig()
			}
			return nil
		case n > uint64(p.limit):
			return p.tooBig()
		case kind >= long1 && n > maxNumber:
			return fmt.Errorf("a number in its pickle has %d bytes", n)
		}
		return p.copy(int64(n))
	}
	return fmt.Errorf("its pickle has the unknown opcode %#02x at byte %d", code, p.buf.Len()-1)
}

func (p *pickleReader) copy(n int64) error {
	if p.read+int64(p.buf.Len())+n > p.limit {
		return p.tooBig()
	}
	_, err := io.CopyN(&p.buf, p.r, n)
	return err
}

func (p *pickleReader) length(size int) (uint64, error) {
	if err := p.copy(int64(size)); err != nil {
		return 0, err
	}
	var b [8]byte
	copy(b[:], p.buf.Bytes()[p.buf.Len()-size:])
	return binary.LittleEndian.Uint64(b[:]), nil
}

// line copies up to a newline and returns the text before it.
func (p *pickleReader) line() ([]byte, error) {
	begin := p.buf.Len()
	for {
		part, err := p.r.ReadSlice('\n')
		p.buf.Write(part)
		switch {
		case err == nil:
			return p.buf.Bytes()[begin : p.buf.Len()-1], nil
		case err != bufio.ErrBufferFull:
			return nil, err
		case p.read+int64(p.buf.Len()) > p.limit:
			return nil, p.tooBig()
		}
	}
}

// class copies a module and a class name. The library knows collections.OrderedDict by
// itself, but only as Python 3 writes it, empty and filled afterwards; Python 2 gives
// the pairs to the constructor. Under another name the class is ours.
func (p *pickleReader) class() error {
	module, err := p.line()
	if err != nil {
		return err
	}
	at := p.buf.Len() - 1 - len(module)
	n := len(module)
	name, err := p.line()
	if err != nil {
		return err
	}
	if module := p.buf.Bytes()[at : at+n]; string(module) == "collections" && string(name) == "OrderedDict" {
		module[0] = 'C'
	}
	return nil
}

// unpickle builds the object that a checked pickle describes. Classes are values of
// findClass and storages of persistent; nothing is executed.
func unpickle(b []byte, findClass func(module, name string) (any, error), persistent func(any) (any, error)) (v any, err error) {
	// The library panics on some pickles that make no sense, such as lists as keys.
	defer func() {
		if r := recover(); r != nil {
			v, err = nil, fmt.Errorf("its pickle is damaged: %.200v", r)
		}
	}()
	u := pickle.NewUnpickler(bytes.NewReader(b))
	u.FindClass, u.PersistentLoad = findClass, persistent
	if v, err = u.Load(); err != nil {
		return nil, fmt.Errorf("its pickle is damaged: %s", shorten(err.Error()))
	}
	return v, nil
}

// shorten keeps the content of a hostile file out of messages.
func shorten(s string) string {
	if len(s) > 200 {
		s = s[:200] + "…"
	}
	return strings.ToValidUTF8(s, "?")
}
