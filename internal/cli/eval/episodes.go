package eval

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"

	"hdmnet/internal/cli/flags"
	"hdmnet/internal/cli/ui"
	"hdmnet/internal/config"
	"hdmnet/internal/data"
	"hdmnet/internal/experiment"
	"hdmnet/internal/infile"
	"hdmnet/internal/textfile"
)

// episodeOptions are the flags of `eval` about its episodes.
type episodeOptions struct {
	*flags.Settings
	protocol string
	episodes string // a number; a file, as before --episodes-file was there
	path     string // of --episodes-file
	save     flags.Output
	results  flags.Output

	file *data.EpisodeFile // that path names
}

func (o *episodeOptions) flags() {
	f := o.Cmd.Flags()
	f.StringVar(&o.protocol, "protocol", "", "number and seeds of episodes: hdmnet, val, bam or quick (default: those of the settings)")
	f.StringVar(&o.episodes, "episodes", "", "number `N` of episodes for each seed")
	f.StringVar(&o.path, "episodes-file", "", "score the episodes of `FILE`, written by --save-episodes")
	f.StringVar(&o.save.Path, "save-episodes", "", "write the episodes to `FILE`, as JSON lines of picture names")
	f.StringVar(&o.results.Path, "save-results", "", "write what was found in every episode to `FILE`, as JSON lines; hdmnet report shows them")
	o.save.AddForce(o.Cmd, "the files of --save-episodes and --save-results")
	f.IntSlice("seeds", nil, "seeds of the episodes, comma-separated")
	o.Bind("seeds", "eval.seeds")
	flags.Complete(o.Cmd, "protocol", experiment.ProtocolNames()...)
}

// read settles what needs no network: the number of --episodes becomes a setting, the file
// of --episodes-file is read.
func (o *episodeOptions) read(io ui.Streams, options *config.Options, fold string) error {
	if _, ok := experiment.FindProtocol(o.protocol); o.protocol != "" && !ok {
		return ui.Usagef("protocol %q does not exist: choose %s", o.protocol, strings.Join(experiment.ProtocolNames(), ", "))
	}
	if fold == "all" && o.save.Path != "" {
		return ui.Usagef("--save-episodes writes the episodes of one fold: give a fold instead of --fold all")
	}
	if fold == "all" && o.results.Path != "" {
		return ui.Usagef("--save-results writes the results of one fold: give a fold instead of --fold all")
	}
	o.results.Force = o.save.Force
	if err := errors.Join(o.save.Check(), o.results.Check()); err != nil {
		return err
	}
	if o.Given("episodes") {
		n, err := strconv.Atoi(o.episodes)
		switch {
		case err == nil && o.path != "":
			return ui.Usagef("--episodes-file %s says which episodes there are; leave --episodes out", o.path)
		case err == nil:
			options.Overrides["eval.episodes"] = n
			return nil
		case o.path != "":
			return ui.Usagef("--episodes %q: expected a number", o.episodes)
		}
		if _, missing := os.Stat(o.episodes); missing != nil {
			return ui.Usagef("--episodes %q: expected a number; a file of episodes is given with --episodes-file", o.episodes)
		}
		io.Warn("--episodes takes a number; a file is given with --episodes-file %s", o.episodes)
		o.path = o.episodes
	}
	if o.path == "" {
		return nil
	}
	switch other := o.Source("eval.episodes"); {
	case o.protocol != "":
		return ui.Usagef("--episodes-file %s says which episodes there are; leave --protocol out", o.path)
	case other != "":
		return ui.Usagef("--episodes-file %s says which episodes there are; leave %s out", o.path, other)
	case fold == "all":
		return ui.Usagef("--episodes-file %s holds the episodes of one fold: give a fold instead of --fold all", o.path)
	}
	f, err := infile.Open(o.path, textfile.Limit)
	if errors.Is(err, fs.ErrNotExist) {
		return ui.Usagef("--episodes-file %s: there is no such file", o.path)
	}
	if err != nil {
		return fmt.Errorf("episodes: %w", err)
	}
	defer f.Close()
	o.file, err = data.ReadEpisodeFile(f, o.path)
	return err
}

// apply makes the episodes that the flags ask for those of the settings.
func (o *episodeOptions) apply(c *config.Config) error {
	if o.file != nil {
		return o.applyFile(c)
	}
	p, ok := experiment.FindProtocol(o.protocol)
	if !ok {
		return nil
	}
	for _, key := range []string{"eval.episodes", "eval.seeds"} {
		if by := o.Source(key); strings.HasPrefix(by, "--set") {
			return ui.Usagef("--protocol %s and %s both say which episodes there are; leave one out, or use --episodes and --seeds to change the protocol", o.protocol, by)
		}
	}
	if !o.Given("episodes") {
		c.Eval.Episodes = p.Episodes(&c.Dataset)
	}
	if !o.Given("seeds") {
		c.Eval.Seeds = slices.Clone(p.Seeds)
	}
	return nil
}

func (o *episodeOptions) applyFile(c *config.Config) error {
	if shots := o.file.Header.Shots; c.Model.Shots != shots {
		if by := o.Source("model.shots"); by != "" {
			return ui.Usagef("%s: the episodes have %d supports each, but %s asks for %d; leave it out", o.path, shots, by, c.Model.Shots)
		}
		c.Model.Shots = shots
	}
	seeds := o.file.Seeds()
	if by := o.Source("eval.seeds"); by == "" {
		c.Eval.Seeds = seeds
	} else {
		for _, seed := range c.Eval.Seeds {
			if !slices.Contains(seeds, seed) {
				return ui.Usagef("%s has no episodes of seed %d (%s); its seeds are %v", o.path, seed, by, seeds)
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
		return "those of " + o.path
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
func (o *episodeOptions) open(c *config.Config, p *experiment.Pictures) (map[int]episodes, error) {
	if err := p.Index.Check(c.Model.Shots); err != nil {
		return nil, err // before drawing: supports that do not exist would be drawn for ever
	}
	out := map[int]episodes{}
	if o.file != nil {
		if list := experiment.ListName(&c.Dataset); experiment.InMemory(&c.Dataset) && list != o.file.Header.List {
			return nil, fmt.Errorf("%s: the episodes are of other scenes (%s) than those of the settings (%s); set dataset.synth_seed, synth_size and synth_val alike",
				o.path, o.file.Header.List, list)
		}
		draws, err := o.file.Draws(p.Source, p.Index)
		if err != nil {
			return nil, err
		}
		for _, seed := range c.Eval.Seeds {
			out[seed] = episodes{data.NewReplay(draws[seed]), len(draws[seed])}
		}
	} else {
		for _, seed := range c.Eval.Seeds {
			out[seed] = episodes{data.NewReleaseDrawer(p.Index, c.Model.Shots, uint64(seed), c.Eval.EmulatedDataLoaderWorkers), c.Eval.Episodes}
		}
	}
	return out, o.write(c, p, out)
}

func (o *episodeOptions) write(c *config.Config, p *experiment.Pictures, all map[int]episodes) error {
	if o.save.Path == "" {
		return nil
	}
	file := data.NewEpisodeFile(p.Index.Fold, c.Model.Shots, experiment.ListName(&c.Dataset))
	for _, seed := range c.Eval.Seeds {
		e := all[seed]
		draws := make([]data.Draw, e.count)
		for p := range draws {
			draws[p] = e.Draw(0, p)
		}
		file.Add(p.Source, seed, draws)
	}
	return o.save.Write(func(w io.Writer) error { return file.Write(w) })
}
