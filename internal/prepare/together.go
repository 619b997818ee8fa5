package prepare

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"hdmnet/internal/dist"
	"hdmnet/internal/infile"
	"hdmnet/internal/tally"
)

// Several processes (Options.Link) prepare a set together. All read the annotations; each
// makes a part of the masks; process 0 alone writes record, lists and classes. They agree at
// the beginning, before and after the masks, and at the end, so that an error of one is an
// error of all.

// link is that of the processes, or of this one alone.
func (o *Options) link() dist.Link {
	if o.Link == nil {
		return dist.Solo{}
	}
	return o.Link
}

// first tells whether this process writes what is no mask.
func (o *Options) first() bool { return o.link().Place().Rank == 0 }

// seenWithin is how long it may take until other machines see a file of process 0's.
var seenWithin = 10 * time.Second

// follow gives to all processes the options that process 0 goes on with, once all see its
// record.
func (o *Options) follow(now Options) (Options, error) {
	link := o.link()
	if link.Place().Size == 1 {
		return now, nil
	}
	path := filepath.Join(o.Out, recordFile)
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	type begun struct {
		Force  bool
		Record string
	}
	all, failed := dist.Exchange(link, begun{now.Force, string(content)})
	if failed != nil {
		return now, failed
	}
	for start := time.Now(); err == nil && string(content) != all[0].Record; {
		if time.Since(start) > seenWithin {
			err = fmt.Errorf("the folder %s is not that of process 0: all processes must see the same --out, for each makes a part of the masks in it", infile.Shown(o.Out))
			break
		}
		time.Sleep(100 * time.Millisecond)
		if content, err = os.ReadFile(path); errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
	}
	now.Force = all[0].Force
	return now, dist.Agree(link, err)
}

// made is what a process tells the others of a mask.
type made struct {
	Counted tally.Tally
	Left    bool // there is none: nothing of it can be used
}

// each makes the masks of n pictures, in this process those of its part, and gives what was
// counted of all.
func (m *maskWriter) each(ctx context.Context, n int, f func(i int) (made, error)) ([]made, error) {
	link := m.opt.link()
	if err := dist.Agree(link, nil); err != nil {
		return nil, err
	}
	place := link.Place()
	part, opt := place.Shard(1), m.opt
	if opt.Progress != nil { // the others are about as far
		opt.Progress = func(stage string, done, _ int) { m.opt.Progress(stage, min(done*place.Size, n), n) }
	}
	mine, before := make([]made, part.Len(n)), *m.report
	err := each(ctx, opt, "masks", len(mine), func(i int) (err error) {
		mine[i], err = f(part.Position(i))
		return err
	})
	if err := dist.Agree(link, err); err != nil {
		return nil, err
	}
	all, err := dist.Collect(link, n, mine)
	if err != nil {
		return nil, err
	}
	return all, m.report.sum(link, &before)
}

// sum adds to the counts of masks what other processes have counted since a report was as
// before.
func (r *Report) sum(link dist.Link, before *Report) error {
	counts := func(r *Report) (v []*int) {
		v = append(v, &r.Written, &r.Kept)
		for i := range r.Images {
			v = append(v, &r.Images[i], &r.Large[i])
		}
		return v
	}
	now, then := counts(r), counts(before)
	v := make([]int64, len(now))
	for i := range v {
		v[i] = int64(*now[i] - *then[i])
	}
	if err := dist.SumInts(link, v); err != nil {
		return err
	}
	for i := range v {
		*now[i] = *then[i] + int(v[i])
	}
	return nil
}
