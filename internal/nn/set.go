package nn

import (
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"reflect"
	"sort"
	"strings"

	"gorgonia.org/tensor"

	"hdmnet/internal/op"
	"hdmnet/internal/weights"
)

// Set is all parameters of a network on one device: one block of memory for the values
// that are trained, one for their gradients, one for everything else.
type Set struct {
	Params   []*Param
	Groups   []Group
	Values   op.Tensor // trainable values, group after group; nil when nothing is trained
	Grads    op.Tensor // their gradients, in the same places
	dev      op.Device
	seed     uint64
	counters map[string]*Counter
	layers   []frozenLayer
	absorbs  map[*Param]folding // of an inference set: layers that stand for their parameters
	memory   []tensor.Memory
}

// Group is the span [Lo,Hi) of Values that shares a learning rate.
type Group struct {
	Name   string
	Lo, Hi int
}

// align keeps every parameter on a cache line; the padding stays 0.
const align = 16

// NewSet names the parameters of a network (a pointer to a struct with w tags), places
// them on the device and initializes each from a generator seeded by seed and its name.
func NewSet(dev op.Device, network any, seed uint64) *Set {
	s := newSet(dev, network, seed)
	var trained, fixed []*Param
	for _, p := range s.Params {
		if p.Role == Trainable {
			trained = append(trained, p)
		} else {
			fixed = append(fixed, p)
		}
	}
	sort.SliceStable(trained, func(i, j int) bool { return trained[i].Group < trained[j].Group })
	s.Values = s.place(trained, func(p *Param, t op.Tensor) { p.Value = t })
	s.Grads = s.place(trained, func(p *Param, t op.Tensor) { p.Grad = t })
	s.place(fixed, func(p *Param, t op.Tensor) { p.Value = t })
	lo := 0
	for i, p := range trained {
		hi := lo + aligned(p)
		if i == 0 || trained[i-1].Group != p.Group {
			s.Groups = append(s.Groups, Group{Name: p.Group, Lo: lo})
		}
		s.Groups[len(s.Groups)-1].Hi = hi
		lo = hi
	}
	if err := s.Fill(s.initial); err != nil {
		panic(err) // initial has none
	}
	return s
}

func newSet(dev op.Device, network any, seed uint64) *Set {
	w := &walker{counters: map[string]*Counter{}}
	w.walk(reflect.ValueOf(network), "", false, "")
	return &Set{Params: w.params, dev: dev, seed: seed, counters: w.counters, layers: w.layers}
}

// initial gives a new parameter its values.
func (s *Set) initial(p *Param, v []float32) error {
	p.Init(p.Shape, rand.New(rand.NewPCG(s.seed, nameHash(p.Name))), v)
	return nil
}

func nameHash(name string) uint64 {
	h := fnv.New64a()
	_, _ = io.WriteString(h, name)
	return h.Sum64()
}

func aligned(p *Param) int { return roundedUp(p.Len()) }

func roundedUp(n int) int { return (n + align - 1) / align * align }

// place allocates one zeroed block for the parameters and hands each its part.
func (s *Set) place(params []*Param, set func(*Param, op.Tensor)) op.Tensor {
	n := 0
	for _, p := range params {
		n += aligned(p)
	}
	if n == 0 {
		return nil
	}
	mem, err := s.dev.Alloc(int64(n) * 4)
	if err != nil {
		panic(fmt.Errorf("%s: no memory for %d parameters: %w; choose a device with more memory, or a smaller backbone", s.dev.Name(), n, err))
	}
	s.memory = append(s.memory, mem)
	all := op.FromMemory(s.dev, tensor.Float32, mem.Uintptr(), n)
	s.dev.Zero(all)
	lo := 0
	for _, p := range params {
		set(p, op.Span(all, lo, p.DeviceShape()...))
		lo += aligned(p)
	}
	return all
}

// Close frees the parameters.
func (s *Set) Close() error {
	for _, l := range s.layers {
		if err := l.unfold(); err != nil {
			return err
		}
	}
	for _, m := range s.memory {
		if err := s.dev.Free(m, int64(m.MemSize())); err != nil {
			return err
		}
	}
	s.memory = nil
	return nil
}

// Param returns the parameter of a name, or nil.
func (s *Set) Param(name string) *Param {
	for _, p := range s.Params {
		if p.Name == name {
			return p
		}
	}
	return nil
}

// Get returns a parameter's values in PyTorch's order.
func (s *Set) Get(p *Param) []float32 { return s.download(p, p.Value) }

// Gradient returns a parameter's gradient in PyTorch's order.
func (s *Set) Gradient(p *Param) []float32 { return s.download(p, p.Grad) }

func (s *Set) download(p *Param, t op.Tensor) []float32 {
	s.plain(p)
	v := make([]float32, p.Len())
	s.dev.Download(v, t)
	return p.FromDevice(v)
}

// plain panics when p has no values of its own.
func (s *Set) plain(p *Param) {
	if s.absorbs[p] != nil {
		panic(fmt.Sprintf("nn: %v is a part of a folded layer in this inference set; NewSet keeps it by itself", p))
	}
}

// Put sets a parameter's values, given in PyTorch's order.
func (s *Set) Put(p *Param, v []float32) {
	s.plain(p)
	s.dev.Upload(p.Value, p.ToDevice(v))
	s.unfold()
}

// unfold gives all folded weights back: parameters have changed.
func (s *Set) unfold() {
	for _, l := range s.layers {
		if err := l.unfold(); err != nil {
			panic(&op.DeviceError{Err: fmt.Errorf("%s: give back folded weights: %w", s.dev.Name(), err)})
		}
	}
}

// Tensors returns every parameter and counter, in PyTorch's names, shapes and order.
func (s *Set) Tensors() []weights.Tensor {
	var out []weights.Tensor
	for _, p := range s.Params {
		out = append(out, weights.Tensor{Name: p.Name, Shape: p.Shape, Float32: s.Get(p)})
	}
	for name, c := range s.counters {
		out = append(out, weights.Tensor{Name: name, Shape: []int{}, Int64: []int64{c.N}})
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}

// LoadOptions narrow what Load expects.
type LoadOptions struct {
	Only     func(name string) bool   // parameters to load; nil: all
	Optional func(name string) bool   // parameters that may be missing; nil: none
	FileName func(name string) string // a parameter's name in the file; nil: the same
	Ignore   func(name string) bool   // tensors that the network does not have and need not; nil: none
}

// Load reads the parameters from a file under their names. Missing, unexpected and
// misshapen tensors are all reported in one error, and then nothing has been changed; a
// file that cannot be read to its end leaves a part of it. Parameters that are not loaded
// stay as they are; those of an inference set get their initial values. It returns the
// optional parameters that were missing.
func (s *Set) Load(f *weights.File, o LoadOptions) (absent []string, err error) {
	var missing, shapes, unexpected []string
	known := map[string]bool{}
	inFile := o.FileName
	if inFile == nil {
		inFile = func(name string) string { return name }
	}
	for name := range s.counters {
		known[name] = true
	}
	found := map[*Param]bool{}
	for _, p := range s.Params {
		known[p.Name] = true
		if o.Only != nil && !o.Only(p.Name) {
			continue
		}
		shape, ok := f.Shape(inFile(p.Name))
		known[inFile(p.Name)] = true
		switch {
		case !ok && o.Optional != nil && o.Optional(p.Name):
			absent = append(absent, p.Name)
		case !ok:
			missing = append(missing, p.Name)
		case !equal(shape, p.Shape):
			shapes = append(shapes, fmt.Sprintf("%s is %v, the network wants %v", p.Name, shape, p.Shape))
		default:
			found[p] = true
		}
	}
	for _, name := range f.Names() {
		if !known[name] && (o.Ignore == nil || !o.Ignore(name)) {
			unexpected = append(unexpected, name)
		}
	}
	if len(missing)+len(shapes)+len(unexpected) > 0 {
		var b strings.Builder
		list(&b, "missing", missing)
		list(&b, "of another shape", shapes)
		list(&b, "unknown to this network", unexpected)
		return nil, fmt.Errorf("the weights do not fit the network; is it another backbone, data set or number of shots?%s", b.String())
	}
	fromFile := func(p *Param, v []float32) error {
		if !found[p] {
			return s.initial(p, v)
		}
		return f.ReadFloat32(inFile(p.Name), v)
	}
	if err := s.fill(fromFile, func(p *Param) bool { return found[p] || s.absorbs != nil }); err != nil {
		return nil, err
	}
	for name, c := range s.counters {
		if _, ok := f.Shape(name); !ok || o.Only != nil && !o.Only(name) {
			continue
		}
		n, _, err := f.Int64(name)
		if err != nil {
			return nil, err
		}
		c.N = n[0]
	}
	return absent, nil
}

func list(b *strings.Builder, what string, items []string) {
	if len(items) == 0 {
		return
	}
	fmt.Fprintf(b, "\n  %d %s:", len(items), what)
	for _, it := range items {
		fmt.Fprintf(b, "\n    %s", it)
	}
}

func equal(a, b []int) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}
