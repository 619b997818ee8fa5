package train

import (
	"cmp"
	"image"
	"math"
	"path/filepath"
	"strconv"
	"strings"

	"hdmnet/internal/eval"
	"hdmnet/internal/op"
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
			if st.fbIoU != nil {
				if err := w.Scalars(st.Step, map[string]float64{tagFBIoU: *st.fbIoU}); err != nil {
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

// trained takes the score of an epoch's batches, which all processes add up.
func (s *stage) trained() Hook {
	return Hook{
		Name: "score of the batches", Priority: priorityTrained,
		Epoch: func(st *Status) error {
			st.fbIoU = nil
			v, ok, err := s.task.TrainedFBIoU()
			if ok {
				st.fbIoU = &v
			}
			return err
		},
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

// How many of a validation's episodes are shown, always the same (process 0's first ones),
// and the side of their pictures.
const (
	shownEpisodes = 4
	shownSide     = 192
)

// shown is a picture of an episode.
type shown struct {
	tag     string
	picture image.Image
}

// show keeps a picture of the first episodes.
func (v *Validation) show(e *eval.Seen) error {
	if len(v.shown) < shownEpisodes {
		v.shown = append(v.shown, shown{tagEpisodes + strconv.Itoa(e.Episode.Position), e.Strip(shownSide)})
	}
	return nil
}
