package labelstudio

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"

	"hdmnet/internal/picture"
	"hdmnet/internal/serve/fault"
	"hdmnet/internal/serve/studio"
)

// Limits of a prediction.
const (
	maxTasks    = 1000
	maxSupports = 5 // of a label: the newest
	threshold   = 0.5
)

// prediction is the answer for one task.
type prediction struct {
	Result  []found `json:"result"`
	Score   float64 `json:"score"`
	Version string  `json:"model_version"`
}

// found is a mask as Label Studio takes it.
type found struct {
	ID       string  `json:"id"`
	Type     string  `json:"type"`
	From     string  `json:"from_name"`
	To       string  `json:"to_name"`
	Width    int     `json:"original_width"`
	Height   int     `json:"original_height"`
	Rotation int     `json:"image_rotation"`
	Score    float64 `json:"score"`
	ReadOnly bool    `json:"readonly"`
	Value    struct {
		Format string   `json:"format"`
		RLE    RLE      `json:"rle"`
		Labels []string `json:"brushlabels"`
	} `json:"value"`
}

func (l *labeling) found(label string, mask []uint8, p *picture.Photo, score float64) found {
	f := found{ID: rand.Text()[:10], Type: "brushlabels", From: l.from, To: l.to, Width: p.Size.W, Height: p.Size.H, Score: score}
	f.Value.Format, f.Value.RLE, f.Value.Labels = "rle", encode(mask), []string{label}
	return f
}

// predict answers with one prediction a task: of what a person has just marked in it (the
// context) or, without, of the objects that the project's annotations show.
func (b *Backend) predict(ctx context.Context, m *message) (int, any, error) {
	project, err := m.project()
	if err != nil {
		return 0, nil, err
	}
	l, err := parseLabeling(m.Config)
	if err != nil {
		return 0, nil, err
	}
	if len(m.Tasks) == 0 || len(m.Tasks) > maxTasks {
		return 0, nil, fault.New(http.StatusBadRequest, "send them in parts", "the request has %d tasks, expected 1 to %d", len(m.Tasks), maxTasks)
	}
	version, err := b.version(project)
	if err != nil {
		return 0, nil, err
	}
	select {
	case b.busy <- struct{}{}:
		defer func() { <-b.busy }()
	case <-ctx.Done():
		return 0, nil, ctx.Err()
	}
	out := []prediction{}
	if c := m.Params.Context; c != nil && len(c.Result) > 0 {
		p, err := b.marked(ctx, l, &m.Tasks[0], c.Result)
		if err != nil {
			return 0, nil, err
		}
		p.Version = version
		return http.StatusOK, map[string]any{"results": append(out, *p)}, nil
	}
	set, err := b.supports(ctx, project, l)
	if err != nil {
		return 0, nil, err
	}
	if len(set) == 0 { // nothing that Label Studio should keep
		return http.StatusOK, map[string]any{"results": out}, nil
	}
	for i := range m.Tasks {
		p, err := b.search(ctx, l, &m.Tasks[i], set)
		if err != nil {
			if len(m.Tasks) == 1 || ctx.Err() != nil {
				return 0, nil, err
			}
			b.Warn(fmt.Sprintf("Label Studio: no prediction for task %d: %v", m.Tasks[i].ID, err))
			p = &prediction{Result: []found{}}
		}
		p.Version = version
		out = append(out, *p)
	}
	return http.StatusOK, map[string]any{"results": out}, nil
}

// content gets the picture of a task.
func (b *Backend) content(ctx context.Context, l *labeling, t *task) (content []byte, name string, err error) {
	of, _ := t.Data[l.key].(string)
	if of == "" {
		return nil, "", fault.New(http.StatusBadRequest, "import tasks with it, or change the value of Image in the labeling configuration", "task %d has no picture under %q", t.ID, l.key)
	}
	content, err = b.source.picture(ctx, of, t.ID)
	return content, of, err
}

func (b *Backend) photo(content []byte, name string) (*picture.Photo, error) {
	p, err := b.reader.Photo(content, name)
	if err != nil {
		return nil, fault.New(http.StatusUnprocessableEntity, "replace the picture", "%v", err)
	}
	return p, nil
}

// marked makes masks of what a person has marked, one for each label.
func (b *Backend) marked(ctx context.Context, l *labeling, t *task, regions []region) (*prediction, error) {
	content, name, err := b.content(ctx, l, t)
	if err != nil {
		return nil, err
	}
	p, err := b.photo(content, name)
	if err != nil {
		return nil, err
	}
	order, byLabel := of(regions)
	if len(order) == 0 {
		return nil, fault.New(http.StatusBadRequest, "choose a label before you click", "what is marked has no label")
	}
	out := &prediction{Score: 1}
	for _, label := range order {
		if err := l.has(label); err != nil {
			return nil, err
		}
		mask, err := maskOf(byLabel[label], p)
		if err != nil {
			return nil, err
		}
		out.Result = append(out.Result, l.found(label, mask, p, 1))
	}
	return out, nil
}

// support is an annotated picture.
type support struct {
	label string
	task  int64
	studio.Given
}

// supports are the newest annotations of each label of the brush.
func (b *Backend) supports(ctx context.Context, project int64, l *labeling) ([]support, error) {
	all, err := b.store.list(project)
	if err != nil {
		return nil, err
	}
	var set []support
	count := map[string]int{}
	for _, a := range all {
		order, byLabel := of(a.Result)
		var p *picture.Photo
		var content []byte
		var name string
		for _, label := range order {
			if l.has(label) != nil || count[label] == maxSupports {
				continue
			}
			if p == nil {
				if content, name, err = b.content(ctx, l, &task{ID: a.Task, Data: a.Data}); err == nil {
					p, err = b.photo(content, name)
				}
				if err != nil {
					b.Warn(fmt.Sprintf("Label Studio: annotation %d is no support: %v", a.ID, err))
					break
				}
			}
			mask, err := maskOf(byLabel[label], p)
			if err != nil {
				b.Warn(fmt.Sprintf("Label Studio: annotation %d is no support of %.100q: %v", a.ID, label, err))
				continue
			}
			count[label]++
			set = append(set, support{label, a.Task, studio.Given{Content: content, Name: name, Mask: shrink(mask, p)}})
		}
	}
	return set, nil
}

// shrink takes a mask to the size that a very large picture is read at.
func shrink(mask []uint8, p *picture.Photo) []uint8 {
	n := p.Size.Factor()
	if n == 1 {
		return mask
	}
	out := make([]uint8, p.H*p.W)
	for y := range p.H {
		for x := range p.W {
			out[y*p.W+x] = mask[y*n*p.Size.W+x*n]
		}
	}
	return out
}

// search looks for every label in the picture of a task. A pixel is that of the most probable
// label above threshold. The task's own annotations are no supports.
func (b *Backend) search(ctx context.Context, l *labeling, t *task, set []support) (*prediction, error) {
	content, name, err := b.content(ctx, l, t)
	if err != nil {
		return nil, err
	}
	var best []float32
	var which []int // of each pixel, the number of its label from 1
	p := &picture.Photo{}
	for i, label := range l.labels {
		var of []studio.Given
		for _, s := range set {
			if s.label == label && s.task != t.ID {
				of = append(of, s.Given)
			}
		}
		if len(of) == 0 {
			continue
		}
		found, h, w, err := b.Find.Find(ctx, of, studio.Given{Content: content, Name: name})
		if err != nil {
			return nil, err
		}
		if best == nil {
			best, which, p.Size = make([]float32, h*w), make([]int, h*w), picture.Size{H: h, W: w}
		}
		for k, v := range found {
			if v > max(threshold, best[k]) {
				best[k], which[k] = v, i+1
			}
		}
	}
	out := &prediction{Result: []found{}}
	for i, label := range l.labels {
		mask, area, sum := make([]uint8, len(which)), 0, 0.0
		for k, v := range which {
			if v == i+1 {
				mask[k], area, sum = 1, area+1, sum+float64(best[k])
			}
		}
		if area == 0 {
			continue
		}
		f := l.found(label, mask, p, sum/float64(area))
		out.Score = (out.Score*float64(len(out.Result)) + f.Score) / float64(len(out.Result)+1)
		out.Result = append(out.Result, f)
	}
	return out, nil
}
