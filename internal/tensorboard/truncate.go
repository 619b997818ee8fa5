package tensorboard

import (
	"encoding/binary"
	"io"

	"google.golang.org/protobuf/encoding/protowire"

	"hdmnet/internal/atomicfile"
	"hdmnet/internal/infile"
)

// maxFile bounds the size of a file of events that is read, in bytes.
const maxFile = 4 << 30

// truncate drops the events of a file that keep does not want, and what a process that was
// killed left unfinished behind them.
func truncate(path string, keep func(tag string, step int) bool) error {
	file, err := infile.ReadFile(path, maxFile)
	if err != nil {
		return err
	}
	var kept []byte
	for rest := file; ; {
		event, size := next(rest)
		if event == nil {
			break
		}
		if tag, step, of := about(event); !of || keep(tag, step) {
			kept = append(kept, rest[:size]...)
		}
		rest = rest[size:]
	}
	if len(kept) == len(file) {
		return nil
	}
	return atomicfile.Write(path, func(w io.Writer) error {
		_, err := w.Write(kept)
		return err
	})
}

// next is the first Event of a file and the size of its record; nil where there is none, or
// a damaged one.
func next(b []byte) (event []byte, size int) {
	const head, tail = 12, 4
	if len(b) < head || binary.LittleEndian.Uint32(b[8:]) != masked(b[:8]) {
		return nil, 0
	}
	n := binary.LittleEndian.Uint64(b)
	if n > uint64(len(b)-head) || uint64(len(b)-head)-n < tail {
		return nil, 0
	}
	event = b[head:][:n]
	if binary.LittleEndian.Uint32(b[head+n:]) != masked(event) {
		return nil, 0
	}
	return event, head + int(n) + tail
}

// about is the step of an Event and the tag of its first value; of is false for an event
// without values.
func about(event []byte) (tag string, step int, of bool) {
	for len(event) > 0 {
		field, kind, n := protowire.ConsumeTag(event)
		if n < 0 {
			return "", 0, false
		}
		event = event[n:]
		n = protowire.ConsumeFieldValue(field, kind, event)
		if n < 0 {
			return "", 0, false
		}
		switch {
		case field == 2 && kind == protowire.VarintType:
			v, _ := protowire.ConsumeVarint(event)
			step = int(v)
		case field == 5 && kind == protowire.BytesType:
			summary, _ := protowire.ConsumeBytes(event)
			tag, of = firstTag(summary), true
		}
		event = event[n:]
	}
	return tag, step, of
}

// firstTag is the tag of a Summary's first Value, which Writer writes first in it.
func firstTag(summary []byte) string {
	for range 2 { // of the Summary, of the Value
		_, kind, n := protowire.ConsumeTag(summary)
		if n < 0 || kind != protowire.BytesType {
			return ""
		}
		if summary, n = protowire.ConsumeBytes(summary[n:]); n < 0 {
			return ""
		}
	}
	return string(summary)
}
