package flags

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"

	"hdmnet/internal/dist"
	"hdmnet/internal/dist/engine"
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
