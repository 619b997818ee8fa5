package featurestore

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// maps are two with many zeros, of words of 4 and 2 bytes, neither a whole number of blocks.
func maps(seed uint64) []Map {
	r := rand.New(rand.NewPCG(seed, 1))
	a, b := Map{Word: 4, Shape: []int{1, 3, 5, 7}}, Map{Word: 2, Shape: []int{1, 10, 13}}
	for range 105 {
		v := float32(r.NormFloat64())
		if v < 0 {
			v = 0
		}
		a.Data = binary.LittleEndian.AppendUint32(a.Data, math.Float32bits(v))
	}
	copy(a.Data[4*50:], []byte{0, 0, 0, 0x80}) // −0 is no zero
	for range 130 {
		b.Data = binary.LittleEndian.AppendUint16(b.Data, uint16(r.IntN(3)*77))
	}
	return []Map{a, b}
}

func open(t *testing.T, dir, identity string, limit int64) (*Store, *[]string) {
	t.Helper()
	var warnings []string
	s, err := Open(dir, identity, limit, func(m string) { warnings = append(warnings, m) })
	if err != nil {
		t.Fatal(err)
	}
	return s, &warnings
}

func equal(a, b []Map) bool {
	return slices.EqualFunc(a, b, func(x, y Map) bool {
		return x.Word == y.Word && slices.Equal(x.Shape, y.Shape) && bytes.Equal(x.Data, y.Data)
	})
}

// TestThereAndBack: after a restart the maps are those that were saved, to the last bit.
func TestThereAndBack(t *testing.T) {
	dir := t.TempDir()
	s, _ := open(t, dir, "weights 1", 1<<20)
	if s.Has("a") {
		t.Error("an empty store has a")
	}
	s.Save("a", maps(1))
	s.Save("b", maps(2))
	s.Save("a", maps(3)) // is there already
	if _, err := Open(dir, "weights 1", 1<<20, nil); err == nil || !strings.Contains(err.Error(), "another folder") {
		t.Errorf("opened twice: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s, warnings := open(t, dir, "weights 1", 1<<20)
	for name, want := range map[string][]Map{"a": maps(1), "b": maps(2)} {
		if got, ok := s.Load(name); !ok || !equal(got, want) {
			t.Errorf("%s came back as other maps", name)
		}
	}
	if _, ok := s.Load("c"); ok || len(*warnings) > 0 {
		t.Errorf("c was found; %q", *warnings)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s, _ = open(t, dir, "weights 2", 1<<20)
	defer s.Close()
	if s.Has("a") {
		t.Error("features of other weights are found")
	}
}

// TestDamage: of a file that was changed, cut or replaced nothing is used, and it goes.
func TestDamage(t *testing.T) {
	dir := t.TempDir()
	s, _ := open(t, dir, "", 1<<20)
	s.Save("a", maps(1))
	s.Save("b", maps(2))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	path := s.path("a")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	other, err := os.ReadFile(s.path("b"))
	if err != nil {
		t.Fatal(err)
	}
	flipped := bytes.Clone(whole)
	flipped[len(flipped)/2] ^= 4
	for what, content := range map[string][]byte{"a bit": flipped, "half": whole[:len(whole)/2], "nothing": {}, "another name": other, "another format": []byte(strings.Repeat("x", 100))} {
		if err := os.WriteFile(path, content, 0o666); err != nil {
			t.Fatal(err)
		}
		s, warnings := open(t, dir, "", 1<<20)
		if _, ok := s.Load("a"); ok {
			t.Errorf("%s: loaded", what)
		}
		if len(*warnings) != 1 || s.Has("a") {
			t.Errorf("%s: %q, still there: %v", what, *warnings, s.Has("a"))
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%s: the file is still there", what)
		}
	}
}

// TestLimit: the folder does not pass its size, and what was used last stays.
func TestLimit(t *testing.T) {
	dir := t.TempDir()
	s, _ := open(t, dir, "", 1<<20)
	one := int64(len(encode("p0", maps(0))))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	limit := 4*one + one/2
	s, _ = open(t, dir, "", limit)
	for i := range 8 {
		s.Save(fmt.Sprintf("p%d", i), maps(0))
		for deadline := time.Now().Add(10 * time.Second); !s.Has(fmt.Sprintf("p%d", i)); {
			if time.Now().After(deadline) {
				t.Fatalf("p%d is not written", i)
			}
			time.Sleep(time.Millisecond)
		}
		if i > 0 {
			if _, ok := s.Load("p0"); !ok {
				t.Fatalf("p0, used all the time, left after p%d", i)
			}
		}
	}
	if s.Has("p1") || !s.Has("p7") || s.used > limit {
		t.Errorf("p1 %v, p7 %v, %d of %d bytes", s.Has("p1"), s.Has("p7"), s.used, limit)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*", "*"+extension))
	if err != nil || len(files) != 4 {
		t.Errorf("%d files", len(files))
	}
	s, _ = open(t, dir, "another", 2*one) // the folder is smaller now
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if files, err := filepath.Glob(filepath.Join(dir, "*", "*"+extension)); err != nil || len(files) != 2 {
		t.Errorf("%d files after a smaller limit, %v", len(files), err)
	}
}

// TestNoRoom: where nothing can be written, that is told once, and all goes on.
func TestNoRoom(t *testing.T) {
	dir := t.TempDir()
	s, warnings := open(t, dir, "", 1<<20)
	if err := os.RemoveAll(s.folder); err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		s.Save(fmt.Sprint(i), maps(1))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if len(*warnings) != 1 {
		t.Errorf("%q", *warnings)
	}
}

// FuzzDecode: any bytes are maps, which are written as they were, or an error.
func FuzzDecode(f *testing.F) {
	f.Add(encode("a", maps(1))[headBytes:])
	f.Add([]byte{1, 0, 0, 0, 'a', 1, 4, 2, 255, 255, 255, 255, 255, 255, 255, 255})
	f.Fuzz(func(t *testing.T, body []byte) {
		whole := append(make([]byte, headBytes), body...)
		copy(whole, magic)
		seal(whole)
		if got, err := decode(whole, "a"); err == nil {
			if again, err := decode(encode("a", got), "a"); err != nil || !equal(got, again) {
				t.Fatal("there and back they are other maps", err)
			}
		}
	})
}
