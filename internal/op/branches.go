package op

// Brancher does two pieces of work side by side: what is called between Fork and
// OtherBranch, and what is called between OtherBranch and Join. Both begin when all that
// was called before is done, and what is called after Join when both are. Neither reads or
// frees what the other writes, nor writes what the other reads; memory that one gives back
// the other does not get. The results are those of the calls one after the other.
type Brancher interface {
	// Fork begins the first branch. urgent is the one whose work is small: it comes first
	// where both could go on.
	Fork(urgent Branch)
	// OtherBranch ends the first branch and begins the second one.
	OtherBranch()
	// Join ends the second branch, and waits for both.
	Join()
}

// Branch is one of two branches.
type Branch int

// The branches in the order of the calls; 0 is neither.
const (
	FirstBranch Branch = 1 + iota
	SecondBranch
)

// Branches calls first and then second. A device that is a Brancher does their work side by
// side, and its rules hold for them. Other devices, and a call inside of a branch, do one after the
// other.
func (a *Arena) Branches(urgent Branch, first, second func()) {
	b := a.dev.Capabilities().Branches
	if b == nil || a.branch != 0 {
		first()
		second()
		return
	}
	defer a.join(b) // also when a branch panics
	b.Fork(urgent)
	a.branch = FirstBranch
	first()
	b.OtherBranch()
	a.branch = SecondBranch
	second()
}

// join makes what the branches gave back idle for all.
func (a *Arena) join(b Brancher) {
	a.branch = 0
	for i := FirstBranch; i <= SecondBranch; i++ {
		given := a.idle[i]
		a.idle[i] = given[:0]
		for _, s := range given {
			s.idle = false
		}
		for _, s := range given {
			a.release(s)
		}
	}
	b.Join()
}
