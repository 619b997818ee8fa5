package weights

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"hdmnet/internal/textfile"
)

// maxHeader bounds the JSON header, so that a damaged length cannot ask for the
// whole memory. The format's own limit; a ResNet-101 checkpoint needs 0.1 MB.
const maxHeader = 100_000_000

// maxRank bounds the number of dimensions of one tensor.
const maxRank = 16

// entry is one tensor of the header: where it lies, relative to the data section.
type entry struct {
	name       string
	dtype      string
	shape      []int
	begin, end int64
}

// parseHeader reads the JSON object that opens a safetensors file. dataSize is the
// number of bytes that follow it; the tensors must cover exactly those, without
// gaps or overlaps. Entries come back in file order.
func parseHeader(header []byte, dataSize int64) ([]entry, map[string]string, error) {
	dec := json.NewDecoder(bytes.NewReader(header))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, nil, errors.New("the header is not a JSON object")
	}
	var entries []entry
	meta := map[string]string{}
	seen := map[string]bool{}
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return nil, nil, fmt.Errorf("the header is not valid JSON: %v", err)
		}
		name, ok := t.(string)
		if !ok {
			return nil, nil, errors.New("the header is not valid JSON: a key is not a string")
		}
		if seen[name] {
			return nil, nil, fmt.Errorf("%q is listed twice", name)
		}
		seen[name] = true
		if name == "__metadata__" {
			if err := dec.Decode(&meta); err != nil || meta == nil {
				return nil, nil, errors.New("__metadata__ must map strings to strings")
			}
			continue
		}
		e, err := decodeEntry(dec, name, dataSize)
		if err != nil {
			return nil, nil, fmt.Errorf("tensor %q: %w", name, err)
		}
		entries = append(entries, e)
	}
	if _, err := dec.Token(); err != nil {
		return nil, nil, fmt.Errorf("the header is not valid JSON: %v", err)
	}
	if rest, err := io.ReadAll(dec.Buffered()); err != nil || strings.TrimRight(string(rest), " \x00") != "" {
		return nil, nil, errors.New("text follows the header's JSON object")
	}
	slices.SortStableFunc(entries, func(a, b entry) int {
		if a.begin != b.begin {
			return cmp.Compare(a.begin, b.begin)
		}
		return cmp.Compare(a.end, b.end)
	})
	return entries, meta, checkLayout(entries, dataSize)
}

// decodeEntry reads one {"dtype","shape","data_offsets"} object.
func decodeEntry(dec *json.Decoder, name string, dataSize int64) (entry, error) {
	var raw struct {
		Dtype   string  `json:"dtype"`
		Shape   []int64 `json:"shape"`
		Offsets []int64 `json:"data_offsets"`
	}
	if err := dec.Decode(&raw); err != nil {
		return entry{}, fmt.Errorf("its entry is not valid: %w", textfile.JSONError(err))
	}
	size, ok := dtypeSize[raw.Dtype]
	if !ok {
		return entry{}, fmt.Errorf("unknown dtype %q", raw.Dtype)
	}
	if len(raw.Offsets) != 2 {
		return entry{}, fmt.Errorf("data_offsets has %d numbers, expected 2", len(raw.Offsets))
	}
	begin, end := raw.Offsets[0], raw.Offsets[1]
	if begin < 0 || end < begin {
		return entry{}, fmt.Errorf("data_offsets [%d, %d] do not describe a range", begin, end)
	}
	if end > dataSize {
		return entry{}, fmt.Errorf("its data ends at byte %d, but only %d bytes follow the header: %w", end, dataSize, errTruncated)
	}
	if len(raw.Shape) > maxRank {
		return entry{}, fmt.Errorf("it has %d dimensions, at most %d are supported", len(raw.Shape), maxRank)
	}
	shape, count := make([]int, len(raw.Shape)), int64(1)
	for i, d := range raw.Shape {
		if d < 0 || d > math.MaxInt32 {
			return entry{}, fmt.Errorf("shape %v has a dimension out of range", raw.Shape)
		}
		if d > 0 && count > math.MaxInt64/8/d {
			return entry{}, fmt.Errorf("shape %v has too many elements", raw.Shape)
		}
		shape[i], count = int(d), count*d
	}
	if count*size != end-begin {
		return entry{}, fmt.Errorf("%s %v needs %d bytes, data_offsets give %d", raw.Dtype, raw.Shape, count*size, end-begin)
	}
	return entry{name: name, dtype: raw.Dtype, shape: shape, begin: begin, end: end}, nil
}

// checkLayout makes sure that sorted entries tile [0, dataSize).
func checkLayout(entries []entry, dataSize int64) error {
	at := int64(0)
	for i := range entries {
		e := &entries[i]
		switch {
		case e.begin < at:
			return fmt.Errorf("tensor %q overlaps %q", e.name, entries[i-1].name)
		case e.begin > at:
			return fmt.Errorf("bytes %d to %d before tensor %q belong to no tensor", at, e.begin, e.name)
		}
		at = e.end
	}
	if at != dataSize {
		return fmt.Errorf("%d bytes follow the last tensor", dataSize-at)
	}
	return nil
}
