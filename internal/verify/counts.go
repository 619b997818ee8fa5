package verify

import "hdmnet/internal/data"

// Count are the episodes' material that one side of a fold has under the field's rules.
type Count struct {
	Images  int          `json:"images"`  // that can be a query
	Pairs   int          `json:"pairs"`   // (image, class): supports of all classes together
	Classes []ClassCount `json:"classes"` // of the side, ascending
}

// ClassCount is the number of images in which a class covers the least area.
type ClassCount struct {
	Class  int    `json:"class"`
	Name   string `json:"name"`
	Images int    `json:"images"`
}

// Fold are the counts of one fold. Sides without a list are nil.
type Fold struct {
	Fold     int    `json:"fold"`
	Train    *Count `json:"train,omitempty"`          // images with novel objects kept
	Filtered *Count `json:"train_filtered,omitempty"` // images that show any novel class dropped
	Val      *Count `json:"val,omitempty"`

	novel []int
}

func countFold(set *Set, fold data.Fold, train, val *List) Fold {
	f := Fold{Fold: fold.Index, novel: fold.Novel}
	if train != nil {
		f.Train = count(set, fold, data.Train, false, train.Areas)
		f.Filtered = count(set, fold, data.Train, true, train.Areas)
	}
	if val != nil {
		f.Val = count(set, fold, data.Val, false, val.Areas)
	}
	return f
}

func count(set *Set, fold data.Fold, split data.Split, filter bool, areas data.Areas) *Count {
	index := areas.Index(fold, data.IndexOptions{Split: split, MinArea: set.MinArea, FilterIntersection: filter})
	c := &Count{Images: len(index.Images)}
	for _, class := range fold.Classes(split) {
		n := len(index.ByClass[class])
		c.Pairs += n
		c.Classes = append(c.Classes, ClassCount{Class: class, Name: fold.ClassName(class), Images: n})
	}
	return c
}
