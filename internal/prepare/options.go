package prepare

import (
	"runtime"

	"hdmnet/internal/dist"
	"hdmnet/internal/tally"
)

// Options are what all preparations have in common.
type Options struct {
	// Out is the folder that masks and lists go to; it is made when missing. Lists are
	// relative to it: it becomes the data root.
	Out string
	// Workers is the number of masks made at once; 0 means GOMAXPROCS. It changes nothing
	// in the result.
	Workers int
	// Force makes all masks again, whatever is there.
	Force bool
	// Strict makes records that cannot be used an error; otherwise they are left out, counted
	// and named.
	Strict bool
	// Progress is called after every piece of work of a stage ("masks"), from one goroutine
	// at a time; nil means silent.
	Progress func(stage string, done, total int)
	// Warn gets what the user should know but what is no error; from one goroutine at a
	// time; nil means nobody listens.
	Warn func(message string)
	// Link is that of the processes that prepare the set together, all with the same options
	// at the same time; all must see Out. nil: this one alone. All get the report.
	Link dist.Link
}

func (o *Options) workers() int {
	if o.Workers > 0 {
		return o.Workers
	}
	return runtime.GOMAXPROCS(0)
}

// Report says what a preparation has done.
type Report struct {
	// Root is the data root where Options.Out may be empty, else "".
	Root    string
	Written int // masks made in this run
	Kept    int // masks that were there and whole
	Lists   []List
	// Objects counts what was read of annotations and what came of it; Unit says what they are
	// where they are no objects ("masks").
	Objects tally.Tally
	Unit    string
	// Images gives for every mask value (0 background, 255 ignore) the number of masks
	// that hold it.
	Images [256]int
	// Large is the same of masks in which the value has data.FieldMinArea pixels or more: the
	// others make no episodes unless dataset.min_area is less.
	Large [256]int
}

// List is a list file that was written.
type List struct {
	Path  string
	Pairs int // lines
}

// settle looks at what was left out while objects were read or drawn: an error when Strict.
func (o *Options) settle(t *tally.Tally) error {
	if o.Strict {
		return t.Err()
	}
	return nil
}

// tell warns of everything that was left out, or is used otherwise than it says.
func (o *Options) tell(t *tally.Tally) {
	if o.Warn == nil {
		return
	}
	for _, r := range t.Left {
		o.Warn("left out: " + r.String())
	}
	for _, r := range t.Dropped {
		o.Warn("left out: " + r.String())
	}
	for _, r := range t.Remarks {
		o.Warn(r.String())
	}
}
