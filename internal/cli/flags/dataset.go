package flags

import (
	"github.com/spf13/cobra"

	"hdmnet/internal/cli/ui"
	"hdmnet/internal/config"
	"hdmnet/internal/data"
	"hdmnet/internal/experiment"
	"hdmnet/internal/picture"
)

// Config adds --config.
func Config(cmd *cobra.Command, configuration *string) {
	addConfig(cmd, configuration, "a configuration (see hdmnet config list) or a YAML file (default "+config.Default+")")
}

// ConfigForWeights adds --config to a command that takes --weights, which say the settings where they can.
func ConfigForWeights(cmd *cobra.Command, configuration *string) {
	addConfig(cmd, configuration, "settings for --weights: a configuration (see hdmnet config list) or a YAML file (default: chosen by the weights)")
}

func addConfig(cmd *cobra.Command, configuration *string, usage string) {
	cmd.Flags().StringVar(configuration, "config", "", usage)
	Complete(cmd, "config", config.Names()...)
}

// Folds offers the folds of most data sets, and more values, for --fold.
func Folds(cmd *cobra.Command, more ...string) {
	Complete(cmd, "fold", append([]string{"0", "1", "2", "3"}, more...)...)
}

// Lists adds the flags that say where a data set lies.
func Lists(s *Settings) {
	Root(s)
	f := s.Cmd.Flags()
	f.String("list", "", "`FILE` with the paths of an image and its mask on each line, for training and validation")
	f.String("train-list", "", "`FILE` like --list, for training only")
	f.String("val-list", "", "`FILE` like --list, for validation and scoring only")
	s.Bind("list", "dataset.train_list", "dataset.val_list")
	s.Bind("train-list", "dataset.train_list")
	s.Bind("val-list", "dataset.val_list")
}

// Root adds --data-root, and how the files of a list are read: --mask-colors and
// --max-pixels.
func Root(s *Settings) {
	f := s.Cmd.Flags()
	f.String("data-root", "", "`DIR` that the paths in the lists are relative to")
	f.String("mask-colors", "", "which classes the colors of painted masks are: voc, cityscapes, or a `FILE` of colors (see docs/datasets.md)")
	s.Bind("data-root", "dataset.root")
	s.Bind("mask-colors", "dataset.mask_colors")
	Complete(s.Cmd, "mask-colors", "voc", "cityscapes")
	MaxPixels(s)
}

// MaxPixels adds --max-pixels.
func MaxPixels(s *Settings) {
	s.Cmd.Flags().Int("max-pixels", picture.DefaultMaxPixels, "largest picture that is read, in pixels; very large ones are read at a smaller scale")
	s.Bind("max-pixels", "dataset.max_pixels")
}

// CheckLists fails when a list is given twice.
func CheckLists(s *Settings) error {
	if s.Given("list") && (s.Given("train-list") || s.Given("val-list")) {
		return ui.Usagef("--list stands for both lists: leave it out, or --train-list and --val-list")
	}
	return nil
}

// Shots adds --shots.
func Shots(s *Settings) {
	s.Cmd.Flags().Int("shots", 0, "support pictures per episode")
	s.Bind("shots", "model.shots")
}

// Episodes adds the flags about what an episode is made of: --ann-type and --fold-scheme.
func Episodes(io ui.Streams, s *Settings) {
	f := s.Cmd.Flags()
	f.String("ann-type", "", "annotation of the supports: mask, or bbox (bounding boxes of the mask's components, filled)")
	f.String("fold-scheme", "", "which classes of COCO-20i make a fold: fwb (every fourth) or panet (blocks of 20)")
	s.Bind("ann-type", "dataset.annotation")
	s.Bind("fold-scheme", "dataset.fold_scheme")
	Renamed(io, s.Cmd, "split", "fold-scheme")
	Complete(s.Cmd, "ann-type", data.AnnotationMask.String(), data.AnnotationBBox.String())
	Complete(s.Cmd, "fold-scheme", "fwb", "panet")
}

// CheckFoldScheme refuses --fold-scheme where there is only one.
func CheckFoldScheme(s *Settings, c *config.Config) error {
	if s.Given("fold-scheme") && c.Dataset.Name != "coco20i" {
		return ui.Usagef("--fold-scheme chooses between the two ways to group COCO-20i's classes into folds; %s has one: leave it out", c.Dataset.Name)
	}
	return nil
}

// ParseSplit reads the value of --split, a part of the data.
func ParseSplit(value string) (data.Split, error) {
	for _, s := range []data.Split{data.Train, data.Val} {
		if value == s.String() {
			return s, nil
		}
	}
	return 0, ui.Usagef("--split %q: expected train or val", value)
}

// Monitor tells a person what an experiment does on the way; finish takes the last bar
// away.
func Monitor(io ui.Streams) (m experiment.Monitor, finish func()) {
	stages := ui.NewStages(io)
	return experiment.Monitor{
		Note:     func(message string) { io.Note("note: %s", message) },
		Warn:     func(message string) { io.Warn("%s", message) },
		Progress: stages.Update,
	}, stages.Finish
}
