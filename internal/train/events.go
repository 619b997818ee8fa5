package train

import (
	"cmp"
	"image"
	"math"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/image/draw"

	"hdmnet/internal/eval"
	"hdmnet/internal/op"
	"hdmnet/internal/overlay"
	"hdmnet/internal/tensorboard"
)

// What a validation's events have in their tags, and steps' have not.
const (
	tagVal      = "_val"
	tagEpisodes = "episodes/"
	tagFBIoU    = "FBIoU_train" // of an epoch
)

// gradientEvery is the steps between two gradient norms: taking one reads all gradients.
const gradientEvery = 20

// stepTags are the tags that the released program gives to the losses of a step.
var stepTags = map[string]string{total: "loss_train", "main": "loss_train_main", "distill": "loss_train_aux1", "base": "loss_train_aux2"}

// scoreTags are those of the scores of a validation.
var scoreTags = map[string]string{
	"miou": "mIoU_val", "miou_meta": "mIoU_val_m", "miou_base": "mIoU_val_b", "fb_iou": "FBIoU_val", "fb_iou_meta": "FBIoU_val_m",
}

// openEvents starts a file of events. What the stage has not reached yet is dropped.
func (s *stage) openEvents() (*tensorboard.Writer, error) {
	dir, st := s.dir.TensorBoard(), &s.status
	if st.Stage == Base {
		dir = filepath.Join(dir, Base)
	}
	validated := s.epochEnd(st.Epoch)
	return tensorboard.Open(dir, st.Step+1, func(tag string, step int) bool {
		if strings.Contains(tag, tagVal) || strings.HasPrefix(tag, tagEpisodes) || tag == tagFBIoU {
			return step <= validated
		}
		return step <= st.Step && st.Step > 0
	})
}

// board writes what TensorBoard shows.
func (s *stage) board() Hook {
	if s.events == nil {
		return Hook{}
	}
	w := s.events
	return Hook{
		Name: "tensorboard", Priority: priorityEvents,
		Start: func(st *Status) error {
			if st.Step > 0 {
				return nil
			}
			return w.HParams(st.Settings)
		},
		Step: func(st *Status) error {
			values := map[string]float64{
				"images_per_second": float64(st.Images) / max(st.Seconds, 1e-9),
				"peak_memory_MiB":   float64(op.PeakMemory(s.dev)) / (1 << 20),
			}
			for name, v := range st.Losses {
				values[cmp.Or(stepTags[name], "loss_train_"+name)] = v
			}
			for group, v := range st.LR {
				values["lr/"+group] = v
			}
			if st.GradientNorm != 0 {
				values["gradient_norm"] = st.GradientNorm
			}
			return w.Scalars(st.Step, values)
		},
		Epoch: func(st *Status) error {
			if v, ok := s.task.TrainedFBIoU(); ok {
				if err := w.Scalars(st.Step, map[string]float64{tagFBIoU: v}); err != nil {
					return err
				}
			}
			if st.Validation == nil {
				return w.Flush()
			}
			values := map[string]float64{"loss_val": st.Validation.loss}
			for name, v := range st.Validation.Scores {
				values[cmp.Or(scoreTags[name], name+tagVal)] = v
			}
			if err := w.Scalars(st.Step, values); err != nil {
				return err
			}
			for _, e := range st.Validation.shown {
				if err := w.Image(st.Step, e.tag, e.picture); err != nil {
					return err
				}
			}
			return w.Flush()
		},
		End: func(st *Status) error { return w.Complete(st.Step) },
	}
}

// gradientNorm starts to read the gradients; what it returns waits for them.
func (s *stage) gradientNorm() func() float64 {
	grads := s.task.Set().Grads
	v := make([]float32, op.Len(grads))
	wait := op.Fetch(s.dev, v, grads)
	return func() float64 {
		wait()
		sum := 0.0
		for _, x := range v {
			sum += float64(x) * float64(x)
		}
		return math.Sqrt(sum)
	}
}

// How many of a validation's episodes are shown, always the same, and the side of their
// pictures.
const (
	shownEpisodes = 4
	shownSide     = 192
)

// shown is a picture of an episode.
type shown struct {
	tag     string
	picture image.Image
}

// show keeps a picture of the first episodes: their first support with its mask, the query,
// the query with its mask and with the prediction.
func (v *Validation) show(e *eval.Seen) error {
	if e.Episode.Position >= shownEpisodes {
		return nil
	}
	query, support := e.Episode.Query, e.Episode.Supports[0]
	side := int(math.Sqrt(float64(len(query.Mask))))
	predicted := image.NewGray(image.Rect(0, 0, e.Episode.W, e.Episode.H))
	copy(predicted.Pix, e.Final)
	square := image.NewGray(image.Rect(0, 0, side, side))
	draw.NearestNeighbor.Scale(square, square.Bounds(), predicted, predicted.Bounds(), draw.Src, nil)
	pixels := bytesOf(query.Image)
	tiles := []image.Image{
		overlay.Draw(bytesOf(support.Image), support.Mask, side, side),
		overlay.Draw(pixels, make([]uint8, side*side), side, side),
		overlay.Draw(pixels, query.Mask, side, side),
		overlay.Draw(pixels, square.Pix, side, side),
	}
	edge := min(side, shownSide)
	const gap = 4
	strip := image.NewRGBA(image.Rect(0, 0, len(tiles)*(edge+gap)-gap, edge))
	draw.Draw(strip, strip.Bounds(), image.White, image.Point{}, draw.Src)
	for i, tile := range tiles {
		at := image.Rect(0, 0, edge, edge).Add(image.Pt(i*(edge+gap), 0))
		draw.ApproxBiLinear.Scale(strip, at, tile, tile.Bounds(), draw.Src, nil)
	}
	v.shown = append(v.shown, shown{tagEpisodes + strconv.Itoa(e.Episode.Position), strip})
	return nil
}

// bytesOf are gray levels as bytes.
func bytesOf(levels []float32) []uint8 {
	out := make([]uint8, len(levels))
	for i, v := range levels {
		out[i] = uint8(max(0, min(255, v+0.5)))
	}
	return out
}
