package model

import (
	"fmt"
	"testing"

	"hdmnet/internal/cpu"
	"hdmnet/internal/nn"
	"hdmnet/internal/op"
)

// TestFeatureCacheScan: of a folder that does not fit, gone through again and again, what fits is
// found every time, with the support of each round, a new one each time; another folder then
// takes its place.
func TestFeatureCacheScan(t *testing.T) {
	dev, err := cpu.New()
	if err != nil {
		t.Fatal(err)
	}
	tape := nn.NewTape(dev)
	t.Cleanup(func() { _ = tape.Arena.Close() })
	const room = 10
	var net HDMNet
	if err := net.CacheFeatures(tape, room*4*4); err != nil { // four maps of one float32
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = net.CacheFeatures(tape, 0) })
	// pass is one query with one support; it counts those that were kept.
	pass := func(names ...string) (hits int) {
		tape.Begin(false, 0)
		var all features
		var computed []int
		for i, name := range names {
			if net.cache.has(tape, name) {
				hits++
			} else {
				computed = append(computed, i)
			}
		}
		one := tape.Arena.Float32(1, 1, 1, 1)
		all.room(tape, [4]op.Tensor{one, one, one, one}, len(names))
		net.cache.exchange(tape, &all, names, computed)
		return hits
	}
	round := func(folder string, pictures int, support string) (hits int) {
		for i := range pictures {
			hits += pass(fmt.Sprint(folder, i), support)
		}
		return hits
	}
	for _, pictures := range []int{room + 2, 2 * room, 10 * room} {
		for n := range 5 {
			hits := round(fmt.Sprint("folder of ", pictures, ": "), pictures, fmt.Sprint("support ", pictures, n))
			// The support is computed twice at most, and old ones take rooms until they have left.
			if least := pictures - 2 + room - 3; n > 1 && hits < least {
				t.Errorf("%d pictures, room for %d: round %d has %d hits of %d, expected %d", pictures, room, n, hits, 2*pictures, least)
			}
		}
	}
	for n := range 4 { // it fits
		hits := round("other ", room-2, "one support")
		if n == 3 && hits != 2*(room-2) {
			t.Errorf("another folder that fits has %d hits of %d in its last round", hits, 2*(room-2))
		}
	}
	if net.cache.used > net.cache.limit {
		t.Errorf("%d bytes are kept, at most %d", net.cache.used, net.cache.limit)
	}
}
