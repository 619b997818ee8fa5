package predict

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strings"
)

// writeNPY writes float32 values in NumPy's format, version 1.0, C order; numpy.load
// reads it. The values are as many as the shape says.
func writeNPY(w io.Writer, shape []int, values []float32) error {
	dims := make([]string, len(shape))
	for i, d := range shape {
		dims[i] = fmt.Sprint(d)
	}
	tuple := strings.Join(dims, ", ")
	if len(shape) == 1 {
		tuple += "," // Python's tuple of one
	}
	header := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%s), }", tuple)
	// The data start at a multiple of 64 bytes: 6 of magic, 2 of version, 2 of length,
	// the header, spaces, a newline.
	header += strings.Repeat(" ", 63-(10+len(header))%64) + "\n"
	start := append([]byte("\x93NUMPY\x01\x00"), 0, 0)
	binary.LittleEndian.PutUint16(start[8:], uint16(len(header)))
	if _, err := w.Write(append(start, header...)); err != nil {
		return err
	}
	buf := make([]byte, 0, 1<<14)
	for len(values) > 0 {
		n := min(len(values), cap(buf)/4)
		b := buf
		for _, v := range values[:n] {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
		values = values[n:]
	}
	return nil
}
