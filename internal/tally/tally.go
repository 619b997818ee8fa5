// Package tally counts what was read of somebody's data and what came of it, so that
// nothing is lost silently.
package tally

import (
	"fmt"
	"strings"
)

// examples is how many examples of a reason are kept.
const examples = 3

// Tally are the records of a file or of many: how many were read, how many are used, and
// why others are not. The zero value is empty.
type Tally struct {
	Read int `json:"read"` // objects: annotations, shapes
	Used int `json:"drawn"`
	// Left are the reasons for which objects were left out, Dropped those for which other
	// records were (pictures, categories, files), Remarks those for which used ones should be
	// looked at; each in the order in which they first occurred.
	Left    []Reason `json:"left_out,omitempty"`
	Dropped []Reason `json:"records_left_out,omitempty"`
	Remarks []Reason `json:"remarks,omitempty"`
}

// Reason is why records were left out, how many, and the first few of them.
type Reason struct {
	Why   string   `json:"why"`
	Count int      `json:"count"`
	First []string `json:"first"` // file, id and what is wrong
	// ByRule says that records of this kind are never used, as asked or by what they are: they
	// are no mistake.
	ByRule bool `json:"by_rule,omitempty"`
}

// Leave counts an object that is left out. why is the same text for all of a kind, what
// names the object.
func (t *Tally) Leave(why, what string) { t.LeaveAll(why, what, 1) }

// LeaveAll counts n objects that are left out together, as those of a picture.
func (t *Tally) LeaveAll(why, what string, n int) {
	t.Left = note(t.Left, Reason{Why: why, Count: n, First: []string{what}})
}

// Omit counts an object that is left out by a rule, and is no mistake.
func (t *Tally) Omit(why, what string) {
	t.Left = note(t.Left, Reason{Why: why, Count: 1, First: []string{what}, ByRule: true})
}

// Drop counts a record other than an object that is left out.
func (t *Tally) Drop(why, what string) {
	t.Dropped = note(t.Dropped, Reason{Why: why, Count: 1, First: []string{what}})
}

// Remark counts a record that is used, but not as it says.
func (t *Tally) Remark(why, what string) {
	t.Remarks = note(t.Remarks, Reason{Why: why, Count: 1, First: []string{what}})
}

// Add adds what another tally counted later.
func (t *Tally) Add(o *Tally) {
	t.Read += o.Read
	t.Used += o.Used
	for _, r := range o.Left {
		t.Left = note(t.Left, r)
	}
	for _, r := range o.Dropped {
		t.Dropped = note(t.Dropped, r)
	}
	for _, r := range o.Remarks {
		t.Remarks = note(t.Remarks, r)
	}
}

func note(reasons []Reason, r Reason) []Reason {
	for i := range reasons {
		if have := &reasons[i]; have.Why == r.Why {
			have.Count += r.Count
			have.First = append(have.First, r.First[:min(len(r.First), examples-len(have.First))]...)
			return reasons
		}
	}
	r.First = append([]string(nil), r.First[:min(len(r.First), examples)]...)
	return append(reasons, r)
}

// LeftOut is the number of objects that were left out.
func (t *Tally) LeftOut() int {
	n := 0
	for _, r := range t.Left {
		n += r.Count
	}
	return n
}

// String is a reason with its number and examples.
func (r Reason) String() string {
	return fmt.Sprintf("%d %s, such as %s", r.Count, r.Why, strings.Join(r.First, "; "))
}

// Reasons are the lines that say what was left out but by rules; "" where nothing was.
func (t *Tally) Reasons() string {
	var lines []string
	for _, r := range append(append([]Reason(nil), t.Left...), t.Dropped...) {
		if !r.ByRule {
			lines = append(lines, r.String())
		}
	}
	return strings.Join(lines, "\n")
}

// Err is the error of a strict reading: nil when nothing was left out but by rules.
func (t *Tally) Err() error {
	reasons := t.Reasons()
	if reasons == "" {
		return nil
	}
	return fmt.Errorf("some records cannot be used; without --strict they would be left out:\n%s", reasons)
}
