package flags

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"

	"hdmnet/internal/cli/ui"
	"hdmnet/internal/dist"
	"hdmnet/internal/dist/engine"
	"hdmnet/internal/op"
)

// TestOutbox: everything is passed on, warnings are kept for process 0 whatever the pieces
// that they are written in.
func TestOutbox(t *testing.T) {
	var out bytes.Buffer
	o := &outbox{to: &out}
	for _, piece := range []string{"hdmnet: warn", "ing: a mask\nstep 3\nwarn", "ing: a rate\n", "warning: not yet"} {
		if _, err := fmt.Fprint(o, piece); err != nil {
			t.Fatal(err)
		}
	}
	if got := o.take(); !slices.Equal(got, []string{"warning: a mask", "warning: a rate"}) {
		t.Errorf("kept %q", got)
	}
	if _, err := fmt.Fprint(o, " shown\n"); err != nil {
		t.Fatal(err)
	}
	if got := o.take(); !slices.Equal(got, []string{"warning: not yet shown"}) || o.take() != nil {
		t.Errorf("kept %q", got)
	}
	if want := "hdmnet: warning: a mask\nstep 3\nwarning: a rate\nwarning: not yet shown\n"; out.String() != want {
		t.Errorf("passed on %q", out.String())
	}
}

// member is one process of three.
type member struct {
	dist.Solo
	rank int
}

func (m member) Place() dist.Place { return dist.Place{Rank: m.rank, Size: 3} }

// TestOneSpeaks: of one loss one process tells people.
func TestOneSpeaks(t *testing.T) {
	own := errors.New("own")
	for _, c := range []struct {
		err  error
		want []int
	}{{&dist.LostError{Rank: 2}, []int{0}}, {&dist.LostError{Rank: 0}, []int{0, 1}}, {own, []int{0}}} { // a lost process 0 says nothing
		var speak []int
		for rank := range 3 {
			p := &Processes{Processes: &engine.Processes{Link: member{rank: rank}}}
			if p.speaks(c.err) {
				speak = append(speak, rank)
			}
		}
		if !slices.Equal(speak, c.want) {
			t.Errorf("%v: %v speak, want %v", c.err, speak, c.want)
		}
	}
}

// bereft is a process of three whose second one is gone once the channel is closed.
type bereft struct {
	member
	gone chan struct{}
}

func (b bereft) Lost() <-chan struct{} { return b.gone }

func (b bereft) Gather(mine []byte) ([][]byte, error) {
	select {
	case <-b.gone:
		return nil, &dist.LostError{Rank: 1, Host: "b"}
	default:
		return [][]byte{mine, mine, mine}, nil
	}
}

// TestLossIsNamed: where a device fails because another process is gone, the error names it.
func TestLossIsNamed(t *testing.T) {
	for name, f := range map[string]func(ctx context.Context) error{
		"panic": func(context.Context) error { panic(&op.DeviceError{Err: errors.New("the sum was given up")}) },
		"error": func(context.Context) error { return errors.New("the sum was given up") },
		"work that looks at its context": func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		},
	} {
		link := bereft{gone: make(chan struct{})}
		p := &Processes{&engine.Processes{Link: link}, dist.NewCouncil(link, nil, nil)}
		t.Setenv("GOMAXPROCS", "1") // stays as it is
		err := p.carryOut(context.Background(), ui.Streams{Err: io.Discard}, ui.Streams{Err: io.Discard},
			func(ctx context.Context, _ ui.Streams, _ *Processes) error {
				close(link.gone)
				return f(ctx)
			})
		var lost *dist.LostError
		if !errors.As(err, &lost) || lost.Rank != 1 {
			t.Errorf("%s: %v", name, err)
		}
	}
}
