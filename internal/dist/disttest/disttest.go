// Package disttest is a group of processes within one test.
package disttest

import (
	"context"
	"path/filepath"
	"sync"
	"testing"

	"hdmnet/internal/dist"
)

// Run calls f at once with the links of n processes, which are goroutines here, and returns
// when all have ended.
func Run(t *testing.T, n int, f func(link dist.Link)) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "where")
	var all sync.WaitGroup
	for rank := range n {
		all.Go(func() {
			link, err := dist.Meet(context.Background(), dist.Place{Rank: rank, Size: n, LocalRank: -1, File: file})
			if err != nil {
				t.Error(err)
				return
			}
			f(link)
			if err := link.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}
