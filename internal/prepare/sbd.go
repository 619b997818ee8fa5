package prepare

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"hdmnet/internal/matfile"
	"hdmnet/internal/picture"
)

// The training lists that SBD prepares.
const (
	mergeList    = "voc_sbd_merge_noduplicate.txt"
	trainAugList = "trainaug.txt"
)

// SBDOptions say where SBD and PASCAL VOC 2012 are. Out is the VOC2012 folder when empty.
type SBDOptions struct {
	Options
	// Root is VOC's folder, as in VOCOptions.
	Root string
	// SBD is the folder with cls, img, train.txt and val.txt (benchmark_RELEASE/dataset of
	// the download), or one of those around it.
	SBD string
}

// SBD prepares PASCAL VOC 2012 together with SBD, the Semantic Boundaries Dataset: all
// masks go to SegmentationClassAug, GTcls.Segmentation of SBD's MATLAB files for pictures
// that VOC has no mask of, and VOC's own where both have one. The lists:
//
//	voc_sbd_merge_noduplicate.txt   5,953 pairs, what the field trains on: SBD's pictures
//	                                that are in VOC's ImageSets/Main/train.txt (5,623, by
//	                                name; SBD's authors publish them as train_noval.txt),
//	                                then VOC's train that is not among them, in its order
//	trainaug.txt                    10,582 pairs, by name: all of SBD and VOC's train, less
//	                                VOC's val
//	val.txt                         1,449 pairs, VOC's val in its order
//
// No training list shows a picture of VOC's val. A list that is not the published one is a
// warning that says what this usually means. A picture that VOC's JPEGImages lacks is
// taken from SBD's img, which is a warning too.
//
// Errors: those of VOC; a MATLAB file that cannot be read or is no annotation of SBD.
func SBD(ctx context.Context, opt SBDOptions) (*Report, error) {
	voc, err := openVOC(opt.Root)
	if err != nil {
		return nil, err
	}
	sbd, err := openSBD(opt.SBD, voc)
	if err != nil {
		return nil, err
	}
	if opt.Out == "" {
		opt.Out = voc.path
	}
	if err := voc.checkFiles(); err != nil {
		return nil, err
	}
	images, err := sbd.findImages(opt.Options)
	if err != nil {
		return nil, err
	}
	work := task{command: "sbd", folders: []string{augMasks}, shares: []string{"voc"}, settings: map[string]string{
		"VOC sets of checksum": checksum(voc.train, voc.val), "SBD sets of checksum": checksum(sbd.ids),
	}}
	options, release, err := begin(opt.Options, work)
	if err != nil {
		return nil, err
	}
	defer release()
	opt.Options = options
	merge, trainAug := sbd.lists()
	lists := []setList{{file: mergeList, ids: merge, published: mergeSet}, {file: trainAugList, ids: trainAug, published: trainAugSet}, {file: vocVal, ids: voc.val, published: vocValSet}}
	if err := voc.plan(opt.Options, lists, images); err != nil {
		return nil, err
	}
	report := &Report{Root: opt.Out, Unit: "masks"}
	masks := newMaskWriter(opt.Options, vocClasses, report)
	own := slices.Concat(voc.train, voc.val)
	all := slices.Concat(own, without(sbd.ids, own))
	_, err = masks.each(ctx, len(all), func(i int) (made, error) {
		if i < len(own) {
			return made{}, voc.putMask(masks, all[i])
		}
		return made{}, masks.put(augMasks+"/"+all[i]+".png", func() (Mask, error) {
			m, err := readSBDMask(sbd.mat(all[i]))
			if err == nil {
				err = fits(sbd.mat(all[i]), picture.Size{H: m.H, W: m.W}, cmp.Or(images[all[i]], voc.image(all[i])))
			}
			return m, err
		})
	})
	if err != nil {
		return nil, err
	}
	report.Objects.Read, report.Objects.Used = len(all), len(all)
	if err := writeSets(opt.Options, lists, report); err != nil {
		return nil, err
	}
	return report, finish(opt.Options, work, report)
}

// sbdFolder is SBD's benchmark_RELEASE/dataset.
type sbdFolder struct {
	path string
	voc  *vocFolder
	ids  []string // train and val, by name
	// noVal are the pictures of its training set that excludes VOC's val.
	noVal []string
}

func openSBD(root string, voc *vocFolder) (*sbdFolder, error) {
	path, err := findFolder(root, "cls", "dataset", "benchmark_RELEASE/dataset", "benchmark/benchmark_RELEASE/dataset")
	if err != nil {
		return nil, fmt.Errorf("SBD: %w; unpack benchmark.tgz and give the folder benchmark_RELEASE", err)
	}
	s := &sbdFolder{path: path, voc: voc}
	for _, file := range []string{"train.txt", "val.txt"} {
		ids, err := readIDs(filepath.Join(path, file))
		if err != nil {
			return nil, err
		}
		s.ids = append(s.ids, ids...)
	}
	slices.Sort(s.ids)
	s.ids = slices.Compact(s.ids)
	var mats []string
	for _, id := range s.ids {
		mats = append(mats, s.mat(id))
	}
	if err := checkExist("SBD", mats); err != nil {
		return nil, err
	}
	return s, s.readNoVal()
}

// readNoVal finds the pictures that VOC's main competition trains on. In all there are
// 5,623 of SBD's, exactly those of its authors' train_noval.txt, which is used when VOC's
// folder was stripped to the segmentation sets.
func (s *sbdFolder) readNoVal() error {
	main := filepath.Join(s.voc.path, "ImageSets", "Main", vocTrain)
	ids, err := readIDs(main)
	if errors.Is(err, fs.ErrNotExist) {
		noVal := filepath.Join(s.path, "train_noval.txt")
		if ids, err = readIDs(noVal); errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("the field's training list needs %s, which is part of VOC 2012, or %s, which SBD's authors publish; neither is there", main, noVal)
		}
	}
	if err != nil {
		return err
	}
	s.noVal = without(s.ids, without(s.ids, ids))
	return nil
}

func (s *sbdFolder) mat(id string) string {
	return named(s.voc.finder, filepath.Join(s.path, "cls"), id, ".mat")
}

// lists are the names of the two training lists: see SBD.
func (s *sbdFolder) lists() (merge, trainAug []string) {
	merge = without(s.noVal, s.voc.val)
	merge = slices.Concat(merge, without(s.voc.train, slices.Concat(merge, s.voc.val)))
	trainAug = slices.Concat(s.ids, s.voc.train)
	slices.Sort(trainAug)
	return merge, without(slices.Compact(trainAug), s.voc.val)
}

// findImages gives the pictures that VOC does not have. One that SBD lacks too is an error.
func (s *sbdFolder) findImages(opt Options) (map[string]string, error) {
	images := map[string]string{}
	var paths []string
	for _, id := range s.ids {
		if _, err := os.Stat(s.voc.image(id)); err == nil {
			continue
		}
		images[id] = named(s.voc.finder, filepath.Join(s.path, "img"), id, ".jpg")
		paths = append(paths, images[id])
	}
	if err := checkExist("pictures that VOC's "+jpegImages+" lacks", paths); err != nil {
		return nil, err
	}
	if len(images) > 0 && opt.Warn != nil {
		opt.Warn(fmt.Sprintf("VOC's %s lacks %d of SBD's pictures, such as %s; the lists name those of SBD instead",
			jpegImages, len(images), filepath.Base(paths[0])))
	}
	return images, nil
}

// sbdLimit is the memory that one annotation may take; the largest takes a few MiB.
const sbdLimit = 128 << 20

// readSBDMask reads GTcls.Segmentation of an annotation.
func readSBDMask(path string) (Mask, error) {
	all, err := matfile.Read(path, sbdLimit)
	if err != nil {
		return Mask{}, err
	}
	fail := func(err error) (Mask, error) {
		return Mask{}, fmt.Errorf("%s: GTcls.Segmentation: %w; is this a file of SBD's cls folder?", path, err)
	}
	gt, err := matfile.Lookup(all, "GTcls")
	if err != nil {
		return fail(err)
	}
	segmentation, err := gt.Field("Segmentation")
	if err != nil {
		return fail(err)
	}
	pix, h, w, err := segmentation.Bytes()
	if err != nil {
		return fail(err)
	}
	return Mask{pix, h, w}, nil
}

// without are the names of a that are not in b, in a's order.
func without(a, b []string) []string {
	in := make(map[string]bool, len(b))
	for _, id := range b {
		in[id] = true
	}
	var rest []string
	for _, id := range a {
		if !in[id] {
			rest = append(rest, id)
		}
	}
	return rest
}
