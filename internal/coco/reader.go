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
	"hash/crc32"
	"io"

	"hdmnet/internal/infile"
	"hdmnet/internal/textfile"
)

// reader makes the one pass over the file. Annotations may stand before the images and
// categories that they are about, so their ids are looked up at the end.
type reader struct {
	set  *Set
	dec  *json.Decoder
	flow *meter
	base int64  // where the decoder's offset 0 is
	last string // the entry before, for messages

	images     []Image
	categories []category
	ids        map[ID]int32 // every id that was read gets a number
	found      []foundAnnotation
}

// category is an entry of "categories" before it is known whether it is a class.
type category struct {
	Category
	super string // supercategory
}

// foundAnnotation is an annotation before its ids, which have numbers here, are looked up.
type foundAnnotation struct {
	image, category int32
	offset          int64
	length          int32
	sum             uint32
	place           int32 // in "annotations"
	crowd           bool
}

func (r *reader) read(ctx context.Context, source io.Reader, size int64, progress func(read, size int64)) error {
	sum := sha256.New()
	watched := &watched{ctx: ctx, source: io.TeeReader(source, sum), size: size, progress: progress}
	buffered := bufio.NewReaderSize(watched, 1<<18)
	if mark, err := buffered.Peek(3); err == nil && string(mark) == "\xef\xbb\xbf" {
		_, _ = buffered.Discard(3) // it was just seen
		r.base = 3
	}
	r.flow = &meter{source: textfile.NewJSONReader(buffered, r.set.Name)}
	r.dec = json.NewDecoder(r.flow)
	r.ids = map[ID]int32{}
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
		return fmt.Errorf("it is %s, expected an object with images, categories and annotations", kindOf(t))
	}
	lists := map[string]func(int) error{"images": r.image, "categories": r.category, "annotations": r.annotation}
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

// kindOf names the value that begins with a token.
func kindOf(t json.Token) string {
	switch t {
	case json.Delim('{'):
		return "an object"
	case json.Delim('['):
		return "a list"
	case nil:
		return "null"
	}
	switch t.(type) {
	case string:
		return "text"
	case bool:
		return "true or false"
	}
	return "a number"
}

func (r *reader) list(key string, item func(place int) error) error {
	if t, err := r.token(); err != nil {
		return err
	} else if t != json.Delim('[') {
		return fmt.Errorf("%q is %s, expected a list", key, kindOf(t))
	}
	r.last = ""
	for n := 0; r.dec.More(); n++ {
		if err := item(n); err != nil {
			return fmt.Errorf("%s[%d]%s: %w", key, n, r.last, err)
		}
	}
	_, err := r.token()
	return err
}

func (r *reader) image(place int) error {
	var v struct {
		ID       json.RawMessage `json:"id"`
		FileName json.RawMessage `json:"file_name"`
		Height   json.RawMessage `json:"height"`
		Width    json.RawMessage `json:"width"`
	}
	raw, _, err := r.decode()
	if err != nil {
		return err
	}
	if json.Unmarshal(raw, &v) != nil {
		r.set.Tally.Drop("images that are no object", fmt.Sprintf("images[%d]: %.40s", place, raw))
		return nil
	}
	id, ok := parseID(v.ID)
	file := parseText(v.FileName)
	if !ok || file == "" {
		r.set.Tally.Drop("images without an id or a file_name", entry("images", place, id))
		return nil
	}
	r.last = after(id)
	image := Image{ID: id, File: file, H: parseSide(v.Height), W: parseSide(v.Width)}
	if image.H == 0 || image.W == 0 || image.W > MaxPixels/image.H {
		image.H, image.W = 0, 0 // the picture knows
	}
	r.images = append(r.images, image)
	return nil
}

func (r *reader) category(place int) error {
	var v struct {
		ID    json.RawMessage `json:"id"`
		Name  json.RawMessage `json:"name"`
		Super json.RawMessage `json:"supercategory"`
	}
	raw, _, err := r.decode()
	if err != nil {
		return err
	}
	if json.Unmarshal(raw, &v) != nil {
		r.set.Tally.Drop("categories that are no object", fmt.Sprintf("categories[%d]: %.40s", place, raw))
		return nil
	}
	id, ok := parseID(v.ID)
	name := parseText(v.Name)
	if !ok || name == "" {
		r.set.Tally.Drop("categories without an id or a name", entry("categories", place, id))
		return nil
	}
	r.last = after(id)
	r.categories = append(r.categories, category{Category{ID: id, Name: name}, parseText(v.Super)})
	return nil
}

func (r *reader) annotation(place int) error {
	var v struct {
		ID         json.RawMessage `json:"id"`
		ImageID    json.RawMessage `json:"image_id"`
		CategoryID json.RawMessage `json:"category_id"`
		Crowd      json.RawMessage `json:"iscrowd"`
	}
	raw, offset, err := r.decode()
	if err != nil {
		return err
	}
	r.set.Tally.Read++
	if json.Unmarshal(raw, &v) != nil {
		r.set.Tally.Leave("annotations that are no object", fmt.Sprintf("annotations[%d]: %.40s", place, raw))
		return nil
	}
	id, _ := parseID(v.ID)
	r.last = after(id)
	image, okImage := parseID(v.ImageID)
	category, okCategory := parseID(v.CategoryID)
	if !okImage || !okCategory {
		r.set.Tally.Leave("annotations without an image_id or a category_id", entry("annotations", place, id))
		return nil
	}
	r.found = append(r.found, foundAnnotation{image: r.number(image), category: r.number(category),
		offset: offset, length: int32(r.offset() - offset), sum: crc32.ChecksumIEEE(raw), place: int32(place), crowd: parseFlag(v.Crowd)})
	return nil
}

// describe names an annotation by its id, or else by its place.
func (r *reader) describe(a foundAnnotation) string {
	var v struct {
		ID json.RawMessage `json:"id"`
	}
	text, err := annotation{offset: a.offset, length: a.length, sum: a.sum}.text(r.set.source)
	if err == nil && json.Unmarshal(text, &v) == nil {
		if id, ok := parseID(v.ID); ok {
			return "annotation " + infile.Shown(string(id))
		}
	}
	return fmt.Sprintf("annotations[%d]", a.place)
}

// number is the number of an id.
func (r *reader) number(id ID) int32 {
	n, ok := r.ids[id]
	if !ok {
		n = int32(len(r.ids))
		r.ids[id] = n
	}
	return n
}

// entry names an entry of a list by its id, or else by its place.
func entry(list string, place int, id ID) string {
	if id == "" {
		return fmt.Sprintf("%s[%d]", list, place)
	}
	return fmt.Sprintf("%s[%d] (id %s)", list, place, infile.Shown(string(id)))
}

func after(id ID) string {
	if id == "" {
		return ""
	}
	return fmt.Sprintf(" (after id %s)", infile.Shown(string(id)))
}

// decode reads the next value of a list and says where in the source it is, with what
// stands before it.
func (r *reader) decode() (raw json.RawMessage, offset int64, err error) {
	begin := r.offset()
	r.flow.limit = begin - r.base + maxValue
	if err := r.dec.Decode(&raw); err != nil {
		return nil, 0, r.explain(err)
	}
	return raw, begin, nil
}

func (r *reader) offset() int64 { return r.base + r.dec.InputOffset() }

func (r *reader) token() (json.Token, error) {
	r.flow.limit = r.dec.InputOffset() + maxValue
	t, err := r.dec.Token()
	if large := (*json.UnmarshalTypeError)(nil); errors.As(err, &large) {
		return nil, fmt.Errorf("the %s at byte %d is too large", large.Value, r.offset())
	}
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
		return nil, fmt.Errorf("an annotation cannot be read again: %w", err)
	}
	text = textfile.JSON(bytes.TrimLeft(text, ", \t\r\n"))
	if crc32.ChecksumIEEE(text) != a.sum {
		return nil, errors.New("an annotation is another than before: the file has changed since it was opened")
	}
	return text, nil
}
