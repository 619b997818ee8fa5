package studio

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"io/fs"
	"math"
	"net/http"
	"path"
	"slices"
	"strings"

	"hdmnet/internal/locate"
	"hdmnet/internal/picture"
	"hdmnet/internal/serve/fault"
	"hdmnet/internal/serve/project"
	"hdmnet/internal/serve/strokes"
)

// Refused is a picture that was not taken.
type Refused struct {
	Name string
	Err  error
}

// Upload takes a picture that somebody sends.
func (s *Studio) Upload(name string, content []byte, sample bool) (*project.Record, error) {
	image, err := s.inspect(name, content)
	if err != nil {
		return nil, err
	}
	image.Sample = sample
	return s.Project.Add(image, extension(content), content)
}

// inspect looks at a picture's header.
func (s *Studio) inspect(name string, content []byte) (project.Image, error) {
	if int64(len(content)) > s.MaxFile {
		return project.Image{}, fault.New(http.StatusRequestEntityTooLarge, "make the picture smaller, or start the server with a larger --max-file",
			"picture %s has %d MiB, at most %d are taken", name, len(content)>>20, s.MaxFile>>20)
	}
	size, orientation, err := (&picture.Reader{MaxPixels: math.MaxInt}).PhotoSize(content, name) // the limit has another remedy here
	if err != nil {
		return project.Image{}, fault.New(http.StatusUnprocessableEntity, "choose another picture", "%v", err)
	}
	if size.W > s.MaxPixels/size.H {
		remedy := "make it smaller, or cut it into tiles"
		if s.MaxPixels < picture.WholePixels {
			remedy += "; or start the server with a larger --max-pixels"
		}
		return project.Image{}, fault.New(http.StatusUnprocessableEntity, remedy, "picture %s has %v pixels, which are %d, more than the %d that are taken", name, size, size.W*size.H, s.MaxPixels)
	}
	return project.Image{ID: project.IDOf(content), Name: name, Width: size.W, Height: size.H, Orientation: orientation}, nil
}

// extension is that of a picture's format, for people who look into the folder.
func extension(content []byte) string {
	switch t := http.DetectContentType(content); t {
	case "image/jpeg":
		return ".jpg"
	case "image/png", "image/gif", "image/webp", "image/bmp":
		return "." + strings.TrimPrefix(t, "image/")
	}
	return ".img"
}

// maxFolder is how many pictures one call adds.
const maxFolder = 20_000

// Folder adds the pictures of a folder below the root, and of those below it. They are
// referred to, not copied.
func (s *Studio) Folder(ctx context.Context, folder string) (added []*project.Record, refused []Refused, err error) {
	if s.Root == nil {
		return nil, nil, fault.New(http.StatusForbidden, "start the server with --root DIR, or upload the pictures", "the server was started without --root")
	}
	folder = path.Clean(strings.ReplaceAll(folder, `\`, "/"))
	if folder == "/" || folder == "" {
		folder = "."
	}
	if !fs.ValidPath(folder) {
		return nil, nil, fault.New(http.StatusBadRequest, "give a folder as it is called below --root", "%.200q leads out of the root", folder)
	}
	var files []string
	err = fs.WalkDir(s.Root.FS(), folder, func(at string, e fs.DirEntry, err error) error {
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && at == folder:
			return unread(folder, err)
		case err != nil:
			refused = append(refused, Refused{at, unread(at, err)})
			return nil
		case e.IsDir() && at != folder && strings.HasPrefix(e.Name(), "."):
			return fs.SkipDir
		case !e.IsDir() && !strings.HasPrefix(e.Name(), ".") && slices.Contains(locate.Extensions, strings.ToLower(path.Ext(at))):
			if files = append(files, at); len(files) > maxFolder {
				return fault.New(http.StatusBadRequest, "add its folders one after the other", "there are more than %d pictures in %.200q", maxFolder, folder)
			}
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	if len(files) == 0 && len(refused) == 0 {
		return nil, nil, fault.New(http.StatusNotFound, "put pictures there ("+strings.Join(locate.Extensions, ", ")+"), or give another folder", "there is no picture in %.200q", folder)
	}
	for _, file := range files {
		if ctx.Err() != nil {
			return nil, nil, ctx.Err()
		}
		r, err := s.refer(file)
		if err != nil {
			refused = append(refused, Refused{file, err})
			continue
		}
		added = append(added, r)
	}
	return added, refused, nil
}

// unread is the error of a folder, or what is in it, that cannot be read.
func unread(folder string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fault.New(http.StatusNotFound, `give a folder as it is called below --root (holidays/2024), or nothing for the whole of it`,
			"there is no folder %.200q below --root", folder)
	}
	return fault.New(http.StatusNotFound, "give a folder that the server's user may read", "%.200q cannot be read: %v", folder, project.Reason(err))
}

// refer adds a picture below the root.
func (s *Studio) refer(file string) (*project.Record, error) {
	content, err := project.ReadBelow(s.Root, file, s.MaxFile)
	if err != nil {
		return nil, fault.New(http.StatusUnprocessableEntity, "choose another picture, or make it smaller", "picture %s: %v", file, err)
	}
	image, err := s.inspect(file, content)
	if err != nil {
		return nil, err
	}
	image.Path = file
	return s.Project.Add(image, "", content)
}

// Shown is a picture as JPEG or PNG, upright, with its media type; most bounds the longer side (0: not).
func (s *Studio) Shown(ctx context.Context, r *project.Record, most int) ([]byte, string, error) {
	content, err := s.Project.Content(r)
	if err != nil {
		return nil, "", err
	}
	if t := http.DetectContentType(content); r.Image.Orientation == 1 && (t == "image/jpeg" || t == "image/png") &&
		(most == 0 || max(r.Image.Width, r.Image.Height) <= most) {
		return content, t, nil
	}
	p, err := s.decode(ctx, content, r.Image.Name)
	if err != nil {
		return nil, "", err
	}
	if most == 0 {
		most = max(p.H, p.W)
	}
	pix, h, w := picture.Shrink(p.Pix, p.H, p.W, most)
	out, err := encode(pix, h, w, 92)
	return out, "image/jpeg", err
}

// Thumb is a picture of at most side pixels on its longer side, JPEG.
func (s *Studio) Thumb(ctx context.Context, r *project.Record, side int) ([]byte, error) {
	c, err := s.copy(ctx, r)
	if err != nil {
		return nil, err
	}
	pix, h, w := picture.Shrink(c.pix, c.h, c.w, side)
	return encode(pix, h, w, 85)
}

func encode(pix []uint8, h, w, quality int) ([]byte, error) {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for i := range h * w {
		copy(img.Pix[4*i:4*i+3], pix[3*i:])
		img.Pix[4*i+3] = 255
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: quality}); err != nil {
		return nil, fmt.Errorf("encode picture: %w", err)
	}
	return b.Bytes(), nil
}

// small is a picture with at most strokes.WorkSide pixels on its longer side.
type small struct {
	pix  []uint8
	h, w int
}

// copy is the small copy of a picture.
func (s *Studio) copy(ctx context.Context, r *project.Record) (*small, error) {
	if c := s.copies.get(r.Image.ID); c != nil {
		return c, nil
	}
	p, err := s.photo(ctx, r)
	if err != nil {
		return nil, err
	}
	c := new(small)
	c.pix, c.h, c.w = picture.Shrink(p.Pix, p.H, p.W, strokes.WorkSide)
	s.copies.put(r.Image.ID, c)
	return c, nil
}

// Preview is the mask that strokes mean, of a small copy of the picture.
func (s *Studio) Preview(ctx context.Context, r *project.Record, drawn []strokes.Stroke) (mask []uint8, h, w int, err error) {
	c, err := s.copy(ctx, r)
	if err != nil {
		return nil, 0, 0, err
	}
	mask, err = strokes.Mask(drawn, r.Image.Height, r.Image.Width, c.pix, c.h, c.w, c.h, c.w)
	return mask, c.h, c.w, err
}

// Understood is the mask that strokes mean, of the picture's size.
func (s *Studio) Understood(ctx context.Context, r *project.Record, drawn []strokes.Stroke) ([]uint8, error) {
	c, err := s.copy(ctx, r)
	if err != nil {
		return nil, err
	}
	return strokes.Mask(drawn, r.Image.Height, r.Image.Width, c.pix, c.h, c.w, r.Image.Height, r.Image.Width)
}
