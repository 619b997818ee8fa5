package prepare

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"

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
	// Crowds says what becomes of annotations with iscrowd 1; nil leaves those of COCO (Root)
	// out, as published masks do, and draws those of a set of one's own, since CVAT marks
	// every mask drawn with a brush so.
	Crowds *coco.Crowds
	// TrainOrder and ValOrder are list files whose order the lists get; "" is the order of
	// the annotation file. Masks are not looked at, pictures are matched by name.
	TrainOrder, ValOrder string
}

// COCO writes masks of class indices (see package coco), lists and classes.txt.
//
//	COCO 2014/2017  annotations/train2014/*.png, annotations/val2014/*.png, train.txt, val.txt
//	a set of one's own  masks/*.png, list.txt
//
// Lists hold the pictures with at least one annotation that is drawn (2014: 82,081 and
// 40,137), in lines "train2014/NAME.jpg annotations/train2014/NAME.png" as in the lists
// that PFENet, BAM and HDMNet share. Their order cannot be had from the annotations: it is a
// random one, made once and passed on (the same in the copies of RePRI and FPTrans). As the
// order of val.txt decides over which episodes a score is, ValOrder takes it from such a
// list. Without it a list of an earlier run keeps its order unless Force is set, and a new one
// gets that of the annotation file. A val.txt in another order than the published one, or
// another number of pictures, is a warning.
//
// Pictures of one's own set are found by the names of other machines (see
// locate.Finder.Find). Records that cannot be used are left out, counted in the report and
// in the record, and named in warnings, or an error when Strict: annotations that cannot be
// drawn, pictures that are not there, and pictures whose size is not the annotations'.
//
// Errors: no annotations or no pictures where they should be (all missing ones of COCO's are
// counted before any mask is drawn), train and val with different categories, names of
// categories that a class file cannot have, two pictures with one mask name, an order file
// that lacks a picture, other settings than before (see the package), another preparation at
// work in the output folder.
func COCO(ctx context.Context, opt COCOOptions) (*Report, error) {
	splits, err := cocoSplits(&opt)
	if err != nil {
		return nil, err
	}
	defer func() {
		for _, s := range splits {
			if s.set != nil {
				_ = s.set.Close() // it was only read
			}
		}
	}()
	crowds := coco.DrawCrowds
	if opt.Root != "" {
		crowds = coco.SkipCrowds
	}
	if opt.Crowds != nil {
		crowds = *opt.Crowds
	}
	work := task{command: "coco", settings: map[string]string{"mask mode": opt.Mode.String(), "crowds": crowds.String()}}
	report := &Report{Root: opt.Out}
	for _, s := range splits {
		if err := s.open(ctx, opt, crowds, &report.Objects); err != nil {
			return nil, err
		}
		if err := s.sameCategories(splits[0]); err != nil {
			return nil, err
		}
		work.folders = append(work.folders, s.masks)
		work.settings["checksum of "+filepath.Base(s.instances)] = s.set.Checksum
	}
	names := splits[0].set.ClassNames()
	if err := checkClasses(splits[0].instances, names); err != nil {
		opt.tell(&report.Objects) // what was left out may have had the class that is missing
		return nil, err
	}
	options, release, err := begin(opt.Options, work)
	if err != nil {
		return nil, err
	}
	defer release()
	opt.Options = options
	for _, s := range splits {
		if err := s.settleOrder(opt.Options); err != nil {
			return nil, err
		}
		if err := checkList(opt.Options, s.list, s.pairs()); err != nil {
			return nil, err
		}
	}
	if err := opt.settle(&report.Objects); err != nil {
		return nil, err
	}
	masks := newMaskWriter(opt.Options, len(names), report)
	before, err := counted(opt.Options, work)
	if err != nil {
		return nil, err
	}
	for _, s := range splits {
		if err := s.draw(ctx, opt.Mode, masks, before != nil, &report.Objects); err != nil {
			return nil, err
		}
	}
	if before != nil {
		report.Objects = *before
	}
	if err := opt.settle(&report.Objects); err != nil {
		return nil, err
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
	opt.tell(&report.Objects)
	return report, finish(opt.Options, work, report)
}
