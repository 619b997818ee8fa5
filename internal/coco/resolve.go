package coco

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// resolve checks the ids and sorts the annotations by image, the order of the file within
// an image.
func (r *reader) resolve() error {
	s := r.set
	if len(s.Images) == 0 {
		return errors.New("no images")
	}
	if len(s.Categories) == 0 {
		return errors.New("no categories")
	}
	slices.SortFunc(s.Categories, func(a, b Category) int { return cmp.Compare(a.ID, b.ID) })
	values := make(map[int64]uint8, len(s.Categories))
	for i, c := range s.Categories {
		if i > 0 && s.Categories[i-1].ID == c.ID {
			return fmt.Errorf("category id %d is there twice (%q and %q)", c.ID, s.Categories[i-1].Name, c.Name)
		}
		values[c.ID] = uint8(i + 1)
	}
	places := make(map[int64]int32, len(s.Images))
	for i, image := range s.Images {
		if other, ok := places[image.ID]; ok {
			return fmt.Errorf("image id %d is there twice (%s and %s)", image.ID, s.Images[other].File, image.File)
		}
		places[image.ID] = int32(i)
	}
	if id, ok := twice(r.found); ok {
		return fmt.Errorf("annotation id %d is there twice", id)
	}
	s.begin = make([]int, len(s.Images)+1)
	for _, a := range r.found {
		place, ok := places[a.image]
		if !ok {
			return fmt.Errorf("annotation %d: there is no image with id %d", a.id, a.image)
		}
		if _, ok := values[a.category]; !ok {
			return fmt.Errorf("annotation %d: there is no category with id %d", a.id, a.category)
		}
		if a.crowd {
			s.Crowds++
		} else {
			s.begin[place+1]++
		}
	}
	for i := range s.Images {
		s.begin[i+1] += s.begin[i]
	}
	next := slices.Clone(s.begin)
	s.annotations = make([]annotation, s.begin[len(s.Images)])
	for _, a := range r.found {
		if a.crowd {
			continue
		}
		place := places[a.image]
		s.annotations[next[place]] = annotation{id: a.id, offset: a.offset, length: a.length, value: values[a.category]}
		next[place]++
	}
	return nil
}

// twice finds the smallest id that occurs more than once.
func twice(found []foundAnnotation) (id int64, ok bool) {
	ids := make([]int64, len(found))
	for i, a := range found {
		ids[i] = a.id
	}
	slices.Sort(ids)
	for i := 1; i < len(ids); i++ {
		if ids[i] == ids[i-1] {
			return ids[i], true
		}
	}
	return 0, false
}
