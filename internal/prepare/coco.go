package prepare

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"

	"hdmnet/internal/coco"
	"hdmnet/internal/data"
)

// Names under Out of a set that is made from annotations.
const (
	customMasks = "masks"
	customList  = "list.txt"
)

// COCOOptions say where COCO, or a set of one's own in COCO's format, is. Either Root or
// Instances and Images are given.
type COCOOptions struct {
	Options
	// Root is the folder of COCO 2014 or 2017: annotations/instances_{train,val}2014.json,
	// and pictures in train2014 and val2014 (or below images/). Out is the same folder when
	// empty. One of the two splits may be missing.
	Root string
	// Instances is an annotation file of any classes (at most 254), Images the folder that
	// its file names are relative to. Out must be given.
	Instances, Images string
	// Mode is how polygons become pixels; masks of different modes are not mixed.
	Mode coco.Mode
	// TrainOrder and ValOrder are list files whose order the lists get; "" is the order of
	// the annotation file. Masks are not looked at, pictures are matched by name.
	TrainOrder, ValOrder string
}

// COCO writes masks of class indices (see package coco), lists and classes.txt.
//
//	COCO 2014/2017  annotations/train2014/*.png, annotations/val2014/*.png, train.txt, val.txt
//	a set of one's own  masks/*.png, list.txt
//
// Lists hold the pictures with at least one annotation that is no crowd (2014: 82,081 and
// 40,137), in lines "train2014/NAME.jpg annotations/train2014/NAME.png" as in the lists
// that PFENet, BAM and HDMNet share. Their order cannot be had from the annotations: it is a
// random one, made once and passed on (the same in the copies of RePRI and FPTrans). As the
// order of val.txt decides over which episodes a score is, ValOrder takes it from such a
// list. Without it a list of an earlier run keeps its order unless Force is set, and a new one
// gets that of the annotation file. A val.txt in another order than the published one, or
// another number of pictures, is a warning.
//
// Errors: no annotations or no pictures where they should be (all missing ones are counted
// before any mask is drawn), annotations that are wrong (see coco.Open and coco.Set.Mask),
// train and val with different categories, names of categories that a class file cannot
// have, two pictures with one mask name, an order file that lacks a picture, other settings
// than before (see the package).
func COCO(ctx context.Context, opt COCOOptions) (*Report, error) {
	splits, err := cocoSplits(&opt)
	if err != nil {
		return nil, err
	}
	defer func() {
		for _, s := range splits {
			if s.set != nil {
				s.set.Close() // it was only read
			}
		}
	}()
	work := task{command: "coco", settings: map[string]string{"mask mode": opt.Mode.String()}}
	var all []cocoPicture
	for _, s := range splits {
		if err := s.open(ctx, opt.Options); err != nil {
			return nil, err
		}
		if err := s.sameCategories(splits[0]); err != nil {
			return nil, err
		}
		work.folders = append(work.folders, s.masks)
		work.settings["checksum of "+filepath.Base(s.instances)] = s.set.Checksum
		all = append(all, s.pictures...)
	}
	names := splits[0].set.ClassNames()
	if err := checkClasses(splits[0].instances, names); err != nil {
		return nil, err
	}
	paths := make([]string, len(all))
	for i, p := range all {
		paths[i] = p.path
	}
	if err := checkExist("pictures of COCO", paths); err != nil {
		return nil, err
	}
	if opt.Options, err = begin(opt.Options, work); err != nil {
		return nil, err
	}
	for _, s := range splits {
		if err := checkList(opt.Options, s.list, s.pairs()); err != nil {
			return nil, err
		}
	}
	report := &Report{Root: opt.Out}
	masks := newMaskWriter(opt.Options, len(names), report)
	var without atomic.Int64
	draw := func(i int) error {
		return masks.put(all[i].mask, func() (Mask, error) {
			pix, n, err := all[i].set.Mask(all[i].place, opt.Mode)
			without.Add(int64(n))
			image := all[i].set.Images[all[i].place]
			return Mask{Pix: pix, H: image.H, W: image.W}, err
		})
	}
	if err := each(ctx, opt.Options, "masks", len(all), draw); err != nil {
		return nil, err
	}
	if n := without.Load(); n > 0 {
		masks.warn(fmt.Sprintf("%d annotations have neither polygon nor RLE (boxes only?); their objects are background in the masks", n))
	}
	for _, s := range splits {
		if err := s.writeList(opt, report); err != nil {
			return nil, err
		}
	}
	if opt.Root != "" && !slices.Equal(names, data.ClassNames("coco")[1:]) {
		masks.warn(fmt.Sprintf("the %d categories are not the 80 of COCO: COCO-20i's folds do not fit; use the result as a custom set", len(names)))
	}
	if err := writeClasses(opt.Options, names); err != nil {
		return nil, err
	}
	return report, finish(opt.Options, work)
}

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
	set   *coco.Set
	place int // in set.Images
	path  string
	pair
}

// cocoLists are the published lists of 2014. Of the training list only the length is
// checked: its order changes nothing but the draws of a training run.
var cocoLists = map[string]published{
	"train2014": {count: 82081, means: "annotations of another release, or an edited file"},
	"val2014": {count: 40137, sum: "91a3d9bca792399d57f6968d6cbfd3f14abc042e03242e902b0d4feae72ae758",
		means: "annotations of another release, or an edited file; scores are then not comparable"},
}

// cocoSplits finds the files, and gives Out its default.
func cocoSplits(opt *COCOOptions) ([]*cocoSplit, error) {
	if opt.Root == "" {
		if opt.Instances == "" || opt.Images == "" || opt.Out == "" {
			return nil, fmt.Errorf("a set of one's own needs an annotation file, the folder of its pictures and an output folder")
		}
		if opt.TrainOrder != "" || opt.ValOrder != "" {
			return nil, fmt.Errorf("the order of another list is for COCO's own lists; a set of one's own has the order of its annotation file")
		}
		return []*cocoSplit{{instances: opt.Instances, images: opt.Images, masks: customMasks, list: customList}}, nil
	}
	root, year, err := findCOCO(opt.Root)
	if err != nil {
		return nil, err
	}
	if opt.Out == "" {
		opt.Out = root
	}
	var splits []*cocoSplit
	for _, s := range []*cocoSplit{{list: "train", order: opt.TrainOrder, flag: "--train-order"}, {list: "val", order: opt.ValOrder, flag: "--val-order"}} {
		name := s.list + year
		s.published = cocoLists[name]
		s.instances = filepath.Join(root, "annotations", "instances_"+name+".json")
		s.list, s.masks = s.list+".txt", "annotations/"+name
		if _, err := os.Stat(s.instances); err != nil {
			if s.order != "" {
				return nil, fmt.Errorf("%s is given, but there is no %s", s.flag, s.instances)
			}
			if opt.Warn != nil {
				opt.Warn(fmt.Sprintf("there is no %s: no %s is made", s.instances, s.list))
			}
			continue
		}
		if s.images, err = findFolder(root, name, "images"); err != nil {
			return nil, fmt.Errorf("pictures of COCO: %w; unpack %s.zip there", err, name)
		}
		s.images = filepath.Join(s.images, name)
		splits = append(splits, s)
	}
	return splits, nil
}

// findCOCO finds a release of which there is at least one annotation file.
func findCOCO(root string) (found, year string, err error) {
	for _, year := range []string{"2014", "2017"} {
		for _, split := range []string{"val", "train"} {
			file := "instances_" + split + year + ".json"
			if found, err = findFolder(root, "annotations/"+file, "coco", "COCO", "MSCOCO2014"); err == nil {
				return found, year, nil
			}
		}
	}
	return "", "", fmt.Errorf("COCO: no annotations/instances_{train,val}{2014,2017}.json in %s: unpack annotations_trainval2014.zip there, "+
		"or name an annotation file of your own with --instances", root)
}

// open reads the annotations and lists the pictures that have instances.
func (s *cocoSplit) open(ctx context.Context, opt Options) (err error) {
	if s.set, err = coco.Open(ctx, s.instances, nil); err != nil {
		return err
	}
	seen := map[string]string{}
	for i, image := range s.set.Images {
		if s.set.Instances(i) == 0 {
			continue
		}
		name := path.Clean(strings.ReplaceAll(image.File, `\`, "/"))
		if !filepath.IsLocal(filepath.FromSlash(name)) {
			return fmt.Errorf("%s: image %d: file_name %q leads out of the folder of the pictures", s.instances, image.ID, image.File)
		}
		p := cocoPicture{set: s.set, place: i, path: filepath.Join(s.images, filepath.FromSlash(name))}
		p.mask = s.masks + "/" + stem(name) + ".png"
		if other, ok := seen[p.mask]; ok {
			return fmt.Errorf("%s: the pictures %q and %q would share the mask %s: rename one of them", s.instances, other, image.File, p.mask)
		}
		seen[p.mask] = image.File
		if p.image, err = relative(opt.Out, p.path); err != nil {
			return err
		}
		s.pictures = append(s.pictures, p)
	}
	if len(s.pictures) == 0 {
		return fmt.Errorf("%s: no image has an annotation that is no crowd", s.instances)
	}
	if earlier := filepath.Join(opt.Out, s.list); s.order == "" && !opt.Force && s.holdsSame(earlier) {
		s.order, s.kept = earlier, true
	}
	return s.sort()
}

// holdsSame tells whether a list file holds the split's pairs in some order.
func (s *cocoSplit) holdsSame(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	entries, err := data.ParseList(f, path)
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
	if _, err := data.ParseClasses(strings.NewReader(strings.Join(names, "\n")), "categories"); err != nil {
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
	f, err := os.Open(s.order)
	if err != nil {
		return fmt.Errorf("%s: %w", s.flag, err)
	}
	defer f.Close()
	entries, err := data.ParseList(f, s.order)
	if err != nil {
		return err
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
