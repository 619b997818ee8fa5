package prepare

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"hdmnet/internal/data"
	"hdmnet/internal/infile"
	"hdmnet/internal/labelmap"
	"hdmnet/internal/locate"
	"hdmnet/internal/tally"
)

// annotatedSet is what a reader of annotations gives.
type annotatedSet struct {
	pictures []*annotated
	classes  []string // in the order of the tool, which may know more than occur; nil: none
}

// makeSet turns annotations into a custom set under Out: masks, lists in the order of the
// pictures, and classes.txt, of the names in a class file, or those of the tool and then the
// labels that occur, by name.
//
// Masks are made anew each time, since annotations change; but another numbering of the
// classes than before is an error unless Force.
func (opt Options) makeSet(ctx context.Context, command, classFile string, read func(*tally.Tally) (*annotatedSet, error)) (*Report, []string, error) {
	if opt.Out == "" {
		return nil, nil, errors.New("no output folder for masks and lists is given")
	}
	report := &Report{}
	set, err := read(&report.Objects)
	if err != nil {
		return nil, nil, err
	}
	if err := onePictureEach(set.pictures); err != nil {
		return nil, nil, err
	}
	if err := opt.settle(&report.Objects); err != nil {
		return nil, nil, err
	}
	names, err := set.names(classFile)
	if err != nil {
		opt.tell(&report.Objects) // what was left out may have had the class that is missing
		return nil, nil, err
	}
	work := task{command: command, folders: []string{customMasks}, settings: map[string]string{"classes": strings.Join(names[1:], ", ")}}
	opt, release, err := begin(opt, work)
	if err != nil {
		return nil, nil, err
	}
	defer release()
	forced := opt
	forced.Force = true
	masks := newMaskWriter(forced, len(names)-1, report)
	files := make([]string, len(set.pictures)) // of the masks
	pairs := map[string][]pair{}               // by list
	var lists []string
	for i, a := range set.pictures {
		image, err := relative(opt.Out, a.image)
		if err != nil {
			return nil, nil, err
		}
		list := customList
		if a.list != "" {
			list = a.list
		}
		if !slices.Contains(lists, list) {
			lists = append(lists, list)
		}
		files[i] = customMasks + "/" + a.stem + ".png"
		pairs[list] = append(pairs[list], pair{image, files[i]})
	}
	for _, list := range lists {
		if err := checkList(opt, list, pairs[list]); err != nil {
			return nil, nil, err
		}
	}
	all, err := masks.each(ctx, len(set.pictures), func(i int) (m made, err error) {
		err = masks.put(files[i], func() (Mask, error) { return set.pictures[i].draw(names, &m.Counted), nil })
		return m, err
	})
	if err != nil {
		return nil, nil, err
	}
	for i := range all {
		report.Objects.Add(&all[i].Counted)
	}
	if err := opt.settle(&report.Objects); err != nil {
		return nil, nil, err
	}
	if err := writeClasses(opt, names[1:]); err != nil {
		return nil, nil, err
	}
	for _, list := range lists {
		if err := writeList(opt, list, pairs[list], report); err != nil {
			return nil, nil, err
		}
	}
	opt.tell(&report.Objects)
	return report, names, finish(opt, work, report)
}

// onePictureEach refuses two annotations of one picture, which could support itself, and two
// that would make one mask.
func onePictureEach(annotations []*annotated) error {
	pictures := map[locate.ID]string{}
	masks := map[string]string{}
	for _, a := range annotations {
		id, _, err := locate.Identify(a.image)
		if err != nil {
			return err
		}
		if before, ok := pictures[id]; ok {
			return fmt.Errorf("%s and %s annotate the same picture, %s; remove one of them", infile.Shown(before), infile.Shown(a.path), infile.Shown(a.image))
		}
		pictures[id] = a.path
		if before, ok := masks[a.stem]; ok {
			return fmt.Errorf("%s and %s would share one mask; rename one of them and its picture", infile.Shown(before), infile.Shown(a.path))
		}
		masks[a.stem] = a.path
	}
	return nil
}

// names are the class names, [0] the background.
func (set *annotatedSet) names(file string) ([]string, error) {
	if file != "" {
		names, err := data.ReadClasses(file)
		if err != nil {
			return nil, err
		}
		for _, a := range set.pictures {
			for _, s := range a.shapes {
				if _, special := labelmap.Special(s.label); !special && !slices.Contains(names[1:], s.label) {
					return nil, fmt.Errorf("%s: the label %q is not in %s; add it there, or correct it", a.path, s.label, file)
				}
			}
		}
		return names, nil
	}
	var labels []string
	for _, a := range set.pictures {
		for _, s := range a.shapes {
			if _, special := labelmap.Special(s.label); !special {
				labels = append(labels, s.label)
			}
		}
	}
	slices.Sort(labels)
	labels = slices.Compact(labels)
	var ordered []string
	for _, class := range set.classes {
		if _, special := labelmap.Special(class); !special {
			ordered = append(ordered, class)
		}
	}
	for _, label := range labels {
		if !slices.Contains(ordered, label) {
			ordered = append(ordered, label)
		}
	}
	return data.CheckClasses(ordered, "classes.txt of the labels")
}
