package dist

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// meet joins n processes in this one.
func meet(t *testing.T, n int) []Link {
	t.Helper()
	file := filepath.Join(t.TempDir(), "where")
	links, errs := make([]Link, n), make([]error, n)
	var all sync.WaitGroup
	for rank := range n {
		all.Go(func() {
			links[rank], errs[rank] = Meet(context.Background(), Place{Rank: rank, Size: n, LocalRank: -1, File: file})
		})
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(file); err == nil {
		t.Errorf("%s is still there", file)
	}
	return links
}

// each calls f for every link at once.
func each(links []Link, f func(rank int, l Link)) {
	var all sync.WaitGroup
	for rank, l := range links {
		if l != nil {
			all.Go(func() { f(rank, l) })
		}
	}
	all.Wait()
}

func TestGather(t *testing.T) {
	links := meet(t, 4)
	each(links, func(rank int, l Link) {
		if p := l.Place(); p.Rank != rank || p.Size != 4 || p.LocalRank != rank || p.LocalSize != 4 {
			t.Errorf("place %+v of process %d", p, rank)
		}
		for round := range 20 {
			mine := []byte(strings.Repeat(fmt.Sprint(rank), rank*round*1000))
			all, err := l.Gather(mine)
			if err != nil || len(all) != 4 {
				t.Errorf("process %d: %d parts, %v", rank, len(all), err)
				return
			}
			for r, b := range all {
				if want := strings.Repeat(fmt.Sprint(r), r*round*1000); string(b) != want {
					t.Errorf("process %d gets %d bytes of process %d, want %d", rank, len(b), r, len(want))
				}
			}
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
}

// kill ends the connections of a process as its death would.
func kill(l Link) {
	t := l.(*tcpLink)
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	t.drop()
}

// TestLost: when one process is gone, or has failed, the others know which one and why
// before long, also those that wait.
func TestLost(t *testing.T) {
	for name, end := range map[string]func(l Link){
		"process 2 on .* is gone, perhaps killed: its connection has ended": kill,
		"process 2 on .* has failed: no room":                               func(l Link) { l.Abort(errors.New("no room")) },
		"process 2 on .* is gone, perhaps killed: it has ended before":      func(l Link) { go l.Close() },
	} {
		links := meet(t, 4)
		start := time.Now()
		each(links, func(rank int, l Link) {
			if _, err := l.Gather(nil); err != nil && rank == 2 {
				t.Error(err)
			}
			if rank == 2 {
				end(l)
				return
			}
			_, err := l.Gather(nil) // the one before may have failed already
			var lost *LostError
			if !errors.As(err, &lost) || lost.Rank != 2 || !matches(name, err.Error()) {
				t.Errorf("process %d: %v, want %s", rank, err, name)
			}
			<-l.Lost()
			l.Abort(err)
			l.Close()
		})
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("it took %v", took)
		}
	}
}

// TestLostProcess0: all others know of the end of process 0.
func TestLostProcess0(t *testing.T) {
	each(meet(t, 3), func(rank int, l Link) {
		if rank == 0 {
			kill(l)
			return
		}
		_, err := l.Gather(nil)
		var lost *LostError
		if !errors.As(err, &lost) || lost.Rank != 0 {
			t.Errorf("process %d: %v", rank, err)
		}
		l.Close()
	})
}

// TestNotAllCome: the error says who is missing; a stranger does not count.
func TestNotAllCome(t *testing.T) {
	old := meetFor
	meetFor = time.Second
	defer func() { meetFor = old }()
	free, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	at := free.Addr().String()
	free.Close()
	go func() {
		time.Sleep(200 * time.Millisecond)
		if c, err := net.Dial("tcp", at); err == nil {
			_, _ = fmt.Fprint(c, "GET / HTTP/1.1\r\n\r\n")
			c.Close()
		}
	}()
	_, err = Meet(context.Background(), Place{Rank: 0, Size: 3, Master: at})
	if err == nil || !strings.Contains(err.Error(), "only 1 of 3 processes have come, not 1, 2: waited 1s") {
		t.Errorf("process 0: %v", err)
	}
	_, err = Meet(context.Background(), Place{Rank: 1, Size: 3, Master: at})
	if err == nil || !strings.Contains(err.Error(), "process 1 cannot reach process 0: waited 1s") {
		t.Errorf("process 1: %v", err)
	}
	_, err = Meet(context.Background(), Place{Rank: 1, Size: 3, Launcher: "Slurm"})
	if err == nil || !strings.Contains(err.Error(), "set MASTER_ADDR") {
		t.Errorf("nowhere to meet: %v", err)
	}
}

// TestTwoGroups: processes of two groups at one address are found out.
func TestTwoGroups(t *testing.T) {
	file := filepath.Join(t.TempDir(), "where")
	var all sync.WaitGroup
	for _, p := range []Place{{Rank: 0, Size: 2}, {Rank: 1, Size: 3}} {
		p.File = file
		all.Go(func() {
			if _, err := Meet(context.Background(), p); err == nil {
				t.Errorf("%+v has met another group", p)
			}
		})
	}
	all.Wait()
}
