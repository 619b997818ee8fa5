package data

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
)

// LoaderOptions say what batches to make. Fold and split come with the index.
type LoaderOptions struct {
	Source Source
	Index  *Index // from BuildIndex, or AllImages for the base stage
	Stage  Stage

	Size  int // side S of the square input, pixels
	Shots int // supports of an episode, the most where Drawer draws a varying number; >= 1 in the meta stage, not used in the base stage
	Batch int // episodes of a step, >= 1

	// Annotation is how the supports' objects are marked. It is applied to their
	// masks in full size, before any augmentation.
	Annotation Annotation

	// Episodes is the length of an epoch; 0 means one per image of the index.
	// A longer epoch goes through the images again.
	Episodes int
	// Place is, in the whole epoch, of which this loader gives a part, the position of its
	// own i-th episode; ascending. nil: the loader gives all of it. Draws and augmentation
	// follow from the position, whoever makes the episode. With it Episodes may be 0: an
	// empty part.
	Place    func(i int) int
	DropLast bool // leave out the last batch of an epoch when it is not full

	// KeepPictures gives every episode its query at its own size; validation only.
	KeepPictures bool
	// Resizer brings pictures and masks to the input; validation only. nil: Preprocess and
	// ResizeLabel do.
	Resizer Resizer

	Seed    uint64
	Drawer  Drawer         // nil means NewDrawer(Index, Stage, Shots, Seed)
	Augment AugmentOptions // training only; the base stage crops besides

	Workers  int // batches built at once; 0 means GOMAXPROCS. The batches do not depend on it.
	Prefetch int // batches ready or under way before they are asked for; 0 means Workers+1
}

// Resizer brings pictures and masks to a square input in a way of its own.
type Resizer interface {
	// Picture resizes image [h,w,3] RGB to dst [size,size,3], gray levels.
	Picture(dst []float32, size int, image []uint8, h, w int)
	// Label resizes label [h,w] to dst [size,size].
	Label(dst []uint8, size int, label []uint8, h, w int)
}

func (o *LoaderOptions) validate() error {
	if o.Source == nil || o.Index == nil {
		return errors.New("loader: needs a source and an index")
	}
	if o.Size < 1 || o.Batch < 1 || o.Episodes < 0 || o.Workers < 0 || o.Prefetch < 0 {
		return fmt.Errorf("loader: size %d and batch %d must be at least 1; episodes %d, workers %d and prefetch %d at least 0",
			o.Size, o.Batch, o.Episodes, o.Workers, o.Prefetch)
	}
	if o.Resizer != nil && o.Index.Split != Val {
		return errors.New("loader: a resizer of one's own is for validation: it knows no augmentation")
	}
	if err := o.Augment.validate(); err != nil {
		return err
	}
	if o.Annotation != AnnotationMask && o.Annotation != AnnotationBBox {
		return fmt.Errorf("loader: annotation %d does not exist, expected data.AnnotationMask or data.AnnotationBBox", int(o.Annotation))
	}
	switch o.Stage {
	case Meta:
		if o.Shots < 1 {
			return fmt.Errorf("loader: %d shots, expected at least 1", o.Shots)
		}
		if len(o.Index.ByClass) == 0 {
			return errors.New("loader: the meta stage draws by class: make the index with BuildIndex, not AllImages")
		}
		if err := o.Index.Check(o.Shots); err != nil {
			return err
		}
	case Base:
		o.Shots = 0
		if len(o.Index.Images) == 0 {
			return errors.New("loader: the index has no image")
		}
	default:
		return fmt.Errorf("loader: stage %d does not exist, expected data.Meta or data.Base", int(o.Stage))
	}
	if o.Episodes == 0 && o.Place == nil {
		o.Episodes = len(o.Index.Images)
	}
	if o.DropLast && o.Episodes < o.Batch {
		return fmt.Errorf("loader: an epoch of %d episodes has no full batch of %d; use a smaller batch, more episodes or more images", o.Episodes, o.Batch)
	}
	if o.Workers == 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if o.Prefetch == 0 {
		o.Prefetch = o.Workers + 1
	}
	if o.Place == nil {
		o.Place = func(i int) int { return i }
	}
	if o.Drawer == nil {
		o.Drawer = NewDrawer(o.Index, o.Stage, o.Shots, o.Seed)
	}
	return nil
}

// Loader gives batches in order, built ahead of time by worker goroutines.
// Its whole state is (epoch, step): see Position and Seek. Memory is bounded by
// Prefetch + Workers + 1 batches besides those that the caller has not
// released. One goroutine at a time may use it; Release may be called from any.
type Loader struct {
	opt  LoaderOptions
	base *remap
	free chan buffers

	epoch, step int // of the batch that Next gives next
	run         *pipeline
	head        *job // taken from the pipeline, not yet given
	err         error
}

// pipeline is the goroutines between two Seeks: a dispatcher draws and lines up
// jobs, workers build them in any order, Next takes them in line.
type pipeline struct {
	cancel context.CancelFunc
	line   chan *job
	wg     sync.WaitGroup
}

type job struct {
	epoch, step, first int
	draws              []Draw
	batch              *Batch
	err                error
	done               chan struct{} // closed when batch or err is set
}

// NewLoader checks the options; no picture is read before the first Next.
// It fails where a class has too few images for the shots (see Index.Check).
func NewLoader(opt LoaderOptions) (*Loader, error) {
	if err := opt.validate(); err != nil {
		return nil, err
	}
	return &Loader{
		opt:  opt,
		base: opt.Index.Fold.baseRemap(),
		free: make(chan buffers, opt.Prefetch+opt.Workers+1),
	}, nil
}

// StepsPerEpoch is the number of batches in an epoch.
func (l *Loader) StepsPerEpoch() int {
	if l.opt.DropLast {
		return l.opt.Episodes / l.opt.Batch
	}
	return (l.opt.Episodes + l.opt.Batch - 1) / l.opt.Batch
}

// Position is the epoch and step of the batch that Next gives next. In
// validation it is (e, StepsPerEpoch) at the end of epoch e.
func (l *Loader) Position() (epoch, step int) { return l.epoch, l.step }

// Seek makes the batch of (epoch, step) the next one, as if all before it had
// been taken. step may be StepsPerEpoch: the end of the epoch.
func (l *Loader) Seek(epoch, step int) error {
	steps := l.StepsPerEpoch()
	if epoch < 0 || step < 0 || step > steps {
		return fmt.Errorf("loader: no position epoch %d step %d: an epoch has %d steps; the checkpoint belongs to another data set or batch size", epoch, step, steps)
	}
	l.stop()
	l.epoch, l.step, l.err = epoch, step, nil
	l.wrap()
	return nil
}

// wrap starts the next epoch after the last step, in training.
func (l *Loader) wrap() {
	if l.step == l.StepsPerEpoch() && l.opt.Index.Split == Train {
		l.epoch, l.step = l.epoch+1, 0
	}
}

// Next gives the next batch. Training goes on for ever; validation gives io.EOF
// after the last step, until Seek. Hand the batch back with Release once it is
// not needed. Errors: ctx canceled (the batch is not lost); a picture that
// cannot be read, named by file, after which only Seek and Close are of use.
func (l *Loader) Next(ctx context.Context) (*Batch, error) {
	if l.err != nil {
		return nil, l.err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if l.step == l.StepsPerEpoch() {
		return nil, io.EOF
	}
	if l.run == nil {
		l.start()
	}
	if l.head == nil {
		select {
		case l.head = <-l.run.line:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	select {
	case <-l.head.done:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	batch, err := l.head.batch, l.head.err
	l.head = nil
	if err != nil {
		l.stop()
		l.err = err
		return nil, err
	}
	l.step++
	l.wrap()
	return batch, nil
}

// Release gives a batch's memory back for another one. The batch and all slices
// of its episodes but Label and FullBaseLabel must not be used afterwards.
func (l *Loader) Release(b *Batch) {
	if b == nil || b.full.query == nil {
		return
	}
	full := b.full
	*b = Batch{}
	select {
	case l.free <- full:
	default: // enough is kept already
	}
}

// Close ends the workers and waits for them. The loader is of no use afterwards.
func (l *Loader) Close() error {
	l.stop()
	l.err = errors.New("loader: closed")
	return nil
}

func (l *Loader) start() {
	ctx, cancel := context.WithCancel(context.Background())
	p := &pipeline{cancel: cancel, line: make(chan *job, l.opt.Prefetch)}
	work := make(chan *job)
	for range l.opt.Workers {
		p.wg.Add(1)
		go func() {
			defer p.wg.Done()
			b := &builder{opt: &l.opt, base: l.base}
			for j := range work {
				l.build(b, j)
				close(j.done)
			}
		}()
	}
	p.wg.Add(1)
	epoch, step := l.epoch, l.step
	go func() {
		defer p.wg.Done()
		defer close(work)
		for {
			if step == l.StepsPerEpoch() {
				if l.opt.Index.Split == Val {
					return
				}
				epoch, step = epoch+1, 0
			}
			j := l.job(epoch, step)
			select { // the line first: it is what bounds the batches under way
			case p.line <- j:
			case <-ctx.Done():
				return
			}
			select {
			case work <- j:
			case <-ctx.Done():
				return
			}
			step++
		}
	}()
	l.run = p
}

func (l *Loader) stop() {
	if l.run == nil {
		return
	}
	l.run.cancel()
	l.run.wg.Wait()
	l.run, l.head = nil, nil
}

// job draws the episodes of a step.
func (l *Loader) job(epoch, step int) *job {
	j := &job{epoch: epoch, step: step, first: step * l.opt.Batch, done: make(chan struct{})}
	for p := j.first; p < min(j.first+l.opt.Batch, l.opt.Episodes); p++ {
		j.draws = append(j.draws, l.opt.Drawer.Draw(epoch, l.opt.Place(p)))
	}
	return j
}

func (l *Loader) build(b *builder, j *job) {
	var memory buffers
	select {
	case memory = <-l.free:
	default:
		memory = newBuffers(l.opt.Batch, l.opt.Shots, l.opt.Size, l.opt.Stage)
	}
	batch := newBatch(memory, len(j.draws), len(j.draws[0].Supports), l.opt.Size, l.opt.Stage)
	batch.Epoch, batch.Step = j.epoch, j.step
	if err := b.build(batch, j.draws, j.first); err != nil {
		j.err = err
		return
	}
	j.batch = batch
}
