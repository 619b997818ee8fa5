package verify

import (
	"fmt"
	"strings"

	"hdmnet/internal/data"
	"hdmnet/internal/infile"
)

// Set says what a data set is meant to be.
type Set struct {
	Dataset   string      // "pascal5i", "coco20i" or "custom"
	Split     string      // of COCO-20i: "fwb" or "panet"
	Published *Published  // the field's counts; nil: there are none
	MinArea   int         // pixels a class must cover for an (image, class) pair to count
	Filter    bool        // training drops images that show any novel class
	Shots     int         // supports of an episode
	Folds     []data.Fold // to count, one at least
}

// Comparison is a count beside the published one.
type Comparison struct {
	What      string `json:"what"`
	Published int    `json:"published"`
	Here      int    `json:"here"`
	// Meaning is what a difference usually comes from; empty where there is none.
	Meaning string `json:"meaning,omitempty"`
}

// Same tells whether the counts agree.
func (c Comparison) Same() bool { return c.Published == c.Here }

// Report is what is known about a data set after its files were checked.
type Report struct {
	Train       *List        `json:"train,omitempty"`
	Val         *List        `json:"val,omitempty"`
	Folds       []Fold       `json:"folds"`
	Comparisons []Comparison `json:"comparisons,omitempty"`
	// Notes are what the user should know besides: pictures in both lists, classes with
	// too few images, why the counts cannot be compared.
	Notes []string `json:"notes,omitempty"`
}

// NewReport counts, compares and says what is strange. A list that the user has not is
// nil; both may be the same.
func NewReport(set Set, train, val *List) *Report {
	r := &Report{Train: train, Val: val}
	for _, fold := range set.Folds {
		r.Folds = append(r.Folds, countFold(&set, fold, train, val))
	}
	r.compare(&set)
	r.note(&set)
	return r
}

// Broken is the number of pairs with a problem, in all lists.
func (r *Report) Broken() int {
	n := 0
	for _, l := range r.lists() {
		n += l.Broken
	}
	return n
}

// lists are the different lists.
func (r *Report) lists() []*List {
	var out []*List
	if r.Train != nil {
		out = append(out, r.Train)
	}
	if r.Val != nil && r.Val != r.Train {
		out = append(out, r.Val)
	}
	return out
}

func (r *Report) note(set *Set) {
	add := func(format string, args ...any) { r.Notes = append(r.Notes, fmt.Sprintf(format, args...)) }
	if set.Dataset == "coco20i" && set.Split != "fwb" {
		add("the published counts are for the fwb split; there are none for %s", set.Split)
	}
	if set.Published != nil && set.MinArea != data.FieldMinArea {
		add("the published counts are for classes of at least %d pixels, here it is %d (dataset.min_area)", data.FieldMinArea, set.MinArea)
	}
	switch {
	case r.Train == nil || r.Val == nil:
	case r.Train == r.Val:
		add("one list is for training and for validation: the network sees in training the pictures, though not the classes, that it is scored on")
	default:
		both := 0
		for image := range r.Val.images {
			if r.Train.images[image] {
				both++
			}
		}
		if both > 0 {
			add("pictures in both lists: %d; what is scored must not be trained on", both)
		}
	}
	for _, l := range r.lists() {
		if l.AboveClasses > 0 {
			add("%s: %d masks hold values above the last class, up to %d: %s", l.Path, l.AboveClasses, l.Highest, aboveMeaning(set, l.Highest))
		}
		if l.Elsewhere > 0 {
			add("%s: %d files are not there as written, but were found by another path, such as %s at %s", l.Path, l.Elsewhere, infile.Shown(l.Example[0]), infile.Shown(l.Example[1]))
		}
		if absent := set.absent(l); len(absent) > 0 && l.whole() > 0 {
			add("%s: no mask shows %s", l.Path, some(absent))
		}
	}
	for _, f := range r.Folds {
		training := f.Train
		if set.Filter {
			training = f.Filtered
		}
		if few := scarce(f.Val, set.Shots); few != "" && r.Val.whole() > 0 {
			add("fold %d, val: %d-shot episodes need %d images of a class, but %s", f.Fold, set.Shots, set.Shots+1, few)
		}
		if few := scarce(training, set.Shots); few != "" && r.Train.whole() > 0 {
			add("fold %d, train: classes with fewer than %d images are left out of %d-shot training: %s", f.Fold, set.Shots+1, set.Shots, few)
		}
	}
}

// scarce names the classes with fewer than shots+1 images.
func scarce(c *Count, shots int) string {
	if c == nil {
		return ""
	}
	var few []string
	for _, class := range c.Classes {
		if class.Images < shots+1 {
			few = append(few, fmt.Sprintf("%s has %d", class.Name, class.Images))
		}
	}
	return some(few)
}

// some joins a few names; the tables have all classes.
func some(names []string) string {
	const shown = 8
	if len(names) <= shown+1 {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:shown], ", "), len(names)-shown)
}

// absent names the classes that no mask of a list shows at all.
func (set *Set) absent(l *List) []string {
	var shown [256]bool
	for _, areas := range l.Areas {
		for _, a := range areas {
			shown[a.Class] = true
		}
	}
	fold := set.Folds[0]
	var names []string
	for c := 1; c <= len(fold.Base)+len(fold.Novel); c++ {
		if !shown[c] {
			names = append(names, fmt.Sprintf("class %d (%s)", c, fold.ClassName(c)))
		}
	}
	return names
}
