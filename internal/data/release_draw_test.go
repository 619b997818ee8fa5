package data

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// areaSource are pictures of which only the number of pixels of every class is known.
type areaSource struct {
	names []string
	areas []map[uint8]int
}

// pascalMini reads testdata/pascal_mini_areas.txt.
func pascalMini(t testing.TB) *areaSource {
	t.Helper()
	f, err := os.Open("testdata/pascal_mini_areas.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s := &areaSource{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		areas := map[uint8]int{}
		for _, field := range fields[1:] {
			var class uint8
			var pixels int
			if _, err := fmt.Sscanf(field, "%d:%d", &class, &pixels); err != nil {
				t.Fatalf("%s: %v", field, err)
			}
			areas[class] = pixels
		}
		s.names, s.areas = append(s.names, fields[0]), append(s.areas, areas)
	}
	return s
}

func (s *areaSource) Len() int          { return len(s.names) }
func (s *areaSource) Name(i int) string { return s.names[i] }

func (s *areaSource) Load(i int) (*Scene, error) {
	return nil, fmt.Errorf("%s: only its areas are known", s.names[i])
}

func (s *areaSource) LoadMask(i int) ([]uint8, error) {
	var mask []uint8
	for class, pixels := range s.areas[i] {
		mask = append(mask, slices.Repeat([]uint8{class}, pixels)...)
	}
	return mask, nil
}

func releaseDraws(t testing.TB) map[string]json.RawMessage {
	t.Helper()
	text, err := os.ReadFile("testdata/release_draws.json")
	if err != nil {
		t.Fatal(err)
	}
	var v map[string]json.RawMessage
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func goldenValue[T any](t testing.TB, draws map[string]json.RawMessage, key string) (v T) {
	t.Helper()
	if err := json.Unmarshal(draws[key], &v); err != nil {
		t.Fatalf("%s: %v", key, err)
	}
	return v
}

func releaseIndex(t testing.TB, src *areaSource, fold int, split Split) *Index {
	t.Helper()
	f, err := PASCAL5i(fold)
	if err != nil {
		t.Fatal(err)
	}
	ix, err := BuildIndex(context.Background(), src, f, IndexOptions{Split: split, MinArea: FieldMinArea, FilterIntersection: true})
	if err != nil {
		t.Fatal(err)
	}
	return ix
}

func (s *areaSource) named(images []int) []string {
	out := make([]string, len(images))
	for k, i := range images {
		out[k] = s.names[i]
	}
	return out
}

func TestReleaseLists(t *testing.T) {
	draws, src := releaseDraws(t), pascalMini(t)
	lists := 0
	for key := range draws {
		var fold int
		split := Train
		if n, _ := fmt.Sscanf(key, "lists/train/%d", &fold); n == 0 {
			if n, _ = fmt.Sscanf(key, "lists/val/%d", &fold); n == 0 {
				continue
			}
			split = Val
		}
		lists++
		want := goldenValue[struct {
			Images  []string            `json:"data_list"`
			ByClass map[string][]string `json:"class_files"`
		}](t, draws, key)
		ix := releaseIndex(t, src, fold, split)
		if got := src.named(ix.Images); !slices.Equal(got, want.Images) {
			t.Errorf("%s: images %v, want %v", key, got, want.Images)
		}
		if len(ix.ByClass) != len(want.ByClass) {
			t.Errorf("%s: %d classes, want %d", key, len(ix.ByClass), len(want.ByClass))
		}
		for class, images := range ix.ByClass {
			if got := src.named(images); !slices.Equal(got, want.ByClass[strconv.Itoa(class)]) {
				t.Errorf("%s: class %d has %v, want %v", key, class, got, want.ByClass[strconv.Itoa(class)])
			}
		}
	}
	if lists != 8 {
		t.Errorf("compared %d lists, want 8", lists)
	}
}

// releaseCases calls f for every list of episodes in release_draws.json.
func releaseCases(t *testing.T, f func(t *testing.T, ix *Index, shots int, seed uint64, workers int, want []Draw)) {
	t.Helper()
	draws, src := releaseDraws(t), pascalMini(t)
	cases := 0
	for key := range draws {
		var fold, shots, workers int
		var seed uint64
		if n, _ := fmt.Sscanf(key, "episodes/fold%d/shot%d/seed%d/workers%d", &fold, &shots, &seed, &workers); n < 4 {
			continue
		}
		cases++
		ix := releaseIndex(t, src, fold, Val)
		var want []Draw
		for _, e := range goldenValue[[][]int](t, draws, key) {
			d := Draw{Query: ix.Images[e[0]], Class: e[1]}
			for _, place := range e[2:] {
				d.Supports = append(d.Supports, ix.ByClass[d.Class][place])
			}
			want = append(want, d)
		}
		t.Run(key, func(t *testing.T) { f(t, ix, shots, seed, workers, want) })
	}
	if cases != 6 {
		t.Errorf("compared %d lists of episodes, want 6", cases)
	}
}

func sameDraw(a, b Draw) bool {
	return a.Query == b.Query && a.Class == b.Class && slices.Equal(a.Supports, b.Supports)
}

func TestReleaseDraws(t *testing.T) {
	releaseCases(t, func(t *testing.T, ix *Index, shots int, seed uint64, workers int, want []Draw) {
		if len(want) <= len(ix.Images) {
			t.Fatalf("%d episodes do not reach the second pass over %d images", len(want), len(ix.Images))
		}
		d := NewReleaseDrawer(ix, shots, seed, workers)
		for p, w := range want {
			if got := d.Draw(0, p); !sameDraw(got, w) {
				t.Fatalf("episode %d: %+v, want %+v", p, got, w)
			}
		}
	})
}

// TestReleaseDrawsAnywhere: a draw depends on its position alone, however the drawer got there.
func TestReleaseDrawsAnywhere(t *testing.T) {
	releaseCases(t, func(t *testing.T, ix *Index, shots int, seed uint64, workers int, want []Draw) {
		d := NewReleaseDrawer(ix, shots, seed, workers)
		n, last := len(ix.Images), len(want)-1
		for epoch, p := range []int{last, 0, 0, 5, 3, n, n + 7, n - 1, last - 1, last - 1, 1, last} {
			if got := d.Draw(epoch, p); !sameDraw(got, want[p]) {
				t.Errorf("episode %d in epoch %d: %+v, want %+v", p, epoch, got, want[p])
			}
		}
	})
}

// More workers than images: the others serve nothing.
func TestReleaseDrawsOfManyWorkers(t *testing.T) {
	ix := releaseIndex(t, pascalMini(t), 1, Val)
	d, few := NewReleaseDrawer(ix, 1, 510, 64), NewReleaseDrawer(ix, 1, 510, len(ix.Images))
	for p := range 3 * len(ix.Images) {
		if got, want := d.Draw(0, p), few.Draw(0, p); !sameDraw(got, want) {
			t.Fatalf("episode %d: %+v, want %+v", p, got, want)
		}
	}
}

// The last supports of a class with just enough images are found, and found once.
func TestReleaseDrawsScarceClass(t *testing.T) {
	ix := releaseIndex(t, pascalMini(t), 1, Val)
	const shots = 3 // classes 7 and 8 have four images
	d := NewReleaseDrawer(ix, shots, 1, 8)
	for p := range 200 {
		draw := d.Draw(0, p)
		all := append(slices.Clone(draw.Supports), draw.Query)
		slices.Sort(all)
		if len(draw.Supports) != shots || len(slices.Compact(all)) != shots+1 {
			t.Fatalf("episode %d: %+v", p, draw)
		}
		for _, s := range draw.Supports {
			if !slices.Contains(ix.ByClass[draw.Class], s) {
				t.Fatalf("episode %d: support %d does not show class %d", p, s, draw.Class)
			}
		}
	}
}

func BenchmarkReleaseDraw(b *testing.B) {
	d := NewReleaseDrawer(releaseIndex(b, pascalMini(b), 0, Val), 1, 510, 8)
	for p := range b.N {
		d.Draw(0, p)
	}
}
