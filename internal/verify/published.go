package verify

// Published are the counts of the field's lists and masks, for a least area of
// data.FieldMinArea pixels. 0 stands for a number that nobody has published.
type Published struct {
	train, val     int // lines of the lists
	valImages      [4]int
	valPairs       [4]int
	trainImages    [4]int // novel kept
	trainPairs     [4]int
	filteredImages [4]int
	lengths        map[int]string // lines of lists that are taken by mistake, and what they are
}

// PASCAL5i are those of PASCAL VOC 2012 with SBD.
var PASCAL5i = Published{
	train: 5953, val: 1449,
	valImages:      [4]int{364, 445, 592, 336},
	filteredImages: [4]int{4208, 3726, 2752, 4510},
	lengths: map[int]string{
		1464:  "VOC 2012's own train list, without SBD: prepare SBD too, and take its list",
		1449:  "VOC 2012's val list",
		2913:  "VOC 2012's trainval list, which holds the pictures that are scored",
		1456:  "VOC 2012's test list, whose masks are not public",
		5623:  "SBD's train_noval list, without VOC's own pictures",
		5953:  "the field's train list",
		8498:  "SBD's train list",
		10582: "the full trainaug list; the field trains on the 5,953 pictures of voc_sbd_merge_noduplicate",
	},
}

// COCO20i are those of COCO 2014 under the folds of FWB.
var COCO20i = Published{
	train: 82081, val: 40137,
	valImages:      [4]int{26052, 15305, 13138, 12640},
	valPairs:       [4]int{35783, 17912, 14563, 14315},
	trainImages:    [4]int{62040, 74381, 73035, 73808},
	trainPairs:     [4]int{95476, 133927, 141054, 141016},
	filteredImages: [4]int{21917},
	lengths: map[int]string{
		82783:  "all of train2014; the field's list has the 82,081 pictures with an object",
		40504:  "all of val2014; the field's list has the 40,137 pictures with an object",
		82081:  "the field's train list",
		40137:  "the field's val list",
		117266: "COCO 2017's train pictures with an object, among them most that the field scores; take 2014's",
		118287: "all of COCO 2017's train pictures, among them most that the field scores; take 2014's",
		4952:   "COCO 2017's val pictures with an object; take 2014's",
		5000:   "COCO 2017's val list; take 2014's",
		122218: "train and val together, so training sees what is scored",
	},
}
