package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"hdmnet/internal/atomicfile"
	"hdmnet/internal/config"
	"hdmnet/internal/data"
)

// protocol is a way of the field to score: how many episodes, drawn with which seeds.
type protocol struct {
	episodes, onCOCO int
	seeds            []int
}

// releaseSeeds are those of the release's test.
var releaseSeeds = []int{510, 365, 382, 322, 988, 98, 742, 17, 595, 106}

// protocols by name: the release's test, what training reports, BAM's test, and a look.
var protocols = map[string]protocol{
	"hdmnet": {1000, 10000, releaseSeeds},
	"val":    {1000, 1000, []int{321}},
	"bam":    {1000, 1000, releaseSeeds[:5]},
	"quick":  {200, 200, releaseSeeds[:1]},
}

// episodeOptions are the flags of `eval` about its episodes.
type episodeOptions struct {
	*settings
	protocol string
	episodes string // a number or a file
	save     string

	file *data.EpisodeFile // that --episodes names
}

func (o *episodeOptions) flags() {
	f := o.cmd.Flags()
	f.StringVar(&o.protocol, "protocol", "", "episodes and seeds of the field: hdmnet, val, bam or quick (default: those of the settings)")
	f.StringVar(&o.episodes, "episodes", "", "`N` episodes per seed; or a file of --save-episodes, to score its episodes again")
	f.StringVar(&o.save, "save-episodes", "", "write the episodes to `FILE`, as JSON lines of picture names")
	f.IntSlice("seeds", nil, "seeds of the episodes, separated by commas")
	o.bind("seeds", "eval.seeds")
	complete(o.cmd, "protocol", slices.Sorted(maps.Keys(protocols))...)
}

// read settles what needs no network: whether --episodes is a number, which becomes a
// setting, or a file, which is read.
func (o *episodeOptions) read(options *config.Options, fold string) error {
	if _, ok := protocols[o.protocol]; o.protocol != "" && !ok {
		return usagef("protocol %q does not exist: choose %s", o.protocol, strings.Join(slices.Sorted(maps.Keys(protocols)), ", "))
	}
	if fold == "all" && o.save != "" {
		return usagef("--save-episodes writes the episodes of one fold: give a fold instead of --fold all")
	}
	if !o.given("episodes") {
		return nil
	}
	if n, err := strconv.Atoi(o.episodes); err == nil {
		options.Overrides["eval.episodes"] = n
		return nil
	}
	switch other := o.source("eval.episodes"); {
	case o.protocol != "":
		return usagef("--episodes %s is a file, which says which episodes there are; leave --protocol out", o.episodes)
	case other != "":
		return usagef("--episodes %s is a file, which says which episodes there are; leave %s out", o.episodes, other)
	case fold == "all":
		return usagef("--episodes %s holds the episodes of one fold: give a fold instead of --fold all", o.episodes)
	}
	f, err := os.Open(o.episodes)
	if errors.Is(err, fs.ErrNotExist) {
		return usagef("--episodes %s: expected a number, or a file that exists", o.episodes)
	}
	if err != nil {
		return fmt.Errorf("episodes: %w", err)
	}
	defer f.Close()
	o.file, err = data.ReadEpisodeFile(f, o.episodes)
	return err
}

// apply makes the episodes that the flags ask for those of the settings.
func (o *episodeOptions) apply(c *config.Config) error {
	if o.file != nil {
		return o.applyFile(c)
	}
	p, ok := protocols[o.protocol]
	if !ok {
		return nil
	}
	for _, key := range []string{"eval.episodes", "eval.seeds"} {
		if by := o.source(key); strings.HasPrefix(by, "--set") {
			return usagef("--protocol %s and %s both say which episodes there are; leave one out, or use --episodes and --seeds to change the protocol", o.protocol, by)
		}
	}
	if !o.given("episodes") {
		c.Eval.Episodes = p.episodes
		if c.Dataset.Name == "coco20i" {
			c.Eval.Episodes = p.onCOCO
		}
	}
	if !o.given("seeds") {
		c.Eval.Seeds = slices.Clone(p.seeds)
	}
	return nil
}

func (o *episodeOptions) applyFile(c *config.Config) error {
	if shots := o.file.Header.Shots; c.Model.Shots != shots {
		if by := o.source("model.shots"); by != "" {
			return usagef("%s: the episodes have %d supports each, but %s asks for %d; leave it out", o.episodes, shots, by, c.Model.Shots)
		}
		c.Model.Shots = shots
	}
	seeds := o.file.Seeds()
	if by := o.source("eval.seeds"); by == "" {
		c.Eval.Seeds = seeds
	} else {
		for _, seed := range c.Eval.Seeds {
			if !slices.Contains(seeds, seed) {
				return usagef("%s has no episodes of seed %d (%s); its seeds are %v", o.episodes, seed, by, seeds)
			}
		}
	}
	counts := map[int]int{}
	for _, e := range o.file.Episodes {
		counts[e.Seed]++
	}
	c.Eval.Episodes = 0
	for _, seed := range c.Eval.Seeds {
		c.Eval.Episodes = max(c.Eval.Episodes, counts[seed])
	}
	return nil
}

// describe says how the episodes come about.
func (o *episodeOptions) describe(c *config.Config) string {
	if o.file != nil {
		return "those of " + o.episodes
	}
	return fmt.Sprintf("the release's, %d workers", c.Eval.EmulatedDataLoaderWorkers)
}

// episodes are those of one seed.
type episodes struct {
	data.Drawer
	count int
}

// open gives the episodes of every seed in the settings, and writes them to the file
// of --save-episodes before any is scored.
func (o *episodeOptions) open(c *config.Config, src data.Source, index *data.Index) (map[int]episodes, error) {
	if err := index.Check(c.Model.Shots); err != nil {
		return nil, err // before drawing: supports that do not exist would be drawn for ever
	}
	out := map[int]episodes{}
	if o.file != nil {
		if list := listName(c); c.Dataset.Name == "shapes5i" && list != o.file.Header.List {
			return nil, fmt.Errorf("%s: the episodes are of other scenes (%s) than those of the settings (%s); set dataset.synth_seed, synth_size and synth_val alike",
				o.episodes, o.file.Header.List, list)
		}
		draws, err := o.file.Draws(src, index)
		if err != nil {
			return nil, err
		}
		for _, seed := range c.Eval.Seeds {
			out[seed] = episodes{data.NewReplay(draws[seed]), len(draws[seed])}
		}
	} else {
		for _, seed := range c.Eval.Seeds {
			out[seed] = episodes{data.NewReleaseDrawer(index, c.Model.Shots, uint64(seed), c.Eval.EmulatedDataLoaderWorkers), c.Eval.Episodes}
		}
	}
	return out, o.write(c, src, index.Fold, out)
}

func (o *episodeOptions) write(c *config.Config, src data.Source, fold data.Fold, all map[int]episodes) error {
	if o.save == "" {
		return nil
	}
	file := data.NewEpisodeFile(fold, c.Model.Shots, listName(c))
	for _, seed := range c.Eval.Seeds {
		e := all[seed]
		draws := make([]data.Draw, e.count)
		for p := range draws {
			draws[p] = e.Draw(0, p)
		}
		file.Add(src, seed, draws)
	}
	return atomicfile.Write(o.save, func(w io.Writer) error { return file.Write(w) })
}

// listName says which pictures are scored on.
func listName(c *config.Config) string {
	if d := c.Dataset; d.Name == "shapes5i" {
		return fmt.Sprintf("shapes5i: seed %d, %d scenes of %d×%d", d.SynthSeed, d.SynthVal, d.SynthSize, d.SynthSize)
	}
	return filepath.Base(c.Dataset.ValList)
}
