package coco

import (
	"errors"
	"fmt"
	"slices"

	"hdmnet/internal/infile"
	"hdmnet/internal/labelmap"
)

// resolve looks ids up and sorts the annotations by image, the order of the file within an
// image.
func (r *reader) resolve(crowds Crowds) error {
	s := r.set
	places, err := r.resolveImages()
	if err != nil {
		return err
	}
	values, err := r.resolveCategories()
	if err != nil {
		return err
	}
	// Of every annotation the place of its image, or -1.
	at := make([]int32, len(r.found))
	s.begin = make([]int, len(s.Images)+1)
	names := r.names()
	for i, a := range r.found {
		at[i] = -1
		place, okImage := places[a.image]
		_, okCategory := values[a.category]
		switch {
		case !okImage:
			s.Tally.Leave("annotations of an image that is not in the file", fmt.Sprintf("%s: image_id %s", r.describe(a), names[a.image]))
		case !okCategory:
			s.Tally.Leave("annotations of a category that is not in the file", fmt.Sprintf("%s of %s: category_id %s", r.describe(a), infile.Shown(s.Images[place].File), names[a.category]))
		case a.crowd && crowds == SkipCrowds:
			s.Crowds++
			s.Tally.Omit("crowds (iscrowd 1)", fmt.Sprintf("%s of %s", r.describe(a), infile.Shown(s.Images[place].File)))
		default:
			if a.crowd {
				s.Crowds++
			}
			at[i] = place
			s.begin[place+1]++
		}
	}
	for i := range s.Images {
		s.begin[i+1] += s.begin[i]
	}
	next := slices.Clone(s.begin)
	s.annotations = make([]annotation, s.begin[len(s.Images)])
	for i, a := range r.found {
		if at[i] < 0 {
			continue
		}
		value := values[a.category]
		if a.crowd && crowds == IgnoreCrowds {
			value = labelmap.Ignore
		}
		s.annotations[next[at[i]]] = annotation{offset: a.offset, length: a.length, sum: a.sum, value: value}
		next[at[i]]++
	}
	return nil
}

// names are the ids by their numbers, for messages.
func (r *reader) names() []string {
	names := make([]string, len(r.ids))
	for id, n := range r.ids {
		names[n] = infile.Shown(string(id))
	}
	return names
}

// resolveImages gives the place in Images of every image, by the number of its id. An id
// that several pictures have is none: nobody knows which its annotations are about.
func (r *reader) resolveImages() (map[int32]int32, error) {
	s := r.set
	first := map[ID]int{}
	unclear := map[ID]bool{}
	for i, image := range r.images {
		before, twice := first[image.ID]
		if !twice {
			first[image.ID] = i
		} else if r.images[before].File != image.File {
			unclear[image.ID] = true
		}
	}
	places := map[int32]int32{}
	for i, image := range r.images {
		switch id := infile.Shown(string(image.ID)); {
		case unclear[image.ID]:
			s.Tally.Drop("images of one id, but several pictures", fmt.Sprintf("image id %s: %s", id, infile.Shown(image.File)))
		case first[image.ID] != i:
			s.Tally.Remark("images that are there twice", fmt.Sprintf("image id %s: %s", id, infile.Shown(image.File)))
		default:
			places[r.number(image.ID)] = int32(len(s.Images))
			s.Images = append(s.Images, image)
		}
	}
	if len(s.Images) == 0 {
		return nil, nothing("no images", s.Tally.Reasons())
	}
	return places, nil
}

// nothing is the error of a list of which nothing can be used.
func nothing(what, reasons string) error {
	if reasons == "" {
		return errors.New(what)
	}
	return fmt.Errorf("%s that can be used:\n%s", what, reasons)
}

// resolveCategories gives the mask value of every category, by the number of its id. Those
// named background and ignore are no classes.
func (r *reader) resolveCategories() (map[int32]uint8, error) {
	s := r.set
	used := map[ID]bool{}
	number := map[int32]bool{}
	for _, a := range r.found {
		number[a.category] = true
	}
	for _, c := range r.categories {
		used[c.ID] = number[r.number(c.ID)]
	}
	values := map[int32]uint8{}
	for _, c := range r.categories {
		if value, ok := labelmap.Special(c.Name); ok {
			values[r.number(c.ID)] = value
			continue
		}
		if !used[c.ID] && r.isRoot(c) {
			s.Tally.Remark("categories without objects that name the whole set, and are no classes", fmt.Sprintf("category id %s: %s", infile.Shown(string(c.ID)), infile.Shown(c.Name)))
			continue
		}
		s.Categories = append(s.Categories, c.Category)
	}
	slices.SortStableFunc(s.Categories, func(a, b Category) int { return a.ID.compare(b.ID) })
	s.Categories = slices.Compact(s.Categories) // one that is there twice, of one name
	switch {
	case len(s.Categories) == 0:
		return nil, nothing("no categories", s.Tally.Reasons())
	case len(s.Categories) > maxCategories:
		return nil, fmt.Errorf("%d categories, but only %d fit into an 8-bit mask: remove those that are not used", len(s.Categories), maxCategories)
	}
	for i, c := range s.Categories {
		if i > 0 && s.Categories[i-1].ID == c.ID {
			return nil, fmt.Errorf("category id %s is there twice (%q and %q): give each category an id of its own", infile.Shown(string(c.ID)), s.Categories[i-1].Name, c.Name)
		}
		values[r.number(c.ID)] = uint8(i + 1)
	}
	return values, nil
}

// isRoot tells whether a category stands for the whole set: it has no supercategory, and is
// that of others or has the name of another.
func (r *reader) isRoot(root category) bool {
	if root.super != "" && root.super != "none" {
		return false
	}
	return slices.ContainsFunc(r.categories, func(c category) bool {
		return c.ID != root.ID && (c.super == root.Name || c.Name == root.Name)
	})
}
