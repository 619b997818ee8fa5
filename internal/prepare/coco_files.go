package prepare

import (
	"fmt"
	"os"
	"path/filepath"
)

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
