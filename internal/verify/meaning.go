package verify

import (
	"fmt"
	"math"

	"hdmnet/internal/data"
)

// compare puts the counts beside the published ones and says what a difference usually
// comes from.
func (r *Report) compare(set *Set) {
	p := set.Published
	if p == nil {
		return
	}
	length := func(name string, l *List, want int) {
		if l == nil {
			return
		}
		c := Comparison{What: name + " list, pairs", Published: want, Here: l.Pairs}
		if !c.Same() {
			c.Meaning = p.lengthMeaning(l.Pairs, want)
		}
		r.Comparisons = append(r.Comparisons, c)
	}
	length("train", r.Train, p.train)
	length("val", r.Val, p.val)
	for _, f := range r.Folds {
		add := func(what string, want int, c *Count, l *List, lines int, here func(*Count) int) {
			if c == nil || want == 0 {
				return
			}
			x := Comparison{What: fmt.Sprintf("fold %d, %s", f.Fold, what), Published: want, Here: here(c)}
			if !x.Same() {
				x.Meaning = countMeaning(set, l, lines, x)
			}
			r.Comparisons = append(r.Comparisons, x)
		}
		images := func(c *Count) int { return c.Images }
		pairs := func(c *Count) int { return c.Pairs }
		add("val images", p.valImages[f.Fold], f.Val, r.Val, p.val, images)
		add("val (class, image) pairs", p.valPairs[f.Fold], f.Val, r.Val, p.val, pairs)
		add("train images, novel kept", p.trainImages[f.Fold], f.Train, r.Train, p.train, images)
		add("train pairs, novel kept", p.trainPairs[f.Fold], f.Train, r.Train, p.train, pairs)
		add("train images, filtered", p.filteredImages[f.Fold], f.Filtered, r.Train, p.train, images)
	}
}

func (p *Published) lengthMeaning(here, want int) string {
	if known, ok := p.lengths[here]; ok {
		return "it is as long as " + known
	}
	if here < want {
		return "a part of the field's list, or another one: scores over it cannot be compared with published ones"
	}
	return "another list than the field's, or several joined: look for pictures that are scored among those to train on"
}

// near is the share by which counts over other masks of the same pictures usually differ.
const near = 0.05

// countMeaning names the first cause that fits; a list of the right length has `lines`.
func countMeaning(set *Set, l *List, lines int, c Comparison) string {
	off := math.Abs(float64(c.Here-c.Published)) / float64(c.Published)
	switch {
	case l.Broken > 0:
		return fmt.Sprintf("%d pairs of %s are broken and were not counted: repair those first", l.Broken, l.Path)
	case l.Pairs != lines:
		return "the list is another one: see its length"
	case set.MinArea != data.FieldMinArea:
		return fmt.Sprintf("counted for at least %d pixels, published for %d: set dataset.min_area=%d", set.MinArea, data.FieldMinArea, data.FieldMinArea)
	case l.OneSize:
		return fmt.Sprintf("all masks are of one size, %d×%d: they were resized, but the rule counts pixels of the full-size mask", l.W, l.H)
	case set.Dataset == "coco20i" && off <= near:
		return "masks drawn another way: published counts come from the field's PNGs; prepare them with the other --mask-mode (first-polygon or all-polygons), without crowds"
	case set.Dataset == "coco20i":
		return "classes numbered otherwise (category ids 1..90 instead of 1..80 in their order), another split than fwb, or masks resized"
	case off <= near:
		return "masks made another way, such as VOC's own SegmentationClass where the field's SegmentationClassAug has SBD's contours, or borders (255) filled"
	}
	return "masks of SBD missing or empty, classes numbered otherwise, or masks resized"
}

// aboveMeaning says what values above the last class usually are.
func aboveMeaning(set *Set, highest int) string {
	fold := set.Folds[0]
	classes := len(fold.Base) + len(fold.Novel)
	switch {
	case highest == classes+1:
		return fmt.Sprintf("usually the background is counted as a class (%d instead of %d): subtract 1, so that it is 0", classes+1, classes)
	case set.Dataset == "coco20i" && highest <= 90:
		return "usually these are COCO's category ids (1..90 with gaps): number the 80 classes 1..80 in their order, as `hdmnet data prepare coco` does"
	case set.Dataset == "coco20i" && highest <= 182:
		return "usually these are COCO-Stuff's masks: take those of the instances"
	}
	return "usually these are masks of another data set, gray levels instead of class indices, or edges blended when masks were resized"
}
