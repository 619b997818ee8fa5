package data

import (
	"bytes"
	"context"
	"fmt"
	"image/png"
	stdio "io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"hdmnet/internal/cli/flags"
	"hdmnet/internal/cli/ui"
	"hdmnet/internal/config"
	"hdmnet/internal/data"
	"hdmnet/internal/experiment"
	"hdmnet/internal/stats"
)

// maxSheet is the most episodes of a sheet: more make a picture that no viewer opens.
const maxSheet = 50

// statsOptions are the flags of `data stats`.
type statsOptions struct {
	*flags.Settings
	config   string
	fold     int
	split    string
	episodes int
	out      flags.Output
	workers  int
}

func newStats(io ui.Streams) *cobra.Command {
	o := &statsOptions{}
	cmd := &cobra.Command{
		Use:   "stats",
		Short: "Count the classes of a fold, and draw a few episodes",
		Long: `Count the classes of a fold: how many pictures show each class, in how many it is large
enough for an episode, how many supports there are, its share of all pixels, and the sizes
of the pictures.

--out FILE draws the first episodes, as a picture (.png) or as a page with table and picture
(.html). Queries and supports are shown with the class tinted and outlined. For --split val,
these are the first episodes that ` + "`" + `hdmnet eval` + "`" + ` scores with its first seed.`,
		Example: `  hdmnet data stats --fold 0 --out episodes.png
  hdmnet data stats --fold 1 --config pascal5i_resnet50 --data-root VOC2012 --list val.txt \
      --shots 5 --out fold1.html
  hdmnet data stats --fold 2 --config custom_resnet50 --data-root mine --split train \
      --episodes 10 --out train.png`,
		Args: flags.None,
		RunE: func(cmd *cobra.Command, _ []string) error { return runStats(cmd.Context(), io, o) },
	}
	o.Settings = flags.NewSettings(cmd)
	f := cmd.Flags()
	f.IntVar(&o.fold, "fold", 0, "fold 0 to 3 (custom sets: 0 to their last)")
	flags.Config(cmd, &o.config)
	f.StringVar(&o.split, "split", "val", "part of the data to draw episodes from: train or val")
	flags.Renamed(io, cmd, "side", "split")
	f.IntVar(&o.episodes, "episodes", 6, fmt.Sprintf("episodes to draw, 1..%d", maxSheet))
	f.StringVar(&o.out.Path, "out", "", "`FILE` for the episodes, .png or .html")
	o.out.AddForce(cmd, "--out")
	f.IntVar(&o.workers, "workers", 0, "masks that are read at the same time; 0: one for each core")
	flags.Shots(o.Settings)
	flags.Lists(o.Settings)
	flags.Folds(cmd)
	flags.Complete(cmd, "split", "train", "val")
	return cmd
}

func (o *statsOptions) validate() error {
	if _, err := flags.ParseSplit(o.split); err != nil {
		return err
	}
	switch ext := strings.ToLower(filepath.Ext(o.out.Path)); {
	case !o.Given("fold"):
		return ui.Usagef("no fold is given; choose one, for instance --fold 0")
	case o.episodes < 1 || o.episodes > maxSheet:
		return ui.Usagef("--episodes %d: expected 1..%d", o.episodes, maxSheet)
	case o.out.Path != "" && ext != ".png" && ext != ".html":
		return ui.Usagef("--out %s: expected a name that ends in .png or .html", o.out.Path)
	case o.workers < 0:
		return ui.Usagef("--workers %d: expected 0 (one for each core) or more", o.workers)
	}
	if err := o.out.Check(); err != nil {
		return err
	}
	return flags.CheckLists(o.Settings)
}

func runStats(ctx context.Context, io ui.Streams, o *statsOptions) error {
	if err := o.validate(); err != nil {
		return err
	}
	c, err := o.Load(io, o.config)
	if err != nil {
		return err
	}
	set, err := experiment.Open(&c.Dataset, o.fold)
	if err != nil {
		return err
	}
	sides, err := o.read(ctx, io, c, set)
	if err != nil {
		return err
	}
	table := statsTable(c, set.Fold, sides)
	if _, err := stdio.WriteString(io.Out, table); err != nil || o.out.Path == "" {
		return err
	}
	for _, s := range sides {
		if s.Split.String() == o.split {
			return o.draw(io, c, set, s, table)
		}
	}
	return ui.Usagef("there is no %s list to draw episodes from; give --%s-list, or the other --split", o.split, o.split)
}

// statsSide is one side of a fold with its pictures.
type statsSide struct {
	*stats.Side
	src data.Source
}

// read counts the sides that have a list.
func (o *statsOptions) read(ctx context.Context, io ui.Streams, c *config.Config, set *experiment.Dataset) ([]statsSide, error) {
	d := &c.Dataset
	if !experiment.InMemory(d) && d.TrainList == "" && d.ValList == "" {
		return nil, ui.Usagef("%s needs its pictures: give --data-root DIR and --list FILE (lines of `image mask` relative to DIR)", d.Name)
	}
	monitor, _ := flags.Monitor(io)
	var sides []statsSide
	read := map[string]*stats.Pictures{} // by list
	for _, split := range []data.Split{data.Train, data.Val} {
		list := map[data.Split]string{data.Train: d.TrainList, data.Val: d.ValList}[split]
		if !experiment.InMemory(d) && list == "" {
			continue
		}
		src, err := set.Source(split, monitor)
		if err != nil {
			return nil, err
		}
		pictures := read[list]
		if pictures == nil || experiment.InMemory(d) {
			bar := ui.NewProgress(io, fmt.Sprintf("reading %s masks", split), "masks")
			pictures, err = stats.Read(ctx, src, o.workers, func(done, total int) { bar.Update(done, total, "") })
			bar.Finish()
			if err != nil {
				return nil, err
			}
			read[list] = pictures
		}
		sides = append(sides, statsSide{src: src, Side: pictures.Side(set.Fold, data.IndexOptions{
			Split: split, MinArea: d.MinArea, FilterIntersection: d.FilterIntersection,
		})})
	}
	return sides, nil
}

// statsTable describes the sides in plain text.
func statsTable(c *config.Config, fold data.Fold, sides []statsSide) string {
	var b bytes.Buffer
	var novel []string
	for _, class := range fold.Novel {
		novel = append(novel, fold.ClassName(class))
	}
	fmt.Fprintf(&b, "%s, fold %d: novel classes %s\n", c.Dataset.Name, fold.Index, strings.Join(novel, ", "))
	for _, s := range sides {
		fmt.Fprintf(&b, "\n%s: %d pictures, %d queries, %d (class, image) pairs of at least %d pixels", s.Split, s.Pictures, s.Queries, s.Pairs, c.Dataset.MinArea)
		if s.Split == data.Train && c.Dataset.FilterIntersection {
			fmt.Fprint(&b, "; pictures that show a novel class are dropped")
		}
		fmt.Fprintf(&b, "\nwidth %s, height %s pixels; %.1f%% background, %.1f%% ignored\n", span(s.Width), span(s.Height), 100*s.Background, 100*s.Ignored)
		w := ui.NumberTable(&b)
		fmt.Fprintln(w, "class\tname\tis\tshown in\tlarge in\tsupports\tof all pixels\t")
		for _, class := range s.Classes {
			is, supports := "base", "·"
			if class.Novel {
				is = "novel"
			}
			if class.Supports >= 0 {
				supports = fmt.Sprint(class.Supports)
			}
			fmt.Fprintf(w, "%d\t%s\t%s\t%d\t%d\t%s\t%.2f%%\t\n", class.ID, class.Name, is, class.Shown, class.Large, supports, 100*class.Share)
		}
		w.Flush() // into memory: it cannot fail
	}
	return b.String()
}

func span(r stats.Range) string {
	if r.Min == r.Max {
		return fmt.Sprint(r.Min)
	}
	return fmt.Sprintf("%d..%d (median %d)", r.Min, r.Max, r.Median)
}

// draw draws episodes of a side and writes them to the output file.
func (o *statsOptions) draw(io ui.Streams, c *config.Config, set *experiment.Dataset, s statsSide, table string) error {
	fold, shots := set.Fold, c.Model.Shots
	monitor, _ := flags.Monitor(io)
	index, err := set.Usable(s.Index, shots, monitor)
	if err != nil {
		return err
	}
	drawer := data.NewDrawer(index, data.Meta, shots, uint64(c.Train.Seed))
	about := fmt.Sprintf("the first %d episodes of training, before they are augmented", o.episodes)
	if s.Split == data.Val {
		seed := c.Eval.Seeds[0]
		drawer = data.NewReleaseDrawer(index, shots, uint64(seed), c.Eval.EmulatedDataLoaderWorkers)
		about = fmt.Sprintf("the first %d episodes of evaluation with seed %d", o.episodes, seed)
	}
	var draws []data.Draw
	for p := range o.episodes {
		draws = append(draws, drawer.Draw(0, p))
	}
	sheet, err := stats.Sheet(s.src, fold, draws)
	if err != nil {
		return err
	}
	var picture bytes.Buffer
	if err := png.Encode(&picture, sheet); err != nil {
		return fmt.Errorf("%s: %w", o.out.Path, err)
	}
	err = o.out.Write(func(w stdio.Writer) error {
		if strings.ToLower(filepath.Ext(o.out.Path)) == ".html" {
			return stats.WriteHTML(w, stats.Page{
				Title: fmt.Sprintf("%s, fold %d, %s", c.Dataset.Name, fold.Index, s.Split),
				Table: table, About: about, PNG: picture.Bytes(),
			})
		}
		_, err := w.Write(picture.Bytes())
		return err
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(io.Out, "\nwrote %s: %s\n", o.out.Path, about)
	return err
}
