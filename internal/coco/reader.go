package coco

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// reader makes the one pass over the file. Annotations may stand before the images and
// categories that they are about, so their ids are looked up at the end.
type reader struct {
	set  *Set
	dec  *json.Decoder
	flow *meter
	base int64 // where the decoder's offset 0 is
	last *int64

	found []foundAnnotation
}

// foundAnnotation is an annotation before its ids are looked up.
type foundAnnotation struct {
	id, image, category int64
	offset              int64
	length              int32
	crowd               bool
}

func (r *reader) read(ctx context.Context, source io.Reader, size int64, progress func(read, size int64)) error {
	sum := sha256.New()
	watched := &watched{ctx: ctx, source: io.TeeReader(source, sum), size: size, progress: progress}
	buffered := bufio.NewReaderSize(watched, 1<<18)
	if mark, err := buffered.Peek(3); err == nil && string(mark) == "\xef\xbb\xbf" {
		buffered.Discard(3) // it was just seen
		r.base = 3
	}
	r.flow = &meter{source: buffered}
	r.dec = json.NewDecoder(r.flow)
	if err := r.document(); err != nil {
		return err
	}
	r.set.Checksum = hex.EncodeToString(sum.Sum(nil))
	return nil
}

func (r *reader) document() error {
	if t, err := r.token(); err != nil {
		return err
	} else if t != json.Delim('{') {
		return fmt.Errorf("begins with %v, expected an object with images, categories and annotations", t)
	}
	lists := map[string]func() error{"images": r.image, "categories": r.category, "annotations": r.annotation}
	seen := map[string]bool{}
	for r.dec.More() {
		t, err := r.token()
		if err != nil {
			return err
		}
		key, _ := t.(string)
		item, ok := lists[key]
		if !ok {
			if err := r.skip(); err != nil {
				return err
			}
			continue
		}
		if seen[key] {
			return fmt.Errorf("%q is there twice", key)
		}
		seen[key] = true
		if err := r.list(key, item); err != nil {
			return err
		}
	}
	if _, err := r.token(); err != nil {
		return err
	}
	for _, key := range []string{"images", "categories", "annotations"} {
		if !seen[key] {
			return fmt.Errorf("there is no list %q; is it an instances file (instances_train2014.json), not captions or image info?", key)
		}
	}
	if _, err := r.dec.Token(); err != io.EOF {
		return fmt.Errorf("something follows the end of the JSON object, at byte %d", r.offset())
	}
	return nil
}

func (r *reader) list(key string, item func() error) error {
	if t, err := r.token(); err != nil {
		return err
	} else if t != json.Delim('[') {
		return fmt.Errorf("%q is %v, expected a list", key, t)
	}
	r.last = nil
	for n := 0; r.dec.More(); n++ {
		if err := item(); err != nil {
			after := ""
			if r.last != nil {
				after = fmt.Sprintf(" (after id %d)", *r.last)
			}
			return fmt.Errorf("%s[%d]%s: %w", key, n, after, err)
		}
	}
	_, err := r.token()
	return err
}

func (r *reader) image() error {
	var v struct {
		ID       *int64  `json:"id"`
		FileName *string `json:"file_name"`
		Height   *int64  `json:"height"`
		Width    *int64  `json:"width"`
	}
	if _, _, err := r.decode(&v); err != nil {
		return about(v.ID, err)
	}
	switch {
	case v.ID == nil:
		return errors.New("no id")
	case v.FileName == nil || *v.FileName == "":
		return about(v.ID, errors.New("no file_name"))
	case v.Height == nil || v.Width == nil:
		return about(v.ID, errors.New("no height or width"))
	case *v.Height < 1 || *v.Width < 1 || *v.Width > MaxPixels / *v.Height:
		return about(v.ID, fmt.Errorf("%d×%d pixels (width×height), expected 1 to %d in all", *v.Width, *v.Height, MaxPixels))
	}
	r.last = v.ID
	r.set.Images = append(r.set.Images, Image{ID: *v.ID, File: *v.FileName, H: int(*v.Height), W: int(*v.Width)})
	return nil
}

func (r *reader) category() error {
	var v struct {
		ID   *int64  `json:"id"`
		Name *string `json:"name"`
	}
	if _, _, err := r.decode(&v); err != nil {
		return about(v.ID, err)
	}
	if v.ID == nil || v.Name == nil || *v.Name == "" {
		return about(v.ID, errors.New("expected an id and a name"))
	}
	if len(r.set.Categories) == MaxCategories {
		return about(v.ID, fmt.Errorf("more than %d categories do not fit into an 8-bit mask: remove those that are not used", MaxCategories))
	}
	r.last = v.ID
	r.set.Categories = append(r.set.Categories, Category{ID: *v.ID, Name: *v.Name})
	return nil
}

func (r *reader) annotation() error {
	var v struct {
		ID         *int64 `json:"id"`
		ImageID    *int64 `json:"image_id"`
		CategoryID *int64 `json:"category_id"`
		Crowd      crowd  `json:"iscrowd"`
	}
	offset, length, err := r.decode(&v)
	if err != nil {
		return about(v.ID, err)
	}
	if v.ID == nil || v.ImageID == nil || v.CategoryID == nil {
		return about(v.ID, errors.New("expected id, image_id and category_id"))
	}
	r.last = v.ID
	r.found = append(r.found, foundAnnotation{id: *v.ID, image: *v.ImageID, category: *v.CategoryID,
		offset: offset, length: length, crowd: bool(v.Crowd)})
	return nil
}

// about names the entry that an error is about, when its id is known.
func about(id *int64, err error) error {
	if id == nil {
		return err
	}
	return fmt.Errorf("id %d: %w", *id, err)
}

// crowd reads iscrowd: 0 or 1, or false or true as some tools write.
type crowd bool

func (c *crowd) UnmarshalJSON(text []byte) error {
	switch string(text) {
	case "0", "false", "null":
		*c = false
	case "1", "true":
		*c = true
	default:
		return errors.New("iscrowd: expected 0 or 1")
	}
	return nil
}

// decode reads the next value of a list and says where in the source it is.
func (r *reader) decode(v any) (offset int64, length int32, err error) {
	begin := r.offset()
	r.flow.limit = begin - r.base + maxValue
	if err := r.dec.Decode(v); err != nil {
		return 0, 0, r.explain(err)
	}
	return begin, int32(r.offset() - begin), nil
}

func (r *reader) offset() int64 { return r.base + r.dec.InputOffset() }

func (r *reader) token() (json.Token, error) {
	r.flow.limit = r.dec.InputOffset() + maxValue
	t, err := r.dec.Token()
	return t, r.explain(err)
}

// skip passes over a value that nobody asked for.
func (r *reader) skip() error {
	for depth := 0; ; {
		t, err := r.token()
		if err != nil {
			return err
		}
		switch t {
		case json.Delim('{'), json.Delim('['):
			if depth++; depth > maxDepth {
				return fmt.Errorf("lists and objects are nested more than %d deep at byte %d", maxDepth, r.offset())
			}
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth == 0 {
			return nil
		}
	}
}

func (r *reader) explain(err error) error {
	var syntax *json.SyntaxError
	switch {
	case err == nil:
		return nil
	case err == io.EOF || err == io.ErrUnexpectedEOF:
		return errors.New("the file ends in the middle: download or copy it again")
	case errors.As(err, &syntax):
		return fmt.Errorf("not JSON, after byte %d: %w", r.offset(), err)
	}
	return err
}

// meter is a reader that goes only so far, so that one endless value cannot fill the
// memory: the decoder holds a value until it is complete.
type meter struct {
	source      io.Reader
	read, limit int64 // bytes
}

func (m *meter) Read(p []byte) (int, error) {
	if m.read >= m.limit {
		return 0, fmt.Errorf("one value is longer than %d MiB", maxValue>>20)
	}
	if int64(len(p)) > m.limit-m.read {
		p = p[:m.limit-m.read]
	}
	n, err := m.source.Read(p)
	m.read += int64(n)
	return n, err
}

// watched tells how much of the source was read, and ends when ctx does.
type watched struct {
	ctx        context.Context
	source     io.Reader
	read, size int64
	progress   func(read, size int64)
}

func (w *watched) Read(p []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := w.source.Read(p)
	w.read += int64(n)
	if w.progress != nil {
		w.progress(w.read, w.size)
	}
	return n, err
}

// text is the annotation's JSON without what stands between it and the one before.
func (a annotation) text(source io.ReaderAt) ([]byte, error) {
	text := make([]byte, a.length)
	if n, err := source.ReadAt(text, a.offset); n < len(text) {
		return nil, fmt.Errorf("cannot be read again: %w", err)
	}
	return bytes.TrimLeft(text, ", \t\r\n"), nil
}
