package selftest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"hdmnet/internal/labelmap"
	"hdmnet/internal/model"
	"hdmnet/internal/nn"
	"hdmnet/internal/op"
)

// Options say how much to run.
type Options struct {
	// Tolerance is how far an operator may be from the reference's: 1e-4 for float32.
	Tolerance float64
	// Products is how far the operators may be whose inputs a device may round (op.Precision),
	// and with them the results of networks: 2e-2 where they are rounded to 8 or 11 bits.
	Products float64
	// Thorough runs a ResNet-50 as well: the shapes of the published networks' layers.
	Thorough bool
}

// Report is what a device made of the self-test.
type Report struct {
	Operators []Operator `json:"operators"` // none without a reference
	Results   []Result   `json:"results"`
	OK        bool       `json:"ok"`
}

// Result is one number that a whole network gives, and should give.
type Result struct {
	Name       string  `json:"name"`
	Value      Number  `json:"value"`
	Want       float64 `json:"want"`
	Difference Number  `json:"difference"` // |value−want|/|want|
	OK         bool    `json:"ok"`
}

// Number is a measured value; one that is not finite is null in JSON, which has no other
// way to write it.
type Number float64

// Finite tells whether n is neither NaN nor infinite.
func (n Number) Finite() bool { return !math.IsNaN(float64(n)) && !math.IsInf(float64(n), 0) }

// MarshalJSON writes n, or null.
func (n Number) MarshalJSON() ([]byte, error) {
	if !n.Finite() {
		return []byte("null"), nil
	}
	return json.Marshal(float64(n))
}

// Run runs small networks on dev, a step of each stage and an evaluation, and compares
// their results with known ones. With a reference every operator is compared too. The
// error is that of a device which cannot go on, or of ctx; the report holds what there was before.
func Run(ctx context.Context, dev, reference op.Device, o Options) (r *Report, err error) {
	r = &Report{OK: true}
	var twin *differentialDevice
	if reference != nil {
		twin = newDifferentialDevice(dev, reference, o)
		dev = twin
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the self-test stopped: %v", p)
		}
		if twin != nil {
			r.Operators = twin.operators()
		}
		for _, q := range r.Operators {
			r.OK = r.OK && q.OK
		}
		for _, q := range r.Results {
			r.OK = r.OK && q.OK
		}
		r.OK = r.OK && err == nil
	}()
	for _, c := range cases {
		if c.thorough && !o.Thorough {
			continue
		}
		if err := ctx.Err(); err != nil {
			return r, err
		}
		got, err := c.run(dev, c)
		if err != nil {
			return r, fmt.Errorf("%s: %w", c.name, err)
		}
		d := math.Abs(got-c.want) / math.Abs(c.want)
		r.Results = append(r.Results, Result{Name: c.name, Value: Number(got), Want: c.want, Difference: Number(d), OK: d <= o.Products})
	}
	return r, nil
}

// workload is a network and a batch.
type workload struct {
	name               string
	run                func(op.Device, workload) (float64, error)
	want               float64 // what it gives in pure Go (HDMNET_CPU=go)
	backbone           string
	size, batch, shots int
	thorough           bool
	ambiguity          bool
}

const classes = 16 // base classes and background

var cases = []workload{
	{name: "loss of a training step, 2 shots", run: trainMeta, want: 4.893270, backbone: "tiny", size: 65, batch: 2, shots: 2},
	{name: "loss of a training step with ambiguity elimination", run: trainMeta, want: 5.454438, backbone: "tiny", size: 65, batch: 2, shots: 2, ambiguity: true},
	{name: "outputs of an evaluation, 1 shot", run: evaluate, want: 59.11469, backbone: "tiny", size: 81, batch: 1, shots: 1},
	{name: "loss of a base training step", run: trainBase, want: 2.846566, backbone: "tiny", size: 65, batch: 4},
	{name: "outputs of an evaluation on an encoder", run: evaluate, want: 56.890322, backbone: "dinov3_tiny16", size: 80, batch: 1, shots: 1},
	{name: "loss of a training step, ResNet-50", run: trainMeta, want: 5.406363, backbone: "resnet50", size: 97, batch: 2, shots: 2, thorough: true},
	{name: "outputs of an evaluation, ResNet-50", run: evaluate, want: 99.87377, backbone: "resnet50", size: 97, batch: 1, shots: 1, thorough: true},
	{name: "loss of a base training step, ResNet-50", run: trainBase, want: 2.845252, backbone: "resnet50", size: 97, batch: 4, thorough: true},
}

// trainMeta returns the loss of a step of the meta stage and updates the parameters.
func trainMeta(dev op.Device, w workload) (loss float64, err error) {
	net, err := model.NewHDMNet(model.Options{Backbone: w.backbone, BaseClasses: classes, Shots: w.shots, KShotReweight: true, Ambiguity: w.ambiguity})
	if err != nil {
		return 0, err
	}
	set := nn.NewSet(dev, net, 1)
	defer func() { err = errors.Join(err, set.Close()) }()
	tape := nn.NewTape(dev)
	tape.Training = true
	defer func() { err = errors.Join(err, tape.Arena.Close()) }()
	tape.Begin(true, 1)
	d := draw{tape, rand.New(rand.NewPCG(1, uint64(w.size)))}
	excluded := tape.Arena.Int32(w.batch)
	dev.Upload(excluded, make([]int32, w.batch))
	out := net.Forward(tape, d.episodes(w, excluded))
	total := net.Loss(tape, out, d.masks(w.batch, w.size, w.size), d.labels(w.batch, w.size, w.size), model.LossOptions{Distill: 1, Scale: 1})
	tape.Backward()
	m, v := tape.Arena.Zeros(op.Len(set.Values)), tape.Arena.Zeros(op.Len(set.Values))
	dev.AdamW(set.Values, m, v, set.Grads, op.AdamWParams{LR: 1e-3, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, WeightDecay: 0.01, Step: 1})
	dev.Zero(set.Grads)
	return float64(model.ReadLosses(dev, total, 1).Total), nil
}

// evaluate returns the norm of the outputs of an evaluation.
func evaluate(dev op.Device, w workload) (norm float64, err error) {
	net, err := model.NewHDMNet(model.Options{Backbone: w.backbone, BaseClasses: classes, Shots: w.shots})
	if err != nil {
		return 0, err
	}
	set := nn.NewSet(dev, net, 2)
	defer func() { err = errors.Join(err, set.Close()) }()
	tape := nn.NewTape(dev)
	defer func() { err = errors.Join(err, tape.Arena.Close()) }()
	tape.Begin(false, 0)
	d := draw{tape, rand.New(rand.NewPCG(2, uint64(w.size)))}
	out := net.Forward(tape, d.episodes(w, nil))
	final := model.Upsample(tape, out.Final, w.size, w.size).Value
	dev.Argmax(tape.Arena.Uint8(w.batch, w.size, w.size), final)
	for _, t := range []op.Tensor{final, out.Meta.Value, out.Base.Value, out.Similarity.Value} {
		values := make([]float32, op.Len(t))
		dev.Download(values, t)
		for _, x := range values {
			norm += float64(x) * float64(x)
		}
	}
	return math.Sqrt(norm), nil
}

// trainBase returns the loss of a step of the base stage and updates the parameters.
func trainBase(dev op.Device, w workload) (loss float64, err error) {
	net, err := model.NewPSPNet(model.Options{Backbone: w.backbone, BaseClasses: classes})
	if err != nil {
		return 0, err
	}
	set := nn.NewSet(dev, net, 3)
	defer func() { err = errors.Join(err, set.Close()) }()
	tape := nn.NewTape(dev)
	tape.Training, tape.BatchStats = true, true
	defer func() { err = errors.Join(err, tape.Arena.Close()) }()
	tape.Begin(true, 1)
	d := draw{tape, rand.New(rand.NewPCG(3, uint64(w.size)))}
	logits := net.Forward(tape, d.images(w.batch, w.size, w.size, 3))
	mean := net.Loss(tape, logits, d.labels(w.batch, w.size, w.size), 1)
	tape.Backward()
	dev.SGD(set.Values, tape.Arena.Zeros(op.Len(set.Values)), set.Grads, op.SGDParams{LR: 0.01, Momentum: 0.9, WeightDecay: 1e-4})
	v := make([]float32, op.Len(mean))
	dev.Download(v, mean)
	return float64(v[0]), nil
}

// draw makes pictures and labels, the same on every machine.
type draw struct {
	tape   *nn.Tape
	random *rand.Rand
}

func (d draw) episodes(w workload, excluded op.Tensor) model.Input {
	return model.Input{
		Query:         d.images(w.batch, w.size, w.size, 3),
		Support:       d.images(w.batch, w.shots, w.size, w.size, 3),
		SupportMask:   d.masks(w.batch, w.shots, w.size, w.size),
		ExcludedClass: excluded,
	}
}

// The pictures are uploaded as gray levels of these statistics.
var (
	grayMean = [3]float32{124, 116, 104}
	grayStd  = [3]float32{64, 32, 16}
)

// images are values in [−1,1): noise over squares of 8 pixels.
func (d draw) images(shape ...int) op.Tensor {
	t := d.tape.Arena.Float32(shape...)
	v := make([]float32, op.Len(t))
	width := shape[len(shape)-2]
	for i := range v {
		x, y := i/3%width/8, i/3/width/8
		v[i] = float32((x*5+y*3+i%3)%7)/7 - 0.5 + d.random.Float32() - 0.5
		v[i] = v[i]*grayStd[i%3] + grayMean[i%3]
	}
	d.tape.Dev.Upload(t, v)
	d.tape.Dev.Normalize(t, t, grayMean, grayStd)
	return t
}

// masks hold a rectangle of 1 in a frame of 255.
func (d draw) masks(shape ...int) op.Tensor {
	height, width := shape[len(shape)-2], shape[len(shape)-1]
	var top, left int
	return d.bytes(shape, func(i int) uint8 {
		y, x := i/width%height, i%width
		if y == 0 && x == 0 {
			top, left = d.random.IntN(height/2), d.random.IntN(width/2)
		}
		y, x = y-top, x-left
		switch {
		case y < 0 || x < 0 || y > height/2 || x > width/2:
			return 0
		case y == 0 || x == 0 || y == height/2 || x == width/2:
			return labelmap.Ignore
		}
		return 1
	})
}

// labels hold classes in squares of 16 pixels, some of them ignored.
func (d draw) labels(shape ...int) op.Tensor {
	width := shape[len(shape)-1]
	return d.bytes(shape, func(i int) uint8 {
		if c := (i/width/16*7 + i%width/16*3) % (classes + 1); c < classes {
			return uint8(c)
		}
		return labelmap.Ignore
	})
}

func (d draw) bytes(shape []int, at func(i int) uint8) op.Tensor {
	t := d.tape.Arena.Uint8(shape...)
	v := make([]uint8, op.Len(t))
	for i := range v {
		v[i] = at(i)
	}
	d.tape.Dev.Upload(t, v)
	return t
}
