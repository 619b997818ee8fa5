// Package coco reads instance annotations in COCO's JSON format and draws them as masks
// of class indices.
//
//	Open   one pass over the file: images, categories, and where each annotation is
//	Mask   reads the annotations of one image again, and draws them
//
// The file is streamed. Its text is never held as a whole: for every annotation 24 bytes
// stay, for every image its name. A file like the largest official one (490 MB, 860,000
// annotations of 118,000 images) takes 150 MB while it is read and 28 MB afterwards.
//
// Rules: crowds (iscrowd 1) are left out, drawn or ignored as Options say; the others are
// drawn in the order of the file, later ones over earlier ones; the value is the place of
// the category when categories are sorted by id, from 1. The background is 0, ignored
// crowds are 255; so are objects of categories named background and ignore, which are no
// classes. Records are read as pycocotools reads them; those that cannot be used are
// left out and counted, never lost silently.
package coco
