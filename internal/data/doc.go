// Package data turns pictures with class-index masks into the batches that
// training and evaluation eat.
//
// The way of one episode:
//
//	Source  (list files, or the synthetic set shapes5i)     pictures and masks
//	Fold    (PASCAL-5i, COCO-20i, shapes5i, custom sets)    which classes are novel
//	Index   (BuildIndex)                                    which images show which class
//	Drawer  (NewDrawer; NewReleaseDrawer for scores)        query, class and supports of an episode
//	Loader  (NewLoader)                                     augmentation, resize, batches in order
//
// Pictures are RGB and H×W×3 row by row; masks hold the class index, 0 for the
// background and 255 for pixels that do not count. The package knows nothing of
// tensors or devices: everything is a plain slice.
//
// Every random number is a pure function of (seed, epoch, position), so what a
// loader gives does not depend on how many workers it has or on where it was
// started.
package data
