package prototypes

import (
	"slices"
	"testing"

	"hdmnet/internal/foundation"
	"hdmnet/internal/golden"
)

// TestProgramsMasks compares every stage with FSSDINO's program, where its k-means has one answer: one
// cluster, clusters that lie apart, or more clusters than patches.
func TestProgramsMasks(t *testing.T) {
	f := golden.Load(t, "prototypes.safetensors")
	size, side, c := f.MetaInt("size"), f.MetaInt("side"), f.MetaInt("channels")
	for _, k := range []struct {
		name     string
		clusters int
	}{{"one", 1}, {"three", 3}, {"few", 60}, {"many", 1}} {
		t.Run(k.name, func(t *testing.T) {
			all, shape := f.Float32(k.name + ".features")
			objects, _ := f.Uint8(k.name + ".objects")
			n := side * side
			// rows are the features [n,c] of a map [c,h,w].
			rows := func(picture int) []float32 {
				out := make([]float32, n*c)
				for i, v := range all[picture*n*c : (picture+1)*n*c] {
					out[i%n*c+i/n] = v
				}
				return out
			}
			var supports []foundation.Support
			for i := range shape[0] - 1 {
				s := foundation.Support{Features: rows(i), Mask: make([]uint8, size*size)}
				for _, v := range objects[i*n : (i+1)*n] {
					s.Object = append(s.Object, v == 1)
				}
				supports = append(supports, s)
			}
			query := rows(shape[0] - 1)
			s := Settings{Size: size, Clusters: k.clusters}
			object, background := split(supports, size, side, c)
			scores := scorer{s, product(t), side, c, query, foundation.Normalized(query, c)}
			for kind, x := range map[string][]float32{"object": object, "background": background} {
				want, _ := f.Float32(k.name + "." + kind + ".prototypes")
				got := sorted(scores.kmeans(x, 0), c)
				if d := golden.RelL2(got, want); len(got) != len(want) || d > 2e-6 {
					t.Errorf("%s: %d prototypes, the program's are %d and off by %g", kind, len(got)/c, len(want)/c, d)
				}
				want, _ = f.Float32(k.name + "." + kind + ".gram")
				if d := golden.RelL2(scores.gram(x), want); d > 2e-6 {
					t.Errorf("%s: the Gram map is off by %g", kind, d)
				}
			}
			mask, _ := compare(scores.score(object, 1), scores.score(background, 0))
			got := make([]bool, len(mask))
			for i, v := range mask {
				got[i] = v == 1
			}
			if want := f.Mask(k.name + ".mask"); !slices.Equal(got, want) {
				t.Error("the mask is another one than the program's")
			}
		})
	}
}

// sorted are rows in the order of their first value.
func sorted(x []float32, c int) []float32 {
	chunks := slices.Collect(slices.Chunk(x, c))
	slices.SortFunc(chunks, func(a, b []float32) int { return slices.Compare(a, b) })
	return slices.Concat(chunks...)
}
