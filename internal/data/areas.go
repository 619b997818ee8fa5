package data

import (
	"context"
	"runtime"
	"sync"

	"hdmnet/internal/labelmap"
)

// ClassArea is a class that an image shows and the pixels it covers, at least one.
type ClassArea struct{ Class, Pixels int }

// Areas are, for every image of a source, the classes its mask shows, ascending,
// without background and ignore. They are all that the rules about folds need:
// masks are read once, and Index applied for any fold and split.
type Areas [][]ClassArea

// maskAreas counts the pixels of a mask's classes, ascending.
func maskAreas(mask []uint8) []ClassArea {
	var histogram [256]int
	for _, v := range mask {
		histogram[v]++
	}
	var areas []ClassArea
	for c := 1; c < labelmap.Ignore; c++ {
		if histogram[c] > 0 {
			areas = append(areas, ClassArea{c, histogram[c]})
		}
	}
	return areas
}

// CountAreas reads every mask of a source, `workers` at once (0 means GOMAXPROCS).
// progress is called after every mask, from one goroutine at a time; nil means silent.
//
// Errors: an unreadable mask (the first one in list order), a canceled context.
func CountAreas(ctx context.Context, src Source, workers int, progress func(done, total int)) (Areas, error) {
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	n := src.Len()
	areas := make(Areas, n)
	errs := make([]error, n)
	var (
		mu         sync.Mutex
		next, done int
		failed     bool
		wg         sync.WaitGroup
	)
	// Images are handed out in order, so when one fails all earlier ones were
	// taken too, and the first error in list order is the one reported.
	take := func() (int, bool) {
		mu.Lock()
		defer mu.Unlock()
		if next == n || failed || ctx.Err() != nil {
			return 0, false
		}
		next++
		return next - 1, true
	}
	finish := func(err error) {
		mu.Lock()
		defer mu.Unlock()
		done++
		failed = failed || err != nil
		if progress != nil {
			progress(done, n)
		}
	}
	for range min(workers, n) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i, ok := take(); ok; i, ok = take() {
				areas[i], errs[i] = countOne(src, i)
				finish(errs[i])
			}
		}()
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return areas, ctx.Err()
}

func countOne(src Source, i int) ([]ClassArea, error) {
	mask, err := loadMask(src, i)
	if err != nil {
		return nil, err
	}
	return maskAreas(mask), nil
}

func loadMask(src Source, i int) ([]uint8, error) {
	if m, ok := src.(MaskSource); ok {
		return m.LoadMask(i)
	}
	scene, err := src.Load(i)
	if err != nil {
		return nil, err
	}
	return scene.Mask, nil
}
