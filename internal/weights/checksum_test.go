package weights

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A changed bit anywhere is noticed, but in the few bytes that say that there is a
// checksum; a file that says nothing is read.
func TestChecksum(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.safetensors")
	tensors := []Tensor{{Name: "w", Shape: []int{70_000}, Float32: make([]float32, 70_000)}, {Name: "n", Shape: []int{3}, Int64: []int64{1, 2, 3}}}
	meta := map[string]string{"fold": "1", checksumKey: "stale", "text": `"crc32c":"00000000"`}
	if err := Save(path, tensors, meta); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if m := f.Metadata(); f.Verified() == "" || len(m) != 2 || m["fold"] != "1" || m["text"] != meta["text"] {
		t.Errorf("verified by %q, metadata %v", f.Verified(), m)
	}
	f.Close()
	key := bytes.Index(whole, []byte(checksumKey))
	for at := 0; at < len(whole); at += 1 + at/10 {
		if at >= key-1 && at < key+len(checksumKey)+3 {
			continue
		}
		whole[at] ^= 0x20
		if err := os.WriteFile(path, whole, 0o644); err != nil {
			t.Fatal(err)
		}
		var damage *FormatError
		if f, err := Open(path); !errors.As(err, &damage) {
			t.Errorf("byte %d: %v", at, err)
			f.Close()
		}
		whole[at] ^= 0x20
	}
	without := bytes.Replace(whole, []byte(checksumKey), []byte("remark"), 1)
	without[len(without)-1] ^= 1
	if err := os.WriteFile(path, without, 0o644); err != nil {
		t.Fatal(err)
	}
	f, err = Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if f.Verified() != "" {
		t.Errorf("verified by %q", f.Verified())
	}
}

// The CRC-32 of a zip archive's records are compared; an archive without any is read.
func TestZipChecksums(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.pth")
	tensors := []Tensor{{Name: "a", Shape: []int{3}, Float32: []float32{1, 2, 3}}, {Name: "b", Shape: []int{3}, Float32: []float32{11, 22, 33}}}
	if err := SaveTorch(path, tensors, nil); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	open := func() (string, error) {
		if err := os.WriteFile(path, whole, 0o644); err != nil {
			t.Fatal(err)
		}
		f, err := Open(path)
		if err != nil {
			return "", err
		}
		defer f.Close()
		return f.Verified(), nil
	}
	if by, err := open(); err != nil || by == "" {
		t.Fatalf("verified by %q, %v", by, err)
	}
	values := binary.LittleEndian.AppendUint32(nil, math.Float32bits(22))
	at := bytes.Index(whole, values)
	whole[at] ^= 1
	var damage *FormatError
	if _, err := open(); !errors.As(err, &damage) || !strings.Contains(err.Error(), `the first is "data/1"`) {
		t.Errorf("a changed value: %v", err)
	}
	whole[at] ^= 1
	for at := 0; ; at += 4 { // every record's entry in the central directory, as if there were none
		next := bytes.Index(whole[at:], []byte("PK\x01\x02"))
		if next < 0 {
			break
		}
		at += next
		copy(whole[at+16:], "\x00\x00\x00\x00")
	}
	if by, err := open(); err != nil || by != "" {
		t.Errorf("without checksums: verified by %q, %v", by, err)
	}
}
