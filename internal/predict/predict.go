// Package predict segments pictures of any size with supports that a person gives.
package predict

import (
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"math"
	"os"
	"path/filepath"

	"hdmnet/internal/data"
	"hdmnet/internal/infile"
	"hdmnet/internal/model"
	"hdmnet/internal/nn"
	"hdmnet/internal/op"
	"hdmnet/internal/overlay"
	"hdmnet/internal/picture"
	"hdmnet/internal/refine"
	"hdmnet/internal/tta"
)

// Network is what predicts; *model.HDMNet is one.
type Network interface {
	Forward(t *nn.Tape, in model.Input) *model.Output
}

// Options say what to predict and where to put it.
type Options struct {
	Supports []Support // K ≥ 1 pictures with objects of one class (see readMask and newMask for what a mask may be)
	Queries  []string  // pictures of any format of package picture, and any size
	Out      string    // folder for the results, made when it is missing
	Size     int       // side S of the network's square input, pixels
	// Views are those of test-time augmentation; none: the query as it is.
	Views []tta.View
	// Refine moves the outline to the edges of the query; nil: it stays.
	Refine *refine.Guided
	// Finder finds the objects instead of the network, which is nil then; nil: the network does.
	// Views are not used with it, and the logits are the logarithms of its probabilities.
	Finder     Finder
	SaveLogits bool
	// WhiteIsObject: 255 (and white) in a mask is the object; else it is ignored.
	WhiteIsObject bool
	MaxPixels     int // of a picture; 0: picture.DefaultMaxPixels
	// Force replaces files of the results' names. Without it only pictures that an earlier
	// Run wrote, and nobody changed, are; others are an *ExistError, before any work. An
	// input is never replaced.
	Force bool

	Warn  func(message string) // what deserves a look but stops nothing; nil: nobody is told
	Taken func(r Taken)        // after every support; nil: nobody is told
	Done  func(r Result)       // after every query; nil: nobody is told
}

// Taken is what was understood of one support.
type Taken struct {
	Image, Overlay string  // the support's picture, and the path of its overlay
	Object         float64 // share of its pixels that are the object, in [0, 1]
}

// Result is what one query gave.
type Result struct {
	Query         string
	Mask, Overlay string  // paths of the files written
	Logits        string  // likewise; empty unless asked for
	H, W          int     // of the query, pixels
	Foreground    float64 // share of the pixels found to be the object, in [0, 1]
}

// Run segments every query by all supports together (K-shot, K = number of supports; the
// network must be made for that K) and writes, atomically, for a support cat.jpg and a
// query pic.jpg:
//
//	support_cat_overlay.png  the support with the object as it was understood
//	pic_mask.png             gray [H,W], 255 where `final` says object, else 0
//	pic_overlay.png          the query with the object tinted and outlined
//	pic_logits.npy           float32 [2,H,W]: `final` (background, object), if asked for
//
// H×W is the query's own size, upright where EXIF data turn it. Pictures go through the
// validation path: resized to S×S (bilinear), normalized; `final` is resized to H×W
// bilinearly with aligned corners. A query that is so large that it is read at a smaller
// scale (see picture.Size) has overlay and logits of that scale; its mask has H×W all the
// same.
//
// Errors name the file: one that is missing, cut short or no picture; a mask of
// another size than its picture; a mark outside it; two queries of one name; a result's
// file that is there already; a folder that cannot be written. Queries done before an error keep their results. A mask without an object
// is a warning. When ctx ends, Run stops between two queries.
func Run(ctx context.Context, net Network, tape *nn.Tape, o Options) ([]Result, error) {
	if len(o.Supports) == 0 || len(o.Queries) == 0 {
		return nil, errors.New("predict: needs at least one support and one query")
	}
	if err := checkOutputs(&o); err != nil {
		return nil, err
	}
	r := o.reader()
	s, err := readSupports(&o, r)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.Out, 0o777); err != nil {
		return nil, fmt.Errorf("output folder %s: %w; choose another one with --out", o.Out, err)
	}
	if err := s.show(&o); err != nil {
		return nil, err
	}
	var results []Result
	for _, q := range o.Queries {
		if err := ctx.Err(); err != nil {
			return results, err
		}
		result, err := segment(net, tape, &o, r, s, q)
		if err != nil {
			return results, err
		}
		results = append(results, result)
		if o.Done != nil {
			o.Done(result)
		}
	}
	return results, nil
}

// reader reads the pictures, and passes on its warnings.
func (o *Options) reader() *picture.Reader {
	r := &picture.Reader{MaxPixels: o.MaxPixels}
	if o.Warn != nil {
		r.Warn = func(file, message string) { o.Warn(infile.Shown(file) + ": " + message) }
	}
	return r
}

// segment predicts one query and writes its files.
func segment(net Network, tape *nn.Tape, o *Options, reader *picture.Reader, s *supports, query string) (Result, error) {
	p, err := reader.ReadPhoto(query)
	if err != nil {
		return Result{}, err
	}
	pix, h, w := p.Pix, p.H, p.W
	logits, err := forward(net, tape, o, s, query, pix, h, w) // [H,W,2]
	if err != nil {
		return Result{}, fmt.Errorf("query %s: %w", infile.Shown(query), err)
	}
	if o.Refine != nil {
		p := foreground(logits)
		o.Refine.Apply(p, pix, h, w, o.Size)
		logits = logarithms(p)
	}
	mask := make([]uint8, h*w)
	found := 0
	for i := range mask {
		bg, fg := logits[2*i], logits[2*i+1]
		if bg != bg || fg != fg {
			return Result{}, fmt.Errorf("query %s: the network gives NaN; its weights are damaged or their training diverged", infile.Shown(query))
		}
		if fg > bg {
			mask[i] = 1
			found++
		}
	}
	at := filepath.Join(o.Out, stem(query))
	r := Result{Query: query, Mask: at + maskSuffix, Overlay: at + overlaySuffix, H: p.Size.H, W: p.Size.W,
		Foreground: float64(found) / float64(h*w)}
	if err := o.writePNG(r.Overlay, overlay.Draw(pix, mask, h, w)); err != nil {
		return Result{}, err
	}
	if o.SaveLogits {
		r.Logits = at + logitsSuffix
		if err := o.write(r.Logits, func(f io.Writer) error {
			return writeNPY(f, []int{2, h, w}, planes(logits))
		}); err != nil {
			return Result{}, err
		}
	}
	return r, o.writePNG(r.Mask, enlarged(mask, w, p.Size))
}

// foreground is the object's probability [H,W] of logits [H,W,2].
func foreground(logits []float32) []float32 {
	p := make([]float32, len(logits)/2)
	for i := range p {
		p[i] = float32(1 / (1 + math.Exp(float64(logits[2*i]-logits[2*i+1]))))
	}
	return p
}

// logarithm of a probability, finite for 0.
func logarithm(p float32) float32 {
	return float32(math.Log(max(float64(p), math.SmallestNonzeroFloat32)))
}

// logarithms are those of the background's and the object's probability, [H,W,2] of p [H,W].
func logarithms(p []float32) []float32 {
	out := make([]float32, 2*len(p))
	for i, v := range p {
		out[2*i], out[2*i+1] = logarithm(1-v), logarithm(v)
	}
	return out
}

// enlarged is the mask, 255 for 1, in the size of its picture's file, which is larger than
// the mask where the picture was read at a smaller scale.
func enlarged(mask []uint8, w int, size picture.Size) *image.Gray {
	out := image.NewGray(image.Rect(0, 0, size.W, size.H))
	n := size.Factor()
	for y := range size.H {
		from, to := mask[y/n*w:][:w], out.Pix[y*size.W:][:size.W]
		for x := range to {
			to[x] = from[x/n] * 255
		}
	}
	return out
}

// forward runs the network on one query and returns `final` at the query's size, [H,W,2].
// Where several views or votes count these are the logarithms of their mean probabilities.
// The network may keep the features of pictures by their names.
func forward(net Network, tape *nn.Tape, o *Options, s *supports, query string, pix []uint8, h, w int) ([]float32, error) {
	px := o.Size * o.Size
	x := make([]float32, px*3)
	o.preprocess(x, pix, h, w)
	if o.Finder != nil {
		p, err := o.Finder.Find(s.episode(o.Size, query, x, h, w))
		return logarithms(p), err
	}
	b := &data.Batch{Size: 1, Shots: len(s.masks) / px, Side: o.Size, Query: x, Support: s.images, SupportMask: s.masks}
	names := []string{"query " + query}
	for i := range b.Shots {
		names = append(names, fmt.Sprintf("support %d of %s", i, s.class))
	}
	views := viewsOf(o.Views)
	var sum []float32
	for _, view := range views {
		out := pass(net, tape, view, b, names, nil)
		votes := max(out.Votes, 1)
		full := tta.FullSize(tape, out.Final.Value, 0, votes, h, w, 0)
		if votes*len(views) == 1 {
			logits := make([]float32, op.Len(full.Logits))
			tape.Dev.Download(logits, full.Logits)
			return logits, nil
		}
		if sum == nil {
			sum = make([]float32, h*w*op.Last(full.Logits))
		}
		full.Accumulate(tape, sum, view.Flip, 1/float32(votes*len(views)))
		full.Free(tape)
	}
	for i, p := range sum {
		sum[i] = logarithm(p)
	}
	return sum, nil
}

// planes turns [H·W,2] into [2,H·W].
func planes(x []float32) []float32 {
	n := len(x) / 2
	out := make([]float32, len(x))
	for i := range n {
		out[i], out[n+i] = x[2*i], x[2*i+1]
	}
	return out
}
