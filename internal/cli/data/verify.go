package data

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"

	"hdmnet/internal/cli/flags"
	"hdmnet/internal/cli/ui"
	"hdmnet/internal/config"
	"hdmnet/internal/experiment"
	"hdmnet/internal/labelmap"
	"hdmnet/internal/verify"
)

// verifyOptions are the flags of `data verify`.
type verifyOptions struct {
	*flags.Settings
	config  string
	fold    string
	workers int
	show    int
	json    bool
}

func newVerify(io ui.Streams) *cobra.Command {
	o := &verifyOptions{}
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Check all files of a data set, and compare its counts with the published ones",
		Long: `Check all files of a data set: every picture and mask of the lists must exist, be readable
and have the same size, and masks may hold only the numbers of classes, and 255 for ignore.

Then the pictures and the (class, picture) pairs of every fold are counted, in training with
and without the pictures that show a novel class. For PASCAL-5i and COCO-20i, the counts are
compared with the published ones, and each difference is explained.

The exit code is 1 if files are broken, and 0 if only counts differ.

Processes that mpirun, srun or torchrun start check a part of the pairs each.`,
		Example: `  hdmnet data verify --config pascal5i_resnet50 --data-root VOC2012 \
      --train-list train.txt --val-list val.txt
  hdmnet data verify --config coco20i_resnet50 --data-root coco --val-list val.txt --fold 0 --json
  hdmnet data verify --config custom_resnet50 --data-root mine`,
		Args: flags.None,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return flags.Together(cmd, io, func(ctx context.Context, io ui.Streams, p *flags.Processes) error { return runVerify(ctx, io, p, o) })
		},
	}
	o.Settings = flags.NewSettings(cmd)
	f := cmd.Flags()
	flags.Config(cmd, &o.config)
	f.StringVar(&o.fold, "fold", "all", "fold to count, or all")
	f.IntVar(&o.workers, "workers", 0, "pairs that are read at the same time; 0: one for each core")
	f.IntVar(&o.show, "show", 20, "number of problems to show for each list; all are counted")
	f.BoolVar(&o.json, "json", false, "print one JSON object")
	flags.Lists(o.Settings)
	flags.Dist(cmd)
	flags.Folds(cmd, "all")
	return cmd
}

func runVerify(ctx context.Context, io ui.Streams, p *flags.Processes, o *verifyOptions) error {
	c, set, err := o.read(io)
	if err = p.Agree(err); err != nil {
		return err
	}
	train, err := o.check(ctx, io, p, &c.Dataset, "dataset.train_list", c.Dataset.TrainList, set)
	if err != nil {
		return err
	}
	val := train
	if c.Dataset.ValList != c.Dataset.TrainList {
		if val, err = o.check(ctx, io, p, &c.Dataset, "dataset.val_list", c.Dataset.ValList, set); err != nil {
			return err
		}
	}
	r := &verifyReport{Dataset: c.Dataset.Name, Root: c.Dataset.Root, MinArea: c.Dataset.MinArea, Report: verify.NewReport(*set, train, val)}
	if o.json {
		err = ui.PrintJSON(io, r)
	} else {
		_, err = io.Out.Write(r.table(o.show))
	}
	if err != nil {
		return err
	}
	if n := r.Broken(); n > 0 {
		err = fmt.Errorf("%d pairs are broken; see the list of problems", n)
	}
	return p.Agree(err)
}

// read checks the flags and reads the settings.
func (o *verifyOptions) read(io ui.Streams) (*config.Config, *verify.Set, error) {
	switch {
	case o.workers < 0:
		return nil, nil, ui.Usagef("--workers %d: expected 0 (one for each core) or more", o.workers)
	case o.show < 0:
		return nil, nil, ui.Usagef("--show %d: expected 0 or more", o.show)
	}
	if err := flags.CheckLists(o.Settings); err != nil {
		return nil, nil, err
	}
	c, err := o.Load(io, o.config)
	if err != nil {
		return nil, nil, err
	}
	set, err := o.set(c)
	return c, set, err
}

// set is what the configured data set is meant to be, with the folds to count.
func (o *verifyOptions) set(c *config.Config) (*verify.Set, error) {
	d := &c.Dataset
	switch {
	case experiment.InMemory(d):
		return nil, ui.Usagef("%s is made on the fly, there are no files to check; name the data set's configuration, for instance --config pascal5i_resnet50", d.Name)
	case d.TrainList == "" && d.ValList == "":
		return nil, ui.Usagef("no list is given; name one with --list, --train-list or --val-list (lines of `image mask` relative to --data-root)")
	}
	set := &verify.Set{Dataset: d.Name, Split: d.FoldScheme, Published: experiment.Published(d), MinArea: d.MinArea, Filter: d.FilterIntersection, Shots: c.Model.Shots}
	var first, last int
	if o.fold != "all" {
		f, err := strconv.Atoi(o.fold)
		if err != nil {
			return nil, ui.Usagef("fold %q: expected a number from 0, or all", o.fold)
		}
		first, last = f, f
	} else {
		n, err := experiment.Folds(d)
		if err != nil {
			return nil, err
		}
		last = n - 1
	}
	for f := first; f <= last; f++ {
		opened, err := experiment.Open(d, f)
		if err != nil {
			return nil, err
		}
		set.Folds = append(set.Folds, opened.Fold)
	}
	return set, nil
}

// check checks one list, in all processes; without one it gives nil.
func (o *verifyOptions) check(ctx context.Context, io ui.Streams, p *flags.Processes, d *config.Dataset, key, list string, set *verify.Set) (*verify.List, error) {
	if list == "" {
		return nil, nil
	}
	path, err := experiment.FindFile(d, list)
	if err != nil {
		return nil, err
	}
	bar := ui.NewProgress(io, "checking "+filepath.Base(path), "pairs")
	defer bar.Finish()
	fold := set.Folds[0]
	colors, err := experiment.MaskColors(d, fold)
	if err != nil {
		return nil, err
	}
	l, err := verify.Check(ctx, path, verify.Options{
		Root: d.Root, Classes: fold.ClassCount(), MaxPixels: d.MaxPixels, Colors: colors, Workers: o.workers, Link: p,
		Progress: func(_ string, done, total int) { bar.Update(done, total, "") },
	})
	return l, experiment.NotFound(d, key, err)
}

// verifyReport is what data verify prints.
type verifyReport struct {
	Dataset string `json:"dataset"`
	Root    string `json:"data_root"`
	MinArea int    `json:"min_area"`
	*verify.Report
}

// table is the report as text; at most show problems of each list.
func (r *verifyReport) table(show int) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s, data root %q; a class counts from %d pixels\n\n", r.Dataset, r.Root, r.MinArea)
	w := ui.TextTable(&b)
	lists := map[string]*verify.List{"train": r.Train, "val": r.Val}
	for _, name := range []string{"train", "val"} {
		l := lists[name]
		switch {
		case l == nil:
			fmt.Fprintf(w, "%s\tno list\n", name)
		case l.Broken == 0:
			fmt.Fprintf(w, "%s\t%s\t%d pairs, all whole\n", name, l.Path, l.Pairs)
		default:
			fmt.Fprintf(w, "%s\t%s\t%d pairs, %d broken\n", name, l.Path, l.Pairs, l.Broken)
		}
	}
	w.Flush() // into memory: it cannot fail
	printLists(&b, r.Train, show)
	if r.Val != r.Train {
		printLists(&b, r.Val, show)
	}
	r.printFolds(&b)
	r.printClasses(&b)
	if len(r.Comparisons) > 0 {
		fmt.Fprintln(&b)
		fmt.Fprintln(w, "count\tpublished\there")
		for _, c := range r.Comparisons {
			mark := "same"
			if !c.Same() {
				mark = "differs: " + c.Meaning
			}
			fmt.Fprintf(w, "%s\t%d\t%d\t%s\n", c.What, c.Published, c.Here, mark)
		}
		w.Flush()
	}
	for i, note := range r.Notes {
		if i == 0 {
			fmt.Fprintln(&b)
		}
		fmt.Fprintln(&b, "note: "+note)
	}
	return b.Bytes()
}

// printLists writes what is wrong and what is odd in a list.
func printLists(b *bytes.Buffer, l *verify.List, show int) {
	if l != nil {
		printProblems(b, "problems of "+l.Path, l.Problems, l.Total, show)
		printProblems(b, fmt.Sprintf("%d warnings about files of %s, which are read all the same", l.Odd, l.Path), l.Warnings, l.Odd, show)
	}
}

func printProblems(b *bytes.Buffer, title string, problems []verify.Problem, total, show int) {
	if total == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s:\n", title)
	shown := problems[:min(show, len(problems))]
	for _, p := range shown {
		fmt.Fprintf(b, "  line %d: %s\n", p.Line, p.Message)
	}
	if more := total - len(shown); more > 0 {
		fmt.Fprintf(b, "  … and %d more\n", more)
	}
}

// printFolds writes images and pairs of every fold.
func (r *verifyReport) printFolds(b *bytes.Buffer) {
	w := ui.TextTable(b)
	fmt.Fprintln(b)
	fmt.Fprintln(w, "fold\tside\timages\tpairs")
	for _, f := range r.Folds {
		for _, side := range []struct {
			name string
			*verify.Count
		}{{"train, novel kept", f.Train}, {"train, filtered", f.Filtered}, {"val", f.Val}} {
			if side.Count != nil {
				fmt.Fprintf(w, "%d\t%s\t%d\t%d\n", f.Fold, side.name, side.Images, side.Pairs)
			}
		}
	}
	w.Flush() // into memory: it cannot fail
}

// printClasses writes the images of every class, a column for each fold and side.
func (r *verifyReport) printClasses(b *bytes.Buffer) {
	type row struct {
		name  string
		cells map[int]int // by column
	}
	rows, columns := map[int]*row{}, 0
	header := "class\tname"
	add := func(title string, c *verify.Count) {
		if c == nil {
			return
		}
		header += "\t" + title
		for _, class := range c.Classes {
			if rows[class.Class] == nil {
				rows[class.Class] = &row{class.Name, map[int]int{}}
			}
			rows[class.Class].cells[columns] = class.Images
		}
		columns++
	}
	for _, f := range r.Folds {
		add(fmt.Sprintf("f%d train", f.Fold), f.Train)
		add("filtered", f.Filtered)
		add("val", f.Val)
	}
	fmt.Fprintln(b, "\nimages of each class (an image counts where the class covers enough pixels):")
	w := ui.TextTable(b)
	fmt.Fprintln(w, header)
	for class := 1; class <= labelmap.MaxClasses; class++ {
		if rows[class] == nil {
			continue
		}
		fmt.Fprintf(w, "%d\t%s", class, rows[class].name)
		for k := range columns {
			if n, ok := rows[class].cells[k]; ok {
				fmt.Fprintf(w, "\t%d", n)
			} else {
				fmt.Fprint(w, "\t·")
			}
		}
		fmt.Fprintln(w)
	}
	w.Flush() // into memory: it cannot fail
}
