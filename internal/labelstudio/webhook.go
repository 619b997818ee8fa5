package labelstudio

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"hdmnet/internal/serve/fault"
)

// webhook takes what has changed in a project. Its answers are those of
// label-studio-ml-backend: 201, and 200 for events that change no support.
func (b *Backend) webhook(ctx context.Context, m *message) (int, any, error) {
	var change func(ctx context.Context, project int64, m *message) (int, error)
	switch m.Action {
	case "ANNOTATION_CREATED", "ANNOTATION_UPDATED", "ANNOTATIONS_CREATED":
		change = b.keep
	case "ANNOTATION_DELETED", "ANNOTATIONS_DELETED":
		change = b.forget
	case "START_TRAINING":
		change = func(ctx context.Context, project int64, _ *message) (int, error) { return b.sync(ctx, project) }
	default:
		return http.StatusOK, map[string]any{"status": "Unknown event"}, nil
	}
	project, err := m.project()
	if err != nil {
		return 0, nil, err
	}
	n, err := change(ctx, project, m)
	if err != nil {
		return 0, nil, err
	}
	version, err := b.version(project)
	return http.StatusCreated, map[string]any{"status": "ok", "result": map[string]any{"annotations": n, "model_version": version}}, err
}

// each reads one value or a list of them.
func each[T any](raw json.RawMessage) ([]T, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	var list []T
	if raw[0] == '[' {
		err := json.Unmarshal(raw, &list)
		return list, err
	}
	var one T
	err := json.Unmarshal(raw, &one)
	return []T{one}, err
}

// keep takes new and changed annotations with their tasks.
func (b *Backend) keep(_ context.Context, project int64, m *message) (int, error) {
	annotations, err := each[annotation](m.Annotation)
	if err != nil {
		return 0, misread(err)
	}
	tasks, err := each[task](m.Task)
	if err != nil {
		return 0, misread(err)
	}
	if len(annotations) == 0 || len(annotations) != len(tasks) {
		return 0, fault.New(http.StatusBadRequest, "turn on Send payload of the webhook in Label Studio", "the request has %d annotations and %d tasks, expected as many", len(annotations), len(tasks))
	}
	for i := range annotations {
		a := &annotations[i]
		a.Task, a.Data = tasks[i].ID, tasks[i].Data
		if err := b.take(project, a); err != nil {
			return i, err
		}
	}
	return len(annotations), nil
}

// take keeps an annotation, or forgets it where a person has skipped the task.
func (b *Backend) take(project int64, a *annotation) error {
	if a.ID <= 0 {
		return fault.New(http.StatusBadRequest, "see docs/serve.md", "an annotation has no id")
	}
	if a.Canceled || len(a.Result) == 0 {
		return b.store.remove(project, a.ID)
	}
	return b.store.put(project, a)
}

func (b *Backend) forget(_ context.Context, project int64, m *message) (int, error) {
	raw := m.Annotations
	if raw == nil {
		raw = m.Annotation
	}
	gone, err := each[annotation](raw)
	if err != nil {
		return 0, misread(err)
	}
	for _, a := range gone {
		if err := b.store.remove(project, a.ID); err != nil {
			return 0, err
		}
	}
	return len(gone), nil
}

func misread(err error) error {
	return fault.New(http.StatusBadRequest, "see docs/serve.md", "the annotations are not understood: %v", err)
}

// maxExport bounds the annotations of a project, in bytes.
const maxExport = 1 << 30

// sync asks Label Studio for all annotations of a project, which replace those that are kept.
func (b *Backend) sync(ctx context.Context, project int64) (int, error) {
	if b.source.key == "" {
		return 0, fault.New(http.StatusConflict, "set "+KeyVariable+" to an access token (Label Studio: Account & Settings) where hdmnet serve is started", "the key of Label Studio's API is not set")
	}
	u := b.source.base.JoinPath("api", "projects", strconv.FormatInt(project, 10), "export")
	u.RawQuery = "exportType=JSON"
	content, err := b.source.get(ctx, u, maxExport, fmt.Sprintf("the annotations of project %d", project))
	if err != nil {
		return 0, err
	}
	var tasks []struct {
		task
		Annotations []annotation `json:"annotations"`
	}
	if err := json.Unmarshal(content, &tasks); err != nil {
		return 0, fault.New(http.StatusBadGateway, "see that --label-studio is the address of Label Studio", "the annotations of project %d are not understood: %v", project, err)
	}
	there := map[int64]bool{}
	for _, t := range tasks {
		for i := range t.Annotations {
			a := &t.Annotations[i]
			a.Task, a.Data = t.ID, t.Data
			if err := b.take(project, a); err != nil {
				return 0, err
			}
			there[a.ID] = true
		}
	}
	all, err := b.store.list(project)
	if err != nil {
		return 0, err
	}
	kept := 0
	for _, a := range all {
		if there[a.ID] {
			kept++
		} else if err := b.store.remove(project, a.ID); err != nil {
			return 0, err
		}
	}
	return kept, nil
}

// version names the network and the supports of a project: Label Studio asks for predictions
// again when it changes.
func (b *Backend) version(project int64) (string, error) {
	all, err := b.store.list(project)
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	sum.Write([]byte(b.Version))
	for _, a := range all {
		if err := json.NewEncoder(sum).Encode(a); err != nil {
			return "", err
		}
	}
	return "hdmnet-" + hex.EncodeToString(sum.Sum(nil)[:6]), nil
}
