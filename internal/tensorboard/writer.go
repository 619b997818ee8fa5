// Package tensorboard writes files of events that TensorBoard shows: scalars, pictures and
// hyperparameters of a training.
//
// A file is records of TFRecord: length (uint64, little-endian), masked CRC-32C of the
// length, an Event (protobuf), masked CRC-32C of the Event.
package tensorboard

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/jpeg"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// prefix starts the names of the files, by which TensorBoard finds them.
const prefix = "events.out.tfevents."

// flushEvery is how long events may wait in memory.
const flushEvery = 5 * time.Second

// Writer appends events to a file of its own.
type Writer struct {
	f       *os.File
	w       *bufio.Writer
	flushed time.Time
	err     error // the first one
}

// Open starts a new file of events in a folder, which is made when it is missing. Events of
// the files that are there already stay when keep says so of their tag and step, else they
// are dropped: a run that is resumed has not come so far. next is the step that follows;
// it tells a TensorBoard that is open to forget the same.
func Open(dir string, next int, keep func(tag string, step int) bool) (*Writer, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("tensorboard: %w", err)
	}
	files, err := filepath.Glob(filepath.Join(dir, prefix+"*"))
	if err != nil {
		return nil, err
	}
	slices.Sort(files)
	for _, path := range files {
		if err := truncate(path, keep); err != nil {
			return nil, fmt.Errorf("tensorboard: %w", err)
		}
	}
	path := filepath.Join(dir, fmt.Sprintf("%s%010d.hdmnet.%04d", prefix, time.Now().Unix(), len(files)))
	if len(files) > 0 && path <= files[len(files)-1] { // TensorBoard reads them by name; the clock was turned back
		path = files[len(files)-1] + ".1"
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return nil, fmt.Errorf("tensorboard: %w", err)
	}
	w := &Writer{f: f, w: bufio.NewWriterSize(f, 1<<16), flushed: time.Now()}
	w.event(0, 3, []byte("brain.Event:2"))
	if len(files) > 0 {
		const sessionStart = 1
		w.event(next, 7, number(nil, 1, sessionStart))
	}
	return w, w.Flush()
}

// Scalars writes values by tag. Those that are no finite number are written too: TensorBoard
// shows them as such.
func (w *Writer) Scalars(step int, values map[string]float64) error {
	var summary []byte
	for _, tag := range slices.Sorted(maps.Keys(values)) {
		v := text(1, tag)
		v = protowire.AppendTag(v, 2, protowire.Fixed32Type)
		v = protowire.AppendFixed32(v, math.Float32bits(float32(values[tag])))
		summary = message(summary, 1, v)
	}
	if len(summary) > 0 {
		w.event(step, 5, summary)
	}
	return w.state()
}

// Image writes a picture, as JPEG.
func (w *Writer) Image(step int, tag string, img image.Image) error {
	var file bytes.Buffer
	if err := jpeg.Encode(&file, img, &jpeg.Options{Quality: 88}); err != nil {
		return fmt.Errorf("tensorboard: picture %s: %w", tag, err)
	}
	const rgb = 3
	m := number(nil, 1, uint64(img.Bounds().Dy()))
	m = number(m, 2, uint64(img.Bounds().Dx()))
	m = number(m, 3, rgb)
	m = message(m, 4, file.Bytes())
	w.event(step, 5, message(nil, 1, message(text(1, tag), 4, m)))
	return w.state()
}

// state is the first error; it flushes when that is due.
func (w *Writer) state() error {
	if time.Since(w.flushed) >= flushEvery {
		return w.Flush()
	}
	return w.err
}

// Flush gives all events to the system.
func (w *Writer) Flush() error {
	w.flushed = time.Now()
	w.keepError(w.w.Flush())
	return w.err
}

// Close flushes and closes the file.
func (w *Writer) Close() error {
	w.keepError(w.w.Flush())
	w.keepError(w.f.Close())
	return w.err
}

func (w *Writer) keepError(err error) {
	if err != nil && w.err == nil {
		w.err = fmt.Errorf("tensorboard: %w; is the disk full? train.tensorboard=false writes none", err)
	}
}

// event writes an Event of the present time whose field holds what.
func (w *Writer) event(step int, field protowire.Number, what []byte) {
	b := protowire.AppendTag(nil, 1, protowire.Fixed64Type)
	b = protowire.AppendFixed64(b, math.Float64bits(float64(time.Now().UnixMicro())/1e6))
	b = number(b, 2, uint64(step))
	_, err := w.w.Write(record(message(b, field, what)))
	w.keepError(err)
}

// record frames an Event.
func record(event []byte) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(event)))
	b = binary.LittleEndian.AppendUint32(b, masked(b))
	b = append(b, event...)
	return binary.LittleEndian.AppendUint32(b, masked(event))
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// masked is the CRC-32C, turned and moved so that checksums of checksums differ.
func masked(b []byte) uint32 {
	c := crc32.Checksum(b, castagnoli)
	return (c>>15 | c<<17) + 0xa282ead8
}

func number(b []byte, field protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), v)
}

func text(field protowire.Number, s string) []byte {
	return protowire.AppendString(protowire.AppendTag(nil, field, protowire.BytesType), s)
}

func message(b []byte, field protowire.Number, m []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), m)
}
