package prepare

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"path/filepath"
	"strconv"

	"hdmnet/internal/data"
	"hdmnet/internal/picture"
)

// SynthOptions say which scenes of shapes5i to write; see data.ShapesOptions.
type SynthOptions struct {
	Options
	Fold       data.Fold // from data.Shapes5i: a training scene shows base classes only
	Seed       uint64
	Size       int // side of a scene in pixels, 64..1024
	Train, Val int // scenes of each list
}

// Folders of a synthetic set, named as VOC names them.
const (
	synthImages = "JPEGImages"
	synthMasks  = "SegmentationClassAug"
)

// Synth writes the synthetic set shapes5i to disk: pictures (PNG, so that no pixel
// changes) under JPEGImages, masks (palette PNG) under SegmentationClassAug, train.txt,
// val.txt and classes.txt. As a custom set of four folds it trains and evaluates, on the
// fold it was made for, to the same bits as the set in memory.
//
// Errors: those of data.NewShapes; another fold, seed or size than what is there already,
// unless Force (another number of scenes adds or leaves out some); a folder that cannot
// be written.
func Synth(ctx context.Context, opt SynthOptions) (*Report, error) {
	if opt.Size == 0 {
		return nil, errors.New("shapes5i: scene size 0, expected 64..1024 pixels")
	}
	scenes := map[data.Split]*data.Shapes{}
	for split, count := range map[data.Split]int{data.Train: opt.Train, data.Val: opt.Val} {
		var err error
		scenes[split], err = data.NewShapes(data.ShapesOptions{Fold: opt.Fold, Split: split, Seed: opt.Seed, Count: count, Size: opt.Size})
		if err != nil {
			return nil, err
		}
	}
	work := task{command: "synth", folders: []string{synthMasks, synthImages}, settings: map[string]string{
		"fold": strconv.Itoa(opt.Fold.Index), "seed": strconv.FormatUint(opt.Seed, 10), "size": strconv.Itoa(opt.Size),
	}}
	var err error
	options, release, err := begin(opt.Options, work)
	if err != nil {
		return nil, err
	}
	defer release()
	opt.Options = options
	report := &Report{}
	masks := newMaskWriter(opt.Options, len(opt.Fold.Names)-1, report)
	for _, split := range []data.Split{data.Train, data.Val} {
		src := scenes[split]
		pairs := make([]pair, src.Len())
		for i := range pairs {
			name := fmt.Sprintf("%s_%06d.png", split, i)
			pairs[i] = pair{synthImages + "/" + name, synthMasks + "/" + name}
		}
		err := each(ctx, opt.Options, split.String()+" scenes", len(pairs), func(i int) error {
			if err := synthImage(opt.Options, pairs[i].image, src, i); err != nil {
				return err
			}
			return masks.put(pairs[i].mask, func() (Mask, error) {
				pix, err := src.LoadMask(i)
				return Mask{Pix: pix, H: opt.Size, W: opt.Size}, err
			})
		})
		if err != nil {
			return nil, err
		}
		if err := writeList(opt.Options, split.String()+".txt", pairs, report); err != nil {
			return nil, err
		}
	}
	if err := writeClasses(opt.Options, opt.Fold.Names[1:]); err != nil {
		return nil, err
	}
	return report, finish(opt.Options, work, report)
}

// synthImage makes sure that the picture of scene i is there and whole.
func synthImage(opt Options, name string, src *data.Shapes, i int) error {
	path := filepath.Join(opt.Out, filepath.FromSlash(name))
	if !opt.Force {
		if _, _, err := new(picture.Reader).ReadImage(path); err == nil {
			return nil
		}
	}
	scene, err := src.Load(i)
	if err != nil {
		return err
	}
	img := image.NewRGBA(image.Rect(0, 0, scene.W, scene.H))
	for p := range scene.Mask {
		q := img.Pix[p*4:][:4]
		copy(q, scene.Image[p*3:][:3])
		q[3] = 255
	}
	var content bytes.Buffer
	if err := encoder.Encode(&content, img); err != nil {
		return fmt.Errorf("image %s: %w", path, err)
	}
	return writeFile(path, content.Bytes())
}
