package data

// Interleaved draws several runs of episodes, one of each in turn, so that runs that go
// through the list in the same order ask for the same query one after another.
type Interleaved struct {
	runs  []Drawer
	order []place // by position
}

// place is an episode of a run.
type place struct{ run, episode int }

// NewInterleaved draws counts[i] episodes from runs[i].
func NewInterleaved(runs []Drawer, counts []int) *Interleaved {
	d := &Interleaved{runs: runs}
	for episode, more := 0, true; more; episode++ {
		more = false
		for run, n := range counts {
			if episode < n {
				d.order = append(d.order, place{run, episode})
				more = true
			}
		}
	}
	return d
}

// Len is the number of episodes of all runs together.
func (d *Interleaved) Len() int { return len(d.order) }

// Run tells which run the episode at a position belongs to.
func (d *Interleaved) Run(position int) int { return d.order[position].run }

// Draw gives the episode at a position.
func (d *Interleaved) Draw(epoch, position int) Draw {
	at := d.order[position]
	return d.runs[at.run].Draw(epoch, at.episode)
}
