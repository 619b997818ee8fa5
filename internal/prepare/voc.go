package prepare

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"hdmnet/internal/infile"
	"hdmnet/internal/locate"
	"hdmnet/internal/picture"
)

// Names inside the data root, as the field has them.
const (
	jpegImages  = "JPEGImages"
	augMasks    = "SegmentationClassAug"
	vocClasses  = 20
	vocTrain    = "train.txt"
	vocVal      = "val.txt"
	segmentSets = "ImageSets/Segmentation"
)

// VOCOptions say where PASCAL VOC 2012 is. Out is the VOC2012 folder itself when empty.
type VOCOptions struct {
	Options
	// Root is the VOC2012 folder, or one that holds VOC2012 or VOCdevkit/VOC2012.
	Root string
}

// VOC prepares PASCAL VOC 2012 on its own: the masks of SegmentationClass go to
// SegmentationClassAug (VOC's classes 1..20, 255 at the borders of objects), the official
// sets to train.txt (1,464 pairs) and val.txt (1,449), in the official order. A number or
// an order that is not the official one is a warning.
//
// Errors: no VOC folder, a set or picture that is missing (all are counted before any work
// starts), a damaged mask, one of another size than its picture, other settings than before (see
// the package).
func VOC(ctx context.Context, opt VOCOptions) (*Report, error) {
	voc, err := openVOC(opt.Root)
	if err != nil {
		return nil, err
	}
	if opt.Out == "" {
		opt.Out = voc.path
	}
	if err := voc.checkFiles(); err != nil {
		return nil, err
	}
	work := task{command: "voc", folders: []string{augMasks}, shares: []string{"sbd"},
		settings: map[string]string{"VOC sets of checksum": checksum(voc.train, voc.val)}}
	options, release, err := begin(opt.Options, work)
	if err != nil {
		return nil, err
	}
	defer release()
	opt.Options = options
	lists := []setList{{file: vocTrain, ids: voc.train, published: vocTrainSet}, {file: vocVal, ids: voc.val, published: vocValSet}}
	if err := voc.plan(opt.Options, lists, nil); err != nil {
		return nil, err
	}
	report := &Report{Root: opt.Out, Unit: "masks"}
	masks := newMaskWriter(opt.Options, vocClasses, report)
	all := slices.Concat(voc.train, voc.val)
	if _, err := masks.each(ctx, len(all), func(i int) (made, error) { return made{}, voc.putMask(masks, all[i]) }); err != nil {
		return nil, err
	}
	report.Objects.Read, report.Objects.Used = len(all), len(all)
	if err := writeSets(opt.Options, lists, report); err != nil {
		return nil, err
	}
	return report, finish(opt.Options, work, report)
}

// vocFolder is an official VOC2012 folder.
type vocFolder struct {
	path       string
	finder     *locate.Finder
	train, val []string // names of pictures in the official order
}

func openVOC(root string) (*vocFolder, error) {
	path, err := findFolder(root, segmentSets, "VOC2012", "VOCdevkit/VOC2012")
	if err != nil {
		return nil, fmt.Errorf("PASCAL VOC 2012: %w; unpack VOCtrainval_11-May-2012.tar and give the folder VOC2012", err)
	}
	v := &vocFolder{path: path, finder: locate.New(path)}
	sets := filepath.Join(path, filepath.FromSlash(segmentSets))
	if v.train, err = readIDs(filepath.Join(sets, vocTrain)); err != nil {
		return nil, err
	}
	v.val, err = readIDs(filepath.Join(sets, vocVal))
	return v, err
}

// findFolder is the first of root and the folders below it that holds `inside`.
func findFolder(root, inside string, below ...string) (string, error) {
	for _, sub := range append([]string{"."}, below...) {
		path := filepath.Join(root, filepath.FromSlash(sub))
		if _, err := os.Stat(filepath.Join(path, filepath.FromSlash(inside))); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("there is no %s in %s, nor in %s below it", inside, root, strings.Join(below, ", "))
}

func (v *vocFolder) image(id string) string {
	return named(v.finder, filepath.Join(v.path, jpegImages), id, locate.Extensions...)
}

func (v *vocFolder) mask(id string) string {
	return named(v.finder, filepath.Join(v.path, "SegmentationClass"), id, ".png")
}

// named is the path of a file in a folder, with the first of the extensions that is there, in
// the case that it has there; exports of VOC's layout keep PNG pictures as they were.
func named(finder *locate.Finder, folder, id string, extensions ...string) string {
	path := filepath.Join(folder, id+extensions[0])
	if _, err := os.Stat(path); err == nil {
		return path
	}
	return cmp.Or(finder.Beside(folder, id, extensions), path)
}

func (v *vocFolder) checkFiles() error {
	var paths []string
	for _, ids := range [][]string{v.train, v.val} {
		for _, id := range ids {
			paths = append(paths, v.image(id), v.mask(id))
		}
	}
	return checkExist("PASCAL VOC 2012", paths)
}

// putMask makes sure that VOC's own mask of a picture is there.
func (v *vocFolder) putMask(masks *maskWriter, id string) error {
	return masks.put(augMasks+"/"+id+".png", func() (Mask, error) {
		pix, size, err := new(picture.Reader).ReadMask(v.mask(id), vocClasses)
		if err == nil {
			err = fits(v.mask(id), size, v.image(id))
		}
		h, w := size.Read()
		return Mask{pix, h, w}, err
	})
}

// fits compares the sizes of a mask and its picture. A picture that cannot be read is what
// `data verify` tells of.
func fits(mask string, size picture.Size, image string) error {
	s, err := new(picture.Reader).Size(image)
	if err != nil || s == size {
		return nil
	}
	return fmt.Errorf("%s is of %v pixels (width×height), but its picture %s is %v: was one of them resized?", infile.Shown(mask), size, infile.Shown(image), s)
}

// setList is a list of pictures that is to be written.
type setList struct {
	file string
	ids  []string
	published
	pairs []pair
}

// plan fills in the pairs of lists and fails where one could not be written. elsewhere are
// the paths of pictures that are not VOC's.
func (v *vocFolder) plan(opt Options, lists []setList, elsewhere map[string]string) error {
	for i := range lists {
		l := &lists[i]
		for _, id := range l.ids {
			path, ok := elsewhere[id]
			if !ok {
				path = v.image(id)
			}
			image, err := relative(opt.Out, path)
			if err != nil {
				return err
			}
			l.pairs = append(l.pairs, pair{image, augMasks + "/" + id + ".png"})
		}
		if err := checkList(opt, l.file, l.pairs); err != nil {
			return err
		}
	}
	return nil
}

// writeSets writes lists and says how they compare with the published ones.
func writeSets(opt Options, lists []setList, report *Report) error {
	for _, l := range lists {
		if err := writeList(opt, l.file, l.pairs, report); err != nil {
			return err
		}
		l.check(opt, l.file, l.ids)
	}
	return nil
}

// relative is a path as seen from a folder, with slashes: a list's entry.
func relative(folder, path string) (string, error) {
	from, err := filepath.Abs(folder)
	if err != nil {
		return "", err
	}
	to, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	rel, err := filepath.Rel(from, to)
	if err != nil { // on another drive
		rel = to
	}
	return filepath.ToSlash(rel), nil
}
