package prepare

import (
	"context"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"hdmnet/internal/coco"
	"hdmnet/internal/data"
	"hdmnet/internal/infile"
	"hdmnet/internal/locate"
	"hdmnet/internal/picture"
	"hdmnet/internal/tally"
)

// cocoSplit is one annotation file and what is made of it.
type cocoSplit struct {
	instances string // annotation file
	images    string // folder of the pictures
	masks     string // folder of the masks under Out, with slashes
	list      string // name of the list
	order     string // list file whose order is taken, or ""
	kept      bool   // the order is that of an earlier run
	flag      string // that names another list
	published

	set      *coco.Set
	pictures []cocoPicture
}

// cocoPicture is a picture with instances.
type cocoPicture struct {
	places []int // in Images; several are records of one picture
	path   string
	h, w   int // pixels of the mask
	pair
}

// open reads the annotations and finds the pictures that have instances.
func (s *cocoSplit) open(ctx context.Context, opt COCOOptions, crowds coco.Crowds, t *tally.Tally) (err error) {
	if s.set, err = coco.Open(ctx, s.instances, coco.Options{Crowds: crowds}); err != nil {
		return err
	}
	t.Add(&s.set.Tally)
	if err := s.find(opt, t); err != nil {
		return err
	}
	if err := s.measure(ctx, opt.Options, t); err != nil {
		return err
	}
	if len(s.pictures) == 0 {
		return s.nothing(t)
	}
	masks := map[string]string{}
	for i := range s.pictures {
		p := &s.pictures[i]
		if other, ok := masks[p.mask]; ok {
			return fmt.Errorf("%s: the pictures %q and %q would share the mask %s: rename one of them", s.instances, other, p.path, p.mask)
		}
		masks[p.mask] = p.path
	}
	return nil
}

// nothing is the error of a file of which nothing can be drawn.
func (s *cocoSplit) nothing(t *tally.Tally) error {
	why := ""
	if s.set.Crowds > 0 {
		why = fmt.Sprintf("; %d annotations are crowds (iscrowd 1), as CVAT marks masks drawn with a brush: draw them with --crowd draw", s.set.Crowds)
	}
	if reasons := t.Reasons(); reasons != "" {
		why += ":\n" + reasons
	}
	return fmt.Errorf("%s: no image has an annotation that can be drawn%s", infile.Shown(s.instances), why)
}

// find looks for the pictures that have instances. Those of COCO itself must all be there;
// of a set of one's own some may be missing.
func (s *cocoSplit) find(opt COCOOptions, t *tally.Tally) error {
	finder := locate.New(s.images)
	known := map[locate.ID]int{} // picture → its place in s.pictures
	var missing []string
	for i, image := range s.set.Images {
		n := s.set.Instances(i)
		if n == 0 {
			continue
		}
		what := fmt.Sprintf("%s (image %s)", infile.Shown(image.File), infile.Shown(string(image.ID)))
		path, err := finder.Find(image.File)
		if err != nil {
			missing = append(missing, filepath.Join(s.images, filepath.FromSlash(image.File)))
			t.LeaveAll("objects of pictures that are not found", what+": "+err.Error(), n)
			continue
		}
		id, _, err := locate.Identify(path)
		if err != nil {
			return err
		}
		if at, twice := known[id]; twice {
			s.pictures[at].places = append(s.pictures[at].places, i)
			t.Remark("records of a picture that another record has, too: their objects are joined", what)
			continue
		}
		known[id] = len(s.pictures)
		p := cocoPicture{places: []int{i}, path: path}
		name, err := filepath.Rel(s.images, path)
		if err != nil || !filepath.IsLocal(name) {
			name = filepath.Base(path)
		}
		p.mask = s.masks + "/" + stem(filepath.ToSlash(name)) + ".png"
		if p.image, err = relative(opt.Out, path); err != nil {
			return err
		}
		s.pictures = append(s.pictures, p)
	}
	if len(missing) > 0 && (opt.Root != "" || len(s.pictures) == 0) {
		return checkExist("pictures of COCO", append(missing, s.paths()...))
	}
	return nil
}

func (s *cocoSplit) paths() []string {
	var paths []string
	for _, p := range s.pictures {
		paths = append(paths, p.path)
	}
	return paths
}

// measure compares the sizes of pictures and annotations, and leaves out what does not fit.
func (s *cocoSplit) measure(ctx context.Context, opt Options, t *tally.Tally) error {
	counted := make([]tally.Tally, len(s.pictures))
	err := each(ctx, opt, "pictures", len(s.pictures), func(i int) error {
		s.pictures[i].measure(s.set, &counted[i])
		return nil
	})
	if err != nil {
		return err
	}
	var fit []cocoPicture
	for i, p := range s.pictures {
		t.Add(&counted[i])
		if p.h > 0 {
			fit = append(fit, p)
		}
	}
	s.pictures = fit
	return nil
}

// measure finds the size of the mask; it is 0 where the picture is to be left out.
func (p *cocoPicture) measure(set *coco.Set, t *tally.Tally) {
	objects := 0
	for _, place := range p.places {
		objects += set.Instances(place)
	}
	name := infile.Shown(set.Images[p.places[0]].File)
	size, err := new(picture.Reader).Size(p.path)
	h, w := size.H, size.W
	if err == nil && h > coco.MaxPixels/w {
		err = fmt.Errorf("%s has %d×%d pixels (width×height), expected at most %d in all", name, w, h, coco.MaxPixels)
		t.LeaveAll("objects of pictures that are too large", err.Error(), objects)
		return
	}
	for _, place := range p.places {
		image := set.Images[place]
		switch {
		case image.H == 0 && err != nil:
			t.LeaveAll("objects of pictures of unknown size", fmt.Sprintf("%s: the annotations give none, and %v", name, err), objects)
			p.h = 0
			return
		case image.H == 0:
			p.h, p.w = h, w
		case err != nil:
			t.Remark("pictures that cannot be read, so that their size was not compared", err.Error())
			p.h, p.w = image.H, image.W
		case image.H != h || image.W != w:
			cause := "was it resized after the export?"
			if image.H == w && image.W == h {
				cause = "was it turned (EXIF) after the export?"
			}
			t.LeaveAll("objects of pictures of another size than their annotations say",
				fmt.Sprintf("%s has %d×%d pixels (width×height), but %d×%d in the annotations: %s", name, w, h, image.W, image.H, cause), objects)
			p.h = 0
			return
		default:
			p.h, p.w = h, w
		}
	}
}

// draw draws the masks. Unless they were counted before, those that are there are drawn, too,
// so that everything that is left out is counted.
func (s *cocoSplit) draw(ctx context.Context, mode coco.Mode, masks *maskWriter, counted bool, t *tally.Tally) error {
	all, err := masks.each(ctx, len(s.pictures), func(i int) (m made, err error) {
		p := s.pictures[i]
		render := func() (Mask, error) {
			pix, c, err := s.set.Mask(mode, p.h, p.w, p.places...)
			if err == nil {
				m.Counted = *c
			}
			return Mask{Pix: pix, H: p.h, W: p.w}, err
		}
		if !counted {
			mask, err := render()
			if err != nil {
				return m, err
			}
			render = func() (Mask, error) { return mask, nil }
		}
		err = masks.put(p.mask, render)
		return m, err
	})
	if err != nil {
		return err
	}
	for i := range all {
		t.Add(&all[i].Counted)
	}
	return nil
}

// settleOrder gives the pictures their order: that of a list that is named, or of an earlier
// run.
func (s *cocoSplit) settleOrder(opt Options) error {
	if earlier := filepath.Join(opt.Out, s.list); s.order == "" && !opt.Force && s.holdsSame(earlier) {
		s.order, s.kept = earlier, true
	}
	return s.sort()
}

// holdsSame tells whether a list file holds the split's pairs in some order.
func (s *cocoSplit) holdsSame(path string) bool {
	entries, err := data.ReadList(path)
	if err != nil || len(entries) != len(s.pictures) {
		return false
	}
	there := make(map[pair]bool, len(entries))
	for _, e := range entries {
		there[pair{e.Image, e.Mask}] = true
	}
	return !slices.ContainsFunc(s.pictures, func(p cocoPicture) bool { return !there[p.pair] })
}

// stem is a name with slashes without its extension.
func stem(name string) string { return strings.TrimSuffix(name, path.Ext(name)) }

func (s *cocoSplit) sameCategories(first *cocoSplit) error {
	if !slices.Equal(s.set.Categories, first.set.Categories) {
		return fmt.Errorf("%s and %s have different categories: masks would not fit together; prepare them as two sets", first.instances, s.instances)
	}
	return nil
}

// checkClasses makes sure before any work that classes.txt can be read again.
func checkClasses(instances string, names []string) error {
	if _, err := data.CheckClasses(names, "categories"); err != nil {
		return fmt.Errorf("%s, sorted by id, as lines of classes.txt: %w", instances, err)
	}
	return nil
}

func (s *cocoSplit) pairs() []pair {
	pairs := make([]pair, len(s.pictures))
	for i, p := range s.pictures {
		pairs[i] = p.pair
	}
	return pairs
}

// writeList writes the split's list and says how it compares with the published one.
func (s *cocoSplit) writeList(opt COCOOptions, report *Report) error {
	if err := writeList(opt.Options, s.list, s.pairs(), report); err != nil {
		return err
	}
	ids := make([]string, len(s.pictures))
	for i, p := range s.pictures {
		ids[i] = stem(path.Base(p.image))
	}
	switch {
	case opt.Warn == nil || s.count == 0:
	case len(ids) != s.count || s.order != "" && !s.kept && s.sum != "":
		s.check(opt.Options, s.list, ids)
	case s.sum != "" && checksum(ids) != s.sum:
		opt.Warn(fmt.Sprintf("%s is not in the order of the field's list, over which published scores are: "+
			"give that list with %s FILE to compare with them", s.list, s.flag))
	}
	return nil
}

// sort puts the pictures into the order of the list file s.order.
func (s *cocoSplit) sort() error {
	if s.order == "" {
		return nil
	}
	entries, err := data.ReadList(s.order)
	if err != nil {
		return fmt.Errorf("%s: %w", s.flag, err)
	}
	places := make(map[string]int, len(entries))
	for i, e := range entries {
		places[stem(path.Base(e.Image))] = i
	}
	place := func(p cocoPicture) int { return places[stem(path.Base(p.image))] }
	for _, p := range s.pictures {
		if _, ok := places[stem(path.Base(p.image))]; !ok {
			return fmt.Errorf("%s lacks %s, which %s has: is it the list of another split or fold?", s.order, p.image, s.instances)
		}
	}
	slices.SortStableFunc(s.pictures, func(a, b cocoPicture) int { return place(a) - place(b) })
	return nil
}
