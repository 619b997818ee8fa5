package prepare

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"hdmnet/internal/infile"
	"hdmnet/internal/locate"
	"hdmnet/internal/picture"
	"hdmnet/internal/tally"
	"hdmnet/internal/textfile"
)

// yoloSet is data.yaml.
type yoloSet struct {
	folder string // that paths start from
	names  map[int]string
	splits []yoloSplit
}

type yoloSplit struct {
	list  string   // "train.txt"
	paths []string // folders of pictures, or lists of them
}

// readYOLO reads segments of YOLO: a line for each object, its class and the corners of its
// polygon in parts of the picture's sides; five numbers are a box.
func readYOLO(ctx context.Context, opt ImportOptions, t *tally.Tally) (*annotatedSet, error) {
	file := opt.File
	if info, err := os.Stat(file); err == nil && info.IsDir() {
		found := locate.New(file)
		if file = found.Beside(file, "data", []string{".yaml", ".yml"}); file == "" {
			return nil, fmt.Errorf("%s has no data.yaml; name the file with --file", infile.Shown(opt.File))
		}
	}
	content, err := textfile.Read(file, textfile.Limit)
	if err != nil {
		return nil, fmt.Errorf("annotations: %w", err)
	}
	y, err := parseYOLO(content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", infile.Shown(file), err)
	}
	base := filepath.Dir(file)
	set := &annotatedSet{}
	for _, class := range slices.Sorted(maps.Keys(y.names)) {
		set.classes = append(set.classes, y.names[class])
	}
	seen := map[locate.ID]bool{}
	for _, split := range y.splits {
		for _, path := range split.paths {
			pictures, err := yoloPictures(ctx, base, y.folder, path)
			if err != nil {
				return nil, fmt.Errorf("%s: %s: %w", infile.Shown(file), strings.TrimSuffix(split.list, ".txt"), err)
			}
			for _, image := range pictures {
				a := y.picture(image, base, t)
				if a == nil {
					continue
				}
				id, _, err := locate.Identify(image)
				if err != nil {
					return nil, err
				}
				if seen[id] {
					t.LeaveAll("objects of pictures that are in two splits, or twice in one", infile.Shown(image), len(a.shapes))
					continue
				}
				seen[id], a.list = true, split.list
				set.pictures = append(set.pictures, a)
			}
		}
	}
	return set, nil
}

func parseYOLO(content []byte) (*yoloSet, error) {
	const what = "no data.yaml of YOLO, which has names and train"
	var v struct {
		Path             string
		Names            yaml.Node
		Train, Val, Test yaml.Node
	}
	if err := yaml.Unmarshal(content, &v); err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	y := &yoloSet{folder: v.Path, names: map[int]string{}}
	var list []string
	if v.Names.Decode(&list) == nil {
		for i, name := range list {
			y.names[i] = strings.TrimSpace(name)
		}
	} else if err := v.Names.Decode(&y.names); err != nil {
		return nil, fmt.Errorf("%s: its names are neither a list nor a map from numbers", what)
	}
	if len(y.names) == 0 {
		return nil, errors.New(what)
	}
	for _, split := range []struct {
		list string
		node *yaml.Node
	}{{"train.txt", &v.Train}, {"val.txt", &v.Val}, {"test.txt", &v.Test}} {
		var one string
		var paths []string
		switch {
		case split.node.IsZero():
			continue
		case split.node.Decode(&one) == nil:
			paths = []string{one}
		case split.node.Decode(&paths) != nil:
			return nil, fmt.Errorf("%s: %s is neither a path nor a list of paths", what, strings.TrimSuffix(split.list, ".txt"))
		}
		paths = slices.DeleteFunc(paths, func(p string) bool { return p == "" })
		if len(paths) > 0 {
			y.splits = append(y.splits, yoloSplit{split.list, paths})
		}
	}
	if len(y.splits) == 0 {
		return nil, errors.New(what)
	}
	return y, nil
}

// yoloPictures are the pictures of one path of a split: those of a folder and below, or of a
// list. Exports name folders of another machine, or one level too high (../train/images).
func yoloPictures(ctx context.Context, base, folder, path string) ([]string, error) {
	slashed := strings.ReplaceAll(path, `\`, "/")
	var tries []string
	for rest := slashed; ; {
		if filepath.IsAbs(rest) {
			tries = append(tries, rest)
		} else {
			tries = append(tries, filepath.Join(base, folder, rest), filepath.Join(base, rest))
		}
		_, after, more := strings.Cut(strings.TrimPrefix(rest, "/"), "/")
		if !more {
			break
		}
		rest = after
	}
	for _, try := range tries {
		info, err := os.Stat(try)
		if err != nil {
			continue
		}
		if !info.IsDir() {
			return yoloList(try)
		}
		tree, err := locate.Walk(ctx, try, nil)
		if err != nil {
			return nil, err
		}
		isPicture := func(p string) bool {
			return slices.Contains(locate.Extensions, strings.ToLower(filepath.Ext(p)))
		}
		return slices.DeleteFunc(tree.Files, func(p string) bool { return !isPicture(p) }), nil
	}
	return nil, fmt.Errorf("there is no %s; unpack the pictures beside the file", infile.Shown(path))
}

// yoloList reads a list of pictures, relative to its folder.
func yoloList(path string) ([]string, error) {
	content, err := textfile.Read(path, textfile.Limit)
	if err != nil {
		return nil, err
	}
	finder := locate.New(filepath.Dir(path))
	var pictures []string
	for i, line := range textfile.Lines(string(content)) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		found, err := finder.FindPath(strings.TrimPrefix(line, "./"))
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", infile.Shown(path), i+1, err)
		}
		pictures = append(pictures, found)
	}
	return pictures, nil
}

// yoloLabels is where the labels of a picture are: in labels for images, the last folder of
// that name, or beside it.
func yoloLabels(image string) string {
	stem := strings.TrimSuffix(image, filepath.Ext(image)) + ".txt"
	parts := strings.Split(filepath.ToSlash(stem), "/")
	for i := len(parts) - 2; i >= 0; i-- {
		if parts[i] == "images" {
			parts[i] = "labels"
			if moved := filepath.FromSlash(strings.Join(parts, "/")); isRegular(moved) {
				return moved
			}
			break
		}
	}
	return stem
}

func isRegular(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// picture reads the labels of a picture; nil where there are none, or it cannot be used.
func (y *yoloSet) picture(image, base string, t *tally.Tally) *annotated {
	a := &annotated{path: yoloLabels(image), image: image, stem: maskStem(base, image)}
	if !isRegular(a.path) {
		t.Remark("pictures without labels, which are left out", infile.Shown(image))
		return nil
	}
	content, err := textfile.Read(a.path, maxAnnotation)
	if err != nil {
		t.Drop("annotations that cannot be read", err.Error())
		return nil
	}
	lines := textfile.Lines(string(content))
	size, _ := new(picture.Reader).Size(image) // settle tells of the error
	for i, line := range lines {
		if strings.TrimSpace(line) == "" {
			continue
		}
		s, isBox, err := y.object(line, size.W, size.H)
		s.name = fmt.Sprintf("line %d, an object of the class %.80q", i+1, s.label)
		switch {
		case err != nil:
			a.left.Leave(whyBadShape, fmt.Sprintf("line %d: %v", i+1, err))
			continue
		case isBox:
			a.left.Remark("boxes, which are drawn filled", s.name)
		}
		a.shapes = append(a.shapes, s)
	}
	a.count(t)
	if !a.settle(nil, t) {
		return nil
	}
	return a
}

// object reads a line.
func (y *yoloSet) object(line string, w, h int) (s shape, isBox bool, err error) {
	fields := strings.Fields(line)
	class, err := strconv.Atoi(fields[0])
	if err != nil {
		return s, false, fmt.Errorf("the class %.40q, expected a number", fields[0])
	}
	var ok bool
	if s.label, ok = y.names[class]; !ok {
		return s, false, fmt.Errorf("class %d is not among the names", class)
	}
	var v []float64
	for _, text := range fields[1:] {
		x, err := number("a coordinate", text)
		if err != nil {
			return s, false, err
		}
		v = append(v, x)
	}
	sides := []float64{float64(w), float64(h)}
	switch {
	case len(v) == 4 || len(v) == 5: // with a confidence
		w, h := v[2]*sides[0], v[3]*sides[1]
		s.xy = box(v[0]*sides[0]-w/2, v[1]*sides[1]-h/2, w, h, 0)
		return s, true, nil
	case len(v) >= 6:
		v = v[:len(v)/2*2] // an odd last one is a confidence
		for i := range v {
			v[i] *= sides[i%2]
		}
		s.xy = v
		return s, false, nil
	}
	return s, false, fmt.Errorf("%d numbers after the class, expected x and y of 3 or more corners", len(v))
}
