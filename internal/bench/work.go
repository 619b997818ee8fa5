// Package bench is what the commands `hdmnet bench model`, `ops`, `serve` and `gemm` time: episodes
// and training steps on made-up input, their operators one by one, and matrix products.
package bench

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/jpeg"

	"hdmnet/internal/config"
	"hdmnet/internal/data"
	"hdmnet/internal/dist"
	"hdmnet/internal/experiment"
	"hdmnet/internal/model"
	"hdmnet/internal/nn"
	"hdmnet/internal/op"
	"hdmnet/internal/synth"
	"hdmnet/internal/train"
)

// Options say what a Work is.
type Options struct {
	Config *config.Config // the network, its size and shots, and the meta stage's settings
	Fold   data.Fold
	Batch  int
	Train  bool // a training step instead of an evaluation
	// Group makes training steps together; nil: this process alone.
	Group dist.ProcessGroup
}

// Work is a network with a batch of made-up episodes, to be run again and again. Weights
// and episodes are those of package synth, the episodes under the name "bench": another
// program that knows the formulae can be given the same work.
type Work struct {
	run     func() error
	finish  func() error // all runs
	result  func() float64
	close   func() error
	arena   *op.Arena
	trained int
}

// Trained is the number of values that a training step updates.
func (w *Work) Trained() int { return w.trained }

// New builds the network on a device. Its errors are those of a network that does not
// exist and of memory that cannot be had.
func New(dev op.Device, o Options) (*Work, error) {
	b := episodes(o)
	if o.Train {
		return newStep(dev, o, b)
	}
	return newEvaluation(dev, o, b)
}

// Run is one run: an evaluation of the batch from pictures in host memory to the label
// maps of the final, the meta and the base output at the pictures' size, again in host
// memory; or a training step, with the losses in host memory and the parameters updated.
// On a device that runs ahead, the losses are those of some steps before, as in the trainer:
// many runs take as long as so many steps.
func (w *Work) Run() error { return w.run() }

// Finish waits for what runs have left under way.
func (w *Work) Finish() error { return w.finish() }

// Result is a number that shows that the last finished Run did its work: the share of the
// queries' pixels that the final output says are foreground, or the total loss.
func (w *Work) Result() float64 { return w.result() }

// Arena is the memory of the activations.
func (w *Work) Arena() *op.Arena { return w.arena }

// Close frees all memory.
func (w *Work) Close() error { return w.close() }

func newStep(dev op.Device, o Options, b *data.Batch) (*Work, error) {
	if o.Group == nil {
		o.Group = dist.Solo{}
	}
	s, err := train.NewSteps(dev, o.Config, o.Fold, o.Group)
	if err != nil {
		return nil, err
	}
	if err := s.Set().Fill(made); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return &Work{
		run: func() error { return s.Step(b) }, finish: s.Finish, result: s.Loss,
		arena: s.Arena(), close: s.Close, trained: op.Len(s.Set().Grads),
	}, nil
}

func newEvaluation(dev op.Device, o Options, b *data.Batch) (*Work, error) {
	c := o.Config
	network, err := NewNetwork(dev, c, o.Fold)
	if err != nil {
		return nil, err
	}
	net, tape := network.HDMNet, network.Tape
	share := 0.0 // of the queries' pixels that are foreground
	w := &Work{
		finish: func() error { return nil }, result: func() float64 { return share },
		arena: tape.Arena, close: network.Close,
	}
	n, s := b.Size, b.Side
	labels := make([]uint8, n*s*s)
	w.run = func() error {
		tape.Begin(false, 0)
		in := model.Upload(tape, b)
		var predictions [3]op.Tensor
		var out *model.Output
		op.CaptureGraph(dev, func() {
			in.Normalize(tape)
			out = net.Forward(tape, in)
		})
		op.Region(dev, model.RegionPredictions)
		for i, logits := range []*nn.Var{out.Base, out.Meta, out.Final} {
			full := model.Upsample(tape, logits, s, s)
			predictions[i] = tape.Arena.Uint8(n, s, s)
			dev.Argmax(predictions[i], full.Value)
			if full != logits {
				tape.Free(full)
			}
		}
		op.Region(dev, model.RegionResults)
		for _, pred := range predictions {
			dev.Download(labels, pred)
		}
		foreground := 0
		for _, l := range labels {
			foreground += int(l)
		}
		share = float64(foreground) / float64(len(labels))
		return nil
	}
	return w, nil
}

// NewNetwork builds the network for inference, with the made-up weights of every benchmark.
func NewNetwork(dev op.Device, c *config.Config, fold data.Fold) (*experiment.Network, error) {
	net, err := model.NewHDMNet(experiment.ModelOptions(c, fold, c.Model.Shots))
	if err != nil {
		return nil, err
	}
	n := &experiment.Network{HDMNet: net, Set: nn.NewInferenceSet(dev, net, 0), Tape: nn.NewTape(dev)}
	if err := n.Set.Fill(made); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

// Photo is a made-up picture of h×w as a JPEG file.
func Photo(name string, h, w int) ([]byte, error) {
	gray := grayLevels(synth.Image(name, 3, h, w), h*w)
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for i := range h * w {
		for k := range 3 {
			img.Pix[4*i+k] = uint8(min(max(gray[3*i+k], 0), 255))
		}
		img.Pix[4*i+3] = 255
	}
	var out bytes.Buffer
	err := jpeg.Encode(&out, img, &jpeg.Options{Quality: 90})
	return out.Bytes(), err
}

// PhotoMask is a made-up object in a picture of h×w: 1 the object, 0 background.
func PhotoMask(name string, h, w int) []uint8 { return synth.Mask(name, h, w) }

// made gives a parameter the values of its name.
func made(p *nn.Param, v []float32) error {
	synth.FillParam(v, p.Name, p.Shape)
	return nil
}

// episodes are the batch that every run gets.
func episodes(o Options) *data.Batch {
	n, k, s := o.Batch, o.Config.Model.Shots, o.Config.Model.Size
	e := synth.MakeEpisodes("bench", n, k, s, len(o.Fold.Base)+1)
	b := &data.Batch{
		Size: n, Shots: k, Side: s, Query: grayLevels(e.Query, s*s), Support: grayLevels(e.Support, s*s),
		QueryMask: e.QueryMask, SupportMask: e.SupportMask, BaseLabel: e.BaseLabel,
	}
	for i, cat := range e.Class {
		b.ClassIndex = append(b.ClassIndex, int(cat))
		b.Episodes = append(b.Episodes, &data.Episode{
			Class: o.Fold.Base[cat], ClassIndex: int(cat), QueryName: fmt.Sprintf("bench/query/%d", i),
			Query: data.Sample{Mask: b.QueryMask[i*s*s : (i+1)*s*s]},
		})
	}
	return b
}

// grayLevels turns normalized pictures [n,3,pixels] into what a loader gives, [n,pixels,3].
func grayLevels(x []float32, pixels int) []float32 {
	out := make([]float32, len(x))
	for i, v := range x {
		picture, channel, pixel := i/(3*pixels), i/pixels%3, i%pixels
		out[(picture*pixels+pixel)*3+channel] = v*data.Std[channel] + data.Mean[channel]
	}
	return out
}
