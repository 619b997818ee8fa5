package data

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"hdmnet/internal/infile"
)

// Draws finds the pictures of the file's episodes in a source, by name and
// whatever their order there, and gives the episodes of every seed in the order of
// the file. Where a list has a picture in another folder, its file name decides if
// only one picture of the list has it.
//
// Errors name the file's line: another data set or fold than the index's, a picture
// that the source lacks or has under the same file name more than once, or that does
// not show the episode's class (Index.Present).
func (f *EpisodeFile) Draws(src Source, index *Index) (map[int][]Draw, error) {
	h, fold := &f.Header, index.Fold
	if h.Dataset != fold.Dataset || h.Fold != fold.Index || !slices.Equal(h.Novel, fold.Novel) {
		return nil, fmt.Errorf("%s: the episodes are of %s, fold %d, novel classes %v; scored are those of %s, fold %d, novel classes %v: choose the same with --config, --fold and --split",
			f.name, h.Dataset, h.Fold, h.Novel, fold.Dataset, fold.Index, fold.Novel)
	}
	pictures := newLookup(src)
	shows := map[int][]int{}
	for k, image := range index.Images {
		shows[image] = index.Present[k]
	}
	draws := map[int][]Draw{}
	var first error
	bad := 0
	for _, e := range f.Episodes {
		draw, err := e.draw(pictures, shows, index)
		if err != nil {
			if bad++; first == nil {
				first = fmt.Errorf("%s:%d: %w", f.name, e.line, err)
			}
			continue
		}
		draws[e.Seed] = append(draws[e.Seed], draw)
	}
	if bad > 1 {
		return nil, fmt.Errorf("%w; %d of %d episodes cannot be replayed: they were drawn from %s", first, bad, len(f.Episodes), h.List)
	}
	return draws, first
}

// draw finds the episode's pictures.
func (e *NamedEpisode) draw(pictures lookup, shows map[int][]int, index *Index) (Draw, error) {
	draw := Draw{Class: e.Class}
	for k, name := range append([]string{e.Query}, e.Supports...) {
		image, err := pictures.find(name)
		if err != nil {
			return draw, err
		}
		present, ok := shows[image]
		switch {
		case !ok:
			return draw, fmt.Errorf("picture %s shows no novel class of fold %d with at least %d pixels", infile.Shown(name), index.Fold.Index, index.MinArea)
		case !slices.Contains(present, e.Class):
			return draw, fmt.Errorf("picture %s does not show class %d (%s); is its mask another one, or were the episodes drawn with --gfss?", infile.Shown(name), e.Class, index.Fold.ClassName(e.Class))
		case k == 0:
			draw.Query = image
		case image == draw.Query || slices.Contains(draw.Supports, image):
			return draw, fmt.Errorf("picture %s is in the episode already, under another name", infile.Shown(name))
		default:
			draw.Supports = append(draw.Supports, image)
		}
	}
	return draw, nil
}

// lookup finds pictures by name.
type lookup struct {
	names []string
	whole map[string]int
	base  map[string][]int // by file name alone
}

func newLookup(src Source) lookup {
	l := lookup{make([]string, src.Len()), map[string]int{}, map[string][]int{}}
	for i := range src.Len() {
		name := cleanName(src.Name(i))
		l.names[i] = name
		if _, twice := l.whole[name]; !twice {
			l.whole[name] = i
		}
		base := path.Base(name)
		l.base[base] = append(l.base[base], i)
	}
	return l
}

// find is the picture of a name, or the one whose path ends most like it: absolute paths
// and those below other data roots are one picture when no other fits as well.
func (l lookup) find(name string) (int, error) {
	if i, ok := l.whole[name]; ok {
		return i, nil
	}
	best, most, several := 0, -1, false
	for _, i := range l.base[path.Base(name)] {
		switch n := commonEnd(l.names[i], name); {
		case n > most:
			best, most, several = i, n, false
		case n == most:
			several = true
		}
	}
	switch {
	case most < 0:
		return 0, fmt.Errorf("picture %s is not in the list", infile.Shown(name))
	case several:
		return 0, fmt.Errorf("picture %s is not in the list, and several pictures there have the file name %s", infile.Shown(name), infile.Shown(path.Base(name)))
	}
	return best, nil
}

// commonEnd is the number of folders and file names at the end of two paths that are equal.
func commonEnd(a, b string) int {
	x, y := strings.Split(a, "/"), strings.Split(b, "/")
	n := 0
	for n < min(len(x), len(y)) && x[len(x)-1-n] == y[len(y)-1-n] {
		n++
	}
	return n
}

// replay gives draws that are known.
type replay []Draw

// NewReplay gives the draws as they are, in every epoch; positions must be less than
// their number.
func NewReplay(draws []Draw) Drawer { return replay(draws) }

func (r replay) Draw(_, position int) Draw { return r[position] }
