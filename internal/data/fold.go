package data

import (
	"fmt"
	"slices"

	"hdmnet/internal/labelmap"
)

// Fold splits a data set's classes: novel ones are kept for evaluation, base
// ones are for training.
type Fold struct {
	Dataset string   // "pascal", "coco", "shapes5i" or "custom"
	Index   int      // from 0; the known sets have 0..3; −1: no fold, see NewClasses
	Novel   []int    // class ids from 1, ascending
	Base    []int    // class ids from 1, ascending
	Names   []string // of the classes, the place being the class id; may be nil
}

// PASCAL5i is fold 0..3 of PASCAL-5i: 20 classes, novel 5f+1..5f+5.
func PASCAL5i(fold int) (Fold, error) { return fiveInTwenty("pascal", "PASCAL-5i", fold) }

// Shapes5i is fold 0..3 of the synthetic set: 20 classes, novel 5f+1..5f+5, so
// that each fold has every silhouette once (see shapeClass).
func Shapes5i(fold int) (Fold, error) { return fiveInTwenty("shapes5i", "shapes5i", fold) }

// COCO20i is fold 0..3 of COCO-20i: 80 classes numbered 1..80 in the order of
// category ids. Split "fwb" (the field's default) takes every fourth class,
// novel f+1, f+5, …, f+77; "panet" takes blocks, novel 20f+1..20f+20.
func COCO20i(fold int, split string) (Fold, error) {
	if err := checkFold("COCO-20i", fold); err != nil {
		return Fold{}, err
	}
	var novel func(c int) bool
	switch split {
	case "fwb":
		novel = func(c int) bool { return (c-1)%4 == fold }
	case "panet":
		novel = func(c int) bool { return (c-1)/20 == fold }
	default:
		return Fold{}, fmt.Errorf("COCO-20i split %q: expected \"fwb\" (novel f+1, f+5, …) or \"panet\" (novel 20f+1..20f+20)", split)
	}
	return makeFold("coco", fold, 80, novel), nil
}

func fiveInTwenty(dataset, title string, fold int) (Fold, error) {
	if err := checkFold(title, fold); err != nil {
		return Fold{}, err
	}
	return makeFold(dataset, fold, 20, func(c int) bool { return (c-1)/5 == fold }), nil
}

func checkFold(title string, fold int) error {
	if fold < 0 || fold > 3 {
		return fmt.Errorf("fold %d of %s does not exist: choose 0, 1, 2 or 3", fold, title)
	}
	return nil
}

func makeFold(dataset string, fold, classes int, novel func(c int) bool) Fold {
	f := Fold{Dataset: dataset, Index: fold, Names: ClassNames(dataset)}
	for c := 1; c <= classes; c++ {
		if novel(c) {
			f.Novel = append(f.Novel, c)
		} else {
			f.Base = append(f.Base, c)
		}
	}
	return f
}

// NewClasses is a custom set of which no class is trained on: all are novel. names are those
// of ParseClasses.
func NewClasses(names []string) Fold {
	f := makeFold("custom", -1, len(names)-1, func(int) bool { return true })
	f.Names = names
	return f
}

// String names the fold, "fold 2", or says that it is all classes.
func (f Fold) String() string {
	if f.Index < 0 {
		return "all classes"
	}
	return fmt.Sprintf("fold %d", f.Index)
}

// ClassCount is the number of the set's classes, which is the largest value in its masks.
func (f Fold) ClassCount() int { return max(len(f.Names)-1, len(f.Base)+len(f.Novel)) }

// Classes are the classes that episodes of a split are about: the base classes
// in training, the novel ones in validation.
func (f Fold) Classes(split Split) []int {
	if split == Val {
		return f.Novel
	}
	return f.Base
}

// classIndex is the place of a class in Classes(split), or -1.
func (f Fold) classIndex(split Split, class int) int { return slices.Index(f.Classes(split), class) }

// ClassName is the class's name, or "class 7" where the data set has no names.
func (f Fold) ClassName(class int) string {
	if class >= 0 && class < len(f.Names) {
		return f.Names[class]
	}
	return fmt.Sprintf("class %d", class)
}

// remap is a table from class index to label value.
type remap [256]uint8

// baseRemap turns class indices into labels of the base learner: the place in
// the sorted base list + 1, 0 for novel and unknown classes, 255 kept.
func (f Fold) baseRemap() *remap {
	var t remap
	for i, c := range f.Base {
		t[c] = uint8(i + 1)
	}
	t[labelmap.Ignore] = labelmap.Ignore
	return &t
}

// classRemap turns class indices into the label of an episode: 1 where the
// class is, 255 kept, else 0.
func classRemap(class int) *remap {
	var t remap
	t[class] = 1
	t[labelmap.Ignore] = labelmap.Ignore
	return &t
}

// apply writes the label of every pixel of src into dst (same length).
func (t *remap) apply(dst, src []uint8) {
	for i, v := range src {
		dst[i] = t[v]
	}
}
